#!/usr/bin/env bash
# Workers are killed, stopped and woken, slowed, or met by a task that takes them down, in the middle of a map: it ends with
# the same results, or says clearly why not. All cases run side by side, since they spend their time waiting for leases.
# ranks: 2 3
set -u
program=${BUILD:-build}/tests/farm/test_map passed=0 failed=0 skipped=0 dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
check() { case $1 in killed|alone|kill) [ -n "$deaths" ] || { skipped=$((skipped + 1)); return; };; esac
  if "${@:3}"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "failed: $1: $2"; tail -n 8 "$dir/$1"; fi; }
pid_of() { sed -n "s/^rank $2 pid //p" "$dir/$1"; }  # CASE RANK
awaits() { # CASE WORDS SECONDS: until its output has them
  for _ in $(seq $(($3 * 10))); do grep -q "$2" "$dir/$1" && return 0; sleep 0.1; done
  return 1
}
mpirun=${MPIRUN:-mpirun} survive=--enable-recovery  # the flag under which ranks outlive others
deaths="killed alone kill"                          # cases in which a process dies
if $mpirun --version 2>&1 | grep -q HYDRA; then
  echo "skipped: $deaths: MPICH's launcher ends all ranks when one dies, with -disable-auto-cleanup too; resuming is what helps there"
  survive= deaths=
fi
begin() { # CASE RANKS WORD: a job in its own process group; mpirun of Open MPI 4 may never end after a loss
  : >"$dir/$1"
  setsid timeout -k 2 300 $mpirun $survive -n "$2" "$program" "$3" >"$dir/$1" 2>&1 &
  echo $! >"$dir/$1.group"
  for r in $(seq 0 $(($2 - 1))); do awaits "$1" "^rank $r pid" 120; done
  sleep 1.5
}
end() { # CASE [WORDS]: when rank 0 has said how it ended (and these words too), nothing of it is left running
  awaits "$1" '^status' 240
  [ $# = 1 ] || awaits "$1" "$2" 60
  local ranks; ranks=$(sed -n 's/^rank [0-9]* pid //p' "$dir/$1")
  kill -CONT $ranks 2>/dev/null; kill -9 $ranks 2>/dev/null
  kill -9 -- "-$(cat "$dir/$1.group")" 2>/dev/null
}
whole() { begin whole 3 long; end whole; }
killed() { begin killed 3 long; kill -9 "$(pid_of killed 2)"; end killed 'taken for lost'; }
stopped() { # long enough to be given up, and woken
  begin stopped 3 longer; kill -STOP "$(pid_of stopped 2)"
  awaits stopped 'worker 2 .* lost' 120; kill -CONT "$(pid_of stopped 2)"
  awaits stopped '^status' 240
  for _ in $(seq 600); do kill -0 "$(cat "$dir/stopped.group")" 2>/dev/null || { echo "ended by itself" >>"$dir/stopped"; break; }; sleep 0.1; done
  end stopped
}
slowed() { # a tenth of its speed
  begin slowed 3 long
  local victim; victim=$(pid_of slowed 2)
  while ! grep -q '^status' "$dir/slowed" && kill -STOP "$victim" 2>/dev/null; do sleep 0.18; kill -CONT "$victim"; sleep 0.02; done &
  end slowed
}
alone() { begin alone 3 longer; kill -9 "$(pid_of alone 1)" "$(pid_of alone 2)"; end alone; }
kill_by_task() { begin kill 5 kill; end kill; }
hang() { begin hang 5 hang; end hang; }
for name in whole stopped slowed hang ${deaths/%kill/kill_by_task}; do $name & done; wait
checksum() { sed -n 's/^checksum \([0-9a-f]*\).*/\1/p' "$dir/$1"; }
same() { [ -n "$(checksum whole)" ] && [ "$(checksum "$1")" = "$(checksum whole)" ]; }
check whole "undisturbed" grep -q '^checksum .* lost 0 returned 0' "$dir/whole"
check killed "the same results" same killed
check killed "it is said" grep -q 'worker 2 .* lost' "$dir/killed"
check stopped "the same results" same stopped
check stopped "it is taken back" grep -q '^event worker 2 back' "$dir/stopped"
check stopped "the farm is whole again and ends like any other" grep -q '^ended by itself' "$dir/stopped"
check slowed "the same results" same slowed
check slowed "nobody is lost" grep -q '^checksum .* lost 0' "$dir/slowed"
check alone "rank 0 does not carry on, and says what to do" grep -q '^status 85 all 2 workers are lost .* resumes' "$dir/alone"
check kill "poison is found, named and given its result, the others theirs" grep -q '^event poisoned task 207 workers 2' "$dir/kill"
check kill "the same results but for it" same kill
check hang "poison without a result ends the map and is named" grep -q '^status 1 task 207 (group 5, member 7) took 2 workers down' "$dir/hang"
if [ $skipped = 0 ]; then echo "$passed passed, $failed failed"; else echo "$passed passed, $failed failed, $skipped skipped"; fi
[ $failed = 0 ]
