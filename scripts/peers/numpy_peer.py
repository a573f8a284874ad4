"""NumPy: `matmul` over the stack of trials, or the trial axis innermost in multiply-adds."""

import numpy as np

from chain import Chain
from reference import target


def forms(net):
    return ["matmul", "lanes"] if net.widest <= 8 else ["matmul"]


def versions():
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"numpy": np.__version__, "numpy BLAS": f"{blas['name']} {blas['version']}"}


class Matmul:
    """Arrays (trial, row, column)."""

    like = staticmethod(np.empty_like)

    @staticmethod
    def row(last, w):
        return np.empty((len(w), last.shape[1], w.shape[2]))

    @staticmethod
    def residual(s, phi, rate, out):
        np.subtract(s, phi, out=out)
        out *= rate

    @staticmethod
    def nn(a, b, out):
        np.matmul(a, b, out=out)

    @staticmethod
    def nt(a, b, out):
        np.matmul(a, b.swapaxes(1, 2), out=out)

    @staticmethod
    def subtract_tn(w, a, b, work):
        np.matmul(a.swapaxes(1, 2), b, out=work)
        w -= work


class Lanes:
    """Arrays (row, column, trial)."""

    like = staticmethod(np.empty_like)
    residual = staticmethod(Matmul.residual)

    def __init__(self):
        self.buffers = {}

    @staticmethod
    def row(last, w):
        return np.empty((last.shape[0], *w.shape[1:]))

    def sum(self, terms, out):
        term = self.buffers.setdefault(out.shape, np.empty_like(out))
        for k, (a, b) in enumerate(terms):
            np.multiply(a, b, out=term if k else out)
            if k:
                out += term

    def nn(self, a, b, out):
        self.sum(((a[:, k, None], b[None, k]) for k in range(a.shape[1])), out)

    def nt(self, a, b, out):
        self.sum(((a[:, None, k], b[None, :, k]) for k in range(a.shape[1])), out)

    def subtract_tn(self, w, a, b, work):
        self.sum(((a[k, :, None], b[k, None]) for k in range(a.shape[0])), work)
        w -= work


class Descent:
    """A batch of trials. The number of threads is set in the environment of the process."""

    def __init__(self, net, form, weights, _threads):
        self.lanes = form == "lanes"
        phi = target(net)
        if self.lanes:
            weights = [np.ascontiguousarray(np.moveaxis(w, 0, 2)) for w in weights]
            phi = phi[:, :, None]
        self.weights = [w.copy() for w in weights]
        self.chain = Chain(Lanes() if self.lanes else Matmul(), self.weights, phi)

    def advance(self, steps, rate):
        for _ in range(steps):
            self.chain.step(rate)

    def result(self):
        return [np.moveaxis(w, 2, 0) if self.lanes else w for w in self.weights]
