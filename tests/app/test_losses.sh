#!/usr/bin/env bash
# A worker is killed, stopped and woken, all are killed, in mid-generation: run.csv is what it would have been, and each is
# one line in the log and one event in run.jsonl. When all workers are gone the run says how to go on, and goes on.
# ranks: 2 3
set -u
. tests/app/small_pole.sh
. tests/app/ranks.sh
most=0
events() { grep -c "\"event\": \"$2\"" "$dir/$1/run.jsonl"; } # NAME EVENT
await() { for _ in $(seq ${AWAIT:-900}); do grep -q "\"event\": \"$2\"" "$dir/$1/run.jsonl" && return; sleep 0.1; done; echo "no $2 in $1"; } # NAME EVENT
hit() { # NAME EVENT WHAT: WHAT is done to the workers of $job in mid-generation; stopped when the event is there
  local name=$1 event=$2 what=$3
  world "$name"
  more="--set evolve.generations=1000"
  started "$name" mpirun --enable-recovery -n 3 >"$dir/$name.log" 2>&1 & job=$!
  in_mid_generation "$name"
  local ranks; ranks="$(rank $job 0) $(rank $job 1) $(rank $job 2)"
  $what
  await "$name" "$event"
  kill -USR1 ${ranks%% *} 2>/dev/null
  await "$name" stop
  sleep 1  # mpirun of Open MPI 4 may never end after a loss: what rank 0 wrote is what counts
  kill -9 $ranks $job 2>/dev/null; wait $job 2>/dev/null
  [ "$(rows "$name")" -le $most ] || most=$(rows "$name")
  cp "$dir/$name.log" "$dir/out"
}
kill_one() { kill -9 "$(rank $job 2)"; await killed lost; echo "state: true" >"$dir/killed/control.yaml"; await killed state; }
stop_one() { local p; p=$(rank $job 2); kill -STOP "$p"; await woken lost; kill -CONT "$p"; }
kill_all() { kill -9 "$(rank $job 1)" "$(rank $job 2)"; }
hit killed lost kill_one
check "killed: one event" test "$(events killed lost)" = 1
check "killed: a rank fewer is alive" grep -q '"ranks": 3, "alive": 2' "$dir/killed/state.json"
check "killed: it names the rank" test "$(event killed lost worker)" = 2
check "killed: one line" test "$(grep -c 'worker 2.*lost' "$dir/killed.log")" = 1
hit woken back stop_one
check "stopped: one event" test "$(events woken lost)" = 1
check "woken: one event" test "$(events woken back)" = 1
check "woken: one line" test "$(grep -c 'worker 2 is back' "$dir/woken.log")" = 1
hit alone stop kill_all
check "all lost: two events" test "$(events alone lost)" = 2
check "all lost: it is said" grep -q 'dreamfarm: .*lost' "$dir/alone.log"

generations=$((most + most % 2))
world whole
check "undisturbed" evolve 2 whole --set evolve.generations=$generations
for name in killed woken alone; do
  check "$name: goes on" evolve 2 $name --set evolve.generations=$generations
  check "$name: the same bytes" same whole $name
done
end
