#!/usr/bin/env bash
# What happens around a job under dreamfarm launch: a second one beside it, file systems without locks, a directory
# that is removed, a terminal and its signals, places with blanks and colons, what kills leave behind, ports, ranks
# that die where nobody looks. Whatever goes on comes to the bytes of an undisturbed run.
# ranks: 2 3
set -u
GENERATIONS=${GENERATIONS:-100}
. tests/app/launched.sh

check "a world" "$program" run $tiny --quiet --set run.directory="$dir/run" --set evolve.generations=1
world whole
length="--set evolve.generations=$generations"
check "undisturbed" "$program" launch -n 3 -- evolve $tiny --quiet --set run.directory="$dir/whole" $length
same_as_whole() { same_rows "$dir/whole/run.csv" "$dir/$1/run.csv"; }
token_of() { cut -d' ' -f1 "$dir/$1/heartbeat"; }
seconds() { echo $((($(now) - $1) / 1000000000)); }
until_true() { # SECONDS COMMAND...
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || { echo "not within the time: $*"; return 1; }; sleep 0.1; done
}

# --- two in one directory, and a terminal that goes away ------------------------------------------------------------
: >"$dir/log"; world twice
trap '' HUP
# Until it is told that it has enough: a second launch has its patience.
"$program" launch -n 2 -- evolve $tiny --quiet --set run.directory="$dir/twice" \
  --set evolve.generations=1000000 >>"$dir/log" 2>&1 & job=$!
trap - HUP
until_rows twice 20
check "a second launch is refused" exits 1 \
  "another dreamfarm launch works in $dir/twice; end it, or use another run.directory" \
  "$program" launch -n 2 -- evolve $tiny --set run.directory="$dir/twice"
at=$(rows twice)
kill -HUP $job
gone_on() { [ "$(rows twice)" -gt $((at + 5)) ] && ! grep -q "starts again\|85" "$dir/log"; }
check "a hangup that is ignored at the start stays ignored" until_true 20 gone_on
listening() { # PROCESS: what it listens on
  local inode; for inode in $(ls -l /proc/$1/fd 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\].*/\1/p'); do
    awk -v inode="$inode" '$4 == "0A" && $10 == inode {print $2}' /proc/net/tcp /proc/net/tcp6 2>/dev/null
  done
}
deaf() { [ -n "$1" ] && [ -d "/proc/$1" ] && [ -z "$(listening "$1")" ] || { listening "$1"; return 1; }; }
for n in 0 1; do check "rank $n listens on no port" deaf "$(rank $job $n)"; done
until_rows twice $((generations + 1))
check "it is told" "$program" control $tiny --set run.directory="$dir/twice" --set generations=$(($(rows twice) + 20))
check "nobody disturbed it" ends_with 0
results "$dir/twice/run.csv" | head -n $((generations + 1)) >"$dir/first-rows"
check "twice: the same bytes, as far as the other goes" cmp "$dir/first-rows" <(results "$dir/whole/run.csv")

# --- file systems without locks -------------------------------------------------------------------------------------
cat >"$dir/shim.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
static int locked(const char *name, int fd, int command, void *argument) {
  int (*next)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, name);
  if (command == F_SETLK && getenv("LOCK_ERRNO")) return errno = atoi(getenv("LOCK_ERRNO")), -1;
  return next(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
  va_list a; va_start(a, command); void *argument = va_arg(a, void *); va_end(a);
  return locked("fcntl", fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
  va_list a; va_start(a, command); void *argument = va_arg(a, void *); va_end(a);
  return locked("fcntl64", fd, command, argument);
}
C
cat >"$dir/words.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int count, char **words) { return count == 2 ? puts(strerror(atoi(words[1]))) < 0 : 2; }
C
if cc -shared -fPIC -o "$dir/shim.so" "$dir/shim.c" -ldl 2>"$dir/shim.log" &&
    cc -o "$dir/words" "$dir/words.c" 2>>"$dir/shim.log"; then
  short="evolve $tiny --set run.directory=$dir/run --set evolve.generations=1"
  search() { env LOCK_ERRNO="$1" LD_PRELOAD="$dir/shim.so" "$program" $short; }
  below() { env LOCK_ERRNO="$1" LD_PRELOAD="$dir/shim.so" "$program" launch -n 1 -- $short; }
  # ENOLCK, EOPNOTSUPP, ENOSYS, EIO: said in the system's own words
  for reason in 37 95 38 5; do
    check "a lock that fails with $reason is a warning" exits 0 \
      "warning: $dir/run/launch.lock: this file system gives no lock ($("$dir/words" $reason))" below $reason
  done
  check "plain: a warning, too" exits 0 \
    "warning: $dir/run/lock: this file system gives no lock (No locks available)" search 37
  check "plain: a lock that is held, in the words of other systems" exits 1 \
    "another dreamfarm works in $dir/run; end it" search 13
  for reason in 11 13; do
    check "launch: $reason is another" exits 1 "another dreamfarm launch works in $dir/run; end it" below $reason
  done
else
  skipped=$((skipped + 8)); echo "SKIPPED: the shim does not build"
fi
ln -sf "$dir/elsewhere" "$dir/whole/launch.lock"
check "a lock is not written through a link" exits 6 "launch.lock: is a symbolic link" "$program" launch -n 1 -- \
  evolve $tiny --set run.directory="$dir/whole"
rm "$dir/whole/launch.lock"

# --- the directory is removed ---------------------------------------------------------------------------------------
: >"$dir/log"; world removed; launch removed; until_rows removed 20
hit=$(now); mv "$dir/removed" "$dir/removed-away"; rm -rf "$dir/removed-away"
check "a removed directory: 6" ends_with 6
check "a removed directory: at once" test "$(seconds "$hit")" -lt 10
check "a removed directory: it is said" grep -q "$dir/removed was removed or replaced while the job was in it" \
  "$dir/log"
check "a removed directory: no process is left" no_strays removed

# --- stopped and continued ------------------------------------------------------------------------------------------
: >"$dir/log"; world asleep; STALL=4 launch asleep; until_rows asleep 20
state() { sed -n 's/^State:[^A-Z]*\(.\).*/\1/p' "/proc/$1/status"; }
all_are() { # STATES
  local p
  for p in $job "$(rank $job 0)" "$(rank $job 1)" "$(rank $job 2)"; do [[ "$(state "$p")" == [$1] ]] || return 1; done
}
kill -TSTP $job
check "Ctrl-Z stops launch and ranks" until_true 10 all_are T
at=$(rows asleep); sleep 7
check "stopped: nothing moves" test "$(rows asleep)" = $at
kill -CONT $job
check "and they continue" until_true 10 all_are RSD
check "stopped: it ends well" ends_with 0
check "stopped: silence was not counted" bash -c "! grep -q 'starts again' $dir/log"
check "stopped: the same bytes" same_as_whole asleep

# --- what kill -9 leaves --------------------------------------------------------------------------------------------
rooms() { ls -d /tmp/dreamfarm.$1 /dev/shm/dreamfarm.$1 2>/dev/null; }
: >"$dir/log"; world killed; launch killed; until_rows killed 20
token=$(token_of killed) ranks="$(rank $job 0) $(rank $job 1) $(rank $job 2)"
check "what Open MPI keeps lies in rooms of the job" test "$(rooms "$token" | wc -l)" = 2 -a -n \
  "$(ls /dev/shm/dreamfarm.$token)"
check "nothing of it lies beside" bash -c "! ls -d /tmp/ompi.*/pid.$(mpirun_of $job)"
kill -9 $job $(mpirun_of $job) $ranks; wait $job 2>/dev/null; job=0
check "kill -9 leaves them" test -n "$(rooms "$token")"
mkdir -p /tmp/dreamfarm.00000000000000000000000000000000
launch killed
check "the next launch ends well" ends_with 0
check "and swept them" test -z "$(rooms "$token")"
check "but not another's" rmdir /tmp/dreamfarm.00000000000000000000000000000000
check "killed: the same bytes" same_as_whole killed

# --- ranks that die where all wait for all --------------------------------------------------------------------------
spoke() { # RUN TOKEN: rank 0 of a later start has
  [ "$(token_of "$1")" != "$2" ] && [ "$(cut -d' ' -f5 "$dir/$1/heartbeat")" -gt 0 ]
}
dies() { # NAME RANK: it is going again within 30 s
  local name=$1 token hit; token=$(token_of "$name")
  kill -9 "$(rank $job "$2")"; hit=$(now)
  check "$name: going again" until_true 60 spoke "$name" "$token"
  check "$name: within 30 s" test "$(seconds "$hit")" -le 30
  echo "$name: going again after $(seconds "$hit") s"
}
: >"$dir/log"; world start; launch start
until_true 20 eval '[ -n "$(rank $job 1)" ]'
dies start 1
check "start: it ends well" ends_with 0
check "start: the same bytes" same_as_whole start
: >"$dir/log"
"$program" launch -n 3 --stall 8 -- train-vae $tiny --quiet --fresh --set run.directory="$dir/run" --set vae.epochs=400 \
  >>"$dir/log" 2>&1 & job=$!
until_true 30 eval '[ "$(cut -d" " -f6 "$dir/run/heartbeat")" = 0 ] && [ -s "$dir/run/train_vae.csv" ]'
dies run 2
check "training: it is said" grep -q "rank 2 (process [0-9]*) is gone, and rank 0 has said nothing" "$dir/log"
kill -INT $job 2>/dev/null; kill -TERM $job; wait $job; job=0

# --- places that are no words ---------------------------------------------------------------------------------------
for place in "my proj" "a:b" "it's \$HOME"; do
  mkdir "$dir/$place"; cp "$program" "$dir/$place/dreamfarm"; world "place"; rm -f "$dir/place/"*.csv
  check "a program below '$place/'" "$dir/$place/dreamfarm" launch -n 2 -- \
    evolve $tiny --quiet --set run.directory="$dir/place" --set evolve.generations=2
  rm -rf "$dir/place"
done

# --- a terminal -----------------------------------------------------------------------------------------------------
if command -v script >/dev/null; then
  world shown
  shown="$program launch -n 2 -- evolve $tiny --set run.directory=$dir/shown $length"
  script -qec "$shown" /dev/null >"$dir/seen" 2>&1 </dev/null & job=$!
  told() {
    local firsts; firsts=$(grep -lz '^PMIX_RANK=0$' /proc/[0-9]*/environ 2>/dev/null)
    grep -lz '^DREAMFARM_TERMINAL=1$' $(grep -lz "^DREAMFARM_DIRECTORY=$dir/shown" $firsts 2>/dev/null)
  }
  check "rank 0 hears that it speaks to a terminal" until_true 20 told
  check "shown: it ends well" ends_with 0
else
  skipped=$((skipped + 2)); echo "SKIPPED: there is no script(1) to make a terminal"
fi

# --- a launcher that starts nothing ---------------------------------------------------------------------------------
printf '#!/bin/bash\n[ "$1" = --version ] && { echo "mpirun (Open MPI) 4.1.4"; exit; }\nexec sleep 60\n' \
  >"$dir/idle"; chmod +x "$dir/idle"
hit=$(now)
check "a launcher that starts nothing" exits 1 "idle has started no rank in 3 s" "$program" launch \
  --launcher "$dir/idle" -n 2 --stall 3 --retries 0 -- evolve $tiny --set run.directory="$dir/whole"
check "is not waited for" test "$(seconds "$hit")" -lt 15
end
