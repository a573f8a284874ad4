"""Opens results files as their users do, with both engines of xarray, and checks what they see.

usage: readers.py SWEPT.h5 UNSWEPT.h5
"""

import sys
import warnings

import numpy as np
import xarray as xr

ENGINES = ["h5netcdf", "netcdf4"]
OUTCOMES = ["not_run", "converged", "diverged", "stalled", "step_limit"]
PER_TRIAL = [
    "outcome", "steps", "loss_initial", "loss_final", "balancedness_initial", "balancedness_final",
    "balancedness_drift",    "margin_initial", "theorem1_conditions", "theorem1_steps", "certified", "certificate_step",
    "certificate_rate", "certificate_steps_bound", "sigma_min_final", "gradient_norm_final", "norm_product_initial",
]
PER_CELL = [
    "trial_count", "converged_count", "diverged_count", "stalled_count", "step_limit_count",
    "probability", "probability_lower", "probability_upper", "steps_median", "steps_q10", "steps_q90",
    "steps_median_lower", "steps_median_upper", "expected_running_time", "restart_cutoff", "restart_running_time",
    "theorem1_count", "joint_count", "joint_probability", "certified_count",
]


def check_common(ds, sweep, trials):
    for name in PER_TRIAL:
        assert ds[name].dims == (*sweep, "trial"), (name, ds[name].dims)
    for name in PER_CELL:
        assert ds[name].dims == sweep, (name, ds[name].dims)
    assert ds["hit_steps"].dims == (*sweep, "trial", "loss_target")
    for name, variable in ds.variables.items():
        assert variable.attrs.get("long_name"), name
        assert "units" in variable.attrs or variable.dtype.kind in "OU", name
    assert list(ds["trial"].values) == list(range(trials))
    assert (np.diff(ds["loss_target"]) < 0).all()
    outcome = ds["outcome"]
    assert outcome.dtype == np.int8
    assert list(outcome.attrs["flag_values"]) == [0, 1, 2, 3, 4]
    assert outcome.attrs["flag_meanings"].split() == OUTCOMES
    assert ds["steps"].dtype.kind == "i" and ds["hit_steps"].dtype.kind == "i"
    conditions = ds["theorem1_conditions"]
    assert list(conditions.attrs["flag_masks"]) == [1, 2, 4, 8]
    for mask, name in zip([1, 2, 4, 8], conditions.attrs["flag_meanings"].split()):
        assert (((conditions & mask) > 0).sum("trial") == ds[f"theorem1_{name}_count"]).all(), name
    assert (((conditions & 3) == 3).sum("trial") == ds["joint_count"]).all()
    assert (ds["certified"].sum("trial") == ds["certified_count"]).all()
    table = ds["theorem1_outcome_count"]
    assert table.dims == (*sweep, "theorem1_conditions_value", "outcome_code")
    for value in range(16):
        for code in range(5):
            count = ((conditions == value) & (outcome == code)).sum("trial")
            assert (count == table[..., value, code]).all(), (value, code)
    for code, name in enumerate(OUTCOMES[1:], 1):
        count = (outcome == code).sum("trial")
        assert (count == ds[f"{name}_count"]).all(), name
    np.testing.assert_array_equal(ds["probability"], ds["converged_count"] / ds["trial_count"])
    assert (ds["probability_lower"] <= ds["probability"]).all()
    assert (ds["probability"] <= ds["probability_upper"]).all()
    assert ds["probability_lower"].attrs["method"] == "Clopper-Pearson"
    assert ds["probability_lower"].attrs["level"] == 0.95
    check_bounds(ds)
    check_steps(ds)
    for name in ["deeplin_format", "format_version", "config", "study_digest", "seed", "Conventions", "title"]:
        assert name in ds.attrs, name
    assert list(ds.attrs["format_version"]) == [1, 4]
    assert ds.attrs["rows"] == 1 and ds.attrs["complete"] == 1 and ds.attrs["missing_trials"] == 0
    assert ds.attrs["trials"] == trials


def check_bounds(ds):
    from scipy.stats import beta

    n = ds["trial_count"].values
    lower = ds["converged_count"].values
    upper = lower + ds["step_limit_count"].values
    expected = np.where(lower > 0, beta.ppf(0.025, np.maximum(lower, 1), n - lower + 1), 0.0)
    np.testing.assert_allclose(ds["probability_lower"], expected, rtol=1e-10)
    expected = np.where(upper < n, beta.ppf(0.975, upper + 1, np.maximum(n - upper, 1)), 1.0)
    np.testing.assert_allclose(ds["probability_upper"], expected, rtol=1e-10)


def check_steps(ds):
    converged = ds["outcome"] == 1
    steps = ds["steps"].where(converged)
    # The first hit of a rung at or above the loss target of a converged trial is at most its steps.
    hits = ds["hit_steps"].where(ds["hit_steps"] >= 0)
    assert (hits.max("loss_target") <= ds["steps"]).where(hits.notnull().any("loss_target"), True).all()
    median = steps.quantile(0.5, "trial", method="inverted_cdf").drop_vars("quantile")
    np.testing.assert_array_equal(median, ds["steps_median"])
    check_bounds_of_median(ds, steps)
    spent, converged = ds["steps"].sum("trial"), converged.sum("trial")
    expected = (spent / converged).where(converged > 0)
    np.testing.assert_array_equal(expected, ds["expected_running_time"])


def check_bounds_of_median(ds, steps):
    """From one order statistic to another, as binomial quantiles have them."""
    from scipy.stats import binom

    assert ds["steps_median_lower"].attrs == ds["steps_q90_upper"].attrs | {
        "long_name": ds["steps_median_lower"].attrs["long_name"]
    }
    for at in np.ndindex(ds["probability"].shape):
        times = np.sort(steps.values[at][~np.isnan(steps.values[at])])
        ranks = np.arange(len(times) + 2)
        low = ranks[binom.cdf(ranks - 1, len(times), 0.5) <= 0.025].max()
        high = ranks[(binom.sf(ranks - 1, len(times), 0.5) <= 0.025) & (ranks > len(times) / 2)].min()
        padded = np.concatenate([[0], times, [np.inf]])
        assert padded[low] == ds["steps_median_lower"].values[at], at
        assert padded[high] == ds["steps_median_upper"].values[at], at


def check_swept(ds):
    sweep = ("init_kind", "network_depth", "init_std")
    assert tuple(ds["probability"].dims) == sweep
    assert list(ds["init_kind"].values) == ["gaussian", "balanced"]
    assert list(ds["network_depth"].values) == [1, 3]
    assert ds["network_depth"].dtype.kind == "i"
    np.testing.assert_array_equal(ds["init_std"], [0.05, 0.5])
    np.testing.assert_array_equal(ds["descent_learning_rate"], [0.1, 0.05])
    assert ds["descent_learning_rate"].dims == ("init_std",)
    assert "descent_learning_rate" in ds.coords
    check_common(ds, sweep, 30)
    one = ds["probability"].sel(init_kind="balanced", network_depth=3, init_std=0.5)
    assert 0 <= float(one) <= 1


def check_provenance(path, engine):
    with xr.open_dataset(path, group="provenance", engine=engine) as ds:
        assert "engine_version" in ds.attrs and "blas_core" in ds.attrs, ds.attrs
        assert "kernel" in ds and "precision" in ds


def main(swept, unswept):
    # A reader that has to guess says so in a warning.
    warnings.simplefilter("error")
    for engine in ENGINES:
        with xr.open_dataset(swept, engine=engine) as ds:
            check_swept(ds.load())
        with xr.open_dataset(unswept, engine=engine) as ds:
            check_common(ds.load(), (), 30)
        check_provenance(swept, engine)
        check_provenance(unswept, engine)
    with xr.open_dataset(swept) as found:
        assert "probability" in found
    print("read by", " and ".join(ENGINES))


if __name__ == "__main__":
    main(*sys.argv[1:])
