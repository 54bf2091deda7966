"""What the dream programs here share: the step that `bench_rollout FILE` wrote, the comparison with it, and the timing.

A dream step: every lane's controller acts on [z, h, c], the LSTM moves on, a component of the mixture is drawn for every
latent and a normal number from it, and the head says whether the dream is over. Letters: Z latents, K mixtures, H hidden.
"""
import os
import sys
import time

import numpy as np
from safetensors.numpy import load_file

BATCHES = (1, 16, 64, 256, 1024)
TEMPERATURE, LOG_SIGMA_FLOOR = 1.15, -7.0
WEIGHTS = ("lstm.weight", "lstm.bias", "head.weight", "head.bias")


def load():
    path = os.environ.get("DREAM_STEP", "build/bench/step.safetensors")
    if not os.path.exists(path):
        sys.exit(f"{path} is missing: build/tests/bench/bench_rollout {path} writes it")
    return load_file(path)


def check(case, step):
    """step(z, h, c, uniforms, normals) -> z, h, c, done, all numpy; makes each of the written steps. Where a uniform number is so near
    to the border of two components that rounding decides, z may be the other's: one in a thousand is let pass."""
    for t in range(len(case["uniforms"])):
        z, h, c, done = step(*(case[name][t] for name in ("z", "h", "c", "uniforms", "normals")))
        for name, mine, part in (("z", z, 1e-3), ("h", h, 0), ("c", c, 0)):
            apart = np.abs(np.asarray(mine) - case[name][t + 1])
            if not (~(apart < 1e-4)).mean() <= part:
                sys.exit(f"{sys.argv[0]}: step {t}: {name} differs by {float(apart.max()):.3g} from dreamfarm's: not the same step")
        if not np.array_equal(np.asarray(done) > 0, case["done"][t] > 0):
            sys.exit(f"{sys.argv[0]}: step {t}: other dreams end than dreamfarm's")


def controllers(case, batch):
    """Every lane has a candidate of its own."""
    return np.resize(case["controller"], (batch, case["controller"].shape[1]))


def seconds_of(play, n):
    start = time.perf_counter()
    play(n)
    return time.perf_counter() - start


def steps_a_second(batch, play, least=0.2, tries=3):
    """play(n) makes n steps of the whole batch and waits for them; the best of some tries of at least so many seconds."""
    n = 1
    play(n)
    while seconds_of(play, n) < least:
        n *= 2
    return max(n * batch / seconds_of(play, n) for _ in range(tries))


def say(name, value, unit):
    print(f"{name:<52} {value:12.5g} {unit}", flush=True)
