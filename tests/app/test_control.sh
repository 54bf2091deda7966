#!/usr/bin/env bash
# control.yaml beside a running search: each key, what is refused, what lasts; and none of it changes a number.
set -u
. tests/app/small_pole.sh
. tests/app/ranks.sh
search="$search --set evolve.popsize=12 --set evolve.episodes=60 --set evolve.real_episodes=20 --set evolve.held_out_episodes=20"
world whole
check "undisturbed, 4 generations" alone whole
world whole8
check "undisturbed, 8" alone whole8 --set evolve.generations=8

begin() { world "$1"; more="${*:2}"; started "$1" >"$dir/log" 2>&1 & job=$!; for _ in $(seq 500); do [ "$(rows "$1")" -ge 1 ] && break; sleep 0.02; done; }
put() { printf "$2" >"$dir/$1/new"; mv "$dir/$1/new" "$dir/$1/control.yaml"; }
gone() { for _ in $(seq 250); do [ -e "$dir/$1/control.yaml" ] || return 0; sleep 0.02; done; return 1; }
ended() { wait $job; test $? = "$1"; }
told() { grep -q "\"event\": \"$2\".*$3" "$dir/$1/run.jsonl"; }
ask() { "$program" control tests/app/tiny.yaml --set run.directory="$dir/$1" "${@:2}"; }
head_of() { results "$dir/$1/run.csv" | head -n "$2" >"$dir/a"; results "$dir/$3/run.csv" | head -n "$2" >"$dir/b"; cmp "$dir/a" "$dir/b"; }

# What is wrong is refused in one sentence with its place, and the search goes on; what lies there is looked at once.
begin state --set evolve.generations=100000
refused() { # WORDS CONTENT
  put state "$2"
  check "$1: taken away" gone state
  for _ in $(seq 50); do grep -qF -- "$1" "$dir/log" && break; sleep 0.02; done
  check "refused with: $1" grep -qF -- "$1" "$dir/log"
}
refused 'control.yaml:1:1: unknown key "stpo"; nearest known: stop' 'stpo: true\n'
refused 'control.yaml:2:1: unknown key "popsize"; known keys: stop, generations, state' 'state: true\npopsize: 3\n'
refused 'control.yaml:1:7: stop: found "yes", wanted true or false' 'stop: yes\n'
refused 'generations: found "many", wanted a whole number from' 'generations: many\n'
refused 'generations: found "1000001", wanted a whole number from' 'generations: 1000001\n'
refused 'control.yaml:2:1: stop stands here again; first on line 1' 'stop: false\nstop: true\n'
refused 'not YAML' 'stop: "true\n'
refused 'holds no settings' '# stop: true\n'
check "none of these told its state" test ! -e "$dir/state/state.json"
check "refusals are events" test "$(grep -c '"event": "refused"' "$dir/state/run.jsonl")" = 8
check "the sentence ends well" grep -q "unknown key .*; nothing was changed, the search goes on" "$dir/log"

# state: in the log, in run.jsonl, in state.json.
check "ask for the state" ask state --set state=true
check "it is taken" gone state
for _ in $(seq 50); do [ -s "$dir/state/state.json" ] && break; sleep 0.02; done
for field in generation generations finished evaluations sigma condition ranks alive; do
  check "state.json has $field" grep -qE "\"$field\": [0-9]" "$dir/state/state.json"
done
check "the state is an event" told state state '"generations": 100000'
check "the log has it" grep -qE "generation [0-9]+ of 100000 made, .* 1 of 1 ranks" "$dir/log"
check "what was done is there to be read" grep -qx "state: true" "$dir/state/control.done.yaml"

# A file that is being written is left alone until it stays as it is.
: >"$dir/state/control.yaml"; sleep 0.7
check "an empty file is not taken" test -e "$dir/state/control.yaml"
for word in st o p: tr ue; do printf "$word" | sed 's/:/: /' >>"$dir/state/control.yaml"; sleep 0.12; done
check "one written slowly is" gone state
check "whole: the search stopped with 7" ended 7
check "a stop says so" grep -q "evolving was stopped after generation" "$dir/log"
check "the same command goes on, and is asked once" alone state --set evolve.generations=$(($(rows state) + 2))
check "its first rows are those of any search" head_of state 4 whole8

# A limit that is raised lasts: through a kill, under the same command; the rows are those of a longer search.
begin raised
check "raise" ask raised --set generations=8 --set state=true
check "raise: taken" gone raised
for _ in $(seq 100); do told raised control '"generations": 8, "configured": 4' && break; sleep 0.02; done
check "raise: an event" told raised control '"generations": 8, "configured": 4'
kill -9 $job; wait $job 2>/dev/null
check "the same command goes on to 8" evolve 2 raised
check "raise: the same bytes" same whole8 raised
check "a changed evolve.generations rules again" alone raised --set evolve.generations=9
check "9 rows and a head" test "$(rows raised)" = 10

# Lowered, by a file that waits before the start.
world lowered
check "nobody works there" exits 0 "who works there next will take it" ask lowered --set generations=4
check "a second one must wait" exits 6 "nobody has taken the one before" ask lowered --set stop=true
check "lowered" alone lowered --set evolve.generations=50
check "lowered: the same bytes as asked for from the start" same whole lowered
check "it stays what was asked for" alone lowered --set evolve.generations=50
check "lowered: the same bytes" same whole lowered

check "nothing asked" exits 2 "what is asked" ask lowered
check "unknown key on the command line" exits 3 "nearest known: stop" ask lowered --set stob=true
check "wrong value on the command line" exits 3 "stop: found \"1\", wanted true or false" ask lowered --set stop=1
check "no such directory" exits 6 "control.yaml" ask nowhere --set stop=true
check "nothing was half-written" test -z "$(find "$dir" -name '*.tmp' 2>/dev/null)"
end
