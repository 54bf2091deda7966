#!/usr/bin/env bash
# At the sizes of the World Models Doom experiment (configs/takecover-paper.yaml) an extra rank of a node costs at most 64 MB
# beyond the weights, of which the node has one copy.
# ranks: 2 3
set -u
. tests/checks.sh
small="--quiet --set run.directory=$dir --set collect.episodes=6 --set collect.shard=3 --set collect.held_out=0.2 --set vae.frames=50
  --set vae.batch=50 --set rnn.epochs=1 --set rnn.batch=4 --set rnn.steps=64"
check "a world of that size" "$program" collect configs/takecover-paper.yaml $small
check "a world of that size" "$program" train configs/takecover-paper.yaml $small
# Both in the dream and in the real environment, whose lanes and eyes are there once they have been used.
setsid mpirun -n 4 "$program" evolve configs/takecover-paper.yaml $small --set evolve.held_out_every=1 --set evolve.real_episodes=64 \
  --set evolve.held_out_episodes=64 --set evolve.episodes=4 >"$dir/log" 2>&1 & group=$!
for _ in $(seq 1500); do [ -e "$dir/run.csv" ] && [ "$(wc -l <"$dir/run.csv")" -ge 2 ] && break; sleep 0.2; done
sleep 1
check "a generation was played" test "$(wc -l <"$dir/run.csv")" -ge 2
workers=0
for p in $(ps -o pid=,comm= -s $group | awk '$2 == "dreamfarm" {print $1}'); do
  [ "$(tr '\0' '\n' <"/proc/$p/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p')" != 0 ] || continue
  private=$(awk '/^Private_(Clean|Dirty):/ {kb += $2} END {print kb}' "/proc/$p/smaps_rollup")
  weights=$(awk '/^[0-9a-f]+-/ {packed = /\.packed$/} packed && /^Private/ {own += $2} packed && /^Rss/ {all += $2} END {print all - own}' "/proc/$p/smaps")
  echo "an extra rank: $((private / 1024)) MB of its own, $((weights / 1024)) MB of weights shared"
  check "at most 64 MB of its own" test "$private" -le 65536
  check "the weights are shared" test "$weights" -ge 20000
  workers=$((workers + 1))
done
check "three workers were looked at" test $workers = 3
kill -9 $(ps -o pid= -s $group); wait $group 2>/dev/null
end
