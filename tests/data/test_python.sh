#!/usr/bin/env bash
# What we write is read by h5py, minari and Python's safetensors. Set DREAMFARM_PYTHON to an interpreter that has them.
set -u
python=${DREAMFARM_PYTHON:-python3} dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if ! "$python" -c 'import h5py, minari, safetensors.numpy, PIL' 2>/dev/null; then
  echo "skipped: $python has no h5py, minari and safetensors (set DREAMFARM_PYTHON)"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
"${BUILD:-build}/tests/data/test_episodes" "$dir/set" || { echo "0 passed, 1 failed"; exit 1; }
"$python" - "$dir/set" <<'P'
import sys, pathlib, h5py, minari, numpy as np
from safetensors.numpy import load_file
from safetensors import safe_open
here = pathlib.Path(sys.argv[1]); passed = failed = 0
def check(words, good):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good: print("failed:", words)
with h5py.File(here / "main_data.hdf5") as f:
    check("h5py sees all episodes", len(f) == 5)
    e = f["episode_3"]
    check("h5py shapes", e["observations"].shape == (20, 8, 6, 3) and e["actions"].shape == (19, 2))
    check("flags are bool", e["terminations"].dtype == bool and e["truncations"][-1])
    check("id", e.attrs["id"] == 3 and e.attrs["total_steps"] == 19)
d = minari.MinariDataset(here)
check("minari counts", d.total_episodes == 5 and d.total_steps == sum(40 - 7 * i for i in range(5)))
check("minari space", d.observation_space.shape == (8, 6, 3) and d.action_space.shape == (2,))
for e in d.iterate_episodes():
    n = 40 - 7 * e.id
    want = (np.arange((n + 1) * 144) * 31 + e.id).astype(np.uint8).reshape(n + 1, 8, 6, 3)
    check("minari observations", np.array_equal(e.observations, want))
    check("minari rewards", np.array_equal(e.rewards, np.arange(n) + 0.25))
check("safetensors", load_file(here / "x.safetensors")["x"].tolist() == [1, 2, 3])
with safe_open(here / "x.safetensors", "np") as f: check("metadata", f.metadata()["format"] == "test")
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
P
