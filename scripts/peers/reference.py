"""Gradient descent in plain NumPy, one trial after another: what every peer is checked against.

A batch of trials is a list of W_1 .. W_N, each an array (trial, d_j, d_{j-1}). The target is the identity.
"""

import numpy as np

STEPS = 5
RATE = 0.01
TOLERANCE = 1e-10
MOST_TRIALS = 3


def draw(net, trials, gain, seed=2018):
    """Gaussian weights with standard deviation gain / sqrt(d_{j-1}): a gain of 1 keeps norms as they are."""
    random = np.random.default_rng(seed)
    return [gain / np.sqrt(shape[1]) * random.standard_normal((trials, *shape)) for shape in net.shapes]


def target(net):
    return np.eye(net.dims[-1], net.dims[0])


def product(matrices, size):
    """The last matrix times ... times the first."""
    result = np.eye(size)
    for matrix in matrices:
        result = matrix @ result
    return result


def loss(weights, phi):
    return 0.5 * np.sum((product(weights, phi.shape[1]) - phi) ** 2)


def step(weights, phi, rate):
    """W_j - rate (W_N ... W_{j+1})' (W - phi) (W_{j-1} ... W_1)', from the formula and nothing kept."""
    residual = product(weights, phi.shape[1]) - phi
    new = []
    for j, w in enumerate(weights):
        suffix = product(weights[j + 1 :], w.shape[0])
        prefix = product(weights[:j], phi.shape[1])
        new.append(w - rate * suffix.T @ residual @ prefix.T)
    return new


def check(net, start, after):
    """Compares the losses of a peer's trials `after` STEPS steps with those computed here."""
    phi = target(net)
    trials = len(start[0])
    for trial in sorted({*range(min(trials, MOST_TRIALS)), trials - 1}):
        weights = [w[trial] for w in start]
        first = loss(weights, phi)
        for _ in range(STEPS):
            weights = step(weights, phi, RATE)
        expected = loss(weights, phi)
        assert abs(expected - first) > 1e-4 * first, f"{net.name}: a check in which something happens"
        found = loss([w[trial] for w in after], phi)
        error = abs(found - expected) / expected
        if not error <= TOLERANCE:
            raise ArithmeticError(f"{net.name}, trial {trial}: loss {found} instead of {expected}")
