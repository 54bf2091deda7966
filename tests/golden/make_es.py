"""Makes es.h: the state of pycma's CMA-ES after it was told the same points as ours.

Run it with cma and numpy installed:  python3 tests/golden/make_es.py     (it rewrites es.h beside itself)

The told points are not samples: x = mean + sigma * u with u by the integer formula of golden.h (`numbers` here), so both
sides need no common source of randomness. In some generations all u are pushed one way, which makes the path of sigma
long and h_sigma false. Fitness is such a number too. Three details of pycma are set aside: its approximation of
E|N(0,I)| (off the tutorial's series by up to 4e-4 at these sizes), its C of generation 0, whose diagonal it spreads by
1e-4 to keep eigenvalues apart, and its shortening of told steps that are too long to have been asked.
"""

import os
import textwrap
import warnings

import numpy as np

warnings.simplefilter("ignore")
import cma  # noqa: E402

from formula import numbers  # noqa: E402

GENERATIONS = 24
CASES = (("pycma", 5, 8, 1, 0), ("pycma_positive", 5, 8, 0, 0), ("pycma_many", 7, 15, 1, 0), ("pycma_sep", 5, 8, 1, 1))
cma.utilities.math.Mh.chiN = staticmethod(lambda n: n**0.5 * (1 - 1 / (4 * n) + 1 / (21 * n * n)))


def push(g):
    return 2.0 if 4 <= g < 8 else -0.5 if g == 12 else 0.0


def push_diagonal(g):  # less: far points make its deviations explode, which we do not let them
    return 0.8 if 4 <= g < 6 else 0.0


def play(n, popsize, active, diagonal):
    options = {"popsize": popsize, "CMA_active": bool(active), "AdaptSigma": cma.sigma_adaptation.CMAAdaptSigmaCSA,
               "CMA_diagonal": bool(diagonal), "verbose": -9, "seed": 1}
    es = cma.CMAEvolutionStrategy(n * [0.25], 0.5, options)
    es.adapt_sigma.initialize(es)
    if not diagonal:
        es.sm.C, es.sm.B, es.sm.D, es.sm.lazy_update_gap = np.eye(n), np.eye(n), np.ones(n), 0
    es.repair_genotype = lambda x, copy_if_changed=False: x
    stalled, states = 0, []
    for g in range(GENERATIONS):
        es.ask()
        u = numbers(100 + g, popsize * n, -1.7, 1.7).reshape(popsize, n) + (push_diagonal(g) if diagonal else push(g))
        fitness = numbers(500 + g, popsize, 0, 1)
        mean, sigma = np.array(es.mean), es.sigma
        es.tell([mean + sigma * row for row in u], list(fitness))
        stalled += not es.adapt_sigma.hsig(es)
        if g in (0, 6, GENERATIONS - 1):
            shape = es.sigma_vec.scaling if diagonal else np.array(es.sm.covariance_matrix)  # deviations, or C
            states.append(np.concatenate([es.mean, [es.sigma], es.adapt_sigma.ps, es.pc, shape.reshape(-1)]))
    return es, stalled, np.concatenate(states)


lines = []
for name, n, popsize, active, diagonal in CASES:
    es, stalled, state = play(n, popsize, active, diagonal)
    assert 0 < stalled < GENERATIONS, stalled
    print(name, "h_sigma false in", stalled, "of", GENERATIONS, "generations; sigma", es.sigma)
    text = [f"{v:.10g}" for v in state]
    rows = textwrap.wrap(", ".join(text), 116)
    lines.append(f"static const double golden_{name}[{len(text)}] = {{\n  " + "\n  ".join(rows) + "};\n")

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "es.h"), "w") as f:
    f.write(f"// Made by make_es.py with pycma {cma.__version__.split()[0]}. Do not edit.\n")
    f.write("#ifndef GOLDEN_ES_H\n#define GOLDEN_ES_H\n\n")
    f.write("".join(lines) + "\n#endif\n")
