#!/usr/bin/env bash
# SIGTERM, SIGUSR1, SIGHUP and SIGXCPU end a run within seconds with "resume me" (85), SIGINT with
# "stopped by the user" (7), whoever gets them; workers take no notice; finished episodes are kept; the same command goes
# on to the same bytes. (Exit codes go through mpirun only without --enable-recovery: with it Open MPI 4 says 0 whatever
# happened.)
# ranks: 2 3
set -u
. tests/app/small_pole.sh
. tests/app/ranks.sh
# the second generation is hit, and the third is made after it
search="$search --set evolve.generations=3 --set evolve.held_out_episodes=50 --set evolve.real_episodes=50"
world whole
check "undisturbed" evolve 2 whole

hit() { # CODE NAME SENDER: the sender is called in mid-generation with mpirun's pid; then exit code, journal, seconds, resume
  local code=$1 name=$2 sender=$3 job got start rows
  world "$name"
  started "$name" $MPIRUN -n 3 >"$dir/log" 2>&1 & job=$!
  in_mid_generation "$name"
  rows=$(wc -l <"$dir/$name/run.csv"); $sender $job; start=$SECONDS
  wait $job; got=$?
  cp "$dir/log" "$dir/out"
  [ $((SECONDS - start)) -gt 1 ] && echo "$name took $((SECONDS - start)) s"
  [ "$got" = "$code" ] && [ $((SECONDS - start)) -le 20 ] && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "failed: $name: exit code $got"; cat "$dir/log"; }
  [ "$code" = 0 ] || check "$name: finished episodes are kept, or their generation is" \
    test "$(stat -c %s "$dir/$name/journal")" -gt 64 -o "$(wc -l <"$dir/$name/run.csv")" -gt "$rows"
  check "$name: goes on" evolve 2 "$name"
  check "$name: the same bytes" same whole "$name"
}
usr1_mpirun() { kill -USR1 "$1"; }
usr1_rank0() { kill -USR1 "$(rank "$1" 0)"; }
term_rank0() { kill -TERM "$(rank "$1" 0)"; }
hup_rank0() { kill -HUP "$(rank "$1" 0)"; }
xcpu_all() {
  local p="$(rank "$1" 0) $(rank "$1" 1) $(rank "$1" 2)"; kill -XCPU $p; sleep 0.05; kill -XCPU $p 2>/dev/null
}
int_rank0() { kill -INT "$(rank "$1" 0)"; }
usr1_all() { local p="$(rank "$1" 0) $(rank "$1" 1) $(rank "$1" 2)"; kill -CONT $p; kill -USR1 $p; sleep 0.05; kill -USR1 $p 2>/dev/null; }
workers() { local p="$(rank "$1" 1) $(rank "$1" 2)"; kill -USR1 $p; kill -INT $p; sleep 0.1; kill -INT $p; kill -TERM $p; }
hit 85 mpirun-usr1 usr1_mpirun
hit 85 rank0-usr1 usr1_rank0
hit 85 rank0-term term_rank0
hit 85 all-usr1-twice usr1_all
hit 85 rank0-hup hup_rank0
hit 85 all-xcpu-twice xcpu_all
hit 7 rank0-int int_rank0
hit 0 workers-take-no-notice workers

# Without a launcher, and with signals that are ignored (nohup, jobs in the background of a script) or not.
# CODE NAME SIGNAL ENV-OPTION: as `hit`, of the plain program started by `env ENV-OPTION`; 0: the signal changes nothing
alone_hit() {
  local code=$1 name=$2 which=$3 job got
  world "$name"
  started "$name" env "$4" >"$dir/log" 2>&1 & job=$!
  in_mid_generation "$name"; kill "-$which" $job
  wait $job; got=$?; cp "$dir/log" "$dir/out"
  check "$name: exit code $got" test $got = "$code"
  [ "$code" = 0 ] || check "$name: goes on" alone "$name"
  check "$name: the same bytes" same whole "$name"
}
alone_hit 85 terminal-closed HUP --default-signal=HUP
alone_hit 0 nohup HUP --ignore-signal=HUP
alone_hit 0 background INT --ignore-signal=INT
alone_hit 0 term-ignored TERM --ignore-signal=TERM
world xcpu
check "a limit of processor time: its first signal is heard" exits 85 "" bash -c "ulimit -S -t 1; exec \"\$@\"" - \
  "$program" evolve tests/app/tiny.yaml --quiet $search --set run.directory="$dir/xcpu" --set evolve.generations=100000

# A log that nobody reads any more does not matter: neither the plain program's nor mpirun's.
unread() { # NAME [mpirun ...]
  local name=$1; shift; world "$name"
  env --default-signal=PIPE "$@" "$program" evolve tests/app/tiny.yaml $search \
    --set run.directory="$dir/$name" 2>&1 | true
  check "$name: goes on to the same bytes" same whole "$name"
}
unread reader-gone
unread reader-gone-of-mpirun $MPIRUN -n 2

# The second SIGINT does not wait for anything. (The first may be quicker than the second is sent: again, then.)
world twice
for _ in 1 2 3 4 5 6 7 8 9; do
  started twice env --default-signal=INT >/dev/null 2>&1 & job=$!
  sleep 0.4; kill -INT $job; sleep 0.02; kill -INT $job 2>/dev/null
  wait $job; got=$?
  [ $got = 130 ] && break
done
check "a second SIGINT ends at once" test $got = 130
check "and loses nothing" alone twice
check "the same bytes after it" same whole twice
end
