#!/usr/bin/env bash
# The report on the house's rules sees what it is there to see: in a house of two rooms that is made for it.
set -u
. tests/checks.sh
script=$PWD/tests/lint_house
house=$dir/house
mkdir -p "$house/src/hall" "$house/src/attic" "$house/include" "$house/tests/hall"
source() { printf '%s\n' "${@:2}" >"$house/src/$1.c"; } # ROOM/FILE LINES...
look() ( # what the report says of the house as it stands
  cd "$house" || exit 2
  for file in src/*/*.c; do
    mkdir -p "objects/$(dirname "$file")"
    ${CC:-gcc} -c -o "objects/${file%.c}.o" "$file" || exit 2
  done
  exec "$script" objects "hall attic"
)

source hall/door 'int stair_up(int);' 'static int turns(int x) { return x + 1; }' \
  'int door_open(int x) { return stair_up(turns(x)); }'
source hall/stair 'static int turns(int x) { return x + 2; }' 'int stair_up(int x) { return turns(x); }'
source attic/box 'int box_open(int x) { return x; }' 'int lid(int x) { return x; }'
check "a house without circles" exits 0 "names that are exported twice" look
check "a name that is nobody's is listed" grep -qx '  attic/box: lid' "$dir/said"
check "and the others are not" bash -c "! grep -E 'box_open|stair_up|door_open' '$dir/said'"
check "statics of two files" grep -qE '^  turns +hall/door hall/stair' "$dir/said"

printf '%0121d\n' 0 >"$house/tests/hall/wide"
printf '/* %0118d */\n' 0 >>"$house/src/hall/stair.c"
check "wide lines" exits 0 "" look
check "are counted where they are" grep -qE '^  hall +1 +1$' "$dir/said"

source attic/chest 'int lid(int x) { return x + 1; }'
check "a name that is exported twice" exits 1 "  lid: attic/box attic/chest" look
rm "$house/src/attic/chest.c"

source hall/stair 'int door_open(int);' 'int stair_up(int x) { return x ? door_open(x - 1) : 0; }'
check "a circle of two files" exits 1 "  2 files: door stair" look
check "with what it hangs on" grep -qx '    stair > door: door_open' "$dir/said"
source hall/stair 'int rail(int);' 'int stair_up(int x) { return rail(x); }'
source hall/rail 'int door_open(int);' 'int rail(int x) { return x ? door_open(x - 1) : 0; }'
check "a circle of three" exits 1 "  3 files: door stair rail" look
rm "$house/src/hall/rail.c"
source hall/stair 'int stair_up(int x) { return x; }'

echo '#include "b.h"' >"$house/src/hall/a.h"
echo '#include "a.h"' >"$house/src/hall/b.h"
check "headers that include each other" exits 1 "src/hall/a.h > src/hall/b.h: includes" look
end
