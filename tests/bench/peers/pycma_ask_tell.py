"""pycma's ask and tell at n = 1088, popsize 64, on one core: milliseconds a generation, eigendecompositions included."""
import time

import cma
import numpy as np

from dream_case import say

N, POPSIZE, WARM, TIMED = 1088, 64, 32, 32  # it decomposes every fourth generation


def generation(search):
    start = time.perf_counter()
    points = search.ask()
    asked = time.perf_counter() - start
    values = [float(x @ x) for x in points]
    start = time.perf_counter()
    search.tell(points, values)
    return asked + time.perf_counter() - start


search = cma.CMAEvolutionStrategy(np.zeros(N), 0.1, {"popsize": POPSIZE, "seed": 1, "verbose": -9})
for _ in range(WARM):
    generation(search)
say("pycma_ask_tell_ms", 1e3 * sum(generation(search) for _ in range(TIMED)) / TIMED, "ms")
