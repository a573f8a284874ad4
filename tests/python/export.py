"""Compares exported tables with the results that they are of, each through the reader of its users.

usage: export.py RESULTS.h5 ROWS.parquet ROWS.csv ROWS.csv.gz ROWS.nc
"""

import sys
import warnings

import duckdb
import numpy as np
import pandas as pd
import xarray as xr

CONDITIONS = ["balanced", "margin", "width", "learning_rate"]


def expected(path):
    """One row a trial that was run, from the results themselves."""
    with xr.open_dataset(path) as ds:
        ds = ds.load()
    words = np.array(ds.outcome.attrs["flag_meanings"].split())
    per_trial = [name for name, v in ds.data_vars.items() if v.dims[-1:] == ("trial",)]
    sweep = ds.outcome.dims[:-1]
    cells = int(np.prod([ds.sizes[d] for d in sweep], dtype=int))
    ds["cell"] = (sweep, np.arange(cells).reshape([ds.sizes[d] for d in sweep]))
    rows = ds[["cell", *per_trial]].to_dataframe().reset_index()
    for i, loss in enumerate(ds.loss_target.values):
        rows[f"hit_steps_{loss:.0e}".replace("e-0", "e-").replace("e+0", "e")] = ds.hit_steps[..., i].values.ravel()
    rows = rows[rows.outcome != 0].reset_index(drop=True)
    rows["outcome"] = words[rows.outcome]
    for bit, name in enumerate(CONDITIONS):
        rows[f"theorem1_{name}"] = (rows.theorem1_conditions.to_numpy() >> bit) & 1
    steps = [name for name in rows if name.startswith(("hit_steps", "certificate_step"))]
    rows[steps] = rows[steps].where(rows[steps] >= 0)
    return rows.drop(columns="theorem1_conditions")


def from_netcdf(path):
    with xr.open_dataset(path) as ds:
        ds = ds.load()
    rows = ds.to_dataframe()
    for name, variable in ds.data_vars.items():
        assert variable.dims == ("row",) and variable.attrs["long_name"], name
        words = variable.attrs.get("flag_meanings", "no yes").split()
        if words != ["no", "yes"]:
            rows[name] = np.array(words)[rows[name]]
        elif name.startswith(("hit_steps", "certificate_step")):
            rows[name] = rows[name].where(rows[name] >= 0)
    return rows


def main(results, parquet, csv, csv_gz, netcdf):
    warnings.simplefilter("error")
    wanted = expected(results)
    tables = {
        "parquet": duckdb.read_parquet(parquet).df(),
        "csv": pd.read_csv(csv, float_precision="round_trip"),
        "csv.gz": pd.read_csv(csv_gz, float_precision="round_trip"),
        "netcdf": from_netcdf(netcdf),
    }
    assert len(wanted) > 0
    for name, table in tables.items():
        assert sorted(table) == sorted(wanted), (name, set(table) ^ set(wanted))
        assert len(table) == len(wanted), name
        for column in wanted:
            found, right = table[column].to_numpy(), wanted[column].to_numpy()
            if right.dtype.kind in "OU":
                assert list(found) == list(right), (name, column)
            else:
                # To the last bit.
                np.testing.assert_array_equal(found.astype(float), right.astype(float), f"{name} {column}")
    print(len(wanted), "rows in", ", ".join(tables))


if __name__ == "__main__":
    main(*sys.argv[1:])
