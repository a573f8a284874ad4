# /// script
# requires-python = ">=3.10"
# dependencies = ["mpmath>=1.3", "scipy>=1.15"]
# ///
"""Writes jeffreys.csv: ends of Jeffreys intervals to 17 digits.

    python tests/reference/jeffreys.py > tests/reference/jeffreys.csv

The quantiles are those of clopper_pearson.py.
"""

import mpmath as mp

from clopper_pearson import LEVELS, TRIALS, counts, quantile


def ends(k, n, level):
    p, a, b = 0.5 * (1 - level), k + 0.5, n - k + 0.5
    lower = 0 if k == 0 else quantile(a, b, p, False)
    upper = 1 if k == n else quantile(a, b, p, True)
    return mp.nstr(lower, 17), mp.nstr(upper, 17)


print("successes,trials,level,lower,upper")
for i, n in enumerate(TRIALS):
    for j, k in enumerate(counts(n)):
        for level in sorted({0.95, LEVELS[(i + j) % 4]}):
            print(k, n, level, *ends(k, n, level), sep=",", flush=True)
