#!/usr/bin/env bash
# A worker is killed, or stopped and woken, in the middle of a map: the map ends with the same results.
set -u
program=${BUILD:-build}/tests/farm/test_map passed=0 failed=0 dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
check() { if "${@:2}"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "failed: $1"; tail -n 5 "$dir/out"; fi; }
run() { # [SIGNAL]: a long map on 3 ranks; the signal hits the last rank in mid-run
  timeout -k 2 60 mpirun --enable-recovery -n 3 "$program" long >"$dir/out" 2>&1 & local job=$!
  if [ -n "${1:-}" ]; then
    sleep 1.5
    local victim; victim=$(pgrep -P "$(pgrep -P $job | head -n 1)" | tail -n 1)
    kill "-$1" "$victim" || echo "no victim"
    if [ "$1" = STOP ]; then (sleep 14; kill -CONT "$victim") & fi
    # mpirun of Open MPI 4 may never end after a loss: what rank 0 says is what counts.
    for _ in $(seq 400); do grep -q '^checksum' "$dir/out" && break; kill -0 $job 2>/dev/null || break; sleep 0.1; done
    for _ in $(seq 150); do [ "$1" = STOP ] || grep -q 'taken for lost' "$dir/out" && break; sleep 0.1; done
    kill -9 $(pgrep -P "$(pgrep -P $job | head -n 1)") $(pgrep -P $job) 2>/dev/null
  fi
  wait $job 2>/dev/null
  sed -n 's/^checksum \([0-9a-f]*\).*/\1/p' "$dir/out"
}
whole=$(run)
check "undisturbed" test -n "$whole"
killed=$(run KILL)
check "killed: the same results" test "$killed" = "$whole"
check "killed: it is said" grep -q 'worker 2 .* lost' "$dir/out"
stopped=$(run STOP)
check "stopped: the same results" test "$stopped" = "$whole"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
