#!/usr/bin/env bash
# dreamfarm launch: whatever is killed, stopped or asked to leave in mid-run, the run goes on by itself and run.csv comes
# out as from an undisturbed run (its time columns aside).
# ranks: 2 3
set -u
. tests/app/launched.sh

check "a world" "$program" run $tiny --quiet --set run.directory="$dir/run" --set evolve.generations=1
world whole
check "undisturbed" "$program" launch -n 3 -- evolve $tiny --quiet --set run.directory="$dir/whole" --set evolve.generations=$generations
check "nothing of launch is left" test ! -e "$dir/whole/heartbeat" -a ! -e "$dir/whole/result"

fault() { # NAME WORDS VICTIM SIGNAL: the fault hits in mid-run; the run ends by itself with the same bytes
  local name=$1 words=$2 victim=$3 signal=$4
  : >"$dir/log"; world "$name"; launch "$name"
  until_rows "$name" 20
  case $victim in mpirun) kill "-$signal" "$(mpirun_of $job)";; *) kill "-$signal" "$(rank $job "$victim")";; esac
  local at; at=$(rows "$name")
  local hit; hit=$(now)
  until_rows "$name" $((at + 20)); local back=$((($(now) - hit) / 1000000))
  check "$name: it goes on by itself" ends_with 0
  check "$name: the same bytes" same_rows "$dir/whole/run.csv" "$dir/$name/run.csv"
  check "$name: it is said" grep -q "$words" "$dir/log"
  check "$name: no process is left" no_strays "$name"
  echo "$name: went on after $back ms"
}
fault killed-rank-0 "rank 0 (process [0-9]*) is gone" 0 KILL
fault killed-mpirun "ended with 137 before rank 0" mpirun KILL
fault killed-worker "lost" 2 KILL
fault stopped-rank-0 "rank 0 has said nothing for 2" 0 STOP

# --fresh is for the first start only.
: >"$dir/log"; world anew; launch anew --fresh; until_rows anew 60
kill -9 "$(rank $job 0)"
check "fresh: it ends well" ends_with 0
check "fresh: the same bytes" same_rows "$dir/whole/run.csv" "$dir/anew/run.csv"
check "fresh: once only" test "$(grep -c '"event": "begin"' "$dir/anew/run.jsonl")" = 1 -a "$(grep -c '"event": "resume"' "$dir/anew/run.jsonl")" = 1

: >"$dir/log"; world asked; launch asked
until_rows asked 20; kill -TERM $job
check "SIGTERM: 85" ends_with 85
check "it stopped in mid-run" test "$(rows asked)" -lt $generations
launch asked; until_rows asked $(($(rows asked) + 10)); kill -INT $job
check "SIGINT: 7" ends_with 7
launch asked
check "the same command resumes" ends_with 0
check "asked to stop: the same bytes" same_rows "$dir/whole/run.csv" "$dir/asked/run.csv"

# A second SIGINT does not wait, whatever the ranks do.
: >"$dir/log"; world hurried; launch hurried; until_rows hurried 20
kill -STOP "$(rank $job 0)"; kill -INT $job; sleep 0.5; kill -INT $job; hit=$(now)
check "a second SIGINT: 7" ends_with 7
check "a second SIGINT: at once" test $((($(now) - hit) / 1000000)) -lt 15000
check "a second SIGINT: no process is left" no_strays hurried

# launch itself is killed: its ranks go with it, and the same command resumes.
: >"$dir/log"; world orphaned; launch orphaned; until_rows orphaned 20
kill -9 $job; wait $job 2>/dev/null
for _ in $(seq 150); do no_strays orphaned >/dev/null && break; sleep 0.1; done
check "kill -9 of launch leaves no process" no_strays orphaned
launch orphaned
check "and the same command resumes" ends_with 0
check "launch killed: the same bytes" same_rows "$dir/whole/run.csv" "$dir/orphaned/run.csv"

# What cannot get better is not tried for ever.
check "an error of the job is its exit code, at once" exits 6 "vae.safetensors" timeout -k 5 120 "$program" launch -n 2 -- evolve $tiny --set run.directory="$dir/none"
check "it gives up" exits 1 "gave up after 3 starts without progress" timeout -k 5 120 "$program" launch -n 2 --retries 2 --mpirun "--no-such-option" -- evolve $tiny --set run.directory="$dir/none"
check "an unknown option" exits 2 "usage: dreamfarm launch" "$program" launch --ranks 3 -- evolve $tiny
check "no verb" exits 2 "usage: dreamfarm launch" "$program" launch -n 2
check "no such launcher" exits 6 "cannot be started" "$program" launch --launcher no-such-mpirun -- evolve $tiny --set run.directory="$dir/none"
check "a host file that is none" exits 4 "hosts:2" bash -c "printf 'a slots=2\nb slots=0\n' >$dir/hosts; $program launch --hostfile $dir/hosts -- evolve $tiny --set run.directory=$dir/none"
end
