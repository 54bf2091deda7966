#!/usr/bin/env bash
# What launch makes of its words, of host files, of SLURM's variables, and of the place it is started in, seen by a
# launcher that starts nothing and writes down what it was given; and the ends it comes to without one rank having
# run.
# ranks: 2 3
set -u
. tests/checks.sh
tiny=$PWD/tests/app/tiny.yaml
unset SLURM_JOB_ID SLURM_JOB_NODELIST SLURM_NTASKS
mkdir "$dir/bin"
cat >"$dir/bin/mpirun" <<C
#!/bin/bash
[ "\$1" = --version ] && { echo "mpirun (Open MPI) 4.1.4"; exit; }
printf '<%s>\n' "\$@" >"$dir/words"
/usr/bin/env >"$dir/environment"
while read -r line; do case \$line in SigIgn:*) echo "\$line";; esac; done </proc/self/status >"$dir/signals"
echo "mpirun says so" >&2
exit 9
C
chmod +x "$dir/bin/mpirun"
cat >"$dir/program" <<C
#!/bin/bash
exec $program "\$1" --launcher "$dir/bin/mpirun" --retries 0 "\${@:2}"
C
chmod +x "$dir/program"
launch() { # [OPTIONS]: by the launcher that starts nothing
  rm -f "$dir/words"
  timeout -k 2 60 "$dir/program" launch "$@" -- evolve "$tiny" --set run.directory="$dir/run"
}
has_words() { # WORDS...: one after the other among those of the launcher
  local wanted; wanted=$(printf '<%s>\n' "$@")
  [[ $'\n'$(cat "$dir/words")$'\n' == *$'\n'"$wanted"$'\n'* ]] || { cat "$dir/words"; return 1; }
}
lacks_word() { ! grep -qxF "<$1>" "$dir/words"; }
ranks() { grep -A1 -xF '<-n>' "$dir/words" | sed -n '2s/[<>]//gp'; }
ranks_are() { [ "$(ranks)" = "$1" ] || { echo "$(ranks) ranks, wanted $1"; return 1; }; }

# --- words ----------------------------------------------------------------------------------------------------------
check "what the launcher said is pointed at" exits 1 \
  "ended with 9 before rank 0 had begun: it could not start the job" launch -n 2
check "and is there" grep -q "mpirun says so" "$dir/said"
launch -n 2 --mpirun '-x "FOO=a b" --mca x '"'y \"z'"' a\ b ""' 2>/dev/null
check "quotes are understood" has_words -x "FOO=a b" --mca x 'y "z' "a b" ""
check "a quote that is not closed" exits 2 "--mpirun: in '-x \"FOO=a b' a \" is opened and never closed" \
  launch -n 2 --mpirun '-x "FOO=a b'
check "an agent, too" exits 2 "--agent: in 'ssh '' a ' is opened and never closed" launch -n 2 --agent "ssh '"
check "no agent" exits 2 "--agent: found ' ', wanted a program" launch -n 2 --agent " "
many=(); for i in $(seq 120); do many+=(--set "run.seed=$i"); done
timeout 60 "$dir/program" launch -n 2 -- evolve "$tiny" "${many[@]}" --set run.directory="$dir/run" >/dev/null 2>&1
check "120 --set" has_words --set run.seed=119 --set run.seed=120

# --- numbers --------------------------------------------------------------------------------------------------------
for n in 4294967298 -1 0 2x "" " 2" 0x2 1e1 99999999999999999999; do
  check "-n '$n'" exits 2 "launch -n: found '$n', wanted a whole number from 1 to 1000000" launch -n "$n"
done
for n in 4294967298 -1 1.5; do check "--retries $n" exits 2 "launch --retries: found '$n'" launch --retries "$n"; done
for n in 0 -1 nan inf 0x10 1e9 20s ""; do
  check "--stall '$n'" exits 2 "launch --stall: found '$n', wanted seconds" launch --stall "$n"
done

# --- host files -----------------------------------------------------------------------------------------------------
hosts() { # LINES: launch on such a file
  printf "$1" >"$dir/hosts"
  launch --agent true --hostfile "$dir/hosts"
}
slots() { # LINES SLOTS: so many ranks they are
  hosts "$1" >/dev/null 2>&1
  check "slots of '$1'" ranks_are "$2"
}
slots 'localhost max_slots=8 slots=1\n' 1
slots 'localhost slots=3 max-slots=8\n' 3
slots 'localhost max_slots=8\n' 1
slots 'localhost:4\n' 4
slots 'localhost slots = 2\n' 2
slots '\xef\xbb\xbflocalhost slots=2\r\nlocalhost\r\n' 3
check "a mark of UTF-8 is none of the name" has_words --host localhost:2,localhost:1
slots 'localhost slots=2 # slots=7' 2
refused() { # LINES WORDS
  check "a host file with '$1'" exits 4 "$dir/hosts:$2" hosts "$1"
}
touch_words='-oProxyCommand=touch${IFS}'$dir/PWNED
refused "localhost\n$touch_words slots=1\n" "2: found '-oProxyCommand"
check "nothing of it was executed" test ! -e "$dir/PWNED"
for name in '-w' '.hidden' 'a;b' 'a$b' 'a`b' "a'b" 'a/b' 'a@b' 'a,b' 'a[1-2]' 'a\\b' 'a\x01b' 'a\xc3\xa9'; do
  refused "\n$name slots=1\n" "2: found "
done
refused 'a slot=2\n' "1: found 'slot', did you mean 'slots'; wanted"
refused 'a max_slot=2\n' "1: found 'max_slot', did you mean 'max_slots'"
refused 'a slots\n' "1: found 'slots'"
refused 'a b\n' "1: found 'b'"
for n in 2x 0 -1 4294967298 65537 1.5 ''; do
  refused "a slots=$n\n" "1: slots: found '$n', wanted a whole number from 1 to 65536"
done
refused 'a slots=3 max_slots=2\n' "1: found 3 slots, which is more than max_slots, 2"
refused 'a:2x\n' "1: a: found '2x'"
refused 'a\0b\n' "1: found a byte 0"
refused "$(printf 'a%.0s' $(seq 300))\n" "1: found a name of 300 characters"
check "no hosts at all" exits 4 "hosts: names no host" hosts '# nothing\n'

# --- SLURM ----------------------------------------------------------------------------------------------------------
cat >"$dir/bin/scontrol" <<'C'
#!/bin/bash
[ "$1 $2" = "show hostnames" ] && [ $# = 3 ] || exit 1
tr , '\n' <<<"$3"
C
chmod +x "$dir/bin/scontrol"
slurm() { PATH=$dir/bin:$PATH SLURM_JOB_ID=1 SLURM_JOB_NODELIST=$1 SLURM_NTASKS=${2:-4} launch --agent true; }
many=$(for i in $(seq 600); do printf 'node-%05d,' "$i"; done); many=${many%,}
slurm "$many" 600 >/dev/null 2>&1
check "600 hosts of an allocation" has_words --host \
  "$(for i in $(seq 600); do printf 'node-%05d:1,' "$i"; done | sed 's/,$//')"
check "and its tasks" ranks_are 600
check "an option in the place of a list" exits 4 "SLURM_JOB_NODELIST: found '-x'" slurm -x
check "an option in the place of a host" exits 4 "SLURM_JOB_NODELIST: found '$touch_words'" slurm "n1,$touch_words"
check "nothing of that was executed" test ! -e "$dir/PWNED"
check "tasks that are no number" exits 2 "SLURM_NTASKS: found '4x'" slurm n1 4x
alone() { # LIST: where there is no scontrol
  SLURM_JOB_ID=1 SLURM_JOB_NODELIST=$1 SLURM_NTASKS=7 env PATH="$dir/nothing" "$dir/program" \
    launch -- evolve "$tiny" --set run.directory="$dir/run"
}
check "without scontrol it goes on here" exits 1 \
  "warning: SLURM_JOB_NODELIST is n[1-2], but scontrol cannot be started" alone "n[1-2]"
check "and mpirun does not ask SLURM either" has_words --mca ras ^slurm --mca plm ^slurm
alone n1 >/dev/null 2>&1
check "on one host its tasks count" ranks_are 7

# --- how many -------------------------------------------------------------------------------------------------------
cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
launch >/dev/null 2>&1; usable=$(ranks)
check "as many as there are cores, or fewer where fewer are paid for" test "$usable" -ge 1 -a "$usable" -le "$cores"
for n in 1 8; do
  OMP_NUM_THREADS=$n launch >/dev/null 2>&1
  check "OMP_NUM_THREADS=$n does not change it" ranks_are "$usable"
done
OMP_NUM_THREADS=1 DREAMFARM=$dir/program jobs/local "$tiny" evolve --set run.directory="$dir/run" >/dev/null 2>&1
check "jobs/local: neither" ranks_are "$usable"
DREAMFARM=$dir/program jobs/local -n 5 "$tiny" evolve --set run.directory="$dir/run" >/dev/null 2>&1
check "jobs/local -n" ranks_are 5
first=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')
taskset -c "$first" "$dir/program" launch -- evolve "$tiny" --set run.directory="$dir/run" >/dev/null 2>&1
check "bound to one core" ranks_are 1
group=/sys/fs/cgroup/cpu/dreamfarm-test-$$
if mkdir "$group" 2>/dev/null && echo 50000 >"$group/cpu.cfs_quota_us" 2>/dev/null; then
  search="launch -- evolve $tiny --set run.directory=$dir/run"
  paid() { bash -c "echo \$\$ >$1/cgroup.procs; exec $dir/program $search" >/dev/null 2>&1; } # GROUP
  paid "$group"
  check "half a core is paid for" ranks_are 1
  mkdir "$group/inner"
  paid "$group/inner"
  check "half a core for the group around" ranks_are 1
  rmdir "$group/inner"
  [ "$cores" = 1 ] || { echo 150000 >"$group/cpu.cfs_quota_us"; paid "$group"; check "a core and a half" ranks_are 2; }
else
  skipped=$((skipped + 2)); echo "SKIPPED: control groups of CPU time (version 1) cannot be made here"
fi
rmdir "$group" 2>/dev/null

# --- where ----------------------------------------------------------------------------------------------------------
folder=$(printf 'd%.0s' $(seq 220))
deep=$dir/$folder/$folder/$folder/$folder/$folder
mkdir -p "$deep"
below() { (cd "$deep" && launch -n 2 "$@"); }
in_place() { (cd "$deep" && timeout 60 "$dir/program" launch -n 2 -- evolve "$tiny" --set run.directory=r); }
check "below a path of 1,100 bytes" exits 6 \
  "run.directory: the full path of r has $((${#deep} + 2)) bytes, up to 896 are allowed" in_place
check "there, with another directory" exits 1 "ended with 9" below
cp "$program" "$deep/dreamfarm"
far() { # the program itself
  timeout 60 "$deep/dreamfarm" launch --launcher "$dir/bin/mpirun" --retries 0 -n 2 -- \
    evolve "$tiny" --set run.directory="$dir/run"
}
check "a program that lies there" exits 1 "ended with 9" far
check "is started by its whole path" grep -qxF "<$deep/dreamfarm>" "$dir/words"
check "nothing of it is left in /tmp" bash -c \
  "! ls -d /tmp/dreamfarm.$(sed -n 's/^DREAMFARM_JOB=//p' "$dir/environment")"

# --- signals --------------------------------------------------------------------------------------------------------
ignored() { sed -n 's/^SigIgn:[^0-9a-f]*//p' "$dir/signals"; }
bash -c "trap '' HUP; exec $dir/program launch -- evolve $tiny --set run.directory=$dir/run" >/dev/null 2>&1
check "ranks ignore the hangup that launch was told to ignore" test $((0x$(ignored) & 1)) = 1
launch -n 2 >/dev/null 2>&1
check "and no other" test $((0x$(ignored) & 1)) = 0
end
