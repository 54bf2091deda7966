#!/usr/bin/env bash
# Several Ms: each is trained once, whatever is killed; their dreams are the same at any number of ranks and lanes.
set -u
. tests/checks.sh
pole="--set environment.name=cartpole_swingup --set rnn.members=3 --set evolve.generations=2"
dreamfarm() { "$program" "$1" tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/$2" "${@:3}"; }
same() { same_rows "$dir/$1/run.csv" "$dir/$2/run.csv" && cmp "$dir/$1/controller.safetensors" "$dir/$2/controller.safetensors"; }
same_members() { for m in rnn rnn-2 rnn-3; do cmp "$dir/$1/$m.safetensors" "$dir/$2/$m.safetensors" || return 1; done; }

check "a run with three Ms" dreamfarm run whole
check "which are three" test -s "$dir/whole/rnn-2.safetensors" -a -s "$dir/whole/rnn-3.safetensors" -a ! -e "$dir/whole/rnn-4.safetensors"
check "and differ" bash -c "! cmp -s $dir/whole/rnn.safetensors $dir/whole/rnn-2.safetensors"
check "nothing is left of the way" test ! -e "$dir/whole/rnn.members"
check "all stand in the mark" test "$(grep -c '^left rnn' "$dir/whole/stages/train-rnn")" = 3
check "a run with one" dreamfarm run one --set rnn.members=1
check "whose M is the first of the three" cmp "$dir/one/rnn.safetensors" "$dir/whole/rnn.safetensors"

# --- ranks and lanes ------------------------------------------------------------------------------------------------
world() { mkdir -p "$dir/$1" && cp "$dir/whole/"rnn*.safetensors "$dir/$1/"; }
world two
check "two ranks" mpirun -n 2 "$program" evolve tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/two" --set dream.lanes=3
check "two ranks: the same" same whole two
world lanes
check "64 lanes" dreamfarm evolve lanes --set dream.lanes=64
check "64 lanes: the same" same whole lanes
world other
check "one M searches another way" dreamfarm evolve other --set rnn.members=1
unlike() { ! same whole "$1"; }
check "it does" unlike other

# What the members do not agree on is taken off: the first generation has the same returns, and is told another order.
spread="--set evolve.spread=2 --set evolve.episodes=12"
generation() { sed -n "$(($2 + 1))p" "$dir/$1/run.csv" | cut -d, -f2-4; }
for name in plain spread spread2 lanes2; do world $name; done
check "without spread" dreamfarm evolve plain --set evolve.episodes=12
check "with spread" dreamfarm evolve spread $spread
check "the same returns" test "$(generation plain 1)" = "$(generation spread 1)"
check "then others" test "$(generation plain 2)" != "$(generation spread 2)"
check "two ranks" mpirun -n 2 "$program" evolve tests/app/tiny.yaml --quiet $pole $spread \
  --set run.directory="$dir/spread2"
check "two ranks: the same" same spread spread2
check "3 lanes" dreamfarm evolve lanes2 $spread --set dream.lanes=3
check "3 lanes: the same" same spread lanes2
for name in made sent; do
  world $name
  check "candidates that are $name" dreamfarm evolve $name $spread \
    --set evolve.strategy=sep-cma --set evolve.candidates=$name
done
check "made or sent: the same" same made sent
check "reality has none" exits 3 "evolve.in is real" dreamfarm evolve none --set evolve.in=real $spread
check "one member has none" exits 3 "evolve.spread is 2" dreamfarm evolve none --set rnn.members=1 $spread

# --- one is lost, or the training is killed -----------------------------------------------------------------------------
cp -r "$dir/whole" "$dir/lost" && rm "$dir/lost/rnn-2.safetensors"
check "a lost M is made again" dreamfarm train-rnn lost
check "lost: the same" same_members whole lost
mkdir "$dir/killed" && cp -r "$dir/whole/"{episodes,latents,stages} "$dir/killed/" && rm "$dir/killed/stages/"{train-rnn,evolve,evaluate,fidelity}
long="--set rnn.epochs=150"
check "a long training" dreamfarm train-rnn killed $long
cp -r "$dir/killed" "$dir/again" && rm "$dir/again/stages/train-rnn" "$dir/again/"*rnn*
"$program" train-rnn tests/app/tiny.yaml --quiet $pole $long --set run.directory="$dir/again" >/dev/null 2>&1 & pid=$!
for _ in $(seq 600); do [ -e "$dir/again/train_rnn-2.csv" ] && break; sleep 0.02; done
kill -9 $pid; wait $pid 2>/dev/null
check "killed after the first" test -e "$dir/again/rnn.safetensors" -a ! -e "$dir/again/rnn-3.safetensors"
before=$(stat -c %y "$dir/again/rnn.safetensors")
check "it goes on" dreamfarm train-rnn again $long
check "with the same Ms" same_members killed again
check "and the first was not made twice" test "$before" = "$(stat -c %y "$dir/again/rnn.safetensors")"
end
