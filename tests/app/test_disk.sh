#!/usr/bin/env bash
# A full disk, a file at its limit, a directory that cannot be written: clear words with the file and the system's reason,
# exit code 6, the last checkpoint intact, nothing half-written; when there is room again the run goes on to the same bytes.
set -u
. tests/app/small_pole.sh
search="$search --set evolve.held_out_every=1"
world whole
check "undisturbed" alone whole

# A limit on a file's size. (Open MPI's own files are of some megabytes, so the checkpoint must be larger.)
large="--set controller.hidden=24 --set evolve.popsize=8"
world limit; check "one generation" alone limit $large --set evolve.generations=1
cp "$dir/limit/controller.safetensors" "$dir/before"
limited() { (ulimit -f 8000; alone limit $large --set evolve.generations=2); }
check "limit: named, with the reason" exits 6 "controller.safetensors: cannot be written: File too large" limited
check "limit: the checkpoint is intact" cmp "$dir/before" "$dir/limit/controller.safetensors"
check "limit: goes on" alone limit $large --set evolve.generations=2
check "limit: nothing was played twice" test "$(event limit resume journal | tail -n 1)" = 1256

# A small file system of our own, filled to the brim, then read-only.
inside() {
  world full; mount -t tmpfs -o size=3m tmpfs "$dir/full" && world full
  check "one generation on a small disk" alone full --set evolve.generations=1
  cp "$dir/full/controller.safetensors" "$dir/before"
  dd if=/dev/zero of="$dir/full/filler" bs=1k 2>/dev/null
  truncate -s -4K "$dir/full/filler"  # the look before the leap wants a page
  check "full: named, with the reason" exits 6 "controller.safetensors: cannot be written: No space left on device" alone full
  check "full: the journal said so too" grep -q "full/journal: cannot be written: No space left on device" "$dir/said"
  check "full: the checkpoint is intact" cmp "$dir/before" "$dir/full/controller.safetensors"
  check "full: nothing half-written" test -z "$(find "$dir/full" -name '*.tmp')"
  rm "$dir/full/filler"
  check "full: goes on" alone full --set evolve.generations=3
  mount -o remount,ro "$dir/full"
  check "unwritable: named, with the reason" exits 6 "Read-only file system" alone full
  mount -o remount,rw "$dir/full"
  check "unwritable: goes on" alone full
  check "full, then unwritable: the same bytes" same whole full
  umount "$dir/full"
  trap - EXIT
  echo "$passed $failed" >"$dir/counts"
}
export -f inside world check exits alone started same same_rows results column_number event
export dir program search pole more passed failed
if unshare --mount true 2>/dev/null; then
  unshare --mount bash -c "set -u; inside" && read -r passed failed <"$dir/counts" || failed=$((failed + 1))
else
  skipped=1; echo "SKIPPED: a full disk needs the right to mount one (unshare --mount)"
fi
check "nothing was half-written" test -z "$(find "$dir" -name '*.tmp' 2>/dev/null)"
end
