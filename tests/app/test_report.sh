#!/usr/bin/env bash
# `dreamfarm report`: all pictures for any directory name, and no shell that would read it; only regular files are read;
# no run, no report; what is in the pictures has names; without gnuplot the rest goes on.
set -u
. tests/checks.sh
says() { [ -f "$1" ] && "${BUILD:-build}/tests/app/test_draw" "$@"; }
pole="--set environment.name=cartpole_swingup --set dream.reward=head"
report() { # NAME OPTIONS...: from within $dir, so that names can be relative
  local name=$1; shift
  (cd "$dir" && timeout -k 5 60 "$program" report "$here/tests/app/tiny.yaml" --set run.directory="$name" "$@")
}
here=$PWD
case $program in /*) ;; *) program=$here/$program;; esac
run() { "$program" run tests/app/tiny.yaml --quiet --set run.directory="$dir/$1" "${@:2}" >/dev/null 2>&1; }
run pixels && run states $pole || { echo "0 passed, 1 failed"; exit 1; }
draws=1
command -v gnuplot >/dev/null || draws=0

# --- names are names -------------------------------------------------------------------------------------------------
cp -r "$dir/states" "$dir/reference"
odd=("d/';touch PWNED;'" "d/o'neil" 'd/$(touch PWNED) `touch PWNED`' 'd/a "b" \n ä')
mkdir "$dir/d"
for name in "${odd[@]}"; do
  mkdir -p "$dir/$name"
  cp -r "$dir/reference/." "$dir/$name/" && rm -rf "$dir/$name/report"
  check "reported: $name" report "$name" $pole
  for picture in evolve.png fidelity.png train-rnn.png generation-split.svg dream-and-real-states.png; do
    [ $draws = 0 ] || check "$picture is drawn in $name" test -s "$dir/$name/report/$picture"
  done
  check "gnuplot complained of nothing in $name" test ! -s "$dir/$name/report/gnuplot.log"
done
check "nothing was executed" test -z "$(find "$dir" . -maxdepth 3 -name PWNED)"
named() { grep -qE "set output .*/|^plot.*'[^ ']*/|$dir" "$dir/reference/report/curves.gp"; }
check "the script names no directory" eval '! named'

# --- only regular files ---------------------------------------------------------------------------------------------
refused() { # FILE KIND RUN OPTIONS...: in its place, something else; report says so instead of waiting
  local file=$1 kind=$2 run=$3 copy; shift 3
  copy=$(mktemp -d -p "$dir")
  cp -r "$dir/$run/." "$copy" && rm -rf "${copy:?}/$file"
  case $kind in
    fifo) mkfifo "$copy/$file";;
    zero) ln -s /dev/zero "$copy/$file";;
    directory) mkdir "$copy/$file";;
  esac
  check "a $kind in place of $file is refused" exits 6 "$file: is not a regular file" report "$copy" "$@"
  check "nothing is left half-drawn" test -z "$(find "$copy" -name '*.tmp')"
  rm -rf "$copy"
}
for file in train_rnn.csv run.csv fidelity.json evaluate.json rnn.safetensors controller.safetensors; do
  refused $file fifo states $pole
done
for file in train_vae.csv vae.safetensors; do refused $file fifo pixels; done
for kind in zero directory; do refused train_rnn.csv $kind states $pole; done
# In the place of a picture too: nothing is written into it.
rm -f "$dir/states/report/"{evolve,dream-and-real}.png
mkfifo "$dir/states/report/evolve.png" "$dir/states/report/dream-and-real.png"
ln -sf "$dir/elsewhere" "$dir/states/report/gnuplot.log"
check "a pipe where a picture belongs" report states $pole
check "is replaced by it" test -f "$dir/states/report/evolve.png" -a -f "$dir/states/report/dream-and-real.png"
check "nor is a link followed" test ! -e "$dir/elsewhere"
mkdir -p "$dir/odd" && cp -r "$dir/reference/." "$dir/odd"
printf 'generation,best\n1,nan\n,,,,\nx\n"\n2,inf\n' >"$dir/odd/run.csv"
printf '{"policies": {"controller": {"mean": 1e300, "se": 1}, "a%s": {"mean": 3, "se": 1}}}' \
  "'; system 'touch PWNED'; '\`touch PWNED\`" >"$dir/odd/evaluate.json"
: >"$dir/odd/train_rnn.csv"
check "files of nonsense" report odd $pole
check "draw what there is" test -s "$dir/odd/report/dream-and-real.png"
check "and execute nothing" test -z "$(find "$dir" . -maxdepth 3 -name PWNED)"
printf '{"policies"' >"$dir/odd/evaluate.json"
check "half an evaluate.json is refused by name" exits 4 "odd/evaluate.json:1: is not JSON" report odd $pole

# --- no run, no report ----------------------------------------------------------------------------------------------
check "a directory that is not there" exits 6 "nowhere is not there" report nowhere
check "is not made" test ! -e "$dir/nowhere"
mkdir "$dir/empty"
check "one without a run" exits 6 "make it first: dreamfarm run" report empty
check "stays empty" test -z "$(ls -A "$dir/empty")"

# --- what the pictures say ------------------------------------------------------------------------------------------
check "V's sheet" says "$dir/pixels/report/reconstructions.png" "V: real frames and what it makes of them" \
  reality reconstruction difference "episode 11" "held-out" "step " "seed 1"
check "a dream of frames" says "$dir/pixels/report/dream-and-real.png" "A dream beside a real episode" \
  reality "as V sees it" dream start "+12 steps" "the mean controller after generation 4, seed 1" "temperature 1.15"
check "a dream of states" says "$dir/states/report/dream-and-real.png" "A dream beside a real episode" \
  reality dream start " steps" "cartpole_swingup"
film() { "${BUILD:-build}/tests/data/test_film" "$dir/$1" >"$dir/film"; cat "$dir/film"; grep -qE "$2" "$dir/film"; } # FILE FRAMES-AND-SIZE
for name in film-actions film-controller; do
  check "$name of frames is a film" film "pixels/report/$name.png" '^[1-9][0-9]* frames of 628 x '
  check "$name of states is one" film "states/report/$name.png" '^[1-9][0-9]* frames of 640 x '
  check "small enough for a page: $name" test "$(wc -c <"$dir/states/report/$name.png")" -lt 400000
done
check "a film tells what it shows" says "$dir/pixels/report/film-actions.png" reality "as V sees it" dream "step 0" \
  "return 0.0" "The same actions, in reality and in the dream" "the mean controller after generation 4, seed 1"
check "and the other one" says "$dir/states/report/film-controller.png" reality dream "step 0" \
  "The same controller, in reality and in the dream" "cartpole_swingup"
script=$dir/pixels/report/curves.gp
in_script() { # WORDS...
  local word
  for word; do grep -qF -- "$word" "$script" || { echo "no $word in $script"; return 1; }; done
}
check "the search: baselines, caps, what is judged, units" in_script \
  "sweep:100  " "hold-random  " "random  " "still  " "controller, judged  " "cap: 120 steps" \
  "cap: 2100 steps" "yerrorbars" "standard error" "generation" \
  "return: reward summed over an episode" "held-out dreams"
check "V's and M's losses by part" in_script "reconstruction" "KL of the latents" "next latent" "end of the episode" \
  "reward: half squared error" "held-out episodes" nats
check "markers of the last generation are whole" grep -q '^set xrange \[0:4.08\]' "$script"
check "dream and reality have an axis each" test "$(grep -c '^set yrange \[0:\(127.2\|2226\)\]' "$script")" = 2
script=$dir/states/report/curves.gp
check "each number of the state, in reality and in the dream" in_script "position of the cart in m" \
  "speed of the cart in m/s" "angular speed of the pole in rad/s" "reward of a step" "'reality'" \
  "'dream, from the same start'"
check "no cap of returns where a step does not pay 1" test "$(grep -c 'cap: ' "$script")" = 0

# The episode that is shown is the first that is judged: its rewards add up to that episode's return.
shown() { sed -n "/^set title 'reward of a step'/,/^END/p" "$script" | awk 'NF == 3 && $1 > 0 { sum += $2 } END { print sum }'; }
judged() {
  "$program" evaluate tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/reference" --set evaluate.episodes=1 >/dev/null
  sed 's/.*"controller": {"mean": \([^,]*\),.*/\1/' "$dir/reference/evaluate-1-mean.json"
}
same_return() { awk -v a="$(shown)" -v b="$(judged)" 'BEGIN { print a, b; exit !(b > 0 && (a - b) ^ 2 < 1e-4) }'; }
check "the real episode is the first of those that are judged" same_return

# --- MP4 where there is ffmpeg --------------------------------------------------------------------------------------
mkdir "$dir/ffmpeg"
script() { printf '#!/bin/sh\n%s\n' "$1" >"$dir/ffmpeg/ffmpeg"; chmod +x "$dir/ffmpeg/ffmpeg"; }
with() { rm -f "$dir/states/report/"*.mp4; PATH=$dir/ffmpeg:$PATH report states $pole; }
script 'for word; do last=$word; done; cat film-controller.png >"$last"; echo "$*" >>words'
check "ffmpeg, where it is there" with
check "makes an MP4 of each film" test -s "$dir/states/report/film-actions.mp4" -a -s "$dir/states/report/film-controller.mp4"
check "by these words" grep -q -- "-i film-actions.png .*film-actions.mp4" "$dir/states/report/words"
script 'for word; do last=$word; done; echo half >"$last"; exit 1'
check "one that fails stops nothing" with
check "and leaves nothing half-made" test -z "$(find "$dir/states/report" -name '*.mp4*')"
rm -f "$dir/states/report/words"

# --- without gnuplot ------------------------------------------------------------------------------------------------
mkdir "$dir/bin"
for place in ${PATH//:/ }; do ln -s "$place"/* "$dir/bin/" 2>/dev/null; done  # all that there is, but for gnuplot
rm -f "$dir/bin/gnuplot"*
rm -rf "$dir/states/report"
without() { PATH=$dir/bin report states $pole; }
check "no gnuplot: what to install, and the script" exits 0 "install gnuplot" without
check "its name" grep -q "the script is states/report/curves.gp" "$dir/said"
for file in dream-and-real.png generation-split.json curves.gp; do
  check "$file is there without gnuplot" test -s "$dir/states/report/$file"
done
printf '#!/bin/sh\necho "I will not" >&2; pwd >&2; echo "$@" >&2; exit 3\n' >"$dir/bin/gnuplot"
chmod +x "$dir/bin/gnuplot"
check "gnuplot fails: where it says why" exits 0 "exit code 3): see states/report/gnuplot.log" without
check "which is what it said" grep -q "I will not" "$dir/states/report/gnuplot.log"
check "it works where the pictures go" grep -qx "$dir/states/report" "$dir/states/report/gnuplot.log"
end
