"""Opens results files without the row of every trial as their users do, with both engines of xarray.

usage: lacking.py SWEPT.h5 SWEPT_TALLIED.h5 NOTHING.h5 PARTIAL.h5 PARTIAL_TALLIED.h5
"""

import sys
import warnings

import numpy as np
import xarray as xr

ENGINES = ["h5netcdf", "netcdf4"]
SWEEP = ("init_kind", "network_depth", "init_std")


def load(path, engine):
    with xr.open_dataset(path, engine=engine) as ds:
        return ds.load()


def histogram(ds, name, at):
    first, size = (int(ds[f"{name}_histogram_{part}"].values[at]) for part in ["first", "size"])
    entries = slice(first, first + size)
    return [ds[f"{name}_histogram_{part}"].values[entries] for part in ["value", "count"]]


def ends_column(ds, part, at):
    first, size = (int(ds[f"steps_histogram_{part}"].values[at]) for part in ["first", "size"])
    return ds[f"steps_histogram_{part}"].values[first : first + size]


def check_tallied(ds, rows, prefixes=None):
    """The histograms against the rows of the same study, or of the first trials of each cell."""
    assert ds.attrs["rows"] == 0 and list(ds.attrs["format_version"]) == [3, 0]
    assert "trial" not in ds.dims and ds.attrs["trials"] == rows.sizes["trial"]
    assert ds["steps_histogram_size"].dims == SWEEP
    assert ds["hit_steps_histogram_first"].dims == (*SWEEP, "loss_target")
    assert ds["steps_histogram_size"].attrs["sample_dimension"] == "steps_entry"
    seen = 0
    for at in np.ndindex(ds["probability"].shape):
        trials = rows.sizes["trial"] if prefixes is None else int(prefixes[at])
        steps = rows["steps"].values[at][:trials]
        hits = rows["hit_steps"].values[at][:trials]
        ends = np.array([rows["outcome"].values[at][:trials], (hits >= 0).sum(axis=1), steps])
        expected, counts = np.unique(ends, axis=1, return_counts=True)
        found = [ends_column(ds, part, at) for part in ["outcome", "rungs", "value", "count"]]
        np.testing.assert_array_equal(found, [*expected, counts])
        for rung in range(hits.shape[1]):
            expected = np.unique(hits[hits[:, rung] >= 0, rung], return_counts=True)
            for found, wanted in zip(histogram(ds, "hit_steps", (*at, rung)), expected):
                np.testing.assert_array_equal(found, wanted)
                seen += len(found)
    assert seen > 0


def check_partial(ds, rows):
    there = ds["trial_count"]
    assert ds.attrs["complete"] == 0 and list(ds.attrs["format_version"]) == [3, 0]
    assert ds.attrs["missing_trials"] == (ds.attrs["trials"] - there).sum()
    assert 0 < int((there == 0).sum()) < there.size
    none = there == 0
    assert np.isnan(ds["probability"].values[none]).all()
    assert (ds["probability_lower"].values[none] == 0).all() and (ds["probability_upper"].values[none] == 1).all()
    if ds.attrs["rows"] == 0:
        check_tallied(ds, rows, there.values)
        return
    is_there = ds["trial"] < there
    for name in ["outcome", "steps", "loss_final", "hit_steps"]:
        xr.testing.assert_equal(ds[name].where(is_there), rows[name].where(is_there))
    absent = ds.where(~is_there)
    assert (absent["outcome"].fillna(0) == 0).all() and (absent["steps"].fillna(-1) == -1).all()
    assert absent["loss_final"].isnull().all() and (absent["hit_steps"].fillna(-1) == -1).all()


def main(swept, tallied, nothing, partial, both):
    warnings.simplefilter("error")
    for engine in ENGINES:
        rows = load(swept, engine)
        whole = load(tallied, engine)
        check_tallied(whole, rows)
        for name, variable in whole.data_vars.items():
            assert variable.attrs.get("long_name") and variable.attrs.get("units") == "1", name
            if name in rows:
                assert variable.values.tobytes() == rows[name].values.tobytes(), name
        empty = load(nothing, engine)
        assert (empty["steps_histogram_value"] == 1).all() and (empty["steps_histogram_outcome"] == 4).all()
        assert int(empty["steps_histogram_count"].sum()) == int(empty["step_limit_count"]) == 30
        check_partial(load(partial, engine), rows)
        check_partial(load(both, engine), rows)
    print("read by", " and ".join(ENGINES))


if __name__ == "__main__":
    main(*sys.argv[1:])
