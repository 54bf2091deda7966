#!/usr/bin/env bash
# Runs in somebody else's environment, through Python: the same bytes at any number of ranks, whatever is killed; and an
# environment that always fails ends the run with its own words.
# ranks: 2 3
set -u
. tests/checks.sh
python=$(tests/gym/prepare) || { echo "$python"; echo "0 passed, 0 failed, 1 skipped"; exit; }
MPIRUN=${MPIRUN:-mpirun}
export PYTHONPATH=tests/gym MARK=$dir TMPDIR=$dir OMPI_MCA_btl_vader_backing_directory=$dir
pole="--set environment.name=gym:CartPole-v1 --set environment.python=$python --set environment.wrappers=bad_gym:Held
  --set evolve.in=real --set evolve.generations=5 --set evolve.popsize=24 --set evolve.episodes=24"
started() { exec "${@:3}" "$program" "$1" tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/$2"; } # VERB NAME [mpirun ..]
dreamfarm() { (started "$@"); }
same() { same_rows "$dir/$1/run.csv" "$dir/$2/run.csv" && cmp "$dir/$1/controller.safetensors" "$dir/$2/controller.safetensors"; }
world() { mkdir -p "$dir/$1" && cp "$dir/one/rnn.safetensors" "$dir/$1/"; }
# The processes of this test alone: what it exports stands in their environment.
children() { grep -l "gym_child.p[y]" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | while read -r p; do
  ! tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | grep -qx "MARK=$dir" || echo "$p"; done; }
gone() { for _ in $(seq 50); do [ -n "$(children)" ] || return 0; sleep 0.1; done; return 1; }
rows() { [ -e "$dir/$1/run.csv" ] && wc -l <"$dir/$1/run.csv" || echo 0; }
until_rows() { for _ in $(seq 300); do [ "$(rows "$1")" -lt "$2" ] || return 0; sleep 0.1; done; return 1; } # NAME ROWS
hold() { until_rows "$1" 2 && touch "$dir/hold"; } # NAME: after its first generations it stays where it is, until `go`
go() { rm "$dir/hold"; }

# --- ranks --------------------------------------------------------------------------------------------------------------------
check "a run says that episodes are pure" exits 0 "gym:CartPole-v1: pure" dreamfarm run one
check "it leaves no Python behind" gone
for ranks in 2 3; do
  world $ranks
  check "a search by $ranks ranks" dreamfarm evolve $ranks $MPIRUN -n $ranks
  check "the same rows and controller by $ranks ranks" same one $ranks
done
check "episodes collected by 3 ranks" dreamfarm collect taken $MPIRUN -n 3
check "are the same" sh -c "cd $dir && for f in one/episodes/*.hdf5; do cmp \$f taken/\${f#one/} || exit 1; done"
check "no Python is left" gone

# --- losses -------------------------------------------------------------------------------------------------------------------
world child
(started evolve child $MPIRUN -n 2) >"$dir/log" 2>&1 & job=$!
check "a search under way" hold child
victim=$(children | head -n 1)
check "a child is killed" kill -9 "$victim"
go
check "its rank goes on" wait $job
check "and says what happened" grep -q "ended by signal 9" "$dir/log"
check "the same bytes" same one child

world rank
(started evolve rank $MPIRUN -n 2) >"$dir/log" 2>&1 & job=$!
check "another one under way" hold rank
victim=$(children | head -n 1)
check "its rank is killed" kill -9 "$(awk '{print $4}' "/proc/$victim/stat")"
go
wait $job
check "no Python outlives it" gone
check "it goes on" dreamfarm evolve rank $MPIRUN -n 2
check "the same bytes after that" same one rank

# --- what always fails --------------------------------------------------------------------------------------------------------
bad() { "$program" collect tests/app/tiny.yaml --quiet --set environment.name=gym:bad_gym:Bad-v0 --set environment.python="$python" \
  --set environment.cap=50 --set run.directory="$dir/bad" --set environment.options="$1" "${@:2}"; }
check "at once" exits 1 "its first episodes break: ValueError: boom in step" bad '{"how": "raise"}'
check "now and then" exits 1 "on $(hostname) the environment failed 3 times at the same episode, the last time: ValueError: boom in step" bad '{"how": "raise", "every": 3}'
check "its traceback is shown" grep -q 'raise ValueError("boom in step")' "$dir/said"
check "once" test "$(grep -c Traceback "$dir/said")" = 1
check "no Python is left after that" gone
greedy() { bad '{"how": "eat", "every": 3}' --set environment.memory=200; }
check "with too much memory" exits 1 "MB of memory and was ended; environment.memory allows 200" greedy
check "three times" grep -q "failed 3 times at the same episode, the last time: its Python held" "$dir/said"
check "no Python is left after that" gone
launched() { timeout 120 "$program" launch -n 2 -- collect tests/app/tiny.yaml --quiet --set environment.name=gym:bad_gym:Bad-v0 \
  --set environment.python="$python" --set environment.cap=50 --set run.directory="$dir/launched" \
  --set environment.options='{"how": "raise", "every": 3}'; }
check "launch does not start it again" exits 1 "failed 3 times at the same episode" launched
check "once is enough" test "$(grep -c "failed 3 times" "$dir/said")" -le 2
check "no Python is left after that, either" gone

# --- the configurations that are given: those that want Gymnasium alone ---------------------------------------------
few="--set run.rounds=1 --set collect.episodes=8 --set rnn.epochs=1 --set rnn.hidden=8 --set dream.cap=20
  --set evolve.generations=2 --set evolve.popsize=4 --set evolve.episodes=2
  --set evolve.held_out_episodes=2 --set evolve.real_episodes=2 --set fidelity.episodes=2 --set evaluate.episodes=2
  --set environment.python=$python"
for config in $(grep -L "gymnasium\[" configs/gym/*.yaml); do
  name=$(basename "$config" .yaml)
  check "$config runs" "$program" run "$config" --quiet $few --set run.directory="$dir/given-$name"
  check "in its environment" grep -rq --include=evaluate.json \
    "$(grep -o 'gym:[A-Za-z0-9-]*' "$config")" "$dir/given-$name"
done

# --- settings -----------------------------------------------------------------------------------------------------------------
again() { "$program" collect tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/one" --set environment.frame_skip=2; }
check "another frame skip is another run" exits 5 "environment.frame_skip is 2, but was 1" again
end
