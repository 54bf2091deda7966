# Sourced by the tests that disturb whole runs: from the first episode to the judgement, of a few seconds, of which no
# stage has most.
. tests/checks.sh
export TMPDIR=$dir OMPI_MCA_btl_vader_backing_directory=$dir  # what Open MPI leaves behind when mpirun is killed
MPIRUN=${MPIRUN:-mpirun}
sizes="--set collect.episodes=24 --set collect.shard=2 --set vae.epochs=4 --set vae.frames=400 --set rnn.epochs=60
  --set evolve.episodes=40 --set evolve.generations=5 --set fidelity.episodes=4 --set evaluate.episodes=40"
whole() { "$program" run tests/app/tiny.yaml --quiet $sizes --set run.directory="$dir/$1" "${@:2}"; }       # NAME
farmed() { $MPIRUN -n 2 "$program" run tests/app/tiny.yaml --quiet $sizes --set run.directory="$dir/$1" "${@:2}"; }
# All that a run leaves, but for times: two runs of the same settings are the same bytes.
same_run() { # NAME NAME
  local a=$dir/$1 b=$dir/$2 f
  diff -r "$a/episodes" "$b/episodes" && diff -r "$a/latents" "$b/latents" || return 1
  for f in vae.safetensors rnn.safetensors controller.safetensors fidelity.json evaluate.json config.yaml; do
    cmp <(sed "s,$dir/[a-z0-9-]*,," "$a/$f") <(sed "s,$dir/[a-z0-9-]*,," "$b/$f") || return 1
  done
  for f in run train_vae train_rnn; do same_rows "$a/$f.csv" "$b/$f.csv" || return 1; done
}
