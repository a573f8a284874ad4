#!/usr/bin/env python3
"""The cells of results, with xarray and matplotlib.

usage: cells_xarray.py RESULTS.h5 [FIGURE]

Prints one line a cell. With FIGURE (.png, .svg, .pdf) draws the probability of convergence: over two axes a
phase diagram with its 50 % contour, over one a curve with the bounds; further axes at their first value.
"""

import math
import signal
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import xarray as xr

COLUMNS = {"trial_count": "%d", "converged_count": "%d", "probability": "%.6f", "steps_median": "%.6f"}


def text(value):
    """A value of an axis: numbers with six digits, words as they are."""
    return value if isinstance(value, str) else "%.6g" % value


def number(form, value):
    return "NaN" if math.isnan(value) else form % value


def print_table(ds):
    axes = ds.probability.dims
    print(",".join([*axes, *COLUMNS]))
    # As a data frame: one row for each combination of the axes, the last axis fastest.
    cells = ds[list(COLUMNS)].to_dataframe(dim_order=axes) if axes else ds[list(COLUMNS)].expand_dims("x").to_dataframe()
    for at, cell in cells.reset_index()[[*axes, *COLUMNS]].iterrows():
        keys = [text(cell[axis]) for axis in axes]
        print(",".join(keys + [number(form, cell[name]) for name, form in COLUMNS.items()]))


def scale(axis):
    """`log` for positive values over a factor of ten or more."""
    values = axis.values
    return "log" if values.dtype.kind in "if" and values.min() > 0 and values.max() >= 10 * values.min() else "linear"


def draw(ds, figure):
    p = ds.probability
    numeric = [axis for axis in p.dims if p[axis].dtype.kind in "if" and p.sizes[axis] > 1]
    x, y = (numeric + [None, None])[:2]
    # Selection by position; by value it is p.sel(network_depth=4).
    first = {axis: 0 for axis in p.dims if axis not in (x, y)}
    p, ds = p.isel(first), ds.isel(first)
    fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
    if y is not None:
        p.plot(ax=ax, x=x, y=y, vmin=0, vmax=1, cmap="viridis")
        if min(p.shape) > 1 and p.min() < 0.5 < p.max():
            p.plot.contour(ax=ax, x=x, y=y, levels=[0.5], colors="white")
        ax.set(xscale=scale(p[x]), yscale=scale(p[y]))
    elif x is not None:
        ax.fill_between(p[x], ds.probability_lower, ds.probability_upper, alpha=0.3)
        p.plot(ax=ax, x=x, marker="o")
        ax.set(xscale=scale(p[x]), ylim=(0, 1))
    fig.savefig(figure)


def main(results, figure=None):
    with xr.open_dataset(results) as ds:
        print_table(ds)
        if figure:
            draw(ds, figure)


if __name__ == "__main__":
    # A reader that has gone away (`| head`) ends the recipe quietly, as it does other programs.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main(*sys.argv[1:])
