"""Makes env.h: episodes of Gymnasium's classic control from given states, by actions from a formula and by pumping.

Run it with gymnasium and numpy installed:  python3 tests/golden/make_env.py     (it rewrites env.h beside itself)
"""

import os

import gymnasium
import numpy as np

EVERY, ROWS = 10, 12  # observations are written at every tenth step, so many of them at most
CASES = (
    ("pendulum", "Pendulum-v1", 200, 1, ((3.0, 0.5), (-0.4, 2.0), (1.2, -7.5))),
    ("mountaincar", "MountainCarContinuous-v0", 999, 1, ((-0.5, 0.0), (-0.6, 0.0), (-1.1, -0.06))),
    ("mountaincar_discrete", "MountainCar-v0", 200, 1, ((-0.5, 0.0), (-0.41, 0.0), (-1.1, -0.06))),
    ("acrobot", "Acrobot-v1", 500, 3, ((0.05, -0.08, 0.02, 0.09), (1.5, -2.0, 3.0, -4.0))),
)


def formula(step, case):
    return np.float32((step * 37 + case * 13) % 101) / np.float32(50) - np.float32(1)


def scaled(name, action):
    """The action of [-1, 1] as Gymnasium's environment wants it."""
    if name in ("mountaincar_discrete", "acrobot"):
        return 2 if action > np.float32(1) / 3 else 0 if action < -np.float32(1) / 3 else 1
    return np.array([action * 2 if name == "pendulum" else action], dtype=np.float32)


def episode(name, env, state, steps, speed, pumps, case):
    env.reset(seed=1)
    env.unwrapped.state = np.array(state)
    total, rows, terminated = 0.0, [], False
    for step in range(steps):
        pump = np.float32(1 if env.unwrapped.state[speed] >= 0 else -1)
        action = pump if pumps else formula(step, case)
        seen, reward, terminated, _, _ = env.unwrapped.step(scaled(name, action))
        total += float(reward)
        if (step + 1) % EVERY == 0 and len(rows) < ROWS:
            rows.append([float(x) for x in seen])
        if terminated:
            break
    return step + 1, terminated, total, rows


def listed(values):
    return "{" + ", ".join(f"{x:.9g}" for x in values) + "}"


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "env.h"), "w") as f:
    f.write(f"// Made by make_env.py with gymnasium {gymnasium.__version__}. Do not edit.\n")
    f.write("#ifndef GOLDEN_ENV_H\n#define GOLDEN_ENV_H\n\n#include <stdbool.h>\n\n")
    f.write(f"enum {{ GOLDEN_ENV_EVERY = {EVERY} }};\n")
    f.write("static const struct golden_env {\n  const char *name;\n  bool pumps;\n  int number;\n  double state[4];\n")
    f.write(f"  int steps;\n  bool terminated;\n  double total;\n  int rows;\n  double seen[{ROWS}][6];\n")
    f.write("} golden_env[] = {\n")
    for name, id, steps, speed, states in CASES:
        env = gymnasium.make(id)
        for number, state in enumerate(states):
            for pumps in (False, True):
                length, terminated, total, rows = episode(name, env, state, steps, speed, pumps, number)
                f.write(f'  {{"{name}", {str(pumps).lower()}, {number}, {listed(state)}, {length}, ')
                f.write(f"{str(bool(terminated)).lower()}, {total:.9g}, {len(rows)}, {{\n    ")
                f.write(",\n    ".join(listed(row) for row in rows) + "}},\n")
    f.write("};\n\n#endif\n")
