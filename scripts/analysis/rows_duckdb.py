#!/usr/bin/env python3
"""The cells of results from their trials, with SQL (DuckDB).

usage: rows_duckdb.py ROWS.parquet

ROWS.parquet is what `deeplin export RESULTS -o ROWS.parquet` writes. Prints one line a cell. The same SQL runs
in DuckDB's shell, without Python.
"""

import math
import signal
import sys

import duckdb

CELLS = """
SELECT {axes}
       count(*) AS trial_count,
       count(*) FILTER (outcome = 'converged') AS converged_count,
       converged_count / trial_count AS probability,
       quantile_disc(steps, 0.5) FILTER (outcome = 'converged') AS steps_median
FROM read_parquet($rows)
GROUP BY cell, {axes}
ORDER BY cell
"""


def main(rows):
    columns = duckdb.read_parquet(rows).columns
    axes = columns[columns.index("cell") + 1 : columns.index("trial")]
    listed = "".join(f'"{axis}", ' for axis in axes)
    cells = duckdb.sql(CELLS.format(axes=listed), params={"rows": rows})
    print(",".join(cells.columns))
    for *at, trials, converged, probability, median in cells.fetchall():
        keys = [x if isinstance(x, str) else "%.6g" % x for x in at]
        median = "NaN" if median is None else "%.6f" % median
        print(",".join([*keys, "%d" % trials, "%d" % converged, "%.6f" % probability, median]))


if __name__ == "__main__":
    # A reader that has gone away (`| head`) ends the recipe quietly, as it does other programs.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main(*sys.argv[1:])
