#!/usr/bin/env bash
# The man page, and what bash completes: both made from the tables of verbs and options, so each is held against what
# the program itself says and takes.
set -u
. tests/checks.sh
program=${DREAMFARM:?}

# --- help, as a verb -------------------------------------------------------------------------------------------------
check "help is --help" cmp <("$program" help) <("$program" --help)
check "help VERB is VERB --help" cmp <("$program" help evolve) <("$program" evolve --help)
check "an unknown verb" exits 2 "did you mean evolve" "$program" help evolv
check "an unknown option" exits 2 "did you mean --man" "$program" help --mann
check "one word too many" exits 2 "the second is run" "$program" help evolve run

# --- the man page ----------------------------------------------------------------------------------------------------
"$program" help --man >"$dir/dreamfarm.1"
verbs=$("$program" --help | sed -n '/^verbs$/,/^$/s/^  \([a-z-]*\) .*/\1/p')
if command -v groff >/dev/null; then
  groff -man -ww -Tascii -P-c -P-b -P-u -rLL=100n "$dir/dreamfarm.1" >"$dir/page" 2>"$dir/warnings"
  check "groff warns of nothing" test ! -s "$dir/warnings"
  for verb in $verbs; do check "the page has $verb" grep -qE "^ +$verb( |$)" "$dir/page"; done
  check "hyphens stay hyphens" grep -q -- "--set KEY=VALUE" "$dir/page"
  check "the exit code of a job to be started again" grep -qE "^ +85 " "$dir/page"
else skipped=$((skipped + 4)); echo "skipped: there is no groff"; fi

# --- completion ------------------------------------------------------------------------------------------------------
"$program" help --completion >"$dir/dreamfarm.bash"
cat >"$dir/complete" <<'SCRIPT'
# Arguments: the script, then the words as bash parts them, the last one being completed.
. "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_dreamfarm
printf '%s\n' "${COMPREPLY[@]}"
SCRIPT
completes() { bash --norc "$dir/complete" "$dir/dreamfarm.bash" dreamfarm "$@" 2>&1; }
gives() { # WHAT WANTED WORDS...
  local what=$1 wanted=$2 got; shift 2
  got=$(completes "$@" | paste -sd' ' -)
  check "$what" test "$got" = "$wanted" || echo "  $*: $got"
}
check "verbs" cmp <(completes "" | grep -v '^--' | sort) <(sort <<<"$verbs")
gives "a verb begun" "train train-vae train-rnn" tr
gives "the options of a verb" "--set --fresh --round --quiet --help --version" run x.yaml --
gives "and of one that has others" "--ranks" explain x.yaml --r
gives "an environment" "pendulum" env pen
gives "bench's subjects" "farm es" bench ""
gives "and their options" "--popsize" bench es --p
check "keys" grep -qx evolve.popsize= <(completes evolve x.yaml --set evolve.)
check "only those that begin so" test -z "$(completes run x.yaml --set evolve. | grep -v '^evolve\.')"
check "all of them" cmp <(completes run --set "" | sed 's/=$//' | sort) \
  <("$program" config | awk '/^[a-z]/ { section = $1; sub(":", "", section) }
                             /^  [a-z]/ { sub(":", "", $1); print section "." $1 }' | sort)
gives "the words of a key" "none ipop bipop" evolve --set evolve.restarts =
gives "one of them begun" "ipop" evolve --set evolve.restarts = i
gives "true and false" "true false" evolve --set evolve.active = ""
gives "what control may be asked" "stop= state=" control x.yaml --set st
gives "an option's words" "mean best" evaluate --controller ""
gives "nothing where a number is due" "" evaluate --episodes ""
gives "a verb behind launch" "evolve evaluate" launch -n 2 -- ev
gives "and its options" "--fresh" launch -n 2 -- run x.yaml --f
touch "$dir/mine.yaml" "$dir/notes.txt"
gives "a configuration" "$dir/mine.yaml" run "$dir/"

# No option stands in the tables that its verb would not know.
strange() { # VERB WORDS...: the options of it that the program says are unknown
  local option
  for option in $(completes "$@" -- | grep -vx -e --help -e --version -e --set); do
    (cd "$dir" && "$program" "$@" "$option" --nonsense 2>&1 </dev/null) | grep -e "unknown option $option"
  done
}
for verb in evaluate explain report env "bench es"; do
  check "every option of $verb is known to it" test -z "$(strange $verb)"
done
end
