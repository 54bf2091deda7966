# Sourced by tests that send signals to ranks.
rank() { # MPIRUN-PID RANK: its process id
  local p
  for p in $(ps -o pid= --ppid "$1"); do
    tr '\0' '\n' 2>/dev/null <"/proc/$p/environ" | grep -qxE "(OMPI_COMM_WORLD_RANK|PMI_RANK)=$2" && echo "$p"
    rank "$p" "$2"
  done
}
in_mid_generation() { # NAME: waits for the second generation's first finished episodes; the first's page is older than the checkpoint
  for _ in $(seq 1200); do
    [ -e "$dir/$1/controller.safetensors" ] && [ "$dir/$1/journal" -nt "$dir/$1/controller.safetensors" ] && [ "$(stat -c %s "$dir/$1/journal")" -gt 1000 ] && break
    sleep 0.02
  done
}
