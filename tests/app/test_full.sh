#!/usr/bin/env bash
# A disk that fills up while the world is made: each stage ends with the file, the reason and exit code 6, leaves
# nothing half-written, and goes on to the same bytes when there is room.
set -u
. tests/checks.sh
export TMPDIR=$dir OMPI_MCA_btl_vader_backing_directory=$dir
tiny() { # VERB NAME
  "$program" "$1" tests/app/tiny.yaml --quiet --set run.directory="$dir/$2" --set evaluate.episodes=2 \
    --set evolve.generations=2
}
full() { # [KB]: all but so many
  dd if=/dev/zero of="$dir/small/filler" bs=1k 2>/dev/null
  truncate -s "-${1:-4}K" "$dir/small/filler"
}
room() { rm "$dir/small/filler"; }
stops() { # VERB FILE
  check "$1 on a full disk: $2" exits 6 "$2" tiny "$1" small
  check "$1: the reason" grep -qE "No space left on device|is the disk full" "$dir/said"
  check "$1: nothing half-written" test -z "$(find "$dir/small" -name '*.tmp')"
}
inside() {
  mkdir "$dir/small"; mount -t tmpfs -o size=500k tmpfs "$dir/small"
  stops collect "shard-00000.hdf5"
  mount -o remount,size=10m "$dir/small"
  check "collect goes on" tiny collect small
  for file in shard-00001.hdf5 index.safetensors main_data.hdf5; do
    check "the same $file" cmp "$dir/small/episodes/$file" "$dir/whole/episodes/$file"
  done

  full; stops train train_vae.csv
  room; full 16; stops train vae.safetensors
  room; full 64; stops train latents-00000.safetensors
  check "V is whole" cmp "$dir/small/vae.safetensors" "$dir/whole/vae.safetensors"
  room; check "there is room for V and the latents, as counted" tiny train small
  rm "$dir/small/rnn.safetensors" "$dir/small/stages/train-rnn" "$dir/small/train_rnn.csv"
  full 12; stops run rnn.safetensors
  room; check "M goes on" tiny train small
  check "the same M" cmp "$dir/small/rnn.safetensors" "$dir/whole/rnn.safetensors"

  full 4; stops evolve run.csv
  check "the weights that ranks share are done without" grep -q "packed: cannot be written" "$dir/said"
  room; check "a search" tiny evolve small
  check "with its rows" same_rows "$dir/small/run.csv" "$dir/whole/run.csv"
  full 4; stops evaluate evaluate.json
  stops report preflight
  room; full 16; stops report report
  room; check "and a report" tiny report small
  umount "$dir/small"
  trap - EXIT
  echo "$passed $failed" >"$dir/counts"
}
tiny collect whole && tiny train whole && tiny evolve whole || { echo "0 passed, 1 failed"; exit 1; }
export -f inside check exits tiny full room stops results same_rows
export dir program passed failed
if unshare --mount true 2>/dev/null; then
  unshare --mount bash -c "set -u; inside" && read -r passed failed <"$dir/counts" || failed=$((failed + 1))
else
  skipped=1; echo "SKIPPED: a full disk needs the right to mount one (unshare --mount)"
fi
end
