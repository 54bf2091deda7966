#!/usr/bin/env bash
# The installed library: docs/library.md's program, word for word, built by its command against what `make install` leaves,
# finds the minimum; without MPI. In C++ the header is read too.
set -u
. tests/checks.sh
CC=${CC:-cc}
block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" docs/library.md | sed '/^```/d'; }
check "make install" make install PREFIX="$dir/prefix"
export PKG_CONFIG_PATH=$dir/prefix/lib/pkgconfig
block c >"$dir/rosenbrock.c"
check "the page has the program" grep -q 'es_tell(search' "$dir/rosenbrock.c"
flags="-Wall -Wextra -Werror ${SANITIZE:+-fsanitize=$SANITIZE}"
command=$(block sh)
build() { (cd "$dir" && eval "${command/#cc/$CC $flags}"); }
check "the page's command builds it" build
check "it needs no MPI" bash -c "! ldd '$dir/rosenbrock' | grep -i mpi"
said=$("$dir/rosenbrock") evaluations=${said%% *}
echo "$said"
check "it finds the minimum" test "${said#*, }" = "x[0] = 1.0000"
check "in the usual number of evaluations" test "$evaluations" -gt 2000 -a "$evaluations" -lt 12000
command=${command/ --static/}
check "without --static" build
if command -v "${CXX:-c++}" >/dev/null; then
  printf 'extern "C" {\n#include <dreamfarm/es.h>\n}\nint main() { return es_kind_name(ES_CMA)[0] != %s; }\n' "'C'" >"$dir/plus.cc"
  check "C++ reads the header" bash -c "${CXX:-c++} $flags -o '$dir/plus' '$dir/plus.cc' \$(pkg-config --cflags --libs dreamfarm)"
  check "and links" "$dir/plus"
fi
check "make install with a DESTDIR" make install DESTDIR="$dir/stage" PREFIX=/opt/dreamfarm
check "everything is below it" test -s "$dir/stage/opt/dreamfarm/include/dreamfarm/es.h" -a -s "$dir/stage/opt/dreamfarm/lib/libdreamfarm.a"
check "the prefix is where it will stand" grep -qx "prefix=/opt/dreamfarm" "$dir/stage/opt/dreamfarm/lib/pkgconfig/dreamfarm.pc"
end
