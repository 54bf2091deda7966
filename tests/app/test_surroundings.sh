#!/usr/bin/env bash
# What is around the program and none of its business: no ssh, other MPIs' launchers, SLURM's variables, closed and full
# outputs, ignored signals, stopped processes, narrow and dumb terminals, quotas. Each must be survived, or said.
# ranks: 2 3
set -u
. tests/app/small_pole.sh
. tests/app/ranks.sh
tiny=tests/app/tiny.yaml

world whole
check "undisturbed" evolve 2 whole

eased=$(export -p | grep OMPI_MCA_); unset "${!OMPI_MCA_@}"  # tests/run makes Open MPI's life easier than strangers do
# --- alone: no remote shell, no ports, no files -----------------------------------------------------------------------
mkdir "$dir/bare" "$dir/empty"
for tool in env sh; do ln -s "$(command -v $tool)" "$dir/bare/"; done
check "no ssh on PATH" env PATH="$dir/bare" "$program" explain $tiny

inodes() { ls -l "/proc/$1/fd" | sed -n 's/.*socket:\[\([0-9]*\)\]/\1/p'; }
silent() { # PID: no port of its own is open, here or on the network
  local ports; ports=$(awk '$4 == "0A" {print $10}' /proc/net/tcp /proc/net/tcp6)
  ! inodes "$1" | grep -qxF -- "${ports:-none}"
}
maps_nothing() { ! grep -E '/dev/shm|vader_segment' "/proc/$1/maps"; }
childless() { [ -z "$(ps -o pid= --ppid "$1")" ]; }
world quiet; more="--set evolve.generations=1000"
TMPDIR=$dir/empty started quiet >"$dir/log" 2>&1 & job=$!
in_mid_generation quiet
check "a plain run listens nowhere" silent $job
check "a plain run maps no shared memory of MPI's" maps_nothing $job
check "a plain run has no daemon" childless $job
kill -KILL $job; wait $job 2>/dev/null
check "killed, it leaves nothing in TMPDIR" test -z "$(ls -A "$dir/empty")"
check "what the user set for Open MPI stays" exits 1 "" env OMPI_MCA_btl=none,such "$program" explain $tiny

# --- launchers --------------------------------------------------------------------------------------------------------
check "another MPI's mpirun is noticed" exits 2 "4 ranks were started, but each finds itself alone" \
  env PMI_SIZE=4 PMI_RANK=0 "$program" explain $tiny
check "an mpirun of Open MPI's, too" exits 2 "OMPI_COMM_WORLD_SIZE says that 3 ranks" \
  env OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=0 "$program" explain $tiny
says_nothing() { "$@" >"$dir/said" 2>&1; [ $? = 2 ] && [ ! -s "$dir/said" ]; }
check "only the first rank speaks" says_nothing env PMI_SIZE=4 PMI_RANK=2 "$program" explain $tiny
check "one rank of another launcher's is one" env PMI_SIZE=1 PMI_RANK=0 "$program" explain $tiny
batch="SLURM_JOBID=5 SLURM_JOB_ID=5 SLURM_NODELIST=here SLURM_NTASKS=4 SLURM_PROCID=0"
check "in a batch script it is a plain program" env $batch "$program" explain $tiny
check "srun -n1 without a wire" env $batch SLURM_NTASKS=1 SLURM_STEP_ID=0 SLURM_STEPID=0 \
  SLURM_STEP_NUM_TASKS=1 "$program" explain $tiny
eval "$eased"

# --- standard output, full or closed or read no further ---------------------------------------------------------------
outputs() { # NAME WORDS...
  local name=$1; shift
  check "$name to a full disk" exits 6 "standard output: No space left on device" \
    bash -c '"$@" >/dev/full' - "$program" "$@"
  check "$name to a closed output" exits 6 "standard output: Bad file descriptor" bash -c '"$@" >&-' - "$program" "$@"
}
outputs help --help
outputs version --version
outputs config config
outputs explain explain $tiny
outputs "explain --json" explain --json $tiny
outputs "bench farm" bench farm --simulate --seeds 1 --workers 8 --candidates 8 --episodes 16
outputs "bench es" bench es --function sphere --n 4 --seeds 2 --algorithm cma --quiet
head_only() {
  "$program" explain $tiny 2>"$dir/said" | head -n 1 >/dev/null; [ "${PIPESTATUS[0]}" != 1 ] && [ ! -s "$dir/said" ]
}
check "a reader that wants no more is told nothing" head_only
world closed; more=""
(started closed 2>&- >&- <&-)
check "with all three streams closed a run is the same run" same whole closed

# --- stopped (Ctrl-Z) for longer than any lease, and gone on with -----------------------------------------------------
stopped() { # NAME RANK...: those of three ranks; the last words are the exit code
  local name=$1 job all="" r; shift
  started "$name" $MPIRUN -n 3 >"$dir/log-$name" 2>&1 & job=$!
  in_mid_generation "$name"
  for r; do all="$all $(rank $job "$r")"; done
  kill -STOP $all; sleep 11; kill -CONT $all
  wait $job; echo $? >>"$dir/log-$name"
}
world stopped-first; world stopped-all
stopped stopped-first 0 & first=$!
stopped stopped-all 0 1 2 & every=$!
wait $first $every
for name in stopped-first stopped-all; do
  check "$name: nothing is taken for lost" test "$(cat "$dir/log-$name")" = 0
  check "$name: the same bytes" same whole $name
done

# --- a quota: a group of our own, where we may make one ---------------------------------------------------------------
group() { # the folder of a group that pays for one core, in $group
  group=/sys/fs/cgroup/cpu/dreamfarm-test-$$
  mkdir "$group" && echo 100000 >"$group/cpu.cfs_period_us" && echo 100000 >"$group/cpu.cfs_quota_us" && return
  rmdir "$group"; group=/sys/fs/cgroup/dreamfarm-test-$$
  mkdir "$group" && echo "100000 100000" >"$group/cpu.max" && return
  rmdir "$group"; return 1
} 2>/dev/null
within() { sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"; }
if group; then
  check "ranks under a quota" exits 0 "warning: 2 ranks on $(hostname) share the time of 1 core" \
    within mpirun -n 2 "$program" collect $tiny --set run.directory="$dir/quota"
  check "one rank under a quota" exits 0 "1 core for rank 0" \
    within "$program" collect $tiny --set run.directory="$dir/quota" --fresh
  rmdir "$group"
else skipped=$((skipped + 2)); echo "skipped: no control group can be made here"; fi

# --- make says little, and all that matters ---------------------------------------------------------------------------
objects="$dir/build/src/base/log.o $dir/build/src/base/text_buffer.o"
build() { env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory BUILD="$dir/build" "$@" $objects >"$dir/said" 2>&1; }
check "make says a line a folder" eval 'build CFLAGS=-O0 && [ "$(cat "$dir/said")" = "  $dir/build/src/base" ]'
check "make V=1 shows the commands" eval 'build -B V=1 CFLAGS=-O0 && grep -q "gcc.*-c src/base/log.c" "$dir/said"'
check "make shows warnings" eval 'build -B CFLAGS="-O0 -Wc++-compat" && grep -q "warning:" "$dir/said"'
check "make shows errors" eval '! build -B CFLAGS=-no-such-flag && grep -q "no-such-flag" "$dir/said"'

end
