"""The strongest form of a peer: its fastest form, batch of trials, and use of the processors."""

from dataclasses import dataclass

from crew import Crew, layouts

# Batches are powers of 4 whose weights take at most this many bytes, and at least two of them.
MOST_BYTES = 4e6


@dataclass(frozen=True)
class Setting:
    form: str
    batch: int
    processes: int
    threads: int


class Peer:
    """A peer at work in all layouts of processes and threads."""

    def __init__(self, name):
        self.name = name
        # The many small processes first: the settings that are best there are tried in the others.
        self.crews = {layout: Crew(f"{name}_peer", *layout) for layout in sorted(layouts(), reverse=True)}
        self.any = next(iter(self.crews.values()))

    def versions(self):
        return self.any.ask("versions")[0]

    def tried(self, net, seconds):
        """One quick rate of every form with every batch that has a chance, by setting."""
        tried = {}

        def attempt(form, batch, layout):
            setting = Setting(form, batch, *layout)
            if batch >= 1 and setting not in tried:
                (tried[setting],) = self.crews[layout].rate(net, form, batch, seconds)

        first, *others = self.crews
        for form in self.any.ask("forms", net)[0]:
            for batch in batches(net):
                attempt(form, batch, first)
            for factor in (0.5, 2):
                attempt(form, int(factor * top(tried, form).batch), first)
            batch = top(tried, form).batch
            for layout in others:
                for factor in (0.25, 1, 2, 4):
                    attempt(form, int(factor * batch), layout)
        return tried

    def rate(self, net, setting, seconds):
        """Trial-steps a second in one setting."""
        (rate,) = self.crews[setting.processes, setting.threads].rate(
            net, setting.form, setting.batch, seconds
        )
        return rate

    def close(self):
        for crew in self.crews.values():
            crew.close()


def batches(net):
    largest = max(4, MOST_BYTES / (8 * net.parameters))
    return [4**k for k in range(12) if 4**k <= largest]


def top(tried, form=None):
    """The fastest setting, of this form or of all."""
    return max((s for s in tried if form in (None, s.form)), key=tried.get)
