# /// script
# requires-python = ">=3.10"
# dependencies = ["lifelines>=0.30", "numpy>=2", "statsmodels>=0.14"]
# ///
"""Writes incidence.csv: cumulative incidence and its standard error by statsmodels.

    python tests/reference/incidence.py > tests/reference/incidence.csv

The sets without ties are checked against lifelines too. The last row of each set is censored: the
formula of statsmodels divides by zero where everyone at risk is decided.
"""

import lifelines
import numpy as np
from statsmodels.duration.survfunc import CumIncidenceRight

random = np.random.default_rng(20260101)


def sample(trials, ties, censoring):
    """Steps and outcomes: 0 censored, 1 converged, 2 failed."""
    steps = np.ceil(random.exponential(ties, trials)).astype(int)
    if not censoring:
        outcomes = random.choice([1, 2], trials, p=[0.6, 0.4])
    else:
        outcomes = random.choice([0, 1, 2], trials, p=[0.3, 0.5, 0.2])
    if ties > 1e5:
        steps = np.sort(steps) + np.arange(trials)
        random.shuffle(outcomes)
    return np.append(steps, [steps.max() + 1] * 2), np.append(outcomes, [0, 0])


def check_with_lifelines(steps, outcomes):
    """Both libraries on the same sample: to within rounding."""
    fit = CumIncidenceRight(steps, outcomes)
    other = lifelines.AalenJohansenFitter().fit(steps, outcomes, event_of_interest=1)
    incidence = other.cumulative_density_.squeeze().reindex(fit.times)
    variance = other.variance_.squeeze().reindex(fit.times)
    assert np.allclose(incidence, fit.cinc[0], rtol=0, atol=1e-14)
    assert np.allclose(np.sqrt(variance), fit.cinc_se[0], rtol=0, atol=1e-14)


print("set,step,converged,failed,censored,incidence,error")
for name, trials, ties, censoring in (
    ("ties", 200, 20, True),
    ("no ties", 80, 1e6, True),
    ("few", 12, 5, True),
    ("decided", 150, 10, False),
):
    steps, outcomes = sample(trials, ties, censoring)
    fit = CumIncidenceRight(steps, outcomes)
    times, incidence, errors = fit.times, fit.cinc[0], fit.cinc_se[0]
    if name == "no ties":
        check_with_lifelines(steps[:-1], outcomes[:-1])
    for time, value, error in zip(times, incidence, errors):
        counts = [int(np.sum((steps == time) & (outcomes == kind))) for kind in (1, 2, 0)]
        print(name, int(time), *counts, float(value), float(error), sep=",")
