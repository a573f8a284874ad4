"""The phase diagram of a study, by deeplin and by JAX. Started by `scripts/peers/phase`."""

import argparse
import itertools
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.stats import chi2

import deeplin
import machine
from jax_peer import MATMUL, SUMS, suffixes, update, versions

WIDTH = 8
DEPTHS = [2, 4, 8]
STDS = np.geomspace(0.05, 1.0, 8)
RATE = 0.05
GOAL = 1e-5
# A loss that is this many times the larger of the first loss and that of the zero network has diverged.
DIVERGENCE = 1e12
REPEATS = 3
# Trials that JAX runs together in its grouped forms: small groups end early and stay in the cache.
GROUP = 4

STUDY = f"""\
name = "phase"
trials = {{trials}}
[network]
input = {WIDTH}
hidden = {WIDTH}
output = {WIDTH}
[target]
kind = "identity"
[init]
kind = "gaussian"
[descent]
learning_rate = {RATE}
max_steps = {{steps}}
[stop]
loss = {GOAL}
divergence = {DIVERGENCE}
[sweep]
"network.depth" = {DEPTHS}
"init.std" = {{{{ log = [{STDS[0]}, {STDS[-1]}], points = {len(STDS)} }}}}
"""


def descend(weights, limit, products):
    """One trial to its end: whether its loss came to the goal, and the steps it took."""
    phi = jnp.eye(WIDTH)

    def measured(weights, step):
        suffix = suffixes(weights, products)
        return weights, suffix, 0.5 * jnp.sum((suffix[0] - phi) ** 2), step

    def going(state):
        _, _, loss, step = state
        # False for NaN.
        return (loss > GOAL) & (loss <= bound) & (step < limit)

    def advance(state):
        weights, suffix, _, step = state
        return measured(update(weights, suffix, phi, RATE, products), step + 1)

    start = measured(weights, 0)
    bound = DIVERGENCE * jnp.maximum(start[2], 0.5 * WIDTH)
    _, _, loss, steps = lax.while_loop(going, advance, start)
    return loss <= GOAL, steps


def cell(key, std, depth, trials, limit, products, group):
    """Converged trials of a cell and the steps of all, drawn and run in one program."""
    keys = jax.random.split(key, depth)
    weights = tuple(std * jax.random.normal(k, (trials, WIDTH, WIDTH)) for k in keys)
    trial = partial(descend, limit=limit, products=products)
    if group is None:
        converged, steps = jax.vmap(trial)(weights)
    else:
        converged, steps = lax.map(trial, weights, batch_size=group)
    return jnp.sum(converged), jnp.sum(steps)


def in_jax(form, trials, limit):
    """Converged trials by depth and standard deviation, steps, seconds, and seconds of compilation."""
    products, group, calls = form
    cells = partial(cell, trials=trials, limit=limit, products=products, group=group)
    begin = time.perf_counter()
    programs = {depth: compiled(partial(cells, depth=depth), calls) for depth in DEPTHS}
    compilation = time.perf_counter() - begin
    keys = jax.random.split(jax.random.key(2018), (len(DEPTHS), len(STDS)))

    def run(i, j):
        return [np.asarray(x) for x in programs[DEPTHS[i]](keys[i, j], STDS[j])]

    begin = time.perf_counter()
    if calls == "depth":
        found = [run(i, slice(None)) for i in range(len(DEPTHS))]
    else:
        workers = len(machine.processors()) if calls == "cells at once" else 1
        with ThreadPoolExecutor(workers) as pool:
            found = list(
                pool.map(run, *zip(*itertools.product(range(len(DEPTHS)), range(len(STDS))), strict=True))
            )
    seconds = time.perf_counter() - begin
    converged = np.array([converged for converged, _ in found]).reshape(len(DEPTHS), len(STDS))
    return converged, int(sum(np.sum(steps) for _, steps in found)), seconds, compilation


def compiled(function, calls):
    """The program of a cell, or of all cells of a depth at once."""
    key, stds = jax.random.key(0), STDS
    if calls == "depth":
        return jax.jit(jax.vmap(function)).lower(jax.random.split(key, len(stds)), stds).compile()
    return jax.jit(function).lower(key, stds[0]).compile()


# Products, trials of a group (None: all), and what one call computes.
FORMS = {
    "vmap, a call a cell": (MATMUL, None, "cell"),
    "vmap, cells at once": (MATMUL, None, "cells at once"),
    "vmap, a call a depth": (MATMUL, None, "depth"),
    f"groups of {GROUP}, products as sums, cells at once": (SUMS, GROUP, "cells at once"),
}


def in_deeplin(program, trials, limit):
    """Converged trials by depth and standard deviation, and the runs."""
    with tempfile.TemporaryDirectory() as directory:
        study = Path(directory) / "phase.toml"
        study.write_text(STUDY.format(trials=trials, steps=limit))
        runs = [program.run(study, Path(directory) / str(i)) for i in range(REPEATS)]
        report = json.loads(program.call("report", Path(directory) / "0" / "results.h5", "--json").stdout)
    at = [(c["network.depth"], c["init.std"]) for c in report["cells"]]
    assert np.allclose(at, list(itertools.product(DEPTHS, STDS))), "cells in the order of the sweep"
    converged = np.array([c["converged_count"] for c in report["cells"]])
    return converged.reshape(len(DEPTHS), len(STDS)), runs


def agreement(ours, theirs, trials):
    """Largest difference in standard errors, and the chance of a chi-squared as large as theirs."""
    pooled = (ours + theirs) / (2 * trials)
    open_cells = (pooled > 0) & (pooled < 1)
    error = np.sqrt(2 * trials * pooled * (1 - pooled))[open_cells]
    deviations = (ours - theirs)[open_cells] / error
    worst = float(np.max(np.abs(deviations), initial=0.0))
    return worst, float(chi2.sf(np.sum(deviations**2), len(deviations))) if len(deviations) else 1.0


def table(ours, theirs, trials):
    print(f"{'std':>8}" + "".join(f"  depth {depth}: deeplin   JAX" for depth in DEPTHS))
    for j, std in enumerate(STDS):
        cells = "".join(
            f"{ours[i, j] / trials:18.3f} {theirs[i, j] / trials:6.3f}" for i in range(len(DEPTHS))
        )
        print(f"{std:8.4f}{cells}")


def main():
    parser = argparse.ArgumentParser(prog="scripts/peers/phase", description=__doc__)
    parser.add_argument("--trials", type=int, default=200, help="of a cell; default 200")
    parser.add_argument("--steps", type=int, default=5000, help="after which a trial is left; default 5000")
    parser.add_argument("--json", type=Path, help="file for everything that was measured")
    options = parser.parse_args()
    trials, limit = options.trials, options.steps

    program = deeplin.program()
    about = machine.describe() | {"deeplin": program.version()} | versions()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    ours, runs = in_deeplin(program, trials, limit)
    wall, own = median(run.wall for run in runs), median(run.seconds for run in runs)
    print(
        f"deeplin: {wall:.2f} s for the whole process, {own:.2f} s of work, {runs[0].steps:.3g} trial-steps"
    )

    tried, sound = {}, True
    for name, form in FORMS.items():
        theirs, steps, seconds, compilation = in_jax(form, trials, limit)
        worst, chance = agreement(ours, theirs, trials)
        agrees = worst <= 4 and chance >= 1e-4
        sound &= agrees
        tried[name] = {"seconds": seconds, "compilation": compilation, "steps": steps}
        tried[name] |= {"converged": theirs.tolist(), "worst": worst, "chance": chance, "agrees": agrees}
        print(
            f"JAX, {name}: {seconds:.2f} s after {compilation:.2f} s of compilation; x{seconds / wall:.2f}; "
            f"probabilities {'agree' if agrees else 'DO NOT AGREE'} "
            f"(worst {worst:.1f} standard errors, chi-squared p = {chance:.2g})",
            flush=True,
        )
    best = min(tried, key=lambda name: tried[name]["seconds"])
    theirs = np.array(tried[best]["converged"])
    print(
        f"\nthe fastest, {best}: x{tried[best]['seconds'] / wall:.2f} the time of the whole deeplin process\n"
    )
    table(ours, theirs, trials)
    if options.json:
        found = {"machine": about, "trials": trials, "steps": limit, "converged": ours.tolist(), "jax": tried}
        found |= {"wall": [run.wall for run in runs], "seconds": [run.seconds for run in runs], "best": best}
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
