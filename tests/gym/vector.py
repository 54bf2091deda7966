"""Frames per second of Gymnasium's own vector environment, 16 lanes in lockstep, as bench_gym.c plays them;
and microseconds that a batch of the empty environment costs without any way to go."""

import statistics
import sys
import time

import gymnasium
import numpy

import bad_gym  # registers its environments


def batches(name, lanes, steps=2000, repeats=5):
    envs = gymnasium.make_vec(name, num_envs=lanes, vectorization_mode="sync")
    rng = numpy.random.default_rng(1)
    actions = rng.random((64, lanes, 2), numpy.float32)
    if isinstance(envs.single_action_space, gymnasium.spaces.Discrete):
        actions = actions.argmax(-1)
    else:
        actions = actions[..., :1]
    envs.reset(seed=1)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        for t in range(steps):
            envs.step(actions[t % 64])
        rates.append(steps / (time.perf_counter() - start))
    envs.close()
    return statistics.median(rates)


def alone(steps=20000):
    env = gymnasium.make("bad_gym:Empty-v0", disable_env_checker=True)
    env.reset(seed=1)
    action = numpy.zeros(1, numpy.float32)
    start = time.perf_counter()
    for t in range(steps):
        _, _, _, truncated, _ = env.step(action)
        if truncated:
            env.reset(seed=1)
    return 1e6 * (time.perf_counter() - start) / steps


print(f"gym_empty_alone {alone():.4g} us")
print(f"gym_vector_cartpole_frames {16 * batches('CartPole-v1', 16):.6g} frames/s")
sys.stdout.flush()
