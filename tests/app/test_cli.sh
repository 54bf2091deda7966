#!/usr/bin/env bash
# The command line: help, the configuration's print, and clear refusals with the right exit code, nothing left behind.
set -u
program=${DREAMFARM:?} dir=$(mktemp -d) passed=0 failed=0
trap 'rm -rf "$dir"' EXIT
says() { # CODE WORDS COMMAND...: exit code, and what it says contains the words
  local code=$1 words=$2 got; shift 2
  "$@" >"$dir/out" 2>&1 </dev/null; got=$?
  if [ "$got" = "$code" ] && grep -qF -- "$words" "$dir/out"; then passed=$((passed + 1)); return; fi
  failed=$((failed + 1)); echo "failed (exit $got, wanted $code with \"$words\"): $*"; tail -n 3 "$dir/out"
}
at="--set run.directory=$dir/run"
says 0 "usage: dreamfarm VERB" "$program" --help
says 0 "usage: dreamfarm evolve CONFIG.yaml" "$program" evolve --help
says 0 "--temperatures A,B,..." "$program" evaluate --help
says 0 "every constant of the search" "$program" --help
says 0 "asks a running evolve" "$program" --help
says 0 "dreamfarm 0." "$program" --version
says 2 "did you mean explain" "$program" explian
says 2 "usage: dreamfarm VERB" "$program"
says 2 "did you mean evolve" "$program" evolv x.yaml
says 2 "did you mean --episodes" "$program" evaluate --episode 3 $at
says 2 "needs a value" "$program" evaluate --set
says 2 "two configuration files" "$program" run configs/quickstart.yaml configs/cartpole.yaml
says 2 "--policy is an option of evaluate, not of collect" "$program" collect configs/default.yaml --policy still $at
says 2 "--json is an option of env, data, explain, bench, not of evaluate" "$program" evaluate --json $at
says 2 "--fresh is an option of run, collect" "$program" report configs/default.yaml --fresh $at
says 2 "which configuration?" "$program" run $at
says 2 "which configuration?" "$program" collect
[ "${MPI:-}" = no ] || says 2 "which configuration?" "$program" launch -- run $at
says 2 "dream or real" "$program" evaluate --in nowhere
says 2 "numbers above 0" "$program" evaluate --temperatures 1,-2
says 6 "no-such.yaml" "$program" run no-such.yaml
says 3 "nearest known: rnn.hidden" "$program" run configs/default.yaml --set rnn.hiden=3 $at
says 3 "wanted a whole number" "$program" run configs/default.yaml --set rnn.hidden=many $at
says 3 "--set environment.name=doom: environment.name: environment \"doom\" is not known; known are: takecover, cartpole_swingup" \
  "$program" run configs/default.yaml --set environment.name=doom $at
says 3 "--set collect.policy=wise: collect.policy: policy \"wise\" is not known; there are: random" \
  "$program" collect configs/default.yaml --set collect.policy=wise $at
printf 'collect:\n  policy: sweep:100\n' >"$dir/sweep.yaml"
says 3 "sweep.yaml:2:11: collect.policy: policy \"sweep:100\" is for the environment takecover" \
  "$program" run "$dir/sweep.yaml" --set environment.name=cartpole_swingup $at
says 3 "cannot act in cartpole_swingup" "$program" evaluate --set environment.name=cartpole_swingup --policy sweep:100 $at
says 3 "needs no V" "$program" train-vae configs/default.yaml --set environment.name=cartpole_swingup $at
says 4 "run collect again" "$program" train configs/default.yaml $at
says 6 "rnn.safetensors" "$program" evolve configs/default.yaml --set environment.name=cartpole_swingup $at
says 6 "cannot be made" "$program" collect configs/default.yaml --set run.directory=/dev/null/x
printf 'rnn:\n  hidden: 3\n  hidden: 4\n' >"$dir/bad.yaml"
says 3 "bad.yaml:3:3" "$program" run "$dir/bad.yaml"
says 0 "0.1" "$program" config --set evolve.sigma0=0.1
"$program" config | cmp -s - configs/default.yaml && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "failed: configs/default.yaml is not what is printed"; }
for config in configs/*.yaml configs/*/*.yaml; do says 0 "evolve:" "$program" config "$config"; done
says 2 "subjects are: farm" "$program" bench fram
says 2 "did you mean --workers" "$program" bench farm --worker 3
says 2 "whole number from 1 to 10000" "$program" bench farm --simulate --workers many
says 2 "not a multiple" "$program" bench farm --simulate --episodes 100
says 0 '"used_16_workers_1024_episodes_ours": 0.9' "$program" bench farm --simulate --workers 16 --seeds 3 --json
used() { # WORKERS BAR: of the published episode lengths' 1,024 a generation, in virtual time
  says 0 "_ours" "$program" bench farm --simulate --workers "$1" --seeds 101
  if awk -v bar="$2" '/_ours/ { good = $2 >= bar } END { exit !good }' "$dir/out"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "failed: $1 workers are used less than $2"; fi
}
used 64 0.92
used 128 0.85
says 0 "still" "$program" evaluate --policy still --episodes 10 --quiet $at
echo "$passed passed, $failed failed"
[ $failed = 0 ]
