# What the batch scripts beside this file share; they source it. Not to be started.
# A stage that ends with 85 was stopped with a checkpoint: the job goes back into the queue, and its next start goes on.

program=${DREAMFARM:-$home/build/dreamfarm}
[ -x "$program" ] || program=dreamfarm

introduce() { # CONFIG [OPTIONS]: what a log must tell of a start
  echo "--- $(date '+%F %T') job $SLURM_JOB_ID ${SLURM_JOB_NAME:-}, start $((${SLURM_RESTART_COUNT:-0} + 1))"
  echo "hosts    $SLURM_JOB_NODELIST, $SLURM_NTASKS ranks, by $LAUNCHER"
  echo "version  $("$program" --version)"
  echo "config   $("$program" config "$@" | sha256sum | cut -c1-16) $*"
}

# SLURM warns this shell before the time limit (--signal=B:USR1@120, perhaps as soon as the job begins), and says TERM when a job is
# cancelled or requeued from outside, which is then none of our business. launch is told, so that rank 0 writes a checkpoint.
asked="" launch=""
hand_on() { # SIGNAL: again and again, since a launch that has only just begun may not listen yet; it heeds the first
  asked=$1
  for _ in 1 2 3 4 5; do [ -n "$launch" ] && kill "-$1" "$launch" 2>/dev/null && sleep 1 || return; done
}
trap 'hand_on USR1' USR1
trap 'hand_on TERM' TERM

# `wait` returns when a trap has run, which says nothing of launch: its code is what `wait` says once it has gone.
# A launch that died of the warning itself had not begun yet, so all is as it was: it counts as stopped with a checkpoint.
stage() { # VERB CONFIG [OPTIONS]: returns only if the stage is complete
  local code word words=()
  for word; do [ "$word" = --fresh ] && [ "${SLURM_RESTART_COUNT:-0}" != 0 ] || words+=("$word"); done  # anew only once
  (trap '' USR1 TERM; exec "$program" launch --launcher "$LAUNCHER" -- "${words[@]}") & launch=$!
  [ -z "$asked" ] || hand_on "$asked"
  while kill -0 "$launch" 2>/dev/null; do wait "$launch"; done
  wait "$launch"; code=$?
  [ "$asked" = USR1 ] && [ $code = $((128 + $(kill -l USR1))) ] && code=85
  [ $code = 0 ] && return
  [ $code = 85 ] && [ "$asked" != TERM ] && echo "$1 was stopped with a checkpoint; the job is put back into the queue" && scontrol requeue "$SLURM_JOB_ID"
  exit $code
}
