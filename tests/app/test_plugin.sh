#!/usr/bin/env bash
# An environment of one's own, as a plug-in in C or C++: a whole run in it, the same on any number of ranks; its file is
# part of what a run is; what is no plug-in is refused with a sentence.
set -u
. tests/checks.sh
CC=${CC:-cc} CXX=${CXX:-c++}
example=tests/env/plugins/mooring.c
flags="-Wall -Wextra -Werror -shared -fPIC -O2 -Iinclude"
built() { $CC -std=c11 $flags "$1" -o "$2" "${@:3}"; }
run() { "$program" run tests/app/tiny.yaml --quiet --set environment.name="$dir/boat.so" --set run.directory="$dir/$1" "${@:2}"; }
same() { same_rows "$dir/$1/run.csv" "$dir/$2/run.csv" && cmp "$dir/$1/controller.safetensors" "$dir/$2/controller.safetensors"; }

# --- as C and as C++ ------------------------------------------------------------------------------------------------
check "the example compiles as C" built $example "$dir/boat.so"
check "the header alone, pedantically" $CC -std=c11 -Wall -Wextra -Werror -pedantic -fsyntax-only -x c include/dreamfarm/env.h
check "a whole run in it" run whole
check "the judgement names it" grep -q '"environment": "mooring"' "$dir/whole/evaluate.json"
if command -v "$CXX" >/dev/null; then
  check "the header in C++" $CXX -std=c++11 -Wall -Wextra -Werror -pedantic -fsyntax-only -x c++ include/dreamfarm/env.h
  check "the example compiles as C++" $CXX -std=c++20 $flags -Wno-missing-field-initializers -x c++ $example -o "$dir/plus.so"
  check "a run in that" "$program" run tests/app/tiny.yaml --quiet --set environment.name="$dir/plus.so" \
    --set run.directory="$dir/plus"
  check "has the same rows" same_rows "$dir/whole/run.csv" "$dir/plus/run.csv"
else
  skipped=$((skipped + 1)); echo "skipped: no C++ compiler ($CXX)"
fi

# --- ranks and lanes ------------------------------------------------------------------------------------------------
if [ "${MPI:-}" != no ]; then
  mkdir "$dir/two" && cp "$dir/whole/rnn.safetensors" "$dir/two/"
  check "two ranks" mpirun -n 2 "$program" evolve tests/app/tiny.yaml --quiet --set environment.name="$dir/boat.so" \
    --set run.directory="$dir/two" --set dream.lanes=3
  check "give the same rows and controller" same whole two
fi
check "real episodes, too: evolved in" run real --set evolve.in=real
check "reality pays otherwise than the dream" test "$(cells "$dir/real/run.csv" best | tail -n 1)" != \
  "$(cells "$dir/whole/run.csv" best | tail -n 1)"

# --- a changed plug-in is another environment -----------------------------------------------------------------------
sed 's/0\.5 \* b->speed/0.4 * b->speed/' $example >"$dir/swift.c"
cp "$dir/boat.so" "$dir/before.so"
check "another boat" built "$dir/swift.c" "$dir/boat.so"
check "is refused by name" exits 5 "environment is of hash" run whole
check "with what to do" grep -q "use another run.directory" "$dir/said"
check "is made anew with --fresh" run whole --fresh
cp "$dir/before.so" "$dir/boat.so"
check "and the first again is another one" exits 5 "environment is of hash" run whole

# --- what is written of it ------------------------------------------------------------------------------------------
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' docs/plugins.md >"$dir/shown.c"
check "docs/plugins.md shows the example as it stands" cmp "$dir/shown.c" $example

# --- what is no plug-in ---------------------------------------------------------------------------------------------
refuses() { # WORDS CODE FILE
  check "refused: $1" exits "$2" "$1" "$program" run tests/app/tiny.yaml --quiet --set environment.name="$3" \
    --set run.directory="$dir/refused"
}
wrong() { # WORDS SED-SCRIPT
  sed "$2" $example >"$dir/wrong.c"
  rm -f "$dir/wrong.so"
  check "builds: $2" $CC -std=c11 -w -shared -fPIC -Iinclude "$dir/wrong.c" -o "$dir/wrong.so"
  refuses "$1" 4 "$dir/wrong.so"
}
refuses "there is no such file" 6 "$dir/nobody.so"
refuses "there is no such file" 6 nobody.so
echo "no object at all" >"$dir/text.so"
refuses "cannot be loaded" 4 "$dir/text.so"
: >"$dir/empty.so"
refuses "cannot be loaded" 4 "$dir/empty.so"
mkdir "$dir/elsewhere"
refuses "is not a regular file" 6 "$dir/elsewhere"
printf 'int nothing;\n' >"$dir/wrong.c"
$CC -shared -fPIC "$dir/wrong.c" -o "$dir/wrong.so"
refuses "exports no dreamfarm_environment" 4 "$dir/wrong.so"
wrong "of version 9 of dreamfarm/env.h, but this dreamfarm has 1" 's/\.version = .*/.version = 9,/'
wrong "its table has 12 bytes" 's/\.size = .*/.size = 12,/'
wrong "name is to be a text" 's/\.name = .*/.name = "",/'
wrong "name is to be a text" 's/\.name = .*/.name = "moo\\nring",/'
wrong "words is to be a text" '/\.words = /d'
wrong "step is NULL" '/\.step = /d'
wrong "actions is 0" '/\.actions = /d'
wrong "cap is -3" 's/\.cap = .*/.cap = -3,/'
wrong "state_bytes is 0" '/\.state_bytes = /d'
wrong "a state's shape is {2, 7, 1}" 's/\.shape = .*/.shape = {2, 7, 1},/'
wrong "a state's shape is {0, 0, 0}" '/\.shape = /d'
wrong "its pictures are 2 x 1 x 1, but 64 x 64 x 3" 's/\.shape = /.pixels = 1, .shape = /'
wrong "and has components beside it" 's/\.reset = /.picture = (void (*)(uint8_t *, int32_t, int32_t, const float *))boat_reset, .reset = /'
check "an option that only others hear" exits 3 "takes no environment.grey" run other --set environment.grey=true
check "nothing was written" test ! -e "$dir/refused"

# --- what may be said of it -----------------------------------------------------------------------------------------
check "a cap, skipped frames, another scale" "$program" evaluate --policy still --episodes 3 --quiet \
  --set environment.name="$dir/boat.so" --set environment.cap=7 --set environment.frame_skip=2 \
  --set environment.reward_scale=100 --set run.directory="$dir/scaled"
check "tell in the score" awk '$1 == "still" { exit !($2 > 700 && $2 <= 1400) }' "$dir/out"
end
