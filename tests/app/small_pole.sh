# Sourced by the tests of losses: a world of cart-pole whose dreams last, so that a generation takes about a second and can
# be hit in its middle. `evolve RANKS NAME [options]` plays in $dir/NAME,
# `alone NAME` without mpirun, `started NAME [mpirun ...] &` is the process itself.
. tests/checks.sh
more=""
MPIRUN=${MPIRUN:-mpirun}
export TMPDIR=$dir OMPI_MCA_btl_vader_backing_directory=$dir  # what Open MPI leaves behind when mpirun is killed
pole="--set environment.name=cartpole_swingup --set rnn.hidden=32"
search="$pole --set evolve.popsize=24 --set evolve.episodes=32 --set dream.cap=1000 --set dream.reward=head --set evolve.generations=4
  --set evolve.held_out_episodes=200 --set evolve.real_episodes=400"
for verb in collect train evolve; do
  "$program" $verb tests/app/tiny.yaml --quiet $pole --set run.directory="$dir/first" --set rnn.epochs=40 \
    --set evolve.generations=1 >/dev/null || { echo "0 passed, 1 failed"; exit 1; }
done
world() { mkdir -p "$dir/$1"; cp "$dir/first/rnn.safetensors" "$dir/$1/"; }
started() { local name=$1; shift; exec "$@" "$program" evolve tests/app/tiny.yaml --quiet $search --set run.directory="$dir/$name" $more; } # in the background
alone() { more="${*:2}"; (started "$1"); }
evolve() { more="${*:3}"; (started "$2" $MPIRUN -n "$1"); }
same() { same_rows "$dir/$1/run.csv" "$dir/$2/run.csv" && cmp "$dir/$1/controller.safetensors" "$dir/$2/controller.safetensors"; }
rows() { [ -e "$dir/$1/run.csv" ] && wc -l <"$dir/$1/run.csv" || echo 0; }
event() { sed -n "s/.*\"event\": \"$2\".*\"$3\": \([^,}]*\).*/\1/p" "$dir/$1/run.jsonl"; } # NAME EVENT FIELD
