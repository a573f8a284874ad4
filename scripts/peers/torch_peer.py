"""PyTorch: `bmm` and `baddbmm` over the stack of trials, or the trial axis innermost in `addcmul`."""

import numpy as np
import torch

from chain import Chain
from reference import target


def forms(net):
    return ["bmm", "lanes"] if net.widest <= 8 else ["bmm"]


def versions():
    return {"torch": torch.__version__, "torch CPU": torch.backends.cpu.get_cpu_capability()}


class Bmm:
    """Tensors (trial, row, column)."""

    like = staticmethod(torch.empty_like)

    @staticmethod
    def row(last, w):
        return last.new_empty((len(w), last.shape[1], w.shape[2]))

    @staticmethod
    def residual(s, phi, rate, out):
        torch.sub(s, phi, out=out)
        out.mul_(rate)

    @staticmethod
    def nn(a, b, out):
        torch.bmm(a, b, out=out)

    @staticmethod
    def nt(a, b, out):
        torch.bmm(a, b.mT, out=out)

    @staticmethod
    def subtract_tn(w, a, b, _work):
        w.baddbmm_(a.mT, b, alpha=-1.0)


class Lanes:
    """Tensors (row, column, trial)."""

    like = staticmethod(torch.empty_like)
    residual = staticmethod(Bmm.residual)

    @staticmethod
    def row(last, w):
        return last.new_empty((last.shape[0], *w.shape[1:]))

    @staticmethod
    def nn(a, b, out):
        torch.mul(a[:, 0, None], b[None, 0], out=out)
        for k in range(1, a.shape[1]):
            out.addcmul_(a[:, k, None], b[None, k])

    @staticmethod
    def nt(a, b, out):
        torch.mul(a[:, None, 0], b[None, :, 0], out=out)
        for k in range(1, a.shape[1]):
            out.addcmul_(a[:, None, k], b[None, :, k])

    @staticmethod
    def subtract_tn(w, a, b, _work):
        for k in range(a.shape[0]):
            w.addcmul_(a[k, :, None], b[k, None], value=-1.0)


class Descent:
    """A batch of trials."""

    def __init__(self, net, form, weights, threads):
        torch.set_num_threads(threads)
        self.lanes = form == "lanes"
        phi = target(net)
        if self.lanes:
            weights = [np.ascontiguousarray(np.moveaxis(w, 0, 2)) for w in weights]
            phi = phi[:, :, None]
        with torch.inference_mode():
            self.weights = [torch.tensor(w) for w in weights]
            self.chain = Chain(Lanes() if self.lanes else Bmm(), self.weights, torch.tensor(phi))

    @torch.inference_mode()
    def advance(self, steps, rate):
        for _ in range(steps):
            self.chain.step(rate)

    def result(self):
        weights = [w.numpy() for w in self.weights]
        return [np.moveaxis(w, 2, 0) if self.lanes else w for w in weights]
