#!/usr/bin/env bash
# What we write is read by h5py, minari, numpy, pillow and Python's safetensors, and what they write by us.
set -u
programs=${BUILD:-build}/tests/data dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
. tests/data/python.sh
if [ -n "$no_python" ]; then
  echo "skipped: $no_python"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
"$programs/test_episodes" "$dir" && "$programs/test_half" "$dir/half.safetensors" &&
  "$programs/test_film" --make "$dir/film.png" || { echo "0 passed, 1 failed"; exit 1; }
"$python" - "$dir" "$programs" <<'P'
import os, pathlib, subprocess, sys
here, programs = pathlib.Path(sys.argv[1]), sys.argv[2]
os.environ["MINARI_DATASETS_PATH"] = str(here / "minari")
import h5py, minari, numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
passed = failed = 0
def check(words, good):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good: print("failed:", words)

def steps(i): return 40 - 7 * i
def observations(i, kind):
    n = steps(i) + 1
    if kind == "pixels": return (np.arange(n * 144) * 31 + i).astype(np.uint8).reshape(n, 8, 6, 3)
    return (np.arange(n * 4) * 0.5 + i).astype(np.float32).reshape(n, 4)

for kind, shape in ("pixels", (8, 6, 3)), ("states", (4,)):
    with h5py.File(here / kind / "main_data.hdf5") as f:
        check("h5py sees all episodes", len(f) == 5 and f.attrs["total_episodes"] == 5)
        e = f["episode_3"]
        check("shapes", e["observations"].shape == (20, *shape) and e["actions"].shape == (19, 2))
        check("flags are bool", e["terminations"].dtype == bool and e["truncations"][-1] and not e["truncations"][0])
        check("attributes of an episode", e.attrs["id"] == 3 and e.attrs["total_steps"] == 19 and e.attrs["seed"] == 2**64 - 4)
    with h5py.File(here / kind / "shard-00001.hdf5") as f:
        check("provenance", [f.attrs[k] for k in ("environment", "version", "policy", "seed")] == ["test", "1", "none:3", 2**64 - 2])
        check("frames are compressed and guarded", f["episode_2/observations"].compression == "gzip" and f["episode_2/observations"].fletcher32)
    d = minari.MinariDataset(here / kind)
    check("minari counts", d.total_episodes == 5 and d.total_steps == sum(map(steps, range(5))))
    check("minari spaces", d.observation_space.shape == shape and d.action_space.shape == (2,))
    check("minari's names", d.spec.dataset_id == "dreamfarm/test/none-3-v1" and d.spec.version == 1)
    check("minari's metadata of episodes", [m["total_steps"] for m in d.storage.get_episode_metadata(range(5))] == list(map(steps, range(5))))
    for e in d.iterate_episodes():
        i, n = e.id, steps(e.id)
        check("observations", np.array_equal(e.observations, observations(i, kind)) and e.observations[0] in d.observation_space)
        check("actions", np.array_equal(e.actions, (np.arange(n * 2) / np.float32(100)).astype(np.float32).reshape(n, 2)))
        check("rewards", np.array_equal(e.rewards, np.arange(n) + 0.25))
        check("ends", list(np.flatnonzero(e.terminations)) == [n - 1] * int(i % 2 == 0) and list(np.flatnonzero(e.truncations)) == [n - 1] * int(i % 2))

# As one of minari's own datasets, by its name.
place = here / "minari/dreamfarm/test/none-3-v1"
place.mkdir(parents=True)
(place / "data").symlink_to(here / "pixels")
check("minari lists it", list(minari.list_local_datasets()) == ["dreamfarm/test/none-3-v1"])
check("minari loads it", len(minari.load_dataset("dreamfarm/test/none-3-v1")) == 5)

# A flipped bit in the frames is noticed by h5py too, which knows nothing of our hashes.
with h5py.File(here / "pixels/shard-00000.hdf5") as f: at = f["episode_0/observations"].id.get_chunk_info(0).byte_offset
raw = bytearray((here / "pixels/shard-00000.hdf5").read_bytes())
raw[at + 100] ^= 1
(here / "flipped.hdf5").write_bytes(raw)
try:
    h5py.File(here / "flipped.hdf5")["episode_0/observations"][:]
    check("a flip is noticed", False)
except OSError:
    check("a flip is noticed", True)

check("safetensors", load_file(here / "x.safetensors")["x"].tolist() == [1, 2, 3])
with safe_open(here / "x.safetensors", "np") as f: check("metadata", f.metadata()["format"] == "test")
save_file({"h": np.array([1, -0.5, 65504], np.float16), "x": np.array([[1, -2, 3.5], [0, 1e-20, 7]], np.float32), "n": np.array(2**40)},
          here / "python.safetensors", {"quote": 'a "b" \\ c'})
check("Python's safetensors", subprocess.run([programs + "/test_tensors", here / "python.safetensors"]).returncode == 0)

with np.errstate(all="ignore"):
    t = load_file(here / "half.safetensors")
    check("halves to floats as numpy's", np.array_equal(t["all"].astype(np.float32), t["wide"], equal_nan=True))
    check("floats to halves as numpy's", np.array_equal(t["any"].astype(np.float16), t["narrow"], equal_nan=True))
# A film's frames as pillow shows them: those that test_film makes of a hundred colours.
from PIL import Image
film = Image.open(here / "film.png")
check("pillow sees all frames", film.is_animated and film.n_frames == 7 and film.size == (40, 24) and film.info["loop"] == 0)
for k in range(7):
    film.seek(k)
    shown, walked = np.asarray(film.convert("RGB")), 3 if k == 4 else k
    mixed = (np.arange(960) % 100 * 2654435761 & 0xFFFFFFFF).reshape(24, 40)
    wanted = np.stack([mixed >> shift & 0xF8 for shift in (24, 16, 8)], 2).astype(np.uint8)
    wanted[2 + walked:8 + walked, 5 * walked:5 * walked + 5] = 255, 128, 0
    check(f"frame {k}", np.array_equal(shown, wanted))
    check(f"its {40 * k} ms", abs(film.info["duration"] - 40 * k) < 0.5)
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
P
