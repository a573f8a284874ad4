"""Compares the statistics of deeplin with those of scipy, statsmodels and lifelines.

usage: references.py FILE.json
"""

import json
import sys
import warnings

import numpy as np
import statsmodels.api as sm
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from scipy import optimize, special, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

LINKS = {
    "logit": sm.families.links.Logit(),
    "probit": sm.families.links.Probit(),
    "cloglog": sm.families.links.CLogLog(),
}


def close(found, expected, tolerance, what):
    """The numbers agree to a relative error, or to the same part of 1e-300 where they are 0."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    error = np.abs(found - expected) <= tolerance * np.maximum(np.abs(expected), 1e-300)
    assert np.all(error), f"{what}: {found} and {expected}"


def proportion(case):
    k, n, alpha = case["k"], case["n"], 1 - case["level"]
    lower = stats.beta.ppf(alpha / 2, k, n - k + 1) if k else 0.0
    upper = stats.beta.ppf(1 - alpha / 2, k + 1, n - k) if k < n else 1.0
    close(case["clopper_pearson"], [lower, upper], 1e-9, f"Clopper-Pearson {case}")
    if n <= 10**6:
        # Wilson's ends of small shares cancel there; those below are of the same formula.
        expected = proportion_confint(k, n, alpha, "wilson")
        np.testing.assert_allclose(case["wilson"], np.clip(expected, 0, 1), 1e-9, 1e-15)
    lower = stats.beta.ppf(alpha / 2, k + 0.5, n - k + 0.5) if k else 0.0
    upper = stats.beta.ppf(1 - alpha / 2, k + 0.5, n - k + 0.5) if k < n else 1.0
    close(case["jeffreys"], [lower, upper], 1e-9, f"Jeffreys {case}")


def sequence(case):
    """At its ends the evidence is what it has to be."""
    k, n, alpha = case["k"], case["n"], 1 - case["level"]
    for end in case["interval"]:
        if 0 < end < 1:
            evidence = special.betaln(k + 1, n - k + 1) - k * np.log(end) - (n - k) * np.log1p(-end)
            assert abs(evidence + np.log(alpha)) < 1e-9 * n, case


def ranks(case):
    n, q, level = case["n"], case["q"], case["level"]
    law = stats.binom(n, q)
    tail = (1 - level) / 2
    lower, upper = case["lower"] or 0, case["upper"] or n + 1
    assert law.cdf(lower - 1) <= tail < law.cdf(lower), case
    assert law.sf(upper - 1) <= tail, case
    np.testing.assert_allclose(case["coverage"], law.cdf(upper - 1) - law.cdf(lower - 1), 1e-10)


def incidence(case):
    rows = np.array(case["rows"])
    steps = np.repeat(rows[:, 0], rows[:, 1:].sum(axis=1))
    ends = np.concatenate([np.repeat([1, 2, 0], row[1:]) for row in rows])
    if not np.any(ends == 2):
        fitter = KaplanMeierFitter(alpha=1 - case["level"]).fit(steps, ends == 1)
        for step, converged, bounds in case["points"]:
            expected = 1 - fitter.survival_function_at_times(step).iloc[0]
            np.testing.assert_allclose(converged, expected, 1e-12)
            if bounds:
                ends_of = 1 - fitter.confidence_interval_.loc[step].to_numpy()[::-1]
                np.testing.assert_allclose(bounds, ends_of, 1e-9)
        return
    # Steps that differ, so that nothing is moved apart at random.
    assert len(set(steps)) == len(steps)
    fitter = AalenJohansenFitter(calculate_variance=False).fit(steps, ends, event_of_interest=1)
    for step, converged, _ in case["points"]:
        expected = fitter.cumulative_density_.loc[step].iloc[0]
        np.testing.assert_allclose(converged, expected, 1e-12, err_msg=str(case))


def regression(case):
    x, k, n = (np.array(case[name], float) for name in ["x", "k", "n"])
    family = sm.families.Binomial(LINKS[case["link"]])
    model = sm.GLM(np.column_stack([k, n - k]), sm.add_constant(x), family)
    fit = model.fit(tol=1e-14, maxiter=300)
    np.testing.assert_allclose([case["intercept"], case["slope"]], fit.params, 1e-7, 1e-8)
    np.testing.assert_allclose(case["deviance"], fit.deviance, 1e-8)
    np.testing.assert_allclose(case["errors"], fit.bse, 1e-5)
    assert case["freedom"] == fit.df_resid


def isotonic(case):
    k, n = (np.array(case[name], float) for name in ["k", "n"])
    fit = optimize.isotonic_regression(k / n, weights=n, increasing=True)
    np.testing.assert_allclose(case["estimate"], fit.x, 1e-12, 1e-15)


def paired(case):
    both, first, second, neither = case["pairs"]
    table = [[both, first], [second, neither]]
    np.testing.assert_allclose(case["p_value"], mcnemar(table, exact=True).pvalue, 1e-10)


def difference(case):
    (k1, n1), (k2, n2) = case["first"], case["second"]
    expected = confint_proportions_2indep(
        k1, n1, k2, n2, method="newcomb", compare="diff", alpha=1 - case["level"]
    )
    np.testing.assert_allclose(case["interval"], expected, 1e-10, 1e-14)


def holm(case):
    expected = multipletests(case["p_values"], method="holm")[1]
    np.testing.assert_allclose(case["adjusted"], expected, 1e-14)


def chi_squared(case):
    x, freedom = case["x"], case["freedom"]
    np.testing.assert_allclose(case["lower"], stats.chi2.cdf(x, freedom), 1e-11, 1e-14)
    np.testing.assert_allclose(case["upper"], stats.chi2.sf(x, freedom), 1e-11, 1e-14)
    law = stats.ncx2(freedom, case["noncentrality"])
    np.testing.assert_allclose(case["noncentral"], law.cdf(x), 1e-9, 1e-12)


def normal(case):
    np.testing.assert_allclose(case["quantile"], stats.norm.ppf(case["p"]), 1e-13)


KINDS = [
    proportion, sequence, ranks, incidence, regression, isotonic, paired, difference, holm,
    chi_squared, normal,
]  # fmt: skip


def main():
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    with open(sys.argv[1]) as file:
        cases = json.load(file)
    assert set(cases) == {kind.__name__ for kind in KINDS}, set(cases)
    for kind in KINDS:
        assert len(cases[kind.__name__]) > 5, kind.__name__
        for case in cases[kind.__name__]:
            kind(case)


main()
