#!/usr/bin/env bash
# The look before the leap: one line when all is well, one sentence with its remedy for each thing that is not.
# ranks: 2 3
set -u
. tests/checks.sh
silent() { ! grep -qF -- "$1" "$dir/said"; }
verb="evaluate tests/app/tiny.yaml --policy still --set run.directory=$dir/run"
cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
check "all is well" exits 0 "1 rank on 1 host, $cores core" "$program" $verb
check "whose kernels BLAS uses" grep -q ", BLAS for [A-Z]" "$dir/said"
check "no warning" silent warning
if grep -qw avx2 /proc/cpuinfo; then
  # An OpenBLAS that takes this processor for an old one, unless it is told.
  echo '#include <stdlib.h>
    char *openblas_get_corename(void) { char *told = getenv("OPENBLAS_CORETYPE"); return told ? told : "Sandybridge"; }' | cc -shared -fPIC -x c - -o "$dir/old.so"
  check "kernels that round alike everywhere" exits 0 ", BLAS for Haswell, " mpirun -n 2 env -u OPENBLAS_CORETYPE LD_PRELOAD="$dir/old.so" "$program" $verb
  check "no warning then" silent "warning: BLAS"
  check "others are warned of" exits 0 "warning: BLAS is OpenBLAS's for Nehalem: a search that is begun" env OPENBLAS_CORETYPE=Nehalem "$program" $verb
fi
check "quiet" exits 0 "still" "$program" $verb --quiet
check "quiet exits nothing of it" silent "1 rank on"
check "several ranks" exits 0 "on 1 host" mpirun -n 2 taskset -c 0-1 "$program" $verb
check "too many ranks" exits 0 "warning: $((cores + 3)) ranks on $(hostname) share $cores core" mpirun -n $((cores + 3)) "$program" $verb
check "bound to one core" exits 0 "warning: 2 ranks on $(hostname) share 1 core; start one rank a core, unbound" mpirun -n 2 taskset -c 0 "$program" $verb
check "nothing of it is left" test ! -e "$dir/run/preflight"

version=$("$program" --version); version=${version#dreamfarm }
sed "s/$version/9${version#?}/g" "$program" >"$dir/other"; chmod +x "$dir/other"
check "another version" exits 5 "install the same everywhere" mpirun -n 1 "$program" $verb : -n 1 "$dir/other" $verb

if unshare --mount true 2>/dev/null; then
  blind() { unshare --mount bash -c "mount -t tmpfs tmpfs $dir/run; exec $program $verb"; }
  export -f blind; export program verb dir
  check "a run directory that is not shared" exits 6 "put run.directory on a file system that all hosts share" mpirun -n 1 "$program" $verb : -n 1 bash -c blind
  narrow() { unshare --mount bash -c "mount -t tmpfs -o size=1m tmpfs /dev/shm; exec $program $verb"; }
  export -f narrow
  check "a small /dev/shm" exits 0 "has 1 MB free for the messages of 2 ranks; give the container more" timeout -k 2 120 mpirun --mca btl tcp,self --mca btl_tcp_if_include lo -n 2 bash -c narrow
  little() { unshare --mount bash -c "mount -t tmpfs -o size=9m tmpfs $dir/run; exec $program $verb"; }
  export -f little
  check "a nearly full disk" exits 0 "has 9 MB free; a run may want" bash -c little
else
  skipped=3; echo "SKIPPED: other file systems for one rank need the right to mount (unshare --mount)"
fi

# Too few episodes for so many ranks are said with numbers.
"$program" run tests/app/tiny.yaml --quiet --set environment.name=cartpole_swingup --set run.directory="$dir/pole" --set evolve.generations=1 >"$dir/out"
few="evolve tests/app/tiny.yaml --set environment.name=cartpole_swingup --set run.directory=$dir/pole --set evolve.episodes=2 --fresh"
check "too few episodes" exits 0 "warning: 8 x 2 episodes a generation use about 76 % of 3 ranks; evolve.popsize x evolve.episodes of 22" mpirun -n 3 "$program" $few
check "enough episodes" exits 0 "8 candidates x 5 episodes" mpirun -n 2 "$program" ${few/episodes=2/episodes=5}
check "enough: no warning of it" silent "episodes a generation use"
end
