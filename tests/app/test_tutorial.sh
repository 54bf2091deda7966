#!/usr/bin/env bash
# docs/tutorial.md, block by block as it stands there: its two files are written, its commands run in their order, at a
# small size, and each prints the lines that it is said to print. What is printed before anything is learnt has the very
# same numbers; later numbers belong to the tutorial's size.
set -u
. tests/checks.sh
document=$PWD/docs/tutorial.md
python=$(tests/gym/prepare) || { echo "$python"; echo "0 passed, 0 failed, 1 skipped"; exit; }
small="collect.episodes=40 rnn.epochs=2 evolve.generations=4 evolve.popsize=8 evolve.episodes=4 evolve.held_out_every=2
  evolve.held_out_episodes=8 evolve.real_episodes=4 fidelity.episodes=8 evaluate.episodes=8"
export TMPDIR=$dir OMPI_MCA_btl_vader_backing_directory=$dir

awk -v to="$dir" '/^```/ { inside = !inside && ++n; file = sprintf("%s/block.%02d.%s", to, n, substr($0, 4)); next }
                  inside { print >file }' n=9 "$document"
cd "$dir" || exit 1

# --- what a reader does ---------------------------------------------------------------------------------------------
dreamfarm() { # VERB FILE [options]
  local words=() knob
  [ "$1" = env ] || for knob in $small; do words+=(--set "$knob"); done
  timeout 300 "$program" "$@" ${words[@]+"${words[@]}"}
}
types() { # LINE: a new kind of line must be thought of here
  case $1 in
    "mkdir ferry && cd ferry") mkdir ferry && cd ferry;;
    "python3 -m venv venv") ln -s "$(dirname "$(dirname "$python")")" venv;;
    "venv/bin/pip install gymnasium") venv/bin/python -c 'import gymnasium';;
    "dreamfarm "*) eval "$1" >>"$dir/said" 2>&1 || { tail -n 5 "$dir/said"; return 1; };;
    *) echo "nobody knows how to test: $1"; return 1;;
  esac
}

# --- what is printed ------------------------------------------------------------------------------------------------
exact() { sed -E 's/ +$//' "$1"; }
shape() { exact "$1" | sed -E -e 's/-?[0-9][0-9,.]*(e-?[0-9]+)?/N/g' -e 's/\bnan\b/N/g' -e 's/ +/ /g'; }
lacks() { # HOW SHOWN SAID: the lines that are shown and were not said
  grep -vxFf <("$1" "$3") <("$1" "$2")
}
breaks() { # BLOCK: the mistake in its last line
  sed 's/np\.sqrt/np.sqr/' ferry.py >"$dir/right" && cp ferry.py "$dir/keep" && cp "$dir/right" ferry.py
  dreamfarm env ferry.yaml >"$dir/said" 2>&1; local code=$?
  cp "$dir/keep" ferry.py
  [ $code = 1 ] && grep -q Traceback "$dir/said" && grep -qF "$(cat "$1")" "$dir/said"
}
printed() { # BLOCK
  local how=shape
  case $last in "dreamfarm env"*) how=exact;; esac
  if lacks $how "$1" "$dir/said"; then echo "is shown, but not printed"; return 1; fi
}

last="" commands=0 shown=0
for block in "$dir"/block.*; do
  case $block in
    *.python) cp "$block" ferry.py;;
    *.yaml) cp "$block" ferry.yaml;;
    *.sh)
      : >"$dir/said"
      while read -r line; do
        types "$line" >"$dir/typed" 2>&1 </dev/null; code=$?  # not in check: it may change the directory
        check "$line" sh -c "cat '$dir/typed'; exit $code"
        last=$line commands=$((commands + 1))
      done <"$block";;
    *.text)
      shown=$((shown + 1))
      if grep -q "first episodes break" "$block"; then check "a mistake is shown" breaks "$block"
      else check "what is shown of: $last" printed "$block"; fi;;
  esac
done
check "there were commands and outputs" test $commands -ge 10 -a $shown -ge 6
check "curves are where they are said to be" test -s runs/dream/report/evolve.png
invented() { lacks shape <(echo "policy  mean  rank 12") "$dir/said"; }
check "a line that nobody printed is found" invented
end
