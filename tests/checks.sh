# Sourced by the tests that are scripts: a directory of their own, checks that are counted, and the closing line.
program=${DREAMFARM:?} dir=$(mktemp -d) passed=0 failed=0 skipped=0
trap 'rm -rf "$dir"' EXIT
check() { # WORDS COMMAND...: the command must succeed
  local words=$1; shift
  if "$@" >"$dir/out" 2>&1; then passed=$((passed + 1)); return; fi
  failed=$((failed + 1)); echo "failed: $words"; tail -n 5 "$dir/out"; tail -n 15 "$dir/log" 2>/dev/null
}
exits() { # CODE WORDS COMMAND...: with this code, and these words in what it says (also in $dir/said)
  local code=$1 words=$2 got; shift 2
  "$@" >"$dir/said" 2>&1; got=$?
  cat "$dir/said"; echo "exit code $got, wanted $code with \"$words\""
  [ "$got" = "$code" ] && grep -qF -- "$words" "$dir/said"
}
# CSV files by the names in their heads: which column that is, its cells, and all columns before the times (run.csv's and
# those of the trainings begin with `seconds`).
column_number() { head -n 1 "$1" | tr , '\n' | grep -nx "$2" | cut -d: -f1; } # FILE NAME
cells() { cut -d, -f"$(column_number "$1" "$2")" "$1" | tail -n +2; }
results() { cut -d, -f1-$(($(column_number "$1" seconds) - 1)) "$1"; }
same_rows() { results "$1" >"$dir/a"; results "$2" >"$dir/b"; cmp "$dir/a" "$dir/b"; }
end() {
  if [ $skipped = 0 ]; then echo "$passed passed, $failed failed"; else echo "$passed passed, $failed failed, $skipped skipped"; fi
  [ $failed = 0 ]; exit
}
