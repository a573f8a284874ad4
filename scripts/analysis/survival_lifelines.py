#!/usr/bin/env python3
"""How long trials take, with pandas and lifelines.

usage: survival_lifelines.py RESULTS.h5 [FIGURE]

Prints, of each cell, the probability of having converged by 1/100, 1/10 and all of the longest steps, by the
estimator of Aalen and Johansen: diverging and stalling compete with converging, the step limit censors. With
FIGURE draws it for every cell. `deeplin times` computes the same, with bounds.
"""

import signal
import sys
import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from lifelines import AalenJohansenFitter

CONVERGED, FAILED, CENSORED = 1, 2, 0


def trials(results):
    """One row a trial that was run: its cell, its steps, and what happened then."""
    with xr.open_dataset(results) as ds:
        if "steps" not in ds:
            sys.exit(f"{results}: has no rows of trials, which are needed here (a study keeps them with store.rows = true)")
        axes = list(ds.outcome.dims[:-1])
        # By their number, since cells of keys that are swept together may have a value in common.
        shape = ds.outcome.shape[:-1]
        ds["cell"] = (axes, np.arange(np.prod(shape, dtype=int)).reshape(shape))
        rows = ds[["outcome", "steps", "cell"]].to_dataframe().reset_index()
        words = dict(enumerate(ds.outcome.attrs["flag_meanings"].split()))
    rows["outcome"] = rows.outcome.map(words)
    rows = rows[rows.outcome != "not_run"]
    events = {"converged": CONVERGED, "diverged": FAILED, "stalled": FAILED, "step_limit": CENSORED}
    return axes, rows.assign(event=rows.outcome.map(events))


def incidence(cell):
    """Probability of having converged by a number of steps, a series over the steps."""
    if not (cell.event == CONVERGED).any():
        return pd.Series([0.0], index=[0])
    fitter = AalenJohansenFitter(calculate_variance=False, seed=2018)
    with warnings.catch_warnings():
        # Ties are parted by less than a step, which changes nothing at whole steps.
        warnings.filterwarnings("ignore", message="Tied event times")
        fitter.fit(cell.steps, cell.event, event_of_interest=CONVERGED)
    return fitter.cumulative_density_.iloc[:, 0]


def main(results, figure=None):
    axes, rows = trials(results)
    most = rows.steps.max()
    times = [most // 100, most // 10, most]
    print(",".join([*axes, *(f"converged_by_{steps}" for steps in times)]))
    fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    for (_, *at), cell in rows.groupby(["cell", *axes]):
        curve = incidence(cell)
        # Half a step later, behind the ties that were parted.
        by = [curve[curve.index <= steps + 0.5].iloc[-1] for steps in times]
        print(",".join([*("%.6g" % x if not isinstance(x, str) else x for x in at), *("%.6f" % p for p in by)]))
        ax.step(curve.index, curve, where="post", lw=0.8)
    ax.set(xscale="symlog", xlabel="steps", ylabel="probability of having converged", ylim=(0, 1))
    if figure:
        fig.savefig(figure)


if __name__ == "__main__":
    # A reader that has gone away (`| head`) ends the recipe quietly, as it does other programs.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main(*sys.argv[1:])
