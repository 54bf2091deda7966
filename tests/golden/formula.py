"""The inputs of the golden tests by an integer formula, the same as golden_numbers in golden.h."""

import numpy as np


def numbers(salt, n, low, high):
    with np.errstate(over="ignore"):
        x = (np.arange(n, dtype=np.uint32) + np.uint32(1)) * np.uint32(2654435761) + np.uint32(salt) * np.uint32(40503)
        for multiplier in (2246822519, 3266489917):
            x = (x ^ (x >> np.uint32(15))) * np.uint32(multiplier)
        x = x ^ (x >> np.uint32(13))
    u = (x >> np.uint32(8)).astype(np.float64) / 16777216.0
    return (low + (high - low) * u).astype(np.float32).astype(np.float64)
