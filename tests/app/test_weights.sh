#!/usr/bin/env bash
# A run's V, M and controller, read by PyTorch as docs/weights.md has them, say what the program says. Set
# DREAMFARM_TORCH to a Python that has torch, numpy and safetensors.
set -u
. tests/checks.sh
python=${DREAMFARM_TORCH:-}
if [ -z "$python" ] || ! "$python" -c 'import numpy, safetensors.torch, torch' 2>"$dir/log"; then
  echo "skipped: DREAMFARM_TORCH names no Python with torch, numpy and safetensors: '$python'"
  skipped=1
  end
fi
run() { "$program" run tests/app/tiny.yaml --quiet --set run.directory="$dir/$1" --set evolve.generations=2 "${@:2}"; }
compare() { "$python" tests/app/read_weights.py "$dir/$1" "$dir/$1/record.safetensors"; }
alike() { "${BUILD:-build}/tests/app/test_weights" "$dir/$1" "$dir/$1/record.safetensors" && compare "$1"; }
pole="--set environment.name=cartpole_swingup"
check "frames" run frames
check "frames: the same latents, pictures, memory, expectations and actions" alike frames
wide="--set controller.features=zhc --set controller.hidden=3 --set controller.bias=true --set rnn.mixtures=3"
check "states" run states $pole $wide
check "states: the same" alike states
narrow="--set controller.features=z --set controller.bias=true --set rnn.mixtures=1"
check "a linear controller of the state alone" run linear $pole $narrow
check "linear: the same" alike linear
check "a joint mixture" run joint $pole --set rnn.mixture=joint --set rnn.mixtures=4 --set rnn.epochs=10
check "a joint mixture: the same" alike joint
check "how far it moves" run moves $pole --set rnn.predicts=change --set rnn.epochs=10
check "how far it moves: the same" alike moves
# The comparison does notice: another world's record is not this one's.
mv "$dir/states/record.safetensors" "$dir/linear/"
unlike() { ! compare linear; }
check "what differs is noticed" unlike
end
