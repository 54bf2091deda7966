#!/usr/bin/env bash
# `dreamfarm bench es`: the table, its twins in CSV and JSON, the curves and pictures; the same bytes from the same words at any
# number of ranks; every kind and modifier runs; clear refusals.
set -u
. tests/checks.sh
bench() { timeout -k 5 100 "$program" bench es --quiet "$@"; }
column() { awk -F, -v n="$1" 'NR > 1 { print $n }' "$2"; }

check "three races" bench --function sphere,rotated-ellipsoid --n 5,10 --seeds 9 --out "$dir/one"
cp "$dir/out" "$dir/table"
check "a row a race under a head" test "$(wc -l <"$dir/table")" = 5 -a "$(wc -l <"$dir/one/es.csv")" = 5
check "all solved" test "$(column 6 "$dir/one/es.csv" | sort -u)" = 9
check "within 15 % of pycma's count, which there is" awk -F, 'NR > 1 && !($12 > 0.85 && $12 < 1.15) { exit 1 }' "$dir/one/es.csv"
check "quartiles in order, ERT the mean where all succeed" awk -F, 'NR > 1 && !($7 <= $8 && $8 <= $9 && $10 >= $7 / 2 && $10 <= 2 * $9) { exit 1 }' "$dir/one/es.csv"
check "curves fall from the start to the target" awk -F, 'NR > 1 { k = $1 $2; if (k in last && $6 > last[k]) exit 1; last[k] = $6 } END { for (k in last) { n++; if (last[k] > 1e-9) exit 1 } if (n != 4) exit 1 }' "$dir/one/curves.csv"
command -v gnuplot >/dev/null && check "pictures" grep -q '</svg>' "$dir/one/sphere-5.svg" "$dir/one/rotated-ellipsoid-10.svg"
bench --function sphere --n 5 --seeds 2 --out "$dir/o'neil; touch PWNED '" >/dev/null 2>&1
command -v gnuplot >/dev/null && check "pictures in a directory of any name" grep -q '</svg>' "$dir/o'neil; touch PWNED '/sphere-5.svg"
check "no shell reads it" test ! -e PWNED
check "at 2 ranks" ${MPIRUN:-mpirun} -n 2 "$program" bench es --quiet --function sphere,rotated-ellipsoid --n 5,10 --seeds 9 --out "$dir/two"
cp "$dir/out" "$dir/table2"
check "the same table" cmp "$dir/table" "$dir/table2"
check "the same curves" cmp "$dir/one/curves.csv" "$dir/two/curves.csv"

check "JSON" bench --function sphere --n 5 --seeds 3 --json
cp "$dir/out" "$dir/json"
check "JSON says the same" grep -qF '"algorithm": "cma", "popsize": 8, "runs": 3, "solved": 3' "$dir/json"
every=cma,sep-cma,lra-cma,lm-ma,openai,pgpe,one-plus-one,random,cma+positive,cma+ipop,cma+bipop+bounds,sep-cma+uh
check "every kind and modifier" bench --algorithm $every --function sphere,rotated-rastrigin --n 4 --popsize 8 --seeds 2 --budget 2000 --noise 0.01
check "a row each" test "$(grep -c '^[a-z-]* *4 ' "$dir/out")" = 24
check "one descent does not solve Rastrigin's function" bench --function rastrigin --n 5 --seeds 5 --algorithm cma,cma+ipop --out "$dir/three"
check "restarts do" test "$(column 6 "$dir/three/es.csv" | tr '\n' ' ')" = "0 5 "
check "no number where there is none" grep -q '^rastrigin,5,cma,8,5,0,,,,,,$' "$dir/three/es.csv"

check "kinds" exits 2 "kinds are cma, sep-cma" bench --algorithm cmaes
check "modifiers" exits 2 "+ipop, +bipop" bench --algorithm cma+fast
check "functions" exits 2 "there are sphere, ellipsoid" bench --function spere
check "numbers" exits 2 "a whole number from 2 to 10000" bench --n 5,1
check "numbers with an end" exits 2 "a number from" bench --target 1e-8x
check "a value" exits 2 "needs a value" bench --out
check "the nearest" exits 2 "did you mean --seeds" bench --seed 3
check "what a strategy cannot" exits 2 "openai, n = 5" bench --algorithm openai --n 5 --popsize 7
check "a directory that cannot be made" exits 6 "cannot be made" bench --out /dev/null/x
end
