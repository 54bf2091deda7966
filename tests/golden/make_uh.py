"""Makes uh.h: the noise measure of pycma's NoiseHandler on lists of fitness, by the integer formula of golden.h.

Run it with cma and numpy installed:  python3 tests/golden/make_uh.py     (it rewrites uh.h beside itself)
"""

import os
import warnings

import numpy as np

warnings.simplefilter("ignore")
import cma  # noqa: E402

from formula import numbers  # noqa: E402

CASES = ((8, 2, 0.0), (8, 2, 0.3), (10, 3, 1.0), (10, 3, 30.0), (64, 5, 0.1), (64, 5, 1.0), (15, 15, 0.5))


rows = []
for number, (popsize, count, noise) in enumerate(CASES):
    handler = cma.NoiseHandler(10)
    fitness = numbers(700 + number, popsize, 0, 1)
    again = fitness[:count] + noise * numbers(800 + number, count, -1, 1)
    handler.fit, handler.fitre = list(fitness), list(again) + list(fitness[count:])
    handler.idx = np.arange(count)
    rows.append(f"  {{{popsize}, {count}, {noise}, {np.mean(handler.update_measure()[1]):.10g}}}")

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "uh.h"), "w") as f:
    f.write(f"// Made by make_uh.py with pycma {cma.__version__.split()[0]}. Do not edit.\n")
    f.write("#ifndef GOLDEN_UH_H\n#define GOLDEN_UH_H\n\n")
    f.write("static const struct golden_uh { int popsize, count; double noise, changes; } golden_uh[] = {\n")
    f.write(",\n".join(rows) + "};\n\n#endif\n")
