#!/usr/bin/env bash
# Second evaluations, restarts, descents side by side, candidates made by the ranks: run.csv and the controller are the same at 1, 2 and 3 ranks and after
# kill -9 and resume; descents do not know of each other; what does not go together is refused.
set -u
. tests/app/small_pole.sh
search="$search --set evolve.popsize=12 --set evolve.episodes=6 --set dream.cap=400 --set evolve.generations=8 --set evolve.held_out_every=4
  --set evolve.held_out_episodes=24 --set evolve.real_episodes=12"
column() { cells "$dir/$1/run.csv" "$2"; } # NAME COLUMN

# Killed when some generations are done and another is under way, resumed with more ranks.
killed() { # NAME OPTIONS...
  local name=$1 journal; shift
  world "$name"; more="$*"
  started "$name" & local job=$!
  for _ in $(seq 1200); do
    [ "$(rows "$name")" -ge 4 ] && for journal in "$dir/$name"/journal "$dir/$name"/descent-*/journal; do
      [ -e "$journal" ] && [ "$(stat -c %s "$journal")" -gt 64 ] && break 2
    done
    sleep 0.01
  done
  kill -9 $job; wait $job 2>/dev/null
  evolve 3 "$name" "$@"
}
at_two_ranks() { # NAME OPTIONS...
  local name=$1; shift
  world "$name-2"; check "$name at 2 ranks" evolve 2 "$name-2" "$@"
  check "$name at 2 ranks: the same bytes" same "$name" "$name-2"
}
same_anyway() { # NAME OPTIONS...: at 1 rank, and killed there and resumed at 3
  local name=$1; shift
  world "$name"; check "$name" alone "$name" "$@"
  check "$name killed, and resumed at 3 ranks" killed "$name-killed" "$@"
  check "$name killed: the same bytes" same "$name" "$name-killed"
  check "$name killed: it was resumed" test -n "$(event "$name-killed" resume journal)"
}

uncertain="--set evolve.uncertainty=true --set evolve.episodes_max=9 --set evolve.sigma0=0.001"
same_anyway uncertain $uncertain
at_two_ranks uncertain $uncertain
check "noise is told" test "$(column uncertain noise | grep -c .)" = 8
check "noise makes for more dreams" test "$(column uncertain dreams | sort -n | tail -n 1)" -gt 6
check "and no more than allowed" test "$(column uncertain dreams | sort -n | tail -n 1)" -le 9
check "second evaluations are episodes too" test "$(column uncertain episodes | head -n 1)" -gt 72

# All dreams pay the same, so that a descent ends after two generations: 12, 24 and 48 candidates.
flat="--set dream.reward=alive --set dream.cap=40 --set evolve.doublings=2 --set evolve.generations=20"
same_anyway ipop $flat --set evolve.restarts=ipop
check "the popsize doubles" test "$(column ipop popsize | uniq | tr '\n' ' ')" = "12 24 48 "
check "a column says whose generation it is" test "$(column ipop descent | uniq -c | tr -s ' \n' ' ')" = " 2 1 2 2 2 3 "
check "the end of each descent is an event" test "$(grep -c '"event": "descent".*"words": "tolflatfitness: ' "$dir/ipop/run.jsonl")" = 3
check "and of the last of them" grep -q '"event": "end".*"words": "restarts: the last of 3 descents ended by tolflatfitness' "$dir/ipop/run.jsonl"
check "each one's mean was judged" test "$(column ipop held_out | grep -c .)" -ge 3
world bipop; check "bipop" alone bipop $flat --set evolve.restarts=bipop
check "there are short descents too" test "$(column bipop descent | uniq | wc -l)" -gt 3

same_anyway side --set evolve.descents=3
at_two_ranks side --set evolve.descents=3
check "a row a generation and descent, in order" test "$(paste -d: <(column side generation) <(column side descent) | tr '\n' ' ')" = "$(for g in 1 2 3 4 5 6 7 8; do printf '%s:1 %s:2 %s:3 ' $g $g $g; done)"
world apart; check "the first descent alone" alone apart
check "descents know nothing of each other" cmp <(results "$dir/apart/run.csv") <(results "$dir/side/descent-1/run.csv")
check "and no two are alike" test "$(column side best | sort -u | wc -l)" = 24
check "one process of them all" "$program" evaluate tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/side" --set evolve.descents=3 --set evaluate.episodes=10
check "the best of them is judged" grep -q '"which": "best"' "$dir/side/evaluate.json"
same_anyway ladder --set evolve.descents=3 --set evolve.restarts=ipop --set evolve.generations=4 $uncertain
check "each has twice the popsize of the one before it" test "$(column ladder popsize | head -n 3 | tr '\n' ' ')" = "12 24 48 "
check "descents go on by themselves" test "$(grep -c '"event": "job"' "$dir/side/run.jsonl")" = 2

# Candidates that the ranks make from the state of the search are those that would be sent.
for strategy in lm-ma openai pgpe; do
  world $strategy-sent; check "$strategy, sent" alone $strategy-sent --set evolve.strategy=$strategy --set evolve.candidates=sent
  world $strategy-made; check "$strategy, made" evolve 2 $strategy-made --set evolve.strategy=$strategy --set evolve.candidates=made
  check "$strategy: the same bytes" same $strategy-sent $strategy-made
done
many="--set evolve.strategy=sep-cma --set evolve.descents=2 --set evolve.restarts=ipop --set evolve.generations=4 $uncertain"
same_anyway many $many
world many-sent; check "many, sent" alone many-sent $many --set evolve.candidates=sent
check "descents with candidates made by the ranks: the same bytes" same many many-sent
check "there they go in lockstep" test "$(grep -c '"event": "job"' "$dir/many/run.jsonl")" = 0
check "other descents are another configuration" exits 5 "evolve.descents is " alone side --set evolve.descents=2
check "one descent in their folder too" exits 5 "evolve.descents is " alone side
check "and several in that of one" exits 5 "evolve.descents is " alone apart --set evolve.descents=2

refused() { local words=$1; shift; check "refused: $words" exits 3 "$words" alone uncertain "$@"; }
refused "evolve.restarts wants a strategy that adapts its step size: cma, sep-cma, lra-cma or lm-ma; evolve.strategy is openai" --set evolve.strategy=openai --set evolve.restarts=ipop
refused "evolve.uncertainty wants a strategy that adapts its step size" --set evolve.strategy=one-plus-one --set evolve.uncertainty=true
refused "evolve.episodes_max is 3, below evolve.episodes, 6" --set evolve.uncertainty=true --set evolve.episodes_max=3
refused "but evolve.descents is 2; use ipop or none" --set evolve.restarts=bipop --set evolve.descents=2
refused "evolve.held_out_every is 0" --set evolve.descents=2 --set evolve.held_out_every=0
refused "restarts and descents would make it up to" --set evolve.restarts=ipop --set evolve.doublings=16 --set evolve.popsize=1000
refused "cma cannot make one candidate without the others" --set evolve.candidates=made
check "nothing was half-written" test -z "$(find "$dir" -name '*.tmp' 2>/dev/null)"
end
