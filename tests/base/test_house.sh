#!/usr/bin/env bash
# The house's rules see what they are there to see: in a house of two rooms that is made for it.
set -u
. tests/checks.sh
script=$PWD/tests/lint_house
house=$dir/house
mkdir -p "$house/src/hall" "$house/src/attic" "$house/include" "$house/tests/hall"
source() { printf '%s\n' "${@:2}" >"$house/src/$1.c"; } # ROOM/FILE LINES...
look() ( # what the rules say of the house as it stands
  cd "$house" || exit 2
  for file in src/*/*.c; do
    mkdir -p "objects/$(dirname "$file")"
    ${CC:-gcc} -c -o "objects/${file%.c}.o" "$file" || exit 2
  done
  exec "$script" objects "hall attic"
)

keeps() { # nothing is said
  look >"$dir/said" 2>&1 && { cat "$dir/said"; [ ! -s "$dir/said" ]; }
}

source hall/door 'int stair_up(int);' 'static int door_turns(int x) { return x + 1; }' \
  'int door_open(int x) { return stair_up(door_turns(x)); }'
source hall/stair 'static int stair_turns(int x) { return x + 2; }' 'int stair_up(int x) { return stair_turns(x); }'
source attic/box 'int box_open(int x) { return x; }' 'int lid_lift(int x) { return x; }'
check "a house that keeps the rules, a word that one file alone has among them" keeps

source attic/chest_low 'int chest_open(int x) { return x; }' 'int lid_fall(int x) { return x; }'
check "a word of two files" exits 1 "  attic/box: lid_lift" look
check "is the other's, too" grep -qx '  attic/chest_low: lid_fall' "$dir/said"
check "a file's first word is its own" bash -c "! grep -E 'box_open|chest_open|stair_up|door_open' '$dir/said'"
echo 'int lid_lift(int x), lid_fall(int x);' >"$house/src/attic/lids.h"
check "a word that a header of the room has" keeps
rm "$house/src/attic/lids.h" "$house/src/attic/chest_low.c" "$house/objects/src/attic/chest_low.o"

source hall/stair 'static int door_turns(int x) { return x + 2; }' 'int stair_up(int x) { return door_turns(x); }'
check "statics of two files" exits 1 "  door_turns               hall/door hall/stair" look
source hall/stair 'int stair_up(int x) { return x; }'

printf '/* %0114d */\n' 0 >>"$house/src/hall/stair.c"
check "a line of 120 columns" keeps
printf '/* %0115d */\n' 0 >>"$house/src/hall/stair.c"
check "one of 121" exits 1 "  src/hall/stair.c:1" look
source hall/stair 'int stair_up(int x) { return x; }'

source attic/chest 'int lid_lift(int x) { return x + 1; }'
check "a name that is exported twice" exits 1 "  lid_lift: attic/box attic/chest" look
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
