#!/usr/bin/env bash
# collect.from: episodes of other folders instead of collected ones. The same bytes at any number of ranks and after a
# kill; folders that change are noticed, folders that are gone are needed no more; rounds go on from them.
set -u
. tests/checks.sh
MPIRUN=${MPIRUN:-mpirun}
export TMPDIR=$dir OMPI_MCA_btl_vader_backing_directory=$dir
pole="--set environment.name=cartpole_swingup --set dream.reward=head --set rnn.reward_weight=1"
tiny() { "$program" "$1" tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/$2" "${@:3}"; } # VERB NAME OPTIONS...
check "a folder" tiny collect first --set collect.episodes=7
check "another one" tiny collect second --set collect.episodes=8 --set run.seed=2 --set collect.policy=random
both="--set collect.from=[$dir/first/episodes,$dir/second/episodes]"

# --- as many as are asked for, in their order ------------------------------------------------------------------------
check "of both the first twelve" tiny collect twelve $both
check "as many" grep -q '"total_episodes": 12' "$dir/twelve/episodes/metadata.json"
check "whose they were" grep -q '"first_episode": 7, "episodes": 5, "episodes_there": 8' "$dir/twelve/episodes/sources.json"
check "fewer than are asked for: all" exits 0 "collect: 15 episodes of 2 data sets, all that there are" \
  "$program" collect tests/app/tiny.yaml $pole --set run.directory="$dir/all" $both --set collect.episodes=100
check "ranks" $MPIRUN -n 3 "$program" collect tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/ranks" $both
check "change nothing" diff -r "$dir/twelve/episodes" "$dir/ranks/episodes"
rm "$dir/ranks/episodes/"{shard-00001.*,index.safetensors}
check "what is missing" tiny collect ranks $both
check "is taken again, the same" diff -r "$dir/twelve/episodes" "$dir/ranks/episodes"

# --- a whole run, in rounds ------------------------------------------------------------------------------------------
rounds="--set run.rounds=2 --set round.generations=2 --set round.rnn_epochs=1 --set round.episodes=5"
check "a run of two rounds" tiny run whole $both $rounds
check "begins with them" test "$(sed 's/.*"episodes": \([0-9]*\), "sources".*/\1/' "$dir/whole/round-1/episodes/sources.json")" = 12
check "and goes on by its own controller" test ! -e "$dir/whole/round-2/episodes/sources.json" -a -e "$dir/whole/round-2/evaluate.json"
check "again: all is complete" exits 0 "collect    is complete" "$program" run tests/app/tiny.yaml $pole $both $rounds --set run.directory="$dir/whole"
check "a run that wants more than there are" tiny run more $both --set collect.episodes=100
check "tells of those that it had" exits 0 "learnt from" "$program" data "$dir/more/episodes" --out "$dir/frames"
check "in their number" grep -qE '^episodes +15$' "$dir/said"

# --- folders that change, or go --------------------------------------------------------------------------------------
check "none instead of some is another run" exits 5 "collect.from is of hash none, but was of" tiny collect twelve
check "so are others" exits 5 "collect.from is of hash" tiny collect twelve --set collect.from="$dir/second/episodes"
check "and others' in place of one's own" exits 5 "but was of none" tiny collect first $both --set collect.episodes=7
mv "$dir/first" "$dir/moved"
check "a folder that moved is the same" tiny collect twelve --set collect.from="[$dir/moved/episodes,$dir/second/episodes]"
check "one that is gone is needed no more" exits 0 "collect    is complete" \
  "$program" run tests/app/tiny.yaml $pole $both $rounds --set run.directory="$dir/whole"
check "but to begin with" exits 4 "collect.from: $dir/first/episodes: holds no data set" tiny collect new $both
check "and nothing is left of that" test ! -e "$dir/new/episodes/index.safetensors"
cp -r "$dir/moved" "$dir/bent"
printf 'x' | dd of="$dir/bent/episodes/shard-00000.hdf5" bs=1 seek=3000 conv=notrunc 2>/dev/null
check "damage is named" exits 4 "shard-00000.hdf5: is damaged" tiny collect hurt --set collect.from="$dir/bent/episodes"
check "on whatever rank" exits 4 "shard-00000.hdf5: is damaged" \
  $MPIRUN -n 3 "$program" collect tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/hurt3" --set collect.from="$dir/bent/episodes"

# --- pictures, and other environments --------------------------------------------------------------------------------
check "frames" "$program" collect tests/app/tiny.yaml --quiet --set run.directory="$dir/frames-of"
check "taken from a folder" "$program" collect tests/app/tiny.yaml --quiet --set run.directory="$dir/frames-from" --set collect.from="$dir/frames-of/episodes"
check "states are no frames" exits 5 "have states of 5 and 1 number an action, but takecover has pictures, 64 x 64" \
  "$program" collect tests/app/tiny.yaml --quiet --set run.directory="$dir/mixed" --set collect.from="$dir/second/episodes"
check "keys where there are none" exits 4 "have no keys, but collect.keys is state" tiny collect keys --set collect.from="$dir/second/episodes" --set collect.keys=state
end
