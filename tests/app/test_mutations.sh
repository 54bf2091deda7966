#!/usr/bin/env bash
# Every file of a finished run, and of a half-finished one, is deleted, cut and flipped, one at a time; then `run` is given
# again. It ends in the same bytes, or in a sentence with the file's name and a non-zero exit code: nothing is blessed.
set -u
. tests/app/whole_run.sh
RANDOM=${SEED:-1}
sizes="--set collect.episodes=6 --set collect.shard=3 --set vae.epochs=1 --set rnn.epochs=2 --set evolve.episodes=8
  --set evolve.popsize=4 --set evolve.generations=3 --set evolve.held_out_every=1 --set fidelity.episodes=4
  --set evaluate.episodes=8"
check "a finished run" whole finished
check "half of one: collected, trained" whole half --set evolve.generations=1
rm -rf "$dir/half/evaluate.json" "$dir/half/stages/evaluate" "$dir/half/report"
# What tells of a run and does not decide anything: logs, locks, pictures, what is made anew from the rest at every run.
told='^(lock|launch.lock|pulse|result|preflight|state.json|run.jsonl|report/.*|journal|control.*|progress.json|world-.*packed)$'

mutate() { # KIND FILE
  case $1 in
    delete) rm "$2";;
    cut) truncate -s $(($(stat -c %s "$2") / 2)) "$2";;
    flip) local size at; size=$(stat -c %s "$2"); [ "$size" -gt 0 ] || return 0; at=$(((RANDOM * 32768 + RANDOM) % size))
      printf "\\x$(printf %02x $((0x$(xxd -s $at -l 1 -p "$2") ^ 0x10)))" | dd of="$2" bs=1 seek=$at conv=notrunc status=none;;
  esac
}
# Either the same bytes, or the file's name (or its folder's, where all of it is looked at as one) and a failure.
answered() { # NAME FILE
  local code
  timeout -k 5 120 "$program" run tests/app/tiny.yaml --quiet $sizes --set run.directory="$dir/$1" >"$dir/said" 2>&1; code=$?
  if [ $code = 0 ]; then same_run finished "$1"; return; fi
  echo "exit code $code"; tail -n 3 "$dir/said"
  [ $code -lt 100 ] && grep -qF "$(basename "$2")" "$dir/said"
}
# Everything that can befall a file, once. What both runs have alike is deleted and cut in the finished one; in the other
# it is flipped, which is hardest to see, and what the search reads is deleted as well. So with a second shard.
kinds_of() { # RUN FILE
  if [ ! -s "$dir/$1/$2" ]; then echo delete
  elif [[ $1/$2 =~ ^half/(vae|rnn).safetensors$ ]]; then echo delete flip
  elif [ "$1" = half ] && cmp -s "$dir/half/$2" "$dir/finished/$2" || [[ $2 = */shard-00001.* ]]; then echo flip
  elif [[ $2 =~ $told ]]; then echo delete flip
  else echo delete cut flip
  fi
}
for run in finished half; do
  while IFS= read -r file; do
    for kind in $(kinds_of $run "$file"); do
      rm -rf "$dir/bad"; cp -r "$dir/$run" "$dir/bad"
      mutate $kind "$dir/bad/$file"
      check "$run, $kind $file" answered bad "$file"
    done
  done < <(cd "$dir/$run" && find . -type f -printf '%P\n' | grep -v '^report/' | sort)
done
end
