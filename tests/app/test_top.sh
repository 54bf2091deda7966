#!/usr/bin/env bash
# The top test: a tiny run gives a byte-identical run.csv (its time columns aside) at 1, 2, 3 and 5 ranks, with 1, 7 and 64
# lanes, and after kill -9 and resume with another rank count; and what does not belong together is refused.
# ranks: 2 3
set -u
. tests/checks.sh
farm() { local n=$1; shift; timeout -k 5 300 mpirun -n "$n" "$program" "$@" --quiet; }
tiny=tests/app/tiny.yaml

# One world for all that follows.
check "run at 2 ranks" farm 2 run $tiny --set run.directory="$dir/run"
check "run.csv has its rows" test "$(wc -l <"$dir/run/run.csv")" = 5
check "evaluate.json names the controller" grep -q '"controller": {"mean": ' "$dir/run/evaluate.json"
shares() { awk -F, 'NR > 1 { sum = $(NF - 3) + $(NF - 2) + $(NF - 1) + $NF; if ($(NF - 3) <= 0 || $(NF - 2) <= 0 || sum < 0.999 || sum > 1.001) exit 1; rows++ } END { exit rows != 4 }' "$1"; }
check "run.csv's shares of the time are 1 together" shares "$dir/run/run.csv"
check "the time's split is in the report" test -s "$dir/run/report/generation-split.csv" -a -s "$dir/run/report/generation-split.json" -a -s "$dir/run/report/generation-split.svg"
check "pictures" test -s "$dir/run/report/reconstructions.png" -a -s "$dir/run/report/dream-and-real.png" -a -s "$dir/run/report/evolve.png" -a -s "$dir/run/report/fidelity.png" -a -s "$dir/run/report/fidelity-strip.png"
check "a second run finds everything complete" bash -c "mpirun -n 1 $program run $tiny --set run.directory=$dir/run 2>&1 | grep -c 'is complete' | grep -qx 7"

world() { mkdir -p "$dir/$1"; cp "$dir/run/"{vae,rnn}.safetensors "$dir/$1/"; }
for ranks in 1 2 3 5; do
  world r$ranks
  check "evolve at $ranks ranks" farm $ranks evolve $tiny --set run.directory="$dir/r$ranks"
  check "the same bytes at $ranks ranks" same_rows "$dir/run/run.csv" "$dir/r$ranks/run.csv"
done
for lanes in 1 7 64; do
  world l$lanes
  check "evolve with $lanes lanes, no mpirun" "$program" evolve $tiny --quiet --set run.directory="$dir/l$lanes" --set dream.lanes=$lanes
  check "the same bytes with $lanes lanes" same_rows "$dir/run/run.csv" "$dir/l$lanes/run.csv"
done

# kill -9 of everything in mid-run, whenever that happens to be, then resume with another number of ranks.
world killed
setsid mpirun -n 2 "$program" evolve $tiny --quiet --set run.directory="$dir/killed" --set evolve.generations=400 >"$dir/out" 2>&1 & group=$!
for _ in $(seq 600); do [ -e "$dir/killed/run.csv" ] && [ "$(wc -l <"$dir/killed/run.csv")" -ge 3 ] && break; sleep 0.05; done
kill -9 $(ps -o pid= -s $group) 2>/dev/null; wait $group 2>/dev/null
check "it was killed after some generations" test "$(wc -l <"$dir/killed/run.csv")" -ge 3
generations=$(($(wc -l <"$dir/killed/run.csv") + 3))
check "resume at 3 ranks" farm 3 evolve $tiny --set run.directory="$dir/killed" --set evolve.generations=$generations
world whole
check "undisturbed" farm 2 evolve $tiny --set run.directory="$dir/whole" --set evolve.generations=$generations
check "the same bytes after kill and resume" same_rows "$dir/whole/run.csv" "$dir/killed/run.csv"
check "the resume is an event" grep -q '"event": "resume"' "$dir/killed/run.jsonl"
check "the same controller" cmp "$dir/whole/controller.safetensors" "$dir/killed/controller.safetensors"

# Every strategy searches, and in its own way.
for strategy in sep-cma lra-cma lm-ma openai pgpe one-plus-one random; do
  world $strategy
  check "$strategy searches" farm 1 evolve $tiny --set run.directory="$dir/$strategy" --set evolve.generations=3 --set evolve.strategy=$strategy
done
check "no two alike" test "$(for s in r1 sep-cma lra-cma lm-ma openai pgpe one-plus-one random; do sed -n 2,4p "$dir/$s/run.csv" | cut -d, -f2-8 | tr "\n" " "; echo; done | sort -u | wc -l)" = 8

# What does not belong together is refused, and both are named.
check "another configuration is refused" exits 5 "evolve.sigma0 is 0.2, but was 0.1" "$program" evolve $tiny --set run.directory="$dir/r1" --set evolve.sigma0=0.2
check "another strategy is refused" exits 5 "evolve.strategy is pgpe, but was cma" "$program" evolve $tiny --set run.directory="$dir/r1" --set evolve.strategy=pgpe
world other; cp -r "$dir/r1/controller.safetensors" "$dir/r1/run.csv" "$dir/r1/stages" "$dir/other/"
check "another seed's M" farm 1 run $tiny --set run.directory="$dir/seed2" --set run.seed=2 --set evolve.generations=1
cp "$dir/seed2/"{vae,rnn}.safetensors "$dir/other/"
check "another world is refused" exits 5 "rnn.safetensors is of hash" "$program" evolve $tiny --set run.directory="$dir/other"
check "nothing was half-written" test -z "$(find "$dir" -name '*.tmp' 2>/dev/null)"
end
