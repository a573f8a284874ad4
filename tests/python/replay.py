"""Replays a traced trial with NumPy, from its formula alone, and compares the losses.

usage: replay.py TRACE.h5

The first 200 steps (or as many as there are) must agree to 1e-10, relative to the loss itself.
"""

import sys

import h5py
import numpy as np

STEPS = 200
TOLERANCE = 1e-10


def end_to_end(weights):
    product = weights[0]
    for w in weights[1:]:
        product = w @ product
    return product


def main(path):
    with h5py.File(path) as f:
        depth = len(f["initial"])
        weights = [f[f"initial/W_{j}"][...] for j in range(1, depth + 1)]
        phi = f["target"][...]
        moments = f["factor"][...] @ f["factor"][...].T if "factor" in f else np.eye(phi.shape[1])
        rate = f.attrs["learning_rate"]
        floor = f["loss_floor"][()]
        steps, losses = f["step"][...], f["loss"][...]
        final = [f[f"final/W_{j}"][...] for j in range(1, depth + 1)]
        last = int(f["steps"][()])
    count = min(STEPS, len(losses) - 1)
    assert count >= 50, f"only {count} steps to compare"
    assert np.array_equal(steps[: count + 1], np.arange(count + 1))
    worst = 0.0
    compared = False
    for step in range(count + 1):
        residual = end_to_end(weights) - phi
        loss = 0.5 * np.sum((residual @ moments) * residual)
        worst = max(worst, abs(loss - floor - losses[step]) / loss)
        prefixes = [np.eye(phi.shape[1])]
        for w in weights:
            prefixes.append(w @ prefixes[-1])
        suffix = np.eye(phi.shape[0])
        gradients = []
        for j in reversed(range(depth)):
            gradients.insert(0, suffix.T @ residual @ moments @ prefixes[j].T)
            suffix = suffix @ weights[j]
        compared |= step == last
        if step == last:
            difference = max(np.abs(a - b).max() for a, b in zip(weights, final))
            assert difference < 1e-10, f"final weights differ by {difference}"
        weights = [w - rate * g for w, g in zip(weights, gradients)]
    assert np.isfinite(losses).all() and worst <= TOLERANCE, f"losses differ by {worst} relative"
    assert compared, "the trial ends within the steps that are replayed"
    print(f"{path}: {count} steps agree to {worst:.1e}")


if __name__ == "__main__":
    main(sys.argv[1])
