# Sourced by the tests of runs under `dreamfarm launch`: a small search in the background, whose ranks can be found.
. tests/checks.sh
job=0
trap '[ $job = 0 ] || kill -9 $job 2>/dev/null; rm -rf "$dir"' EXIT
tiny=tests/app/tiny.yaml generations=${GENERATIONS:-150}
world() { mkdir -p "$dir/$1"; cp "$dir/run/"{vae,rnn}.safetensors "$dir/$1/"; }
# A shell has its background ignore SIGINT; these are to heed it.
launch() { # RUN [OPTIONS]: starts evolve in the background, appending to $dir/log; its process is $job
  env --default-signal=INT,HUP "$program" launch -n 3 --stall "${STALL:-20}" -- evolve $tiny --quiet \
    --set run.directory="$dir/$1" --set evolve.generations=$generations ${2:-} >>"$dir/log" 2>&1 &
  job=$!
}
rows() { if [ -e "$dir/$1/run.csv" ]; then wc -l <"$dir/$1/run.csv"; else echo 0; fi; }
until_rows() { # RUN ROWS
  for _ in $(seq 1200); do
    [ "$(rows "$1")" -ge "$2" ] && return
    kill -0 $job 2>/dev/null || break
    sleep 0.05
  done
  echo "$1: $(rows "$1") rows, waited for $2" >>"$dir/log"
}
ends_with() { # CODE: how the launch ends, within a bound
  for _ in $(seq 2400); do kill -0 $job 2>/dev/null || break; sleep 0.1; done
  wait $job; local code=$?; job=0
  [ $code = "$1" ] || echo "exit code $code, wanted $1" >>"$dir/log"
  [ $code = "$1" ]
}
mpirun_of() { pgrep -P "$1" | head -n 1; }
rank() { # LAUNCH N: the process of the N-th rank, by what mpirun wrote into its environment
  local p
  for p in $(pgrep -P "$(mpirun_of "$1")"); do
    grep -qz "^PMIX_RANK=$2\$" "/proc/$p/environ" 2>/dev/null && echo "$p" && return
  done
}
no_strays() { ! grep -lz "^DREAMFARM_DIRECTORY=$dir/$1" /proc/[0-9]*/environ 2>/dev/null | grep .; }
now() { date +%s%N; }
