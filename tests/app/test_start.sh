#!/usr/bin/env bash
# A search that begins at another run's controller: its bytes decide the search, wherever that run is; one of another
# shape is refused before anything is written.
set -u
. tests/checks.sh
pole="--set environment.name=cartpole_swingup --set dream.reward=head --set controller.features=z"
evolved() { "$program" run tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/$1" "${@:2}"; } # NAME
mean() { # NAME: the mean of its controller, a number per line
  python3 - "$dir/$1/controller.safetensors" <<'END'
import json, struct, sys
bytes = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", bytes[:8])[0]
first, last = json.loads(bytes[8:8 + size])["mean"]["data_offsets"]
print(*struct.unpack(f"<{(last - first) // 4}f", bytes[8 + size + first:8 + size + last]), sep="\n")
END
}
near() { closer <(mean "$1") <(mean "$2"); }
closer() { # two files of numbers
  paste "$1" "$2" |
    awk '{d = $1 - $2; if (d * d > m) m = d * d} END {print m; exit !(NR > 3 && m < 1e-9)}'
}
far() { ! near "$@"; }
still="--set evolve.generations=1 --set evolve.sigma0=1e-6"

check "a run to begin from" evolved first --set evolve.sigma0=0.5
check "one that begins there" evolved second $still --set evolve.start="$dir/first"
check "is near it" near first second
check "one that does not" evolved third $still
check "is not" far first third
check "the mark knows the bytes" grep -q '^from start/controller.safetensors [0-9a-f]' "$dir/second/stages/evolve"
check "of none it says nothing" test -z "$(grep start/ "$dir/third/stages/evolve")"

# By its bytes, not by its place; and a search that is made needs it no more.
cp -r "$dir/first" "$dir/moved"
check "the same bytes elsewhere" evolved second $still --set evolve.start="$dir/moved"
check "other bytes are refused" exits 5 "start/controller.safetensors is of hash" \
  evolved second $still --set evolve.start="$dir/third"
check "none is refused" exits 5 "start/controller.safetensors is of hash none" evolved second $still
check "one where there was none" exits 5 "but was of none" evolved third $still --set evolve.start="$dir/first"
rm -r "$dir/moved"
check "it is gone" evolved second $still --set evolve.start="$dir/moved"

# At the slope of what M sees ahead: M, once retrained with it, is another one, and the search knows where it began.
look="--set rnn.ahead=10 --set evolve.start=ahead"
slope() { # NAME FEATURES: of its M, what steers away from ends
  python3 - "$dir/$1/rnn.safetensors" "$2" <<'END'
import json, struct, sys
bytes = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", bytes[:8])[0]
t = json.loads(bytes[8:8 + size])["ahead.weight"]
rows, columns = t["shape"]
w = struct.unpack(f"<{rows * columns}f", bytes[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]])
print(*(-3 * w[i * columns + 1] for i in range(int(sys.argv[2]))), sep="\n")
END
}
check "what is ahead" evolved ahead $still $look
check "begins at its slope" closer <(slope ahead 5) <(mean ahead)
check "the mark says so" grep -q '^from start/controller.safetensors ahead' "$dir/ahead/stages/evolve"
check "not without M's learning it" exits 3 "rnn.ahead is 0" evolved other --set evolve.start=ahead

# Refused before hours of training, with both shapes.
check "another shape" exits 5 "has 5 parameters, this configuration's has 21" \
  evolved other --set evolve.start="$dir/first" \
  --set controller.features=zh
check "names that one's" grep -q "controller.features z, hidden 0" "$dir/said"
check "and its own" grep -q "here: controller.features zh, hidden 0" "$dir/said"
check "a run that is not there" exits 6 "evolve.start: $dir/nowhere has no" \
  evolved other --set evolve.start="$dir/nowhere"
check "nothing was written" test ! -e "$dir/other/stages" -a ! -e "$dir/other/episodes"
check "not itself" exits 3 "evolve.start is run.directory" evolved first --set evolve.start="$dir/first"

# Of several rounds the first begins there; descents side by side begin around it.
check "rounds" evolved rounds $still --set run.rounds=2 --set evolve.start="$dir/first" --set round.episodes=5 \
  --set round.rnn_epochs=1 --set round.generations=1
check "the first does" grep -q "^from start/" "$dir/rounds/round-1/stages/evolve"
check "the second goes on" test -z "$(grep start/ "$dir/rounds/round-2/stages/evolve")"
check "descents" evolved several $still --set evolve.descents=2 --set evolve.start="$dir/first"
check "are near it, too" near first several
end
