"""Environments that misbehave, each in its own way, for the tests. What goes wrong, and when, are arguments of make."""

import mmap
import os
import signal
import subprocess
import sys
import time

import gymnasium
import numpy
from gymnasium import spaces


MAP_NORESERVE = 0x4000  # Linux's; older Pythons have no name for it


class Bad(gymnasium.Env):
    """A counter in [0, 1) that climbs by its action. `how` it misbehaves at `step` of episodes whose seed is divisible by
    `every`; `once` names a file by which it does so in one process alone."""

    metadata = {"render_modes": []}

    def __init__(self, how="", step=5, every=1, once="", length=20):
        self.how, self.at, self.every, self.once, self.length = how, step, every, once, length
        self.observation_space = spaces.Box(-10, 10, (3,), numpy.float32)
        self.action_space = spaces.Box(-1, 1, (1,), numpy.float32)

    def seen(self):
        return numpy.array([self.x, self.count, self.seed % 7], numpy.float32)

    def now(self):
        if not self.how or self.seed % self.every or self.count != self.at:
            return False
        if self.once:
            try:
                os.close(os.open(self.once, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return False
        return True

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed, self.count, self.x = seed or 0, 0, float(self.np_random.random())
        if self.how == "reset" and self.now():
            raise RuntimeError("boom in reset")
        return self.seen(), {}

    def step(self, action):
        self.count += 1
        self.x = (self.x + 0.1 * float(action[0]) + 1) % 1
        seen, reward = self.seen(), self.x
        if self.how != "reset" and self.now():
            seen, reward = self.misbehave(seen, reward)
        return seen, reward, self.x > 0.97, self.count >= self.length, {}

    def misbehave(self, seen, reward):
        if self.how == "raise":
            raise ValueError("boom in step")
        if self.how == "exit":
            sys.exit("good bye")
        if self.how == "shape":
            return seen[:2], reward
        if self.how == "dtype":
            return numpy.array(["a", "b", "c"]), reward
        if self.how == "nan":
            seen[1] = numpy.nan
        if self.how == "nan reward":
            reward = float("nan")
        if self.how == "much":
            reward = 1e39
        if self.how == "die":
            print("last words", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "eat":
            self.eaten = numpy.ones(40_000_000)
            time.sleep(1)
        if self.how == "eat outside":
            subprocess.run([sys.executable, "-c", "import time; eaten = b'x' * 320_000_000; time.sleep(5)"])
        if self.how == "hoard":  # addresses, with no memory behind them
            self.eaten = mmap.mmap(-1, 1 << 34, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
            time.sleep(0.5)
        if self.how == "hang":
            time.sleep(1000)
        if self.how == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.how == "fork":
            if os.fork() == 0:
                return seen, reward  # goes on as if it were the one that is asked
        if self.how == "print":
            print("x" * (4 << 20), flush=True)
            os.write(2, b"y" * (4 << 20))
            sys.stdin.read()
        return seen, reward


class Spaces(gymnasium.Env):
    """Shows one kind of space and takes another; what it is given comes back in the observation, where that is numbers."""

    def __init__(self, shows="box", takes="box"):
        self.observation_space = {
            "box": spaces.Box(-numpy.inf, numpy.inf, (2, 3), numpy.float64),
            "discrete": spaces.Discrete(4, start=2),
            "multi": spaces.MultiDiscrete([2, 3]),
            "binary": spaces.MultiBinary(3),
            "picture": spaces.Box(0, 255, (120, 160, 3), numpy.uint8),
            "grey": spaces.Box(0, 255, (32, 48), numpy.uint8),
            "dict": spaces.Dict(a=spaces.Box(0, 1, (2,), numpy.float32), b=spaces.Discrete(3)),
            "screen": spaces.Dict(screen=spaces.Box(0, 255, (64, 64, 3), numpy.uint8), n=spaces.Discrete(3)),
            "text": spaces.Text(5),
        }[shows]
        self.action_space = {
            "box": spaces.Box(numpy.array([0, -2], numpy.float32), numpy.array([10, 2], numpy.float32)),
            "whole": spaces.Box(-3, 3, (2,), numpy.int32),
            "half": spaces.Box(numpy.array([5, -numpy.inf]), numpy.array([numpy.inf, -5]), dtype=numpy.float64),
            "huge": spaces.Box(*[sign * numpy.finfo(numpy.float32).max for sign in (-1, 1)], (1,), numpy.float32),
            "unbounded": spaces.Box(-numpy.inf, numpy.inf, (1,), numpy.float64),
            "discrete": spaces.Discrete(3, start=5),
            "multi": spaces.MultiDiscrete([2, 3]),
            "binary": spaces.MultiBinary(3),
            "text": spaces.Text(5),
        }[takes]
        self.shows = shows

    def seen(self):
        if self.shows == "box":
            out = numpy.zeros((2, 3))
            given = numpy.asarray(self.given, float).reshape(-1)[:6]
            out.reshape(-1)[: given.size] = given
            return out
        if self.shows == "discrete":
            return 2 + self.count % 4
        if self.shows == "multi":
            return numpy.array([self.count % 2, self.count % 3])
        if self.shows == "binary":
            return numpy.array([1, 0, self.count % 2], numpy.int8)
        if self.shows in ("picture", "grey"):
            shape = self.observation_space.shape
            rows = numpy.arange(shape[0], dtype=numpy.uint8).reshape(-1, *[1] * (len(shape) - 1))
            return numpy.ascontiguousarray(numpy.broadcast_to(rows, shape))
        if self.shows == "dict":
            return {"b": self.count % 3, "a": numpy.array([0.25, 0.5], numpy.float32)}
        return {"n": self.count % 3, "screen": numpy.full((64, 64, 3), self.count, numpy.uint8)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count, self.given = 0, 0
        return self.seen(), {}

    def step(self, action):
        self.count, self.given = self.count + 1, action
        if not self.action_space.contains(action):
            raise ValueError(f"{action!r} is not in {self.action_space}")
        return self.seen(), 1.0, False, False, {}


class Luck(Bad):
    """Not pure: it asks the clock."""

    def reset(self, *, seed=None, options=None):
        seen, facts = super().reset(seed=seed)
        self.x = time.time_ns() % 1000003 / 1000003
        return self.seen(), facts


class Empty(gymnasium.Env):
    """Costs nothing: what is left is the way there and back."""

    def __init__(self):
        self.observation_space = spaces.Box(-1, 1, (4,), numpy.float32)
        self.action_space = spaces.Box(-1, 1, (1,), numpy.float32)
        self.seen = numpy.zeros(4, numpy.float32)

    def reset(self, *, seed=None, options=None):
        return self.seen, {}

    def step(self, action):
        return self.seen, 0.0, False, False, {}


class Half(gymnasium.RewardWrapper):
    """A wrapper to be named by module:Class."""

    def reward(self, reward):
        return reward / 2


class Held(gymnasium.Wrapper):
    """Goes no further while there is a file `hold` in the directory that MARK names."""

    def step(self, action):
        while os.path.exists(os.path.join(os.environ["MARK"], "hold")):
            time.sleep(0.01)
        return super().step(action)


for name in ("Bad", "Spaces", "Luck", "Empty"):
    gymnasium.register(name + "-v0", f"{__name__}:{name}", max_episode_steps=1000 if name in ("Spaces", "Empty") else None)
