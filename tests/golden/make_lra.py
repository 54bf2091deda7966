"""Makes lra.h: the state of cmaes' LRA-CMA-ES after it was told the same points as ours.

Run it with cmaes and numpy installed:  python3 tests/golden/make_lra.py     (it rewrites lra.h beside itself)

As in make_es.py the told points are not samples. Fitness is luck at first, which takes the learning rates down, then a
slope, which ends that at n = 5. cmaes counts generations for h_sigma from two: it is made sure that this decides nothing.
"""

import os
import textwrap

import cmaes
import numpy as np

from formula import numbers

GENERATIONS, LUCK = 120, 30
CASES = ((5, 8), (7, 12))


def play(n, popsize):
    es = cmaes.CMA(mean=np.full(n, 0.25), sigma=0.5, population_size=popsize, lr_adapt=True, seed=1)
    states, least = [], 1.0
    for g in range(GENERATIONS):
        es.ask()
        u = numbers(100 + g, popsize * n, -1.2, 1.2).reshape(popsize, n)
        fitness = numbers(500 + g, popsize, 0, 1) if g < LUCK else u[:, 0] + 0.1 * u[:, 1]
        mean, sigma = np.array(es._mean), es._sigma
        es.tell([(mean + sigma * u[k], fitness[k]) for k in range(popsize)])
        ps, limit = np.linalg.norm(es._p_sigma), (1.4 + 2 / (n + 1)) * es._chi_n
        stalls = [ps >= limit * np.sqrt(1 - (1 - es._c_sigma) ** (2 * count)) for count in (g + 1, g + 2)]
        assert stalls[0] == stalls[1], g
        least = min(least, es._eta_mean)
        if g in (0, LUCK - 1, GENERATIONS - 1):
            states.append(np.concatenate([es._mean, [es._sigma, es._eta_mean, es._eta_Sigma], es._C.reshape(-1)]))
    print(n, popsize, "eta of the mean fell to", least, "and rose to", es._eta_mean, "; of Sigma", es._eta_Sigma)
    return np.concatenate(states)


lines = []
for n, popsize in CASES:
    text = [f"{v:.10g}" for v in play(n, popsize)]
    rows = textwrap.wrap(", ".join(text), 116)
    lines.append(f"static const double golden_lra_{n}[{len(text)}] = {{\n  " + "\n  ".join(rows) + "};\n")

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "lra.h"), "w") as f:
    f.write(f"// Made by make_lra.py with cmaes {cmaes.__version__}. Do not edit.\n")
    f.write("#ifndef GOLDEN_LRA_H\n#define GOLDEN_LRA_H\n\n")
    f.write("".join(lines) + "\n#endif\n")
