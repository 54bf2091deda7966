#!/usr/bin/env bash
# dreamfarm explain: every configuration, with and without a world; its values are those that evolve and es use; it leaves nothing.
# ranks: 2 3
set -u
. tests/app/small_pole.sh
at() { echo --set run.directory="$dir/$1"; }
value() { awk -v name="$1" '$1 == name { print $2 }' "$dir/said"; }
is() { check "$1 is $2" test "$(value "$1")" = "$2"; }

for config in $(grep -L "gym:" configs/*.yaml); do  # others need a Python that has Gymnasium
  check "$config" exits 0 "generation_seconds" "$program" explain "$config" $(at none)
  check "$config: no world yet" grep -q "a random world of that size" "$dir/said"
  check "$config: nothing is left" test ! -e "$dir/none" -a -z "$(ls -d "$dir"/dreamfarm-* 2>/dev/null)"
done

# The paper's sizes: the numbers of tests/es/test_constants.c.
check "takecover" exits 0 "CMA-ES, in pycma's dialect" "$program" explain configs/takecover-paper.yaml $(at none) --ranks 64
is n 1088; is popsize 64; is mu 32; is mueff 17.621652; is cs 0.017699142; is damps 1.0176991; is cc 0.0036777264
is c1 1.6854992e-06; is cmu 2.6812835e-05; is chi_n 32.977267; is negative_sum -1.0628617; is eigen_gap 3
is ranks 64; is workers 63; is lanes 17; is episodes 1024; is episode_steps 2100
sum() { awk 'NF { v[$1] = $2 } END { x = v["episodes"] * v["episode_steps"] / (v["steps_per_second"] * v["workers"] * v["use"]) + v["search_seconds"]
  exit !(v["generation_seconds"] > 0 && x / v["generation_seconds"] > 0.999999 && x / v["generation_seconds"] < 1.000001) }' "$dir/said"; }
check "the seconds are what the formula says" sum
table=$(grep -cE '^  [a-zA-Z]' "$dir/said")
check "as JSON" exits 0 '{"name": "eigen_gap", "value": 3, "formula": "max(1, floor(1 / (10 n (c1 + cmu))))", "source": "Hansen 2016, B.2' \
  "$program" explain configs/takecover-paper.yaml $(at none) --json
check "JSON has all of the table" test "$(grep -o '"name": ' "$dir/said" | wc -l)" = "$table"
check "one line of JSON" test "$(wc -l <"$dir/said")" = 1

for strategy in lra-cma lm-ma pgpe; do  # tests/es/test_explain.c has all
  check "$strategy" exits 0 "generation_seconds" "$program" explain configs/cartpole.yaml $(at none) --set evolve.strategy=$strategy
done

# In the run's world; lengths from run.csv; on two ranks it is still one table.
sizes=($(tail -n 1 "$dir/first/run.csv" | tr , ' '))
check "in the run's world" exits 0 "in the run's world" "$program" explain tests/app/tiny.yaml $pole $(at first)
check "lengths from run.csv" grep -q "run.csv: mean of generation 1" "$dir/said"
check "the mean length" test "$(value episode_steps)" = "$(awk "BEGIN { printf \"%.8g\", $(cells "$dir/first/run.csv" steps) / $(cells "$dir/first/run.csv" episodes) }")"
parameters=$(grep -o '"mean": *{[^}]*' "$dir/first/controller.safetensors" -a | head -n 1 | sed 's/.*"shape": *\[\([0-9]*\)\].*/\1/')
is n "${parameters:-unknown}"
check "on 2 ranks" exits 0 "measured on 2 ranks at once" $MPIRUN -n 2 "$program" explain tests/app/tiny.yaml $pole $(at first)
is ranks 2
check "one table" test "$(grep -c generation_seconds "$dir/said")" = 1

# What is wrong is said as evolve would say it.
check "bad knob" exits 3 "nearest known: rnn.hidden" "$program" explain --set rnn.hiden=3
check "bad value" exits 3 "evolve.sigma0: found \"-1\", wanted a number from 1e-06 to 100" "$program" explain configs/cartpole.yaml --set evolve.sigma0=-1
check "a popsize the strategy cannot have" exits 3 "OpenAI-ES: popsize is 7" "$program" explain configs/cartpole.yaml $(at none) --set evolve.strategy=openai --set evolve.popsize=7
check "no such file" exits 6 "no-such.yaml" "$program" explain no-such.yaml
check "bad ranks" exits 2 "a whole number from 1 to 1000000" "$program" explain configs/cartpole.yaml --ranks many
check "not under launch" exits 2 "start it with mpirun" "$program" launch -n 1 -- explain configs/cartpole.yaml
world damaged; truncate -s 1000 "$dir/damaged/rnn.safetensors"
check "a damaged world is named" exits 4 "damaged/rnn.safetensors" "$program" explain tests/app/tiny.yaml $pole $(at damaged)
end
