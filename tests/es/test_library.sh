#!/usr/bin/env bash
# The installed library: docs/library.md's program, word for word, built by its commands against what `make install`
# leaves, finds the minimum; without MPI. Only es_, ES_ and DREAMFARM_ get into a user's program, in C or in C++.
set -u
. tests/checks.sh
CC=${CC:-cc} CXX=${CXX:-c++} PREFIX=$dir/prefix
export PREFIX
block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" docs/library.md | sed '/^```/d'; }
check "make install" make install PREFIX="$PREFIX"
export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig
block c >"$dir/rosenbrock.c"
check "the page has the program" grep -q 'es_tell(search' "$dir/rosenbrock.c"
flags="-Wall -Wextra -Werror ${SANITIZE:+-fsanitize=$SANITIZE}"
shared=$(block sh | sed -n 1p) archive=$(block sh | sed -n 2p)
build() { (cd "$dir" && eval "${1/#cc/$CC $flags}"); }

check "the page's first command builds it, with the shared library" build "$shared"
export LD_LIBRARY_PATH=$PREFIX/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
check "which it then needs" bash -c "ldd '$dir/rosenbrock' | grep -q 'libdreamfarm\.so\.[0-9]'"
check "it needs no MPI" bash -c "! ldd '$dir/rosenbrock' | grep -i mpi"
said=$("$dir/rosenbrock") evaluations=${said%% *}
echo "$said"
check "it finds the minimum" test "${said#*, }" = "x[0] = 1.0000"
check "in the usual number of evaluations" test "$evaluations" -gt 2000 -a "$evaluations" -lt 12000
rm -f "$dir/rosenbrock"
check "the second one builds it with the archive" build "$archive"
check "and no library of ours is needed then" bash -c "! ldd '$dir/rosenbrock' | grep libdreamfarm"
check "it does the same" test "$("$dir/rosenbrock")" = "$said"

# --- whose names they are -------------------------------------------------------------------------------------------
strange() { awk 'NF > 1 && $NF !~ /^(es|dreamfarm)_/ && $(NF - 1) ~ /^[A-Z]$/' | grep -v '__odr_asan\|__asan\|__ubsan'; }
nm -D --defined-only "$PREFIX/lib/libdreamfarm.so" >"$dir/shown"
check "the shared library shows es_" test "$(wc -l <"$dir/shown")" -gt 30
check "and nothing else" test -z "$(strange <"$dir/shown")"
check "so does the archive" test -z "$(nm -g --defined-only "$PREFIX/lib/libdreamfarm.a" | strange)"
macros() { echo "$1" | $CC -I"$PREFIX/include" -dM -E - | awk '{ sub(/\(.*/, "", $2); print $2 }' | sort; }
system="#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>"
check "every macro begins so" test -z "$(comm -13 <(macros "$system") <(macros '#include <dreamfarm/es.h>') |
  grep -v '^ES_\|^DREAMFARM_')"
printf '#include <dreamfarm/es.h>\n%s\n' 'int OK, BROKEN, FAIL, TRY, CHECK, status, hash, real, rng, arena, packed, FILE;' >"$dir/names.c"
check "a program may have names of its own" $CC -Werror -I"$PREFIX/include" -c -o "$dir/names.o" "$dir/names.c"
version=$(printf '#include <dreamfarm/es.h>\nDREAMFARM_VERSION_MAJOR.DREAMFARM_VERSION_MINOR.DREAMFARM_VERSION_PATCH\n' |
  $CC -I"$PREFIX/include" -E -P - | tail -n 1 | tr -d ' ')
check "the header's version is pkg-config's" test "$version" = "$(pkg-config --modversion dreamfarm)"
check "and the program's" test "dreamfarm $version" = "$("$program" --version)"

# --- C++ ------------------------------------------------------------------------------------------------------------
if command -v "$CXX" >/dev/null; then
  check "a C++ program builds as it stands" bash -c "$CXX $flags -o '$dir/plus' tests/es/library.cc \
    \$(pkg-config --cflags --libs dreamfarm)"
  check "and finds its minimum" "$dir/plus"
else
  skipped=$((skipped + 1)); echo "skipped: no C++ compiler ($CXX)"
fi

check "make install with a DESTDIR" make install DESTDIR="$dir/stage" PREFIX=/opt/dreamfarm
stage=$dir/stage/opt/dreamfarm
for file in include/dreamfarm/es.h lib/libdreamfarm.a lib/libdreamfarm.so; do
  check "$file is below it" test -s "$stage/$file"
done
check "one header is all, beside the plug-ins'" test "$(ls "$stage/include/dreamfarm" | tr '\n' ' ')" = "env.h es.h "
check "the prefix is where it will stand" grep -qx "prefix=/opt/dreamfarm" "$stage/lib/pkgconfig/dreamfarm.pc"
end
