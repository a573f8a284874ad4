# /// script
# requires-python = ">=3.10"
# dependencies = ["mpmath>=1.3"]
# ///
"""Writes confidence_sequence.csv: ends of beta-binomial confidence sequences to 17 digits.

    python tests/reference/confidence_sequence.py > tests/reference/confidence_sequence.csv

The ends are found by bisection on the definition itself, with 60 digits and gamma functions:
nothing is cancelled by hand, unlike in the program.
"""

import mpmath as mp

mp.mp.dps = 60
PRIORS = ((1, 1), (0.5, 0.5), (2, 7.25), (0.1, 0.1))
LEVELS = (0.95, 0.9, 0.99, 0.999999)


def ln_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def bisect(positive, low, high):
    """Where a function of a logarithm changes sign; `positive` holds at `low` only."""
    for _ in range(190):
        middle = (low + high) / 2
        low, high = (middle, high) if positive(middle) else (low, middle)
    return low


def ends(k, n, level, a, b):
    m, a, b = n - k, mp.mpf(a), mp.mpf(b)
    constant = ln_beta(k + a, m + b) - ln_beta(a, b)
    bound = -mp.log(1 - mp.mpf(level))

    def outside(t):  # t = ln p
        return constant - k * t - (m * mp.log(-mp.expm1(t)) if m else 0) > bound

    def outside_mirrored(t):  # t = ln (1 - p)
        return constant - m * t - (k * mp.log(-mp.expm1(t)) if k else 0) > bound

    far = mp.mpf(-200)
    lower = mp.exp(bisect(outside, far, mp.log(mp.mpf(k) / n))) if k else mp.mpf(0)
    upper = 1 - mp.exp(bisect(outside_mirrored, far, mp.log(mp.mpf(m) / n))) if m else mp.mpf(1)
    return mp.nstr(lower, 17), mp.nstr(upper, 17)


def counts(n):
    """Successes that meet every regime: none, few, a share, half, all but few, all."""
    picks = {0, 1, 2, 5, n // 1000, n // 10, n // 2, n - n // 10, n - 2, n - 1, n}
    return sorted(k for k in picks if 0 <= k <= n)


print("successes,trials,level,a,b,lower,upper")
for i, n in enumerate((1, 2, 3, 10, 50, 200, 1000, 12345, 10**5, 10**6, 10**7, 123456789, 10**9)):
    for j, k in enumerate(counts(n)):
        other = (LEVELS[(i + j) % 4], PRIORS[(i // 2 + j) % 4])
        for level, prior in sorted({(0.95, PRIORS[0]), other}):
            print(k, n, level, *prior, *ends(k, n, level, *prior), sep=",", flush=True)
