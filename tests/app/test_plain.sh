#!/usr/bin/env bash
# A search on the observation itself: no world is learnt, and everything else holds: the same bytes at any number of
# ranks and lanes and after a stop, a judgement, a report; what needs a dream is refused.
set -u
. tests/checks.sh
plain="--quiet --set environment.name=pendulum --set controller.features=observation --set evolve.in=real
  --set controller.bias=true --set evolve.generations=6"
dreamfarm() { "$program" "$1" tests/app/tiny.yaml $plain --set run.directory="$dir/$2" "${@:3}"; }
same() { same_rows "$dir/$1/run.csv" "$dir/$2/run.csv" && cmp "$dir/$1/controller.safetensors" "$dir/$2/controller.safetensors"; }

# --- a run ----------------------------------------------------------------------------------------------------------
check "a run" dreamfarm run whole
check "learns nothing" test ! -e "$dir/whole/episodes" -a ! -e "$dir/whole/rnn.safetensors" -a ! -e "$dir/whole/fidelity.json"
check "has two stages" test "$(ls "$dir/whole/stages" | tr '\n' ' ')" = "evaluate evolve "
check "is judged beside baselines" grep -q '"random": {' "$dir/whole/evaluate.json"
check "its means are measured outside" test "$(cells "$dir/whole/run.csv" real | grep -c '[0-9]')" = 3
check "and in no dream" test -z "$(cells "$dir/whole/run.csv" held_out | tr -d '\n,')"
check "nor beside one" test -z "$(cells "$dir/whole/run.csv" ratio | tr -d '\n,')"
check "its episodes have the environment's length" test "$(cells "$dir/whole/run.csv" steps | head -n 1)" = $((8 * 5 * 200))
check "a film is drawn" test -s "$dir/whole/report/real.png"
check "and the search" test -s "$dir/whole/report/evolve.gp" -o -s "$dir/whole/report/curves.gp"
check "once more: all is complete" dreamfarm run whole
check "the best of the means is the best outside" dreamfarm evaluate whole --set evaluate.controller=best --out "$dir/out.best"

# --- ranks, lanes, a stop -------------------------------------------------------------------------------------------
check "one lane" dreamfarm evolve lane --set dream.lanes=1
check "is the same" same whole lane
if [ "${MPI:-}" != no ]; then
  for ranks in 2 3; do
    check "$ranks ranks" mpirun -n $ranks "$program" run tests/app/tiny.yaml $plain --set run.directory="$dir/r$ranks"
    check "are the same" same whole r$ranks
    check "and judge the same" diff <(grep -v seconds "$dir/whole/evaluate.json") <(grep -v seconds "$dir/r$ranks/evaluate.json")
  done
fi
check "half of it" dreamfarm evolve half --set evolve.generations=4
check "and the rest" dreamfarm evolve half
check "are the whole" same_rows "$dir/whole/run.csv" "$dir/half/run.csv"
check "another strategy, made where it is played" dreamfarm evolve made --set evolve.strategy=pgpe --set evolve.candidates=made
check "or sent" dreamfarm evolve sent --set evolve.strategy=pgpe --set evolve.candidates=sent
check "is the same" same made sent
check "explain counts its parameters" bash -c "'$program' explain tests/app/tiny.yaml $(echo $plain) | grep -q '^  n  *4 '"

# --- the configurations that are given ------------------------------------------------------------------------------
for config in configs/real/*.yaml; do
  name=$(basename "$config" .yaml)
  check "$config runs" "$program" run "$config" --quiet --set run.directory="$dir/given-$name" --set evolve.generations=2 \
    --set evolve.popsize=8 --set evolve.episodes=2 --set evaluate.episodes=5
  check "in its environment" grep -q "\"environment\": \"$name\"" "$dir/given-$name/evaluate.json"
done

# --- what needs a dream, or pictures --------------------------------------------------------------------------------
check "collect has nothing to do" exits 3 "no world is learnt" dreamfarm collect whole
check "nor train" exits 3 "no world is learnt" dreamfarm train whole
check "nor fidelity" exits 3 "no world is learnt" dreamfarm fidelity whole
check "no score in the dream" exits 2 "neither a dream nor an M" dreamfarm evaluate whole --in dream
check "no untrained M" exits 2 "neither a dream nor an M" dreamfarm evaluate whole --untrained
check "evolving in the dream" exits 3 "let evolve.in be real" dreamfarm run refused --set evolve.in=dream
check "rounds" exits 3 "run.rounds is 2" dreamfarm run refused --set run.rounds=2
check "pictures" exits 3 "takecover shows pictures" dreamfarm run refused --set environment.name=takecover
check "wrote nothing" test ! -e "$dir/refused"
end
