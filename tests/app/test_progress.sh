#!/usr/bin/env bash
# How far each stage is, in progress.json, and what a stage that is no search is asked by control.yaml: its state, to stop,
# and generations, which it has none of. A stage that was asked to stop goes on to the same bytes.
set -u
. tests/checks.sh
export TMPDIR=$dir OMPI_MCA_btl_vader_backing_directory=$dir  # what Open MPI leaves behind when mpirun is killed
MPIRUN=${MPIRUN:-mpirun}
sizes="--set collect.episodes=8 --set collect.shard=1 --set vae.epochs=6 --set vae.batch=10 --set rnn.epochs=40 --set rnn.batch=2"
words() { echo "tests/app/tiny.yaml --quiet $sizes --set run.directory=$dir/$1"; }
stage() { local name=$1 verb=$2; shift 2; "$program" "$verb" $(words "$name") "$@"; } # NAME VERB OPTIONS...
begun() { # NAME VERB [OPTIONS...] [-- LAUNCHER...]: in the background
  local name=$1 verb=$2 options=(); shift 2
  while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
  "${@:2}" "$program" "$verb" $(words "$name") ${options[@]+"${options[@]}"} >"$dir/log" 2>&1 & job=$!
}
ended() { wait $job; test $? = "$1"; }
until_true() { for _ in $(seq 500); do "$@" 2>/dev/null && return; sleep 0.02; done; return 1; }
put() { printf "$2" >"$dir/$1/new"; mv "$dir/$1/new" "$dir/$1/control.yaml"; }
gone() { until_true test ! -e "$dir/$1/control.yaml"; }
says() { until_true grep -qF -- "$1" "$dir/log"; }
# The file as a whole, as a reader would take it: one object with these keys, and no other.
good() { # NAME STAGE COMPLETE
  python3 - "$dir/$1/progress.json" "$2" "$3" <<'END'
import json, sys, time
p = json.load(open(sys.argv[1]))
assert list(p) == ["stage", "done", "total", "unit", "note", "eta", "seconds", "updated", "complete"], p
assert p["stage"] == sys.argv[2] and p["complete"] == (sys.argv[3] == "true"), p
assert 0 <= p["done"] <= p["total"] and p["unit"] and p["seconds"] >= 0, p
assert abs(p["updated"] - time.time()) < 60, p
assert p["eta"] == 0 if p["complete"] else p["eta"] is None or p["eta"] >= 0, p
END
}
at_work() { good "$1" "$2" false; }

# Every stage tells that it is complete.
for verb in collect train-vae encode train-rnn evolve fidelity evaluate; do
  check "$verb" stage whole $verb
  check "$verb: progress.json" good whole $verb true
done
check "another question leaves the run's progress alone" stage whole evaluate --policy random --episodes 2
check "the judgement's still stands" good whole evaluate true
check "it is complete" grep -q '"done": 100, "total": 100, "unit": "episodes"' "$dir/whole/progress.json"

# V is asked for its state, for generations, and to stop.
mkdir "$dir/asked" && cp -r "$dir/whole/"{episodes,stages} "$dir/asked/" && rm "$dir/asked/stages/"{train-vae,encode,train-rnn,evolve,evaluate}
begun asked train-vae
check "V is at work" until_true at_work asked train-vae
put asked 'state: true\n'
check "the state" says 'train-vae: '
check "is taken" gone asked
check "and it tells how far it is" grep -qE "train-vae: [0-9]+ of [0-9]+ batches; loss .*; (about [0-9]+ s to go|no rate yet)" "$dir/log"
put asked 'generations: 7\nstop: true\n'
check "generations are refused" says "control.yaml: generations: found 7, but train-vae has none: only evolve is asked for them; nothing was changed, train-vae goes on"
put asked 'stpo: true\n'
check "an unknown key is refused" says 'unknown key "stpo"; nearest known: stop; nothing was changed, train-vae goes on'
check "it goes on" kill -0 $job
check "control asks it to stop" "$program" control tests/app/tiny.yaml --set run.directory="$dir/asked" --set stop=true
check "it stops with 7" ended 7
check "and says where" grep -q "training V was stopped at step .* its checkpoint is" "$dir/log"
check "with a checkpoint" test -s "$dir/asked/vae.checkpoint.safetensors" -a ! -e "$dir/asked/vae.safetensors"
check "the request is kept" grep -qx "stop: true" "$dir/asked/control.done.yaml"
check "its progress is that of a stage under way" at_work asked train-vae
check "the same command goes on" stage asked train-vae
check "to the same bytes" cmp "$dir/whole/vae.safetensors" "$dir/asked/vae.safetensors"
check "and rows" same_rows "$dir/whole/train_vae.csv" "$dir/asked/train_vae.csv"
check "the latents" stage asked encode

# M on two ranks: rank 0 is asked, both stop.
two="--set rnn.epochs=4000"
begun asked train-rnn $two -- $MPIRUN -n 2
check "M is at work" until_true at_work asked train-rnn
put asked 'stop: true\n'
check "two ranks stop with 7" ended 7
check "with a checkpoint of M" test -s "$dir/asked/rnn.checkpoint.safetensors"

# Those that play.
begun long collect --set collect.episodes=4000
check "collect is at work" until_true at_work long collect
put long 'stop: true\n'
check "collect stops with 7" ended 7
check "collect says so" grep -q "collecting was stopped" "$dir/log"
begun whole evaluate --set evaluate.episodes=100000 --fresh
check "evaluate is at work" until_true at_work whole evaluate
put whole 'stop: true\n'
check "evaluate stops with 7" ended 7

check "nothing was half-written" test -z "$(find "$dir" -name '*.tmp' 2>/dev/null)"
end
