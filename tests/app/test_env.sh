#!/usr/bin/env bash
# dreamfarm env: what it says of each environment is what is known of it, in words, as JSON and as a picture; an
# environment that is not pure, or breaks, is found out.
set -u
. tests/checks.sh
listed() { "$program" env "$@" >"$dir/heard" 2>&1; }
env() { listed "$@" --out "$dir/pictures"; }
field() { grep -o "\"$1\": [^,}]*" "$dir/heard" | head -n 1 | cut -d' ' -f2-; } # of the JSON that was heard last
png() { [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]; }

# --- those that are built in ----------------------------------------------------------------------------------------
check "a list" listed
names=$(awk '/^$/ { exit } { print $1 }' "$dir/heard")
check "names them all" test "$(wc -w <<<"$names")" = 7
for name in $names; do
  check "$name" env "$name" --episodes 2 --json
  check "$name is pure" test "$(field pure)" = true
  check "$name calls itself so" test "$(field name)" = "\"$name\""
  check "$name is drawn" png "$dir/pictures/env-$name.png"
  check "$name makes steps" awk -v rate="$(field steps_per_second)" 'BEGIN { exit !(rate > 100) }'
done
check "pendulum in words" env pendulum
for words in "observation  3 numbers" "angular speed in rad/s" "action       1 number from -1 to 1" "cap          200 steps" \
  "pure         yes" "steps/s on this core" "env-pendulum.png"; do
  check "says: $words" grep -qF "$words" "$dir/heard"
done
check "of take cover, pictures" env takecover --episodes 1
check "are told as such" grep -q "a picture of 64 x 64" "$dir/heard"
check "a step that pays 1, too" grep -q "a return is a number of steps" "$dir/heard"
check "a list as JSON" listed --json
check "has them all" test "$(grep -o '"name"' "$dir/heard" | wc -l)" = 7

# --- its scores are the judgement's ---------------------------------------------------------------------------------
check "seven episodes" env pendulum --episodes 7 --json
mean=$(sed 's/.*"random": {"mean": \([^,]*\).*/\1/' "$dir/heard")
check "judged" "$program" evaluate --quiet --set environment.name=pendulum --policy random --episodes 7 \
  --set run.directory="$dir/judged"
check "are the same" grep -qF "\"mean\": $mean," "$dir/judged/evaluate-policies.json"
check "a configuration in the place of a name" env tests/app/tiny.yaml --set environment.name=pendulum --episodes 1
check "with a knob over it" grep -q '^pendulum, version' "$dir/heard"

# --- somebody else's ------------------------------------------------------------------------------------------------
CC=${CC:-cc}
built() { sed "$2" tests/env/plugins/mooring.c >"$dir/$1.c" && $CC -std=c11 -w -shared -fPIC -Iinclude "$dir/$1.c" -o "$dir/$1.so"; }
check "a plug-in" built boat ''
check "is understood" env "$dir/boat.so" --set environment.frame_skip=2
check "by its name" grep -q '^mooring, version [0-9a-f]*: keep a boat' "$dir/heard"
check "its cap, in skipped frames" grep -q 'cap  *100 steps' "$dir/heard"
check "without a picture" grep -q 'picture  *none' "$dir/heard"
check "one that remembers what it should not" built impure 's/^typedef struct boat {/static double wind;\n&/
  s/b->place += 0.1/wind += 0.001;\n  b->place += wind + 0.1/'
check "is found out" env "$dir/impure.so"
check "and said to be" grep -q 'pure  *no' "$dir/heard"
check "one whose reward is no number" built broken 's|(float)(1 - away / 3)|away > 1.5 ? 0.0f / 0.0f : 1.0f|'
check "is named" exits 1 "its reward at step" "$program" env "$dir/broken.so"
check "one whose observation is none" built blind 's|o\[1\] = (float)b->speed|o[1] = b->place < 0 ? 0.0f / 0.0f : 1|'
check "is named, too" exits 1 "a number of its observation at step" "$program" env "$dir/blind.so"
check "and ends a run with that" exits 1 "a number of its observation at step" "$program" run tests/app/tiny.yaml --quiet \
  --set environment.name="$dir/blind.so" --set run.directory="$dir/blind"

# --- what is refused ------------------------------------------------------------------------------------------------
check "a name that is not known" exits 3 'environment "pendulm" is not known; known are: takecover' "$program" env pendulm
check "an option of another verb" exits 2 "" "$program" env pendulum --fresh
check "no episodes" exits 2 "a whole number from 1" "$program" env pendulum --episodes 0
check "a file that is not there" exits 6 "there is no such file" "$program" env ./nobody.so
check "a picture that cannot be written" exits 6 "" "$program" env pendulum --episodes 1 --out /proc/nowhere
end
