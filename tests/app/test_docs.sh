#!/usr/bin/env bash
# The documents keep to the program: every command in them names a verb, option, knob or target that there is, every
# path and link points to something, every YAML block loads, and the tables of formats, exit codes and verbs are whole.
set -u
. tests/checks.sh
documents=(README.md CHANGELOG.md CONTRIBUTING.md docs/*.md)

# --- what there is --------------------------------------------------------------------------------------------------
"$program" --help >"$dir/help"
verbs=$(sed -n '/^verbs$/,/^$/s/^  \([a-z-]*\) .*/\1/p' "$dir/help")
for verb in $verbs; do "$program" "$verb" --help >"$dir/help.$verb"; done
"$program" config | awk '/^[a-z_]+:/ { section = $1; sub(":", ".", section) }
  /^  [a-z_0-9]+:/ { sub(":", "", $1); print section $1 }' >"$dir/knobs"
check "the help lists verbs" test "$(wc -w <<<"$verbs")" -gt 10
check "the configuration lists knobs" test "$(wc -l <"$dir/knobs")" -gt 40

# --- the documents in pieces, each line with its place before a tab ---------------------------------------------------
# Lines of blocks of a language; text between backticks outside of blocks; links.
blocks() { # LANGUAGE DOCUMENT
  awk -v fence="\`\`\`$1" '/^```/ { inside = !inside && $0 == fence; next }
       inside { print FILENAME ":" FNR "\t" $0 }' "$2"
}
spans() { # DOCUMENT
  awk '/^```/ { block = !block; next }
       !block { n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print FILENAME ":" FNR "\t" part[i] }' "$1"
}
links() { # DOCUMENT
  awk '/^```/ { block = !block; next }
       !block { gsub(/ src="/, "]("); gsub(/" /, ")")
                for (; match($0, /\]\([^)]*\)/); $0 = substr($0, RSTART + RLENGTH))
                  print FILENAME ":" FNR "\t" substr($0, RSTART + 2, RLENGTH - 3) }' "$1"
}

# --- commands -------------------------------------------------------------------------------------------------------
words_of() { # a command's words, one a line, without comment, redirection and what is done with its output
  sed -e 's/[ ]#.*//' -e 's/[<>|;&].*//' <<<"$1" | xargs -n 1 printf '%s\n' 2>/dev/null
}
set_known() { # VERB KEY=VALUE
  local key=${2%%=*}
  grep -qxF "$key" "$dir/knobs" || { [ "$1" = control ] && grep -qE " $key=" "$dir/help.control"; }
}
# 0, or a sentence what there is not.
dreamfarm_known() { # WORDS...
  local verb=${1:-} word
  case $verb in ""|--version|--help|VERB) return 0;; esac
  [ -e "$dir/help.$verb" ] || { echo "there is no verb $verb"; return 1; }
  shift
  while [ $# -gt 0 ]; do
    word=$1; shift
    case $word in
      --) dreamfarm_known "$@"; return;;
      --help) ;;
      --set) set_known "$verb" "${1:-}" || { echo "there is no knob ${1:-}"; return 1; };;
      -*)
        grep -qE -- "(^|[ ,])$word([ ,]|\$)" "$dir/help.$verb" || { echo "$verb has no option $word"; return 1; };;
      configs/*) [ -e "$word" ] || { echo "there is no $word"; return 1; };;
    esac
  done
}
target_known() { # of make
  case $1 in
    build/tests/*) ls "${1#build/}".* >/dev/null 2>&1;;
    *) grep -qE "^([a-z-]+ )*$1( [a-z-]+)*:" Makefile;;
  esac
}
make_known() { # WORDS...
  local word
  for word; do
    case $word in
      -*) ;;
      *=*)
        word=${word%%=*}
        grep -qE "(^|[^A-Z_])$word([^A-Z_]|\$)" Makefile tests/run || { echo "nobody reads $word"; return 1; };;
      *) target_known "$word" || { echo "make has no target $word"; return 1; };;
    esac
  done
}
command_known() { # LINE
  local words
  mapfile -t words < <(words_of "$1")
  case ${words[0]:-} in
    make) make_known "${words[@]:1}";;
    dreamfarm|build/dreamfarm) dreamfarm_known "${words[@]:1}";;
    mpirun|srun) case $1 in *" dreamfarm "*) command_known "dreamfarm ${1##* dreamfarm }";; esac;;
  esac
}
commands_bad=0 commands=0
for document in "${documents[@]}"; do
  while IFS=$'\t' read -r place line; do
    said=$(command_known "$line") || { echo "$place: $line: $said"; commands_bad=$((commands_bad + 1)); }
    commands=$((commands + 1))
  done < <({ blocks sh "$document"; spans "$document"; } | grep -P '\t *((build/)?dreamfarm|make|mpirun|srun) ')
done
check "commands are found" test $commands -gt 40
check "every command is one that there is" test $commands_bad = 0
can_fail() {
  local line
  for line in "dreamfarm evolv a.yaml" "dreamfarm evolve --policy still" "dreamfarm launch -- run --set run.sed=2" \
              "make tests" "make test OLNY=es"; do
    command_known "$line" && return 1
  done
  return 0
}
check "the check of commands can fail" can_fail

# --- paths and links ------------------------------------------------------------------------------------------------
# Of the tree; words in capitals stand for names. What is built is looked for as its source.
path_there() {
  local path=${1#build/}
  case $path in *[A-Z][A-Z]*|*...*) return 0;; esac
  compgen -G "$path" >/dev/null || compgen -G "$path.*" >/dev/null
}
paths() { # DOCUMENT
  local ours='(src|tests|docs|configs|jobs|docker|build/tests)/[\w./*-]*[\w/*]|include/[\w*]+\.h'
  { spans "$1"; blocks sh "$1"; } | grep -oP "^[^\t]*\t|(?<![\w./-])($ours)" |
    awk -F'\t' 'NF == 2 { place = $1; next }
                { print place "\t" $1 }'
}
slugs() { # the anchors of a document
  sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -e 's/[^a-z0-9 _-]//g' -e 's/ /-/g'
}
link_there() { # DOCUMENT TARGET
  local file=${2%%#*} anchor=""
  case $2 in http://*|https://*) return 0;; *#*) anchor=${2#*#};; esac
  file=${file:+$(dirname "$1")/$file}
  [ -e "${file:-$1}" ] || return 1
  [ -z "$anchor" ] || slugs "${file:-$1}" | grep -qxF -- "$anchor"
}
bad=0
for document in "${documents[@]}"; do
  while IFS=$'\t' read -r place path; do
    path_there "$path" || { echo "$place: there is no $path"; bad=$((bad + 1)); }
  done < <(paths "$document")
  while IFS=$'\t' read -r place link; do
    link_there "$document" "$link" || { echo "$place: leads nowhere: $link"; bad=$((bad + 1)); }
  done < <(links "$document")
done
check "every path and link leads somewhere" test $bad = 0
leads_nowhere() {
  ! link_there README.md docs/nothing.md && ! link_there README.md docs/usage.md#nothing &&
    ! path_there tests/app/test_nothing.sh
}
check "the check of links can fail" leads_nowhere

# --- blocks of YAML, and tables that must be whole --------------------------------------------------------------------
for document in "${documents[@]}"; do
  blocks yaml "$document" | cut -f2- >"$dir/block.yaml"
  [ -s "$dir/block.yaml" ] || continue
  check "the YAML of $document loads" "$program" config "$dir/block.yaml"
done
missing() { # DOCUMENT WORDS...: those that it does not name
  local document=$1 word; shift
  for word; do grep -qF -- "$word" "$document" || echo "$document does not name $word"; done
}
formats=$(grep -rhoE '"dreamfarm-[a-z]+-[0-9]+' src | tr -d '"' | sort -u)
check "files.md names every format" test -z "$(missing docs/files.md $formats)" -a "$(wc -w <<<"$formats")" -ge 9
codes=$(sed -n '/^exit codes$/,$s/^ *\([0-9]*\)  .*/| \1 |/p' "$dir/help" | tr ' ' _)
tr ' ' _ <docs/usage.md >"$dir/usage"
check "usage.md names every exit code" test -z "$(missing "$dir/usage" $codes)"
check "usage.md names every verb" test -z "$(missing docs/usage.md $(sed 's/.*/`&/' <<<"$verbs"))"
version=$(sed -n 's/^VERSION := //p' Makefile)
check "the program says the Makefile's version" test "$("$program" --version)" = "dreamfarm $version"
check "so does CITATION.cff" grep -qx "version: $version" CITATION.cff
check "CHANGELOG.md has it" grep -q "^## $version" CHANGELOG.md
end
