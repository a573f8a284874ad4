"""Reads trajectories as users do, with both engines of xarray.

usage: trajectories.py RESULTS.h5 PARTIAL.h5
"""

import sys

import numpy as np
import xarray as xr

SWEEP = ("init_std", "network_depth")
RECORDS = (*SWEEP, "traced_trial", "record")
DIMENSIONS = {
    "step": (), "time": (), "loss": (), "next_learning_rate": (), "gradient_norm": (),
    "imbalance": ("layer_pair",), "gram_norm_min": (), "layer_singular_values": ("layer", "singular"),
    "alignment": ("layer_pair", "singular"), "singular_values": ("singular",), "margin": (),
    "decrease": (), "decrease_bound": (), "sharpness": (), "acceleration_cosine": (),
}


def check(path, engine):
    whole = xr.open_dataset(path, engine=engine)
    for name, dimensions in DIMENSIONS.items():
        variable = whole[f"trajectory_{name}"]
        assert variable.dims == RECORDS + dimensions, (name, variable.dims)
        assert variable.attrs["long_name"], name
        assert "descent_method" in variable.coords, name
    assert list(whole.traced_trial.values) == [0, 1]
    lengths = [whole.sizes[name] for name in ("layer", "layer_pair", "singular", "record")]
    assert lengths == [3, 2, 5, 31], lengths
    step = whole.trajectory_step
    there = step >= 0
    assert (step.isel(record=0) == 0).all()
    for name in DIMENSIONS:
        if name != "step":
            assert whole[f"trajectory_{name}"].where(~there).isnull().all(), name
    assert (whole.trajectory_loss.notnull() == there).all()
    # The first record and the last one are the ends that the row has; it has the first loss from the weights.
    rows = whole.isel(trial=slice(2))
    first, last = there.argmax("record"), there.sum("record") - 1
    loss = whole.trajectory_loss
    np.testing.assert_allclose(loss.isel(record=first).values, rows.loss_initial.values, rtol=1e-13)
    np.testing.assert_array_equal(loss.isel(record=last).values, rows.loss_final.values)
    np.testing.assert_array_equal(step.isel(record=last).values, rows.steps.values)
    # Depth 1 has one layer of three singular values, and no pairs.
    shallow = whole.sel(network_depth=1).isel(record=0)
    assert shallow.trajectory_layer_singular_values.notnull().sum(["layer", "singular"]).values.tolist() == [[3, 3]] * 2
    assert shallow.trajectory_imbalance.isnull().all()
    assert whole.sel(network_depth=3).isel(record=0).trajectory_imbalance.notnull().all()


def check_partial(path, whole):
    partial, whole = xr.open_dataset(path), xr.open_dataset(whole)
    assert partial.attrs["complete"] == 0
    there = (partial.trajectory_step >= 0).isel(record=0)
    assert 0 < there.sum() < there.size
    np.testing.assert_array_equal(partial.trajectory_loss.where(there), whole.trajectory_loss.where(there))
    assert partial.trajectory_loss.where(~there).isnull().all()


for engine in ["h5netcdf", "netcdf4"]:
    check(sys.argv[1], engine)
check_partial(sys.argv[2], sys.argv[1])
