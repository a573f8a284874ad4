"""JAX: all steps in one jitted loop, in float64, in several forms of which the fastest counts.

chain    vmap over the trials of the products written by hand, each computed once
grad     vmap over the trials of jax.grad
map      the loop of one trial after another (lax.map), its weights in the cache
lanes    the trial axis innermost, products as broadcast multiply-adds written out
sums     the trial axis innermost, products as sums over an axis
scalars  the trial axis innermost, every entry of every matrix an array of its own
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax import lax

from reference import target

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")
# Makes the threads now, one for each processor that this process may use now.
jax.devices()


def forms(net):
    """The forms that have a chance; those left out compile long or run far behind the others."""
    names = ["chain", "grad"]
    if net.widest >= 16:
        names.append("map")
    if net.widest <= 16:
        names.append("lanes")
    if net.widest <= 8:
        names.append("sums")
    if net.widest <= 2:
        names.append("scalars")
    return names


def versions():
    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__}


class Products(NamedTuple):
    """A B, A B' and A' B."""

    nn: Callable
    nt: Callable
    tn: Callable


# For matrices, those of arrays included.
MATMUL = Products(
    nn=lambda a, b: a @ b,
    nt=lambda a, b: a @ b.T,
    tn=lambda a, b: a.T @ b,
)
# For arrays (row, column, ...), of which XLA makes one loop over the entries of the result ...
LANES = Products(
    nn=lambda a, b: sum(a[:, k, None] * b[None, k] for k in range(a.shape[1])),
    nt=lambda a, b: sum(a[:, None, k] * b[None, :, k] for k in range(a.shape[1])),
    tn=lambda a, b: sum(a[k, :, None] * b[k, None] for k in range(a.shape[0])),
)
# ... or a reduction.
SUMS = Products(
    nn=lambda a, b: jnp.sum(a[:, :, None] * b[None], axis=1),
    nt=lambda a, b: jnp.sum(a[:, None] * b[None], axis=2),
    tn=lambda a, b: jnp.sum(a[:, :, None] * b[:, None], axis=0),
)


def suffixes(weights, products=MATMUL):
    """S_0 .. S_{N-1}, S_j = W_N ... W_{j+1}."""
    *inner, last = weights
    chain = [last]
    for w in reversed(inner):
        chain.append(products.nn(chain[-1], w))
    return chain[::-1]


def update(weights, suffix, phi, rate, products=MATMUL):
    """The weights one step later."""
    *inner, last = weights
    u = rate * (suffix[0] - phi)
    new = []
    for w, s in zip(inner, suffix[1:], strict=True):
        new.append(w - products.tn(s, u))
        u = products.nt(u, w)
    return (*new, last - u)


def chain_step(weights, phi, rate, products=MATMUL):
    return update(weights, suffixes(weights, products), phi, rate, products)


def grad_step(weights, phi, rate):
    def loss(weights):
        return 0.5 * jnp.sum((suffixes(weights)[0] - phi) ** 2)

    return tuple(w - rate * g for w, g in zip(weights, jax.grad(loss)(weights), strict=True))


def scalars_step(weights, phi, rate):
    """For lists of rows whose entries are arrays (trial,): NumPy multiplies matrices of such objects."""

    def objects(rows):
        matrix = np.empty((len(rows), len(rows[0])), object)
        for i, j in np.ndindex(matrix.shape):
            matrix[i, j] = rows[i][j]
        return matrix

    scale = np.empty((), object)
    scale[()] = rate
    return tuple(w.tolist() for w in chain_step([objects(rows) for rows in weights], phi, scale))


def loop(step, weights, phi, steps, rate):
    return lax.fori_loop(0, steps, lambda _, w: step(w, phi, rate), weights)


def advance(form, phi, weights, steps, rate):
    """All steps of all trials."""
    match form:
        case "chain" | "grad":
            step = chain_step if form == "chain" else grad_step
            return loop(jax.vmap(step, in_axes=(0, None, None)), weights, phi, steps, rate)
        case "map":
            return lax.map(lambda w: loop(chain_step, w, phi, steps, rate), weights)
        case "lanes" | "sums":
            step = partial(chain_step, products=LANES if form == "lanes" else SUMS)
            return loop(step, weights, phi[:, :, None], steps, rate)
        case "scalars":
            rows = tuple([list(row) for row in w] for w in weights)
            rows = loop(scalars_step, rows, phi, steps, rate)
            return tuple(jnp.stack([jnp.stack(row) for row in matrix]) for matrix in rows)
    raise ValueError(form)


class Descent:
    """A batch of trials. XLA takes as many threads as the process may use."""

    def __init__(self, net, form, weights, _threads):
        self.innermost = form in ("lanes", "sums", "scalars")
        if self.innermost:
            weights = [np.moveaxis(w, 0, 2) for w in weights]
        self.weights = tuple(jnp.asarray(w) for w in weights)
        self.loop = compiled(form, net)

    def advance(self, steps, rate):
        self.weights = jax.block_until_ready(self.loop(self.weights, steps, rate))

    def result(self):
        weights = [np.asarray(w) for w in self.weights]
        return [np.moveaxis(w, 2, 0) if self.innermost else w for w in weights]


COMPILED = {}


def compiled(form, net):
    """The jitted loop, made once for a form and a net, so that its compilations are kept."""
    if (form, net) not in COMPILED:
        COMPILED[form, net] = jax.jit(partial(advance, form, target(net)), donate_argnums=0)
    return COMPILED[form, net]
