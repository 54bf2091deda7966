#!/usr/bin/env bash
# Killed in the middle of collecting and of training: what was finished is kept, the same command goes on, and the files at
# the end are those of an undisturbed run, bit for bit. Damaged datasets and weights are refused by name.
set -u
. tests/checks.sh
stage() { local name=$1 verb=$2; shift 2; timeout -k 5 300 "$program" "$verb" tests/app/tiny.yaml --quiet --set run.directory="$dir/$name" "$@"; }
# Runs a stage in the background, waits until COMMAND succeeds, and sends the signal. False: it ended before.
disturb() { # SIGNAL "COMMAND" NAME VERB OPTIONS...
  local signal=$1 until=$2 victim; shift 2
  local name=$1 verb=$2; shift 2
  "$program" "$verb" tests/app/tiny.yaml --quiet --set run.directory="$dir/$name" "$@" >"$dir/out" 2>&1 & victim=$!
  for _ in $(seq 3000); do eval "$until" >/dev/null 2>&1 && break; sleep 0.01; done
  kill "-$signal" $victim
  wait $victim 2>/dev/null
  code=$?
}

# --- collect: 40 files of one episode ---------------------------------------------------------------------------------------
many="--set collect.episodes=40 --set collect.shard=1"
shards() { ls "$dir/$1/episodes/" | grep -c '^shard-.*hdf5$'; }
check "collect, undisturbed" stage whole collect $many
disturb KILL '[ $(shards killed) -ge 3 ]' killed collect $many
check "killed by the signal" test "$code" = 137
before=$(shards killed)
check "killed with some files finished, not all ($before of 40)" test "$before" -ge 3 -a "$before" -lt 40
stamp=$(stat -c %Y.%i "$dir/killed/episodes/shard-00000.hdf5")
check "collect goes on" stage killed collect $many
check "a finished file was not made again" test "$(stat -c %Y.%i "$dir/killed/episodes/shard-00000.hdf5")" = "$stamp"
check "the same dataset" diff -r "$dir/whole/episodes" "$dir/killed/episodes"
disturb TERM '[ $(shards asked) -ge 3 ]' asked collect $many
check "SIGTERM: start me again" test "$code" = 85
check "collect goes on after SIGTERM" stage asked collect $many
check "the same dataset after SIGTERM" diff -r "$dir/whole/episodes" "$dir/asked/episodes"

# --- V and M ----------------------------------------------------------------------------------------------------------------
long="--set vae.epochs=6 --set vae.frames=500 --set rnn.epochs=200"
world() { mkdir -p "$dir/$1"; cp -r "$dir/whole/"{episodes,stages} "$dir/$1/"; }
world v1; world v2
check "V, undisturbed" stage v1 train-vae $many $long
disturb TERM '[ -e $dir/v2/train_vae.csv ] && [ $(wc -l <$dir/v2/train_vae.csv) -ge 3 ]' v2 train-vae $many $long
check "V stops with a checkpoint" test "$code" = 85
check "V goes on" stage v2 train-vae $many $long
check "the same V" cmp "$dir/v1/vae.safetensors" "$dir/v2/vae.safetensors"
check "the latents" stage v1 encode $many $long
cp -r "$dir/v1" "$dir/m2"
check "M, undisturbed" stage v1 train-rnn $many $long
disturb KILL '[ -e $dir/m2/train_rnn.csv ] && [ $(wc -l <$dir/m2/train_rnn.csv) -ge 20 ]' m2 train-rnn $many $long
check "M killed" test "$code" = 137
check "M goes on" stage m2 train-rnn $many $long
check "the same M" cmp "$dir/v1/rnn.safetensors" "$dir/m2/rnn.safetensors"

# --- damage -----------------------------------------------------------------------------------------------------------------
flip() { printf '\x5a' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
cp -r "$dir/v1" "$dir/bad"
flip "$dir/bad/vae.safetensors" 5000
check "a flipped byte in V is refused by name" exits 4 "bad/vae.safetensors" stage bad evolve $many $long
cp "$dir/v1/vae.safetensors" "$dir/bad/"; head -c 9000 "$dir/v1/rnn.safetensors" >"$dir/bad/rnn.safetensors"
check "a truncated M is refused by name" exits 4 "bad/rnn.safetensors" stage bad evolve $many $long
flip "$dir/bad/episodes/shard-00004.hdf5" 3000
rm -rf "$dir/bad/latents" "$dir/bad/stages/encode"
check "a flipped byte in a shard is refused by name" exits 4 "shard-00004.hdf5" stage bad encode $many $long
check "nothing was half-written" test -z "$(find "$dir/whole" "$dir/v1" -name '*.tmp')"
end
