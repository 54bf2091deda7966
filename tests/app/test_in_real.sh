#!/usr/bin/env bash
# A search in the real environment: the same at any number of ranks and lanes, and deaf to everything about dreams.
set -u
. tests/checks.sh
pole="--set environment.name=cartpole_swingup --set evolve.generations=3 --set evolve.in=real"
dreamfarm() { "$program" "$1" tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/$2" "${@:3}"; }
same() { cmp "$dir/$1/controller.safetensors" "$dir/$2/controller.safetensors"; }
world() { mkdir -p "$dir/$1" && cp "$dir/whole/rnn.safetensors" "$dir/$1/"; }

check "a run" dreamfarm run whole
world two
check "two ranks" mpirun -n 2 "$program" evolve tests/app/tiny.yaml --quiet $pole \
  --set run.directory="$dir/two" --set dream.lanes=3
check "two ranks, three lanes: the same rows" same_rows "$dir/whole/run.csv" "$dir/two/run.csv"
check "and the same controller" same whole two
world made
check "candidates made where they are played" dreamfarm evolve made \
  --set evolve.strategy=sep-cma --set evolve.candidates=made
world sent
check "or sent" dreamfarm evolve sent --set evolve.strategy=sep-cma --set evolve.candidates=sent
check "are the same" same made sent

# --- what is played is reality --------------------------------------------------------------------------------------
steps() { cells "$1" steps | tail -n 1; }
world short
check "a cap on dreams" dreamfarm evolve short --set dream.cap=7
check "cuts no real episode" test "$(steps "$dir/short/run.csv")" = "$(steps "$dir/whole/run.csv")"
world dream
check "the same in the dream" dreamfarm evolve dream --set evolve.in=dream --set dream.cap=7
check "where it cuts all" test "$(steps "$dir/dream/run.csv")" -lt "$(steps "$dir/whole/run.csv")"
end
