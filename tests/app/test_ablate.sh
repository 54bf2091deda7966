#!/usr/bin/env bash
# jobs/ablate: every cell at every seed, once; the table says what their last rounds' judgements say.
set -u
. tests/checks.sh
export TMPDIR=$dir
cat >"$dir/cells" <<'C'
# a comment

plain
rounds  run.rounds=2 round.episodes=6 round.generations=2
search  evolve.search=2
memory  rnn.hidden=8
C
ablate() { jobs/ablate -n 1 -s "1 2" tests/app/tiny.yaml "$dir/cells" "$dir/ablation"; }
mean() { sed -n 's/.*"controller": {"mean": \([^,]*\),.*/\1/p' "$dir/ablation/$1/evaluate.json"; }
cell() { awk -F, -v name="$1" -v column="$2" '$1 == name { print $column }' "$dir/ablation/ablate.csv"; }
not() { ! "$@"; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a - b < 0.051 && b - a < 0.051) }'; }

check "four cells, two seeds" ablate
check "a row for each" test "$(wc -l <"$dir/ablation/ablate.csv")" = 5
check "of two runs" test "$(cell plain 2) $(cell rounds 2)" = "2 2"
a=$(mean plain/seed-1) b=$(mean plain/seed-2)
check "the mean" near "$(cell plain 3)" "$(awk "BEGIN { print ($a + $b) / 2 }")"
check "the deviation between runs" near "$(cell plain 4)" "$(awk "BEGIN { d = $a - $b; print (d < 0 ? -d : d) / sqrt(2) }")"
a=$(mean rounds/seed-1/round-2) b=$(mean rounds/seed-2/round-2)
check "of the last round" near "$(cell rounds 3)" "$(awk "BEGIN { print ($a + $b) / 2 }")"

# A judgement as it could be: the controller is above one baseline and, by its text, below another.
mkdir -p "$dir/made/plain/seed-1"
cat >"$dir/made/plain/seed-1/evaluate.json" <<'J'
{"policies": {"controller": {"mean": 1069.4, "se": 19},
"random": {"mean": 201.1, "se": 3, "p_equals_controller": 4.9e-324},
"still": {"mean": 99.5, "se": 1, "p_equals_controller": 1e-9}}}
J
made() {
  sed -n '/^judged()/,/^table()/p' jobs/ablate | sed '$d' >"$dir/row"
  (folder=$dir/made seeds=1; . "$dir/row"; row plain)
}
check "above all baselines, as numbers" test "$(made)" = "plain,1,1069.4,,19.0,201.1,1"
sed -i 's/1e-9/0.01/' "$dir/made/plain/seed-1/evaluate.json"
check "but not by chance" test "$(made)" = "plain,1,1069.4,,19.0,201.1,0"

same() { cmp "$dir/ablation/plain/seed-1/$2" "$dir/ablation/$1/$2"; }
check "a round begins from the first cell's world" same rounds/seed-1/round-1 rnn.safetensors
check "a search is in the first cell's world" same search/seed-1 rnn.safetensors
check "and is another search" not same search/seed-1 controller.safetensors
check "another M has the first cell's V" same memory/seed-1 vae.safetensors
check "and is another M" not same memory/seed-1 rnn.safetensors
alone() { jobs/local -n 1 tests/app/tiny.yaml --set run.directory="$dir/alone" --set "$1" >/dev/null; }
check "a cell by itself" alone evolve.search=2
check "is the same" cmp "$dir/alone/evaluate.json" "$dir/ablation/search/seed-1/evaluate.json"

touch "$dir/before"
check "again" ablate
check "nothing is made twice" test -z "$(find "$dir/ablation" -name 'controller.safetensors' -newer "$dir/before")"
check "cells that are not there" exits 6 "no such file" jobs/ablate tests/app/tiny.yaml "$dir/none" "$dir/ablation"
check "too few words" exits 2 "jobs/ablate" jobs/ablate tests/app/tiny.yaml
end
