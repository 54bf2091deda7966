#!/usr/bin/env bash
# Data sets that Minari's own library wrote: `dreamfarm data` says of them what minari says, collect.from takes them number
# by number, a run learns from them; and minari reads what we collect.
set -u
. tests/checks.sh
. tests/data/python.sh
if [ -n "$no_python" ]; then
  echo "skipped: $no_python"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
export MINARI_DATASETS_PATH=$dir/minari
pole="--set environment.name=cartpole_swingup --set dream.reward=head"
tiny() { "$program" "$1" tests/app/tiny.yaml --quiet --set run.directory="$dir/$2" "${@:3}"; } # VERB NAME OPTIONS...

cat >"$dir/record.py" <<'P'
# Recorded by minari's DataCollector: Gymnasium's own environments, and some made here for their spaces.
import gymnasium as gym, numpy as np, warnings
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary
from minari import DataCollector
warnings.filterwarnings("ignore")

class Made(gym.Env):
    """Shows random observations of a space, and is over after a few steps."""
    def __init__(self, observation, action, length=7):
        self.observation_space, self.action_space, self.length = observation, action, length
        self.spec = gym.envs.registration.EnvSpec("Made-v0", entry_point="made:Made", max_episode_steps=99)
    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None: self.observation_space.seed(seed)
        self.step_number = 0
        return self.observation_space.sample(), {}
    def step(self, action):
        self.step_number += 1
        return self.observation_space.sample(), 0.5 * self.step_number, self.step_number == self.length, False, {"x": 1.0}

def record(name, env, episodes=5, jpeg=False):
    collector = DataCollector(env, jpeg_encoding=jpeg)
    env.action_space.seed(7)
    for e in range(episodes):
        collector.reset(seed=e)
        while True:
            action = env.action_space.sample()
            _, _, terminated, truncated, _ = collector.step(action)
            if terminated or truncated: break
    collector.create_dataset(dataset_id=name, algorithm_name="random", author="nobody")

record("cart/random-v0", gym.make("CartPole-v1"), 12)
record("pendulum/random-v0", gym.make("Pendulum-v1"))
state = Box(-3, 3, (2, 2), np.float64)
one = Box(-2, 6, (1,), np.float32)
record("dict/random-v0", Made(Dict({"extra": Box(-1, 1, (1,), np.float32), "inner": Dict({"state": state})}), one))
record("swing/random-v0", Made(Box(-1, 1, (5,), np.float32), one, 40), 12)
record("colours/random-v0", Made(Box(0, 255, (96, 80, 3), np.uint8), one))
record("grey/random-v0", Made(Box(0, 255, (48, 32), np.uint8), one))
record("planes/random-v0", Made(Box(0, 255, (3, 64, 64), np.uint8), one))
record("choices/random-v0", Made(Discrete(5, start=2), Discrete(3)))
record("flags/random-v0", Made(Box(-1, 1, (5,), np.float32), MultiBinary(3)))
record("packed/random-v0", Made(Box(0, 255, (40, 40, 3), np.uint8), one), jpeg=True)
record("stack/random-v0", Made(Box(0, 255, (40, 40, 4), np.uint8), one))
P
check "minari records" "$python" "$dir/record.py"

# --- dreamfarm data says what minari says ---------------------------------------------------------------------------
# One Python compares all of them, and says of each by name what it found.
cat >"$dir/compare.py" <<'P'
import traceback
def compare(names, same):
    for name in names:
        try:
            same(name)
            print(f"{name}: the same")
        except Exception:
            traceback.print_exc()
            print(f"{name}: another")
P
compared() { # SCRIPT NAMES...: a check of each
  local script=$1 name; shift
  "$python" "$dir/$script.py" "$dir" "$@" >"$dir/$script.said" 2>&1
  for name; do check "$script: $name" says_the_same "$script" "$name"; done
}
says_the_same() { grep -qxF "$2: the same" "$dir/$1.said" || { cat "$dir/$1.said"; return 1; }; } # SCRIPT NAME
cat >"$dir/data.py" <<'P'
import json, sys, minari, numpy as np
from compare import compare
def same(name):
    said, d = json.load(open(f"{sys.argv[1]}/said-{name}.json")), minari.load_dataset(f"{name}/random-v0")
    returns = sorted(float(np.sum(e.rewards)) for e in d.iterate_episodes())
    lengths = sorted(len(e.rewards) for e in d.iterate_episodes())
    assert said["layout"] == "minari" and said["name"] == f"{name}/random-v0", said
    assert said["episodes"] == d.total_episodes and said["steps"] == d.total_steps, said
    assert said["terminated"] == sum(bool(e.terminations[-1]) for e in d.iterate_episodes()), said
    assert said["truncated"] == sum(bool(e.truncations[-1]) for e in d.iterate_episodes()), said
    mean, sd = np.mean(returns), np.std(returns, ddof=1)
    assert abs(said["returns"]["mean"] - mean) < 1e-6 and abs(said["returns"]["sd"] - sd) < 1e-6, said
    assert np.allclose([said["returns"]["min"], said["returns"]["max"]], [min(returns), max(returns)], rtol=1e-12), said
    assert said["lengths"]["min"] == lengths[0] and said["lengths"]["max"] == lengths[-1], said
    assert said["policy"] == "random" and said["environment"] == d.spec.env_spec.id, said
compare(sys.argv[2:], same)
P
data() { # NAME KEYS
  "$program" data "$dir/minari/$1/random-v0" --json --out "$dir/frames-$1" ${2:+--keys "$2"} >"$dir/said-$1.json"
}
for name in cart pendulum swing colours grey planes choices; do check "data of $name" data $name ""; done
check "data of a Dict, by its keys" data dict extra,inner/state
compared data cart pendulum swing colours grey planes choices dict
check "has them in their order" grep -q '"shape": \[5\]' "$dir/said-dict.json"
check "where there are several, they are asked for" exits 4 "its observations have the keys extra, inner: say which" \
  "$program" data "$dir/minari/dict/random-v0"
check "one that there is not" exits 4 "have no key states, but extra, inner" "$program" data "$dir/minari/dict/random-v0" --keys states
check "actions of another kind" exits 4 "its actions are MultiBinary" "$program" data "$dir/minari/flags/random-v0"
check "pictures of four channels" exits 4 "have the shape 40 x 40 x 4" "$program" data "$dir/minari/stack/random-v0"
check "pictures packed as JPEG" exits 4 "packed as JPEG, which is not read; record them with DataCollector(env, jpeg_encoding=False)" \
  "$program" data "$dir/minari/packed/random-v0"
check "people see the spaces" exits 0 "Box(1) float32 in [-2, 2]" "$program" data "$dir/minari/pendulum/random-v0"
check "frames of pictures" "${BUILD:-build}/tests/app/test_draw" "$dir/frames-colours/frames.png" "What is in a data set" \
  "episode 0" "step 7" "Made-v0 by random"

# --- collect.from takes them number by number ------------------------------------------------------------------------
cat >"$dir/taken.py" <<'P'
# Ours, beside what minari reads of its own: observations, actions from their bounds to [-1, 1], rewards, ends.
import sys, minari, numpy as np
from compare import compare

def flat(o, n): return np.asarray(o).reshape(n, -1).astype(np.float32)
def deep(o, key):
    for part in key.split("/"): o = o[part]
    return o
def areas(n):
    """(64, n): the share of each of 64 equal parts that each of n equal parts covers."""
    a, b = np.arange(64)[:, None] * n / 64, np.arange(n)[None]
    return np.clip(np.minimum(a + n / 64, b + 1) - np.maximum(a, b), 0, None) * 64 / n
def picture(x):
    if x.ndim == 2: x = np.repeat(x[:, :, None], 3, 2)
    if x.shape[2] != 3: x = np.transpose(x, (1, 2, 0))
    return np.einsum("yr,rck,xc->yxk", areas(x.shape[0]), x.astype(float), areas(x.shape[1]))

def same_episode(a, b, space, keys):
    n = len(b.rewards)
    assert len(a.rewards) == n and np.array_equal(a.rewards, b.rewards), "rewards"
    assert np.array_equal(a.terminations, b.terminations) and np.array_equal(a.truncations, b.truncations), "ends"
    if hasattr(space, "n"): wanted = np.where(np.arange(space.n) == np.asarray(b.actions)[:, None] - space.start, 1, -1)
    else: wanted = 2 * (np.asarray(b.actions, np.float64) - space.low) / (space.high - space.low) - 1
    assert np.allclose(a.actions, wanted, atol=1e-6) and np.abs(a.actions).max() <= 1.0001, "actions"
    if a.observations.dtype == np.uint8:
        for x, y in zip(a.observations, b.observations): assert np.abs(x - picture(y)).max() <= 0.501, "pictures"
    elif keys: assert np.array_equal(a.observations, np.hstack([flat(deep(b.observations, k), n + 1) for k in keys])), "keys"
    else: assert np.array_equal(a.observations, flat(b.observations, n + 1)), "observations"

def same(name):
    ours, theirs = minari.MinariDataset(f"{sys.argv[1]}/run-{name}/episodes"), minari.load_dataset(f"{name}/random-v0")
    keys = ["extra", "inner/state"] if name == "dict" else []
    assert ours.total_episodes == theirs.total_episodes, "episodes"
    for a, b in zip(ours.iterate_episodes(), theirs.iterate_episodes()): same_episode(a, b, theirs.action_space, keys)
compare(sys.argv[2:], same)
P
taken() { # NAME KEYS OPTIONS...: into a run of its own
  local name=$1 keys=$2; shift 2
  tiny collect "run-$name" --set collect.from="$dir/minari/$name/random-v0" ${keys:+--set collect.keys="$keys"} "$@"
}
check "states" taken swing "" $pole
check "parts of a Dict, nested" taken dict extra,inner/state $pole
for name in colours grey planes; do check "pictures: $name" taken $name ""; done
compared taken swing dict colours grey planes
check "and what was done to whom stands beside them" grep -q '"name": "dict/random-v0".*"keys": "extra,inner/state"' \
  "$dir/run-dict/episodes/sources.json"
check "of another environment they are refused" exits 5 "have states of 3 and 1 number an action, but cartpole_swingup has states of 5" \
  tiny collect other --set collect.from="$dir/minari/pendulum/random-v0" $pole

# --- a run learns from them -----------------------------------------------------------------------------------------
check "a run that collects nothing" tiny run whole --set collect.from="$dir/minari/swing/random-v0" $pole
check "learns, dreams and is judged" test -s "$dir/whole/evaluate.json" -a -s "$dir/whole/rnn.safetensors"
check "says where its episodes are from" grep -q 'data of swing/random-v0, [0-9a-f]\{12\}' "$dir/whole/episodes/metadata.json"

# --- minari reads what we collect -----------------------------------------------------------------------------------
check "cart-pole is collected" tiny collect ours $pole
cat >"$dir/ours.py" <<'P'
import sys, minari, numpy as np
d = minari.MinariDataset(sys.argv[1])
assert d.total_episodes == 12 and d.observation_space.shape == (5,) and d.action_space.shape == (1,), d.spec
for e in d.iterate_episodes():
    assert len(e.observations) == len(e.rewards) + 1 == len(e.actions) + 1
    assert e.observations[0] in d.observation_space and e.actions[0] in d.action_space
    assert e.terminations[-1] or e.truncations[-1]
P
check "and read by minari" "$python" "$dir/ours.py" "$dir/ours/episodes"
check "taken again it is the same" tiny collect again --set collect.from="$dir/ours/episodes" $pole
cat >"$dir/shards.py" <<'P'
import h5py, pathlib, sys, numpy as np
ours, again = (pathlib.Path(d) for d in sys.argv[1:])
shards = sorted(f.name for f in ours.glob("shard-*.hdf5"))
assert len(shards) == 3, shards
for shard in shards:
    a, b = h5py.File(ours / shard), h5py.File(again / shard)
    assert list(a) == list(b), shard
    for e in a:
        for k in a[e]: assert np.array_equal(a[e][k][()], b[e][k][()]), (shard, e, k)
        assert dict(a[e].attrs) == dict(b[e].attrs), (shard, e)
P
check "number by number" "$python" "$dir/shards.py" "$dir/ours/episodes" "$dir/again/episodes"
end
