# /// script
# requires-python = ">=3.10"
# dependencies = ["mpmath>=1.3", "scipy>=1.15"]
# ///
"""Writes clopper_pearson.csv: ends of Clopper-Pearson intervals to 17 digits.

    python tests/reference/clopper_pearson.py > tests/reference/clopper_pearson.csv

Quantiles start at scipy's (good to about 1e-11) and are corrected by Newton's method on the tail
integral, which is computed with 40 digits by quadrature of the density: a route that shares nothing
with the program's continued fraction.
"""

import mpmath as mp
from scipy.stats import beta

mp.mp.dps = 40
LEVELS = (0.9, 0.95, 0.99, 0.999)
TRIALS = (1, 2, 3, 10, 50, 200, 1000, 12345, 10**5, 10**6, 10**7, 123456789, 10**9)


def tail(a, b, x, upper):
    """Probability of the tail at x and its derivative with respect to ln x."""
    log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)

    def density(t):
        return mp.exp(a * t + (b - 1) * mp.log(-mp.expm1(t)) - log_beta)

    t = mp.log(x)
    rate = a - (b - 1) * x / (1 - x)
    assert rate < 0 if upper else rate > 0, "beyond the mode the density falls at least like exp"
    ends = [t - 4 * i / rate for i in range(26)]
    if upper and ends[-1] >= 0:
        ends = [t * (1 - mp.mpf(i) / 25) for i in range(26)]
    mass = abs(mp.quad(density, ends))
    return mass, -density(t) if upper else density(t)


def quantile(a, b, p, upper):
    """The x with tail probability p (a float, taken exactly); solves for the smaller of x, 1-x."""
    if a > b:
        return 1 - quantile(b, a, p, not upper)
    x = mp.mpf(float(beta.isf(p, a, b) if upper else beta.ppf(p, a, b)))
    for _ in range(3):
        mass, slope = tail(a, b, x, upper)
        x *= mp.exp((mp.mpf(p) - mass) / slope)
    assert abs(mass - p) < 1e-18 * p
    return x


def counts(n):
    """Successes that meet every regime: none, few, a share, half, all but few, all."""
    picks = {0, 1, 2, 5, n // 1000, n // 10, n // 2, n - n // 10, n - 2, n - 1, n}
    return sorted(k for k in picks if 0 <= k <= n)


def ends(k, n, level):
    p = 0.5 * (1 - level)
    root = mp.mpf(p) ** (mp.mpf(1) / n)
    lower = 0 if k == 0 else root if k == n else quantile(k, n - k + 1, p, False)
    upper = 1 if k == n else 1 - root if k == 0 else quantile(k + 1, n - k, p, True)
    return mp.nstr(lower, 17), mp.nstr(upper, 17)


if __name__ == "__main__":
    print("successes,trials,level,lower,upper")
    for i, n in enumerate(TRIALS):
        for j, k in enumerate(counts(n)):
            for level in sorted({0.95, LEVELS[(i + j) % 4]}):
                print(k, n, level, *ends(k, n, level), sep=",", flush=True)
