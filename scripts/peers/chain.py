"""One step of a batch of trials with buffers made once, for peers that compute in place.

S_{j-1} = S_j W_j           j = N-1 .. 1   (S_{N-1} = W_N)
U_0     = rate (S_0 - phi)
U_j     = U_{j-1} W_j'      j = 1 .. N-1
W_j    <- W_j - S_j' U_{j-1}  (j < N),   W_N <- W_N - U_{N-1}
"""


class Chain:
    """Trials on the products of a peer: `like`, `residual`, `nn`, `nt`, `subtract_tn`."""

    def __init__(self, products, weights, phi):
        self.products = products
        *self.inner, self.last = weights
        self.phi = phi
        # S_0 .. S_{N-1}; the last is W_N itself. U_j has the shape of S_j.
        self.suffix = [products.row(self.last, w) for w in self.inner] + [self.last]
        self.residual = [products.like(s) for s in self.suffix]
        self.work = [products.like(w) for w in self.inner]

    def step(self, rate):
        products, suffix, residual = self.products, self.suffix, self.residual
        for j in range(len(self.inner) - 1, -1, -1):
            products.nn(suffix[j + 1], self.inner[j], suffix[j])
        products.residual(suffix[0], self.phi, rate, residual[0])
        for j, w in enumerate(self.inner):
            products.nt(residual[j], w, residual[j + 1])
            products.subtract_tn(w, suffix[j + 1], residual[j], self.work[j])
        self.last -= residual[-1]
