#!/usr/bin/env bash
# What would replace something of worth is refused before anything is written: other settings, other people's files, a
# search that cannot open. Both values are named; --fresh goes ahead.
set -u
. tests/checks.sh
tiny="tests/app/tiny.yaml --quiet --set environment.name=cartpole_swingup"
dreamfarm() { local verb=$1 name=$2; shift 2; "$program" "$verb" $tiny --set run.directory="$dir/$name" "$@"; }
untouched() { diff -r --exclude=lock "$dir/kept" "$dir/r"; }
check "a finished run" dreamfarm run r
cp -r "$dir/r" "$dir/kept"

# --- other settings in a finished run ---------------------------------------------------------------------------------------------
refused() { # "WORDS" KEY=VALUE...
  local words=$1 sets=() pair; shift
  for pair; do sets+=(--set "$pair"); done
  check "$*: refused" exits 5 "$words" dreamfarm run r "${sets[@]}"
  check "$*: nothing was touched" untouched
}
refused "run.seed is 2, but was 1" run.seed=2
refused "collect.episodes is 20, but was 12" collect.episodes=20
refused "rnn.epochs is 3, but was 1" rnn.epochs=3
refused "environment.name is takecover, but was cartpole_swingup" environment.name=takecover
refused "evaluate.episodes is 30, but was 20" evaluate.episodes=30
refused "fidelity.episodes is 30, but was 8" fidelity.episodes=30
refused "(collect, train-rnn, evolve, fidelity, evaluate): run.seed is 2, but was 1; rnn.epochs is 3, but was 1; evolve.popsize is 4, but was 8" \
  run.seed=2 rnn.epochs=3 evolve.popsize=4
for verb in collect train train-rnn evolve; do
  check "$verb alone: refused" exits 5 "but was" dreamfarm $verb r --set run.seed=2 --set rnn.hidden=8
  check "$verb alone: nothing was touched" untouched
done
check "a longer search is the same search" dreamfarm run r --set evolve.generations=5
check "its rows went on" test "$(wc -l <"$dir/r/run.csv")" = 6
check "--fresh goes ahead" dreamfarm run r --set run.seed=2 --fresh
check "with other episodes" test "$(cmp "$dir/r/episodes/shard-00000.hdf5" "$dir/kept/episodes/shard-00000.hdf5" >/dev/null; echo $?)" = 1
dreamfarm run second --set run.seed=2 >/dev/null 2>&1
check "the same as in a directory of its own" cmp "$dir/r/controller.safetensors" "$dir/second/controller.safetensors"

# Once --fresh is at work it holds until the run is through: what comes after the stage that it stopped at is not
# refused.
cp -r "$dir/kept" "$dir/cut"
rm "$dir/cut/train_rnn.csv"; mkdir "$dir/cut/train_rnn.csv"
check "--fresh stops at a later stage" exits 6 "train_rnn.csv" dreamfarm run cut --set run.seed=2 --fresh
check "the search is still the old one" grep -q "run.seed: 1" "$dir/cut/stages/evolve"
rmdir "$dir/cut/train_rnn.csv"
check "other settings than --fresh was said for: refused" exits 5 "but was" dreamfarm run cut --set run.seed=3
check "without --fresh it goes on" dreamfarm run cut --set run.seed=2
check "the same as never stopped" cmp "$dir/cut/controller.safetensors" "$dir/second/controller.safetensors"
check "and --fresh is over" exits 5 "but was" dreamfarm run cut --set run.seed=1
check "--fresh on a finished run says that nothing was made anew" exits 0 "every stage is complete" \
  "$program" run tests/app/tiny.yaml --set environment.name=cartpole_swingup --set run.seed=2 --set run.directory="$dir/r" --fresh

# --- a search that cannot open ----------------------------------------------------------------------------------------------------
rm -rf "$dir/r"; cp -r "$dir/kept" "$dir/r"
for impossible in controller.hidden=4096 evolve.popsize=1048576; do
  check "evolve --fresh, $impossible: refused" bash -c "! timeout 60 \"$program\" evolve $tiny --set run.directory=$dir/r --fresh --set $impossible"
  check "$impossible: both checkpoints are there" cmp "$dir/r/controller.safetensors" "$dir/kept/controller.safetensors"
  check "$impossible: the one before it, too" cmp "$dir/r/controller.previous.safetensors" "$dir/kept/controller.previous.safetensors"
done
check "and the run is complete as it was" dreamfarm run r
check "with its rows" cmp "$dir/r/run.csv" "$dir/kept/run.csv"

# --- other people's files ---------------------------------------------------------------------------------------------------------
mkdir -p "$dir/mine"; echo "mine: 1" >"$dir/mine/config.yaml"
check "a config.yaml of the user's" exits 5 "config.yaml: was not written by dreamfarm" dreamfarm run mine
check "stays" test "$(cat "$dir/mine/config.yaml")" = "mine: 1"
mkdir -p "$dir/minari/episodes"; echo hdf5 >"$dir/minari/episodes/main_data.hdf5"; echo '{}' >"$dir/minari/episodes/metadata.json"
for more in "" --fresh; do
  check "somebody's data set $more" exits 5 "minari/episodes: holds files that are not dreamfarm's" dreamfarm run minari $more
  check "collect on it $more" exits 5 "minari/episodes: holds files that are not dreamfarm's" dreamfarm collect minari $more
  check "stays $more" test "$(cat "$dir/minari/episodes/main_data.hdf5")" = hdf5
done
mkdir -p "$dir/weights"; echo other >"$dir/weights/rnn.safetensors"
check "somebody's weights" exits 5 "weights/rnn.safetensors: is there, but" dreamfarm run weights
check "stay" test "$(cat "$dir/weights/rnn.safetensors")" = other

# --- a judgement ------------------------------------------------------------------------------------------------------------------
check "another judgement goes to a file of its own" dreamfarm evaluate r --episodes 30
check "the first one stays" cmp "$dir/r/evaluate.json" "$dir/kept/evaluate.json"
check "the other is there" grep -q '"episodes": 30' "$dir/r/evaluate-30-mean.json"
check "the same judgement again is the same" dreamfarm evaluate r
check "bit for bit" cmp "$dir/r/evaluate.json" "$dir/kept/evaluate.json"
check "--fresh replaces it" dreamfarm evaluate r --episodes 30 --fresh
check "with the other" grep -q '"episodes": 30' "$dir/r/evaluate.json"

# --- places -----------------------------------------------------------------------------------------------------------------------
for verb in report evaluate; do
  check "$verb where nothing is: refused" exits 6 "nowhere is not there" dreamfarm $verb nowhere
  check "and nothing is made" test ! -e "$dir/nowhere"
done
rm -rf "$dir/r"; cp -r "$dir/kept" "$dir/r"; chmod -R a-w "$dir/r"
outside() { # a mount of its own, read-only
  mount --bind "$dir/r" "$dir/r" && mount -o remount,ro,bind "$dir/r" || exit 1
  for verb in evaluate report; do "$program" $verb $tiny --set run.directory="$dir/r" --out "$dir/out of it" || exit 1; done
}
export -f outside; export program tiny dir
if unshare --mount true 2>/dev/null; then
  check "a run on a read-only mount is judged and reported elsewhere" unshare --mount bash -c outside
  check "the same judgement" cmp "$dir/out of it/evaluate.json" "$dir/kept/evaluate.json"
  check "a picture" test -n "$(find "$dir/out of it" -name '*.png')"
  check "and nothing was written there" untouched
else
  skipped=1; echo "SKIPPED: a read-only mount needs the right to make one (unshare --mount)"
fi

# --- a run whose directory goes ---------------------------------------------------------------------------------------------------
dreamfarm run gone --set rnn.epochs=3000 >"$dir/said" 2>&1 & run=$!
for _ in $(seq 500); do [ -s "$dir/gone/train_rnn.csv" ] && break; sleep 0.02; done
rm -rf "$dir/gone" 2>/dev/null; sleep 0.1; rm -rf "$dir/gone" 2>/dev/null
wait $run; code=$?
check "a run whose directory was removed says so (exit $code): $(tail -n 1 "$dir/said")" test $code != 0 -a $code -lt 100
check "and does not claim to be done" bash -c "! grep -q 'everything is in' '$dir/said'"
end
