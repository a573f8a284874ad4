"""The nets that are measured, and the work that one step of each needs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Net:
    """Dimensions d_0 .. d_N of a network W_N ... W_1, thin side last: d_N <= d_0."""

    name: str
    dims: tuple[int, ...]

    def __post_init__(self):
        assert self.dims[-1] <= self.dims[0], "the chain of products begins at the thin side"

    @property
    def depth(self):
        return len(self.dims) - 1

    @property
    def widest(self):
        return max(self.dims)

    @property
    def shapes(self):
        """Rows and columns of W_1 .. W_N."""
        return list(zip(self.dims[1:], self.dims[:-1], strict=True))

    @property
    def parameters(self):
        return sum(rows * columns for rows, columns in self.shapes)

    @property
    def flops(self):
        """Necessary operations of one step of one trial: 6 r sum_{j=1}^{N-1} d_j d_{j-1}, r = d_N."""
        return 6 * self.dims[-1] * sum(rows * columns for rows, columns in self.shapes[:-1])


def square(width, depth):
    return Net(f"{width}x{depth}", (width,) * (depth + 1))


NETS = [
    square(2, 3),
    *(square(width, 4) for width in [4, 8, 16, 32, 64, 128, 256]),
    Net("128-32-32-1", (128, 32, 32, 1)),
    Net("128-(32x7)-1", (128, *[32] * 7, 1)),
]


def named(names):
    """The nets with these names, all for None."""
    if names is None:
        return NETS
    by_name = {net.name: net for net in NETS}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise SystemExit(f"no net {', '.join(unknown)}; there are {', '.join(by_name)}")
    return [by_name[name] for name in names]
