#!/usr/bin/env bash
# The program without MPI: the bytes of a whole run are those of the program with it on one rank, the map passes its
# tests there, and what would take more ranks is refused in one sentence.
set -u
. tests/app/whole_run.sh
with=$program alone=$program-alone
[ -e "$alone" ] || alone=$program  # made with MPI=no: all of it is without

if [ "$alone" = "$program" ]; then
  echo "skipped: this build has no MPI to compare with"; skipped=1
else
  check "a whole run with MPI" whole with
  program=$alone
  check "a whole run without MPI" whole alone
  check "the same bytes" same_run with alone
  check "the map's tests" "$(dirname "$with")/tests/farm/test_map-alone"
fi
program=$alone
check "no MPI is linked" bash -c "! ldd '$program' | grep -E 'libmpi|libmpich|open-rte|open-pal'"
check "no MPI is called" bash -c "! nm -u '$program' | grep MPI_"

# --- one rank --------------------------------------------------------------------------------------------------------
check "launch says so" exits 2 "this program has one rank" "$program" launch -n 2 -- run tests/app/tiny.yaml
check "in one line" test "$(wc -l <"$dir/said")" = 1
for launcher in OMPI_COMM_WORLD PMI; do
  check "$launcher's ranks are not played by each" exits 2 "${launcher}_SIZE says that 2 ranks were started, but" \
    env ${launcher}_SIZE=2 ${launcher}_RANK=0 "$program" explain tests/app/tiny.yaml
done
check "a launcher's only rank is one" \
  env OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 "$program" explain tests/app/tiny.yaml
end
