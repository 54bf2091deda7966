#!/usr/bin/env bash
# Everything is killed, with kill -9, at random moments again and again, and resumed at other rank counts: the same bytes,
# and finished episodes are not played a second time. What is damaged on disk is named, and its predecessor takes over.
set -u
. tests/app/small_pole.sh
search="$search --set evolve.episodes=40 --set evolve.held_out_episodes=50 --set evolve.real_episodes=50"
RANDOM=${SEED:-1}

world whole
check "undisturbed" evolve 2 whole

# Killed until it is through: mpirun, rank 0 and the workers at once; soon after the start, or after they have told of
# episodes.
world killed
kills=0
page() { stat -c %s.%y "$dir/killed/journal" 2>/dev/null; }
while [ $kills -lt 10 ]; do
  before=$(page)
  started killed setsid $MPIRUN -n $((1 + kills % 3)) >"$dir/log" 2>&1 & group=$!
  while [ $((kills % 2)) = 1 ] && [ "$(page)" = "$before" ] && kill -0 $group 2>/dev/null; do sleep 0.02; done
  sleep "$(awk "BEGIN{print $RANDOM / 32768 * 0.4}")"
  kill -9 $(ps -o pid= -s $group) 2>/dev/null || { wait $group; break; }
  wait $group 2>/dev/null
  kills=$((kills + 1))
done
check "it came through" evolve 3 killed
check "it was killed some times" test $kills -ge 3
check "the same bytes after $kills kills" same whole killed
found=$(event killed resume journal | awk '$1 > 0' | wc -l)
echo "killed $kills times; $found times the journal had something"
check "the journal had something in it" test "$found" -ge 1

# What the journal has is not played again: episodes sent and episodes known make a generation.
world stopped
started stopped & job=$!
for _ in $(seq 600); do [ -e "$dir/stopped/journal" ] && [ "$(stat -c %s "$dir/stopped/journal")" -gt 2000 ] && break; sleep 0.02; done
kill -9 $job; wait $job 2>/dev/null
cp -r "$dir/stopped" "$dir/torn"; cp -r "$dir/stopped" "$dir/flipped"; cp -r "$dir/stopped" "$dir/other"
check "resume from the journal" alone stopped
known=$(event stopped resume journal) sent=$(sed -n 's/.*"generation": 1, "best".*"sent": \([0-9]*\).*/\1/p' "$dir/stopped/run.jsonl")
check "$known known and $sent sent make 960" test $((known + sent)) = 960 -a "$known" -gt 0
check "the same bytes" same whole stopped

# A torn tail and a flipped bit: what stands before them counts.
truncate -s -7 "$dir/torn/journal"
check "torn tail" alone torn
check "all but the torn record counts" test "$(event torn resume journal)" = $((known - 1))
check "the same bytes after a torn tail" same whole torn
printf '\xff' | dd of="$dir/flipped/journal" bs=1 seek=$((64 + 32 * 10 + 12)) conv=notrunc 2>/dev/null
check "flipped bit" alone flipped
check "what stands before the flipped bit counts" test "$(event flipped resume journal)" = 10
check "the same bytes after a flipped bit" same whole flipped
check "another configuration's journal" alone other --set evolve.sigma0=0.2
check "is not taken" test -z "$(event other resume journal)"

# Checkpoints: a damaged newest is named and its predecessor goes on, to the same bytes; two damaged ones are refused.
for damage in cut flip; do
  world $damage; alone $damage --set evolve.generations=3
  if [ $damage = cut ]; then truncate -s 3000 "$dir/cut/controller.safetensors"
  else printf '\xff' | dd of="$dir/flip/controller.safetensors" bs=1 seek=5000 conv=notrunc 2>/dev/null; fi
  check "$damage: named" exits 0 "$damage/controller.safetensors" alone $damage
  check "$damage: the one of generation 2 took over" test "$(event $damage damaged generation)" = 2
  check "$damage: the same bytes" same whole $damage
done
truncate -s 3000 "$dir/cut/controller.safetensors" "$dir/cut/controller.previous.safetensors"
check "both damaged: refused with a remedy" exits 4 "start anew with --fresh" alone cut
truncate -s 100 "$dir/flip/run.csv"
check "a run.csv that lost rows is refused" exits 4 "run.csv has another size than was written" alone flip
check "fresh starts anew" alone flip --fresh
check "fresh: the same bytes" same whole flip
check "nothing was half-written" test -z "$(find "$dir" -name '*.tmp' 2>/dev/null)"
end
