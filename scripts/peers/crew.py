"""Processes that run a peer together: one with all processors, or one for each processor."""

import importlib
import multiprocessing
import os
import time
from contextlib import contextmanager

import reference
from machine import processors

START_RATE = 1e-6
START_GAIN = 0.5

# Read by the libraries when they are loaded.
THREAD_COUNTS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]


def layouts():
    """Pairs of processes and threads of each."""
    count = len(processors())
    return [(1, count), (count, 1)] if count > 1 else [(1, 1)]


@contextmanager
def environment(variables):
    """These variables, for processes started meanwhile."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Crew:
    """`processes` copies of a peer with `threads` threads each, started once and given many jobs."""

    def __init__(self, peer, processes, threads):
        context = multiprocessing.get_context("spawn")
        # Kept, or it is gone before the processes have found it.
        self.barrier = context.Barrier(processes)
        self.members = []
        with environment({name: str(threads) for name in THREAD_COUNTS}):
            for i in range(processes):
                own = processors()[i * threads : (i + 1) * threads]
                ours, theirs = context.Pipe()
                process = context.Process(target=serve, args=(peer, own, self.barrier, theirs), daemon=True)
                process.start()
                theirs.close()
                self.members.append((process, ours))

    def ask(self, *job):
        """What every process answers."""
        for _, pipe in self.members:
            pipe.send(job)
        answers = [pipe.recv() for _, pipe in self.members]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def rate(self, net, form, batch, seconds, repeats=1):
        """Trial-steps a second of all processes together, `repeats` times."""
        return [
            sum(rates) for rates in zip(*self.ask("rate", net, form, batch, seconds, repeats), strict=True)
        ]

    def close(self):
        for process, pipe in self.members:
            pipe.close()
            process.join()


def pin(numbers):
    """Lets this process and its threads run on these processors only, where the system can do that.

    Libraries make as many threads as they find processors; later, the system places them better than we.
    """
    if hasattr(os, "sched_setaffinity"):
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), numbers)


def serve(peer_name, own, barrier, pipe):
    """The life of a process: answers jobs until the other end closes."""
    everything = processors()
    pin(own)
    jobs = {
        "rate": rate,
        "forms": lambda peer, _, net: peer.forms(net),
        "versions": lambda peer, _: peer.versions(),
    }
    while True:
        try:
            name, *arguments = pipe.recv()
        except EOFError:
            return
        try:
            peer = importlib.import_module(peer_name)
            pin(everything)
            pipe.send(jobs[name](peer, (barrier, len(own)), *arguments))
        except Exception as error:
            # Others may wait at the barrier.
            barrier.abort()
            pipe.send(error)


def rate(peer, place, net, form, batch, seconds, repeats):
    """Checks the answers of a batch, then measures its trial-steps a second."""
    barrier, threads = place
    checked = reference.draw(net, batch, gain=1.0)
    descent = peer.Descent(net, form, checked, threads)
    descent.advance(reference.STEPS, reference.RATE)
    reference.check(net, checked, descent.result())

    descent = peer.Descent(net, form, reference.draw(net, batch, START_GAIN), threads)
    steps, lasted = 1, 0.0
    descent.advance(steps, START_RATE)
    while True:
        begin = time.perf_counter()
        descent.advance(steps, START_RATE)
        lasted = time.perf_counter() - begin
        if lasted > seconds / 20:
            break
        steps = max(steps + 1, min(8 * steps, int(steps * seconds / 10 / max(lasted, 1e-9))))
    rates = []
    for _ in range(repeats):
        barrier.wait()
        begin, done = time.perf_counter(), 0
        while True:
            descent.advance(steps, START_RATE)
            done += steps
            lasted = time.perf_counter() - begin
            if lasted >= seconds:
                break
        rates.append(batch * done / lasted)
    return rates
