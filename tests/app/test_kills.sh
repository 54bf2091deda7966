#!/usr/bin/env bash
# A whole run, killed with kill -9 at random moments of every stage, again and again: under mpirun all at once, under launch
# one process at a time. It ends in the bytes of an undisturbed one. SEED chooses the moments.
# ranks: 2 3
set -u
. tests/app/whole_run.sh
seed=${SEED:-1}
RANDOM=$seed
echo "seed $seed"
pause() { sleep "$(awk "BEGIN{print $1 + $RANDOM / 32768 * $2}")"; } # SECONDS AND-UP-TO-SO-MANY-MORE
stages_of() { ls "$dir/$1/stages" 2>/dev/null | wc -l; }
start=$EPOCHREALTIME
check "undisturbed" farmed undisturbed
seconds=$(awk "BEGIN{print $EPOCHREALTIME - $start}")
kills_of() { awk "BEGIN{print $seconds * $1}"; }

# --- mpirun and its ranks at once ---------------------------------------------------------------------------------------------
# Soon after each of these files is there.
kills=0 met=""
for file in episodes/shard-00002.hdf5 train_vae.csv stages/train-vae train_rnn.csv run.csv stages/evolve \
    stages/fidelity evaluate.json; do
  setsid $MPIRUN -n 2 "$program" run tests/app/tiny.yaml --quiet $sizes --set run.directory="$dir/mpirun" >"$dir/log" 2>&1 & group=$!
  while [ ! -e "$dir/mpirun/$file" ] && kill -0 $group 2>/dev/null; do sleep 0.02; done
  pause 0 0.3
  if kill -9 $(ps -o pid= -s $group) 2>/dev/null; then kills=$((kills + 1)) met="$met $(stages_of mpirun)"; fi
  wait $group 2>/dev/null
done
check "it came through after $kills kills" farmed mpirun
check "it was killed some times ($kills, in stages$met)" test $kills -ge 5
check "the same bytes after $kills kills" same_run undisturbed mpirun

# --- under launch: rank 0, rank 1, mpirun, or launch itself ---------------------------------------------------------------------
launched() { exec "$program" launch -n 2 --stall 6 -- run tests/app/tiny.yaml --quiet $sizes --set run.directory="$dir/launch"; }
descendants() { local p; for p in $(ps -o pid= --ppid "$1"); do echo "$p"; descendants "$p"; done; }
(launched) >"$dir/log" 2>&1 & launch=$!
kills=0 restarts=0
while kill -0 $launch 2>/dev/null && [ $kills -lt 6 ]; do
  pause 0.6 "$(kills_of 0.5)"
  victims=($(descendants $launch))
  [ $((RANDOM % 4)) = 0 ] && victims=($launch)
  [ ${#victims[@]} -gt 0 ] || continue
  kill -9 "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null && kills=$((kills + 1))
  if ! kill -0 $launch 2>/dev/null || [ "${victims[0]}" = $launch ]; then
    wait $launch 2>/dev/null
    (launched) >>"$dir/log" 2>&1 & launch=$!
    restarts=$((restarts + 1))
  fi
done
check "launch ended well after $kills kills and $restarts starts by hand" wait $launch
check "the same bytes under launch" same_run undisturbed launch
check "nothing was half-written" test -z "$(find "$dir"/undisturbed "$dir"/mpirun "$dir"/launch -name '*.tmp' 2>/dev/null)"
end
