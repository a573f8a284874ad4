"""deeplin itself, run as its users run it: a study file in, `run.json` out."""

import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from machine import processors

# Steps of a trial from which its start and its end weigh little.
STEPS = 5_000
MOST_TRIALS = 2048
# Blocks for each processor at least: the last ones are not to matter.
LEAST_SHARES = 8
# Trials that the kernel for narrow nets advances together, at most.
SIDE_BY_SIDE = 64

STUDY = """\
name = "peer"
trials = {trials}
[network]
input = {input}
hidden = {hidden}
output = {output}
depth = {depth}
[target]
kind = "identity"
[init]
kind = "gaussian"
std = {std!r}
[descent]
learning_rate = 1e-6
max_steps = {steps}
[stop]
loss = 1e-20
ladder = [1e-20]
[store]
block = {block}
"""


@dataclass(frozen=True)
class Size:
    """A study: its trials, their steps, and the trials of a block."""

    trials: int
    steps: int
    block: int


@dataclass
class Run:
    """One run: the wall time of the process, and what it says of its own work."""

    wall: float
    seconds: float
    steps: int
    trials: int

    @property
    def rate(self):
        """Trial-steps a second, start-up of the program excluded."""
        return self.steps / self.seconds


@dataclass
class Pair:
    """The same trials twice: one step each, and many."""

    ends: Run
    whole: Run

    @property
    def seconds(self):
        return self.whole.seconds - self.ends.seconds

    @property
    def rate(self):
        """Trial-steps a second, starts and ends of trials excluded."""
        return (self.whole.steps - self.ends.steps) / max(self.seconds, 1e-9)


class Deeplin:
    def __init__(self, program):
        self.program = str(program)

    def call(self, *arguments):
        return subprocess.run(
            [self.program, *map(str, arguments)], check=True, capture_output=True, text=True
        )

    def version(self):
        return re.search(r"^deeplin\s+(.*)$", self.doctor(), re.MULTILINE)[1]

    def doctor(self):
        return self.call("doctor").stdout

    def peak(self):
        """Double-precision operations a second of all processors doing nothing but multiply-adds."""
        return 1e9 * json.loads(self.call("doctor", "--json").stdout)["fma_peak_gflops"]

    def run(self, study, directory):
        """Runs a study file in a new directory."""
        begin = time.perf_counter()
        self.call("run", study, "-o", directory, "--quiet")
        wall = time.perf_counter() - begin
        (session,) = json.loads((Path(directory) / "run.json").read_text())
        return Run(wall, session["seconds"], session["steps"], session["trials"])

    def measure(self, net, size):
        """A run whose trials all go to the step limit."""
        with tempfile.TemporaryDirectory() as directory:
            study = Path(directory) / "study.toml"
            study.write_text(study_text(net, size))
            run = self.run(study, Path(directory) / "run")
        assert run.steps == size.trials * size.steps, "every trial runs to the step limit"
        return run

    def paired(self, net, size):
        """A run of many steps beside one of a single step, which costs the starts and ends of the trials:
        their weights, and what is observed of them, which takes longer than many steps in a wide net."""
        ends = self.measure(net, replace(size, steps=1))
        return Pair(ends, self.measure(net, size))

    def size(self, net, seconds):
        """A study with about `seconds` of steps, or more in wide nets."""
        count = len(processors())
        # Narrow nets run several trials side by side: all of these places have to be taken.
        block = SIDE_BY_SIDE if net.widest <= 24 else 1
        size = Size(trials=count * block, steps=100, block=block)
        while (pair := self.paired(net, size)).seconds < max(seconds / 8, pair.ends.seconds):
            short = max(seconds / 8, pair.ends.seconds) / max(pair.seconds, 1e-6)
            size = replace(size, steps=int(size.steps * min(8, 1.5 * short)) + 1)
        # A difference of two times needs steps that outweigh the rest.
        total = pair.rate * max(seconds, 3 * pair.ends.seconds)
        # Equal shares for every processor, whole numbers of rounds of places.
        shares = int(min(MOST_TRIALS, total / STEPS)) // (count * block)
        trials = count * block * max(LEAST_SHARES, shares)
        return Size(trials, max(2, int(total / trials)), block)


def study_text(net, size):
    return STUDY.format(
        trials=size.trials,
        input=net.dims[0],
        hidden=list(net.dims[1:-1]),
        output=net.dims[-1],
        depth=net.depth,
        std=0.5 / net.widest**0.5,
        steps=size.steps,
        block=size.block,
    )


def program():
    """The program that `scripts/peers/environment` has built."""
    return Deeplin(os.environ["DEEPLIN"])
