#!/usr/bin/env bash
# What stands in a file's place and is none, a link that leads elsewhere, a file that is damaged or gone: a sentence
# with the file's name, exit code 4 or 6, at once, and nothing behind a link is changed.
set -u
. tests/app/small_pole.sh
search="$search --set evolve.popsize=8 --set evolve.episodes=4 --set evolve.generations=1 --set evolve.held_out_every=0
  --set dream.cap=50"
at_once() { timeout 20 "$@"; }
quick() { # CODE WORDS NAME [options]
  exits "$1" "$2" at_once "$program" evolve tests/app/tiny.yaml --quiet $search --set run.directory="$dir/$3" "${@:4}"
}
printf 'kept' >"$dir/kept"

# --- a search's own files --------------------------------------------------------------------------------------------
world whole; check "a search" alone whole
for file in journal run.jsonl run.csv; do
  cp -r "$dir/whole" "$dir/link-$file"; ln -sf "$dir/kept" "$dir/link-$file/$file"
  [ $file != run.csv ] || cp "$dir/whole/run.csv" "$dir/kept"
  cp "$dir/kept" "$dir/before"
  check "$file: a link is not followed" \
    quick 6 "$file: is a symbolic link, which is not followed here; remove it" "link-$file" --set evolve.generations=2
  check "$file: what it leads to is as it was" cmp "$dir/kept" "$dir/before"
done
for file in rnn.safetensors journal controller.safetensors run.csv; do
  cp -r "$dir/whole" "$dir/pipe-$file"; rm "$dir/pipe-$file/$file"; mkfifo "$dir/pipe-$file/$file"
  [ $file != run.csv ] || search="$search --set evolve.generations=2"  # only a search that goes on reads it
  check "$file: a pipe" quick 6 "$file: is not a regular file" "pipe-$file"
  rm "$dir/pipe-$file/$file"; mkdir "$dir/pipe-$file/$file"
  case $file in
    journal) words="cannot be written: Is a directory";;
    run.csv) words="";;
    *) words="is not a regular file";;
  esac
  check "$file: a directory" quick 6 "$file: $words" "pipe-$file"
done
world cut; truncate -s -9 "$dir/cut/rnn.safetensors"
check "rnn.safetensors cut" quick 4 "rnn.safetensors: is damaged" cut
rm "$dir/cut/rnn.safetensors"
check "rnn.safetensors gone" quick 6 "rnn.safetensors: is missing; restore it, or make it again with train" cut

# The packed weights are a cache: whatever lies there, the world is read, and the search is the same.
world packed
for packed in "$dir"/whole/world-*.packed; do mkfifo "$dir/packed/$(basename "$packed")"; done
search=${search/generations=2/generations=1}
check "a pipe for the packed weights" \
  at_once "$program" evolve tests/app/tiny.yaml --quiet $search --set run.directory="$dir/packed"
check "the same search" same whole packed

# --- asking a running search -----------------------------------------------------------------------------------------
world asked; more="--set evolve.generations=100000"; started asked >"$dir/log" 2>&1 & job=$!
printf 'stop: true\n' >"$dir/orders"
asks() { # WORDS COMMAND...
  local words=$1; shift
  "$@"
  for _ in $(seq 250); do grep -qF -- "$words" "$dir/log" && break; sleep 0.02; done
  check "control.yaml: $words" grep -qF -- "$words" "$dir/log"
}
asks "control.done.yaml: is a symbolic link, which is not followed here" ln -s "$dir/orders" "$dir/asked/control.yaml"
asks "control.done.yaml: is not a regular file" mkfifo "$dir/asked/control.yaml"
check "the search goes on" kill -0 $job
"$program" control tests/app/tiny.yaml --set run.directory="$dir/asked" --set stop=true; wait $job
check "until it is asked to stop" test $? = 7

# --- what is learned from --------------------------------------------------------------------------------------------
learn() { # CODE WORDS NAME
  exits "$1" "$2" at_once "$program" train tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/$3" \
    --set rnn.epochs=2
}
shard=$(cd "$dir/first/episodes" && ls shard-*.hdf5 | head -n 1)
trap_for() { # episodes, and what says that they are whole
  rm -rf "$dir/learned"; mkdir -p "$dir/learned/stages"
  cp -r "$dir/first/episodes" "$dir/learned/"; cp "$dir/first/stages/collect" "$dir/learned/stages/"
}
trap_for; rm "$dir/learned/episodes/$shard"; mkfifo "$dir/learned/episodes/$shard"
check "a pipe for a shard" learn 4 "$shard: is not a regular file" learned
trap_for; printf '\xff' | dd of="$dir/learned/episodes/$shard" bs=1 seek=3000 conv=notrunc 2>/dev/null
check "a damaged shard" learn 4 "$shard: is damaged" learned
trap_for; rm "$dir/learned/episodes/$shard"
check "a shard that is gone" learn 4 "$shard: is missing; run collect again" learned
trap_for; rm "$dir/learned/episodes/index.safetensors"
check "the index that is gone" learn 4 "index.safetensors: is missing" learned

# --- a configuration -------------------------------------------------------------------------------------------------
mkfifo "$dir/pipe.yaml"
for file in "$dir/pipe.yaml" /dev/zero "$dir"; do
  check "$file as configuration" exits 6 "$file: is not a regular file" at_once "$program" config "$file"
done
end
