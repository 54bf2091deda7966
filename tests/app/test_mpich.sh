#!/usr/bin/env bash
# The same program built with MPICH (Debian: mpich, libmpich-dev): the tests of the map pass, run.csv has the bytes that Open
# MPI gives, a lost rank ends the job there, and it is resumed.
set -u
if ! command -v mpicc.mpich >/dev/null || ! command -v mpirun.mpich >/dev/null; then
  echo "SKIPPED: MPICH is not installed beside Open MPI (mpicc.mpich, mpirun.mpich; Debian packages mpich, libmpich-dev)"
  echo "0 passed, 0 failed, 1 skipped"; exit 0
fi
own=build/mpicc.mpich
MAKEFLAGS="" make --no-print-directory -j"$(nproc)" MPICC=mpicc.mpich all $own/tests/farm/test_map >/dev/null || { echo "0 passed, 1 failed"; exit 1; }
openmpi=${DREAMFARM:?}
. tests/app/small_pole.sh
. tests/app/ranks.sh

world openmpi
check "Open MPI" evolve 2 openmpi
program=$own/dreamfarm MPIRUN=mpirun.mpich
check "it is MPICH's" bash -c "ldd $program | grep -q libmpich"
check "the map" env -u DREAMFARM BUILD=$own MPIRUN=mpirun.mpich TEST_SECONDS=300 tests/run farm/test_map
for ranks in 2 3; do
  world m$ranks
  check "MPICH at $ranks ranks" evolve $ranks m$ranks
  check "the same bytes at $ranks ranks" same openmpi m$ranks
done
world lost
started lost mpirun.mpich -n 3 >"$dir/log" 2>&1 & job=$!
in_mid_generation lost
kill -9 "$(rank $job 2)"
wait $job; code=$?
check "a lost rank ends the job, with a code that is not 0" test $code != 0
program=$openmpi MPIRUN=mpirun
check "goes on under Open MPI" evolve 2 lost
check "the same bytes" same openmpi lost
check "from the journal" test "$(event lost resume journal)" -gt 0
end
