"""Trial-steps a second of deeplin and of its peers, net by net. Started by `scripts/peers/run`."""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

import deeplin
import machine
import nets
from search import Peer

PEERS = ["jax", "torch", "numpy"]
# Each has one go at everything that is compared, so that a ratio is of the same minutes of the machine.
ROUNDS = 5
# Settings of a peer that are measured: the short search decides little between near equals.
FINALISTS = 3
# Seconds that the search spends on a setting.
SHORT = 0.2


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/peers/run", description=__doc__)
    parser.add_argument(
        "--nets", type=lambda text: text.split(","), help="names, with commas between; default all"
    )
    parser.add_argument(
        "--skip", type=lambda text: text.split(","), default=[], help="peers, with commas between"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a run; default 2")
    parser.add_argument("--json", type=Path, help="file for everything that was measured")
    return parser.parse_args()


def main():
    options = arguments()
    chosen = nets.named(options.nets)
    program = deeplin.program()
    peers, versions = [], {"deeplin": program.version()}
    for name in PEERS:
        if name in options.skip:
            continue
        peer = Peer(name)
        try:
            versions |= peer.versions()
        except (ImportError, OSError) as error:
            print(f"{name} is left out: {error}")
            peer.close()
            continue
        peers.append(peer)
    record = {"began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": machine.describe()}
    record |= {"versions": versions, "doctor": program.doctor().splitlines(), "nets": []}
    print(", ".join(f"{key} {value}" for key, value in (record["machine"] | versions).items()))
    print(heading(peers))
    for net in chosen:
        row = measure(net, program, peers, options.seconds)
        print(line(row, peers), flush=True)
        record["nets"].append(row)
        record["load at the end"] = machine.load()
        if options.json:
            options.json.write_text(json.dumps(record, indent=1) + "\n")
    for peer in peers:
        peer.close()
    print("%, best: of the peak, median and best round. xN: deeplin's trial-steps/s divided by the peer's,")
    print("median of the rounds; after it the peer's form and batch of trials.")


def measure(net, program, peers, seconds):
    """A row of the table, in rounds."""
    size = program.size(net, seconds)
    tried = {peer: peer.tried(net, min(SHORT, seconds)) for peer in peers}
    rates = {peer: {s: [] for s in sorted(of, key=of.get)[-FINALISTS:]} for peer, of in tried.items()}
    peaks, pairs = [], []
    for _ in range(ROUNDS):
        before = program.peak()
        pairs.append(program.paired(net, size))
        peaks.append(max(before, program.peak()))
        for peer, of in rates.items():
            for setting, found in of.items():
                found.append(peer.rate(net, setting, seconds / 2))
    own = [pair.rate for pair in pairs]
    of_peak = [rate * net.flops / peak for rate, peak in zip(own, peaks, strict=True)]
    row = {"net": net.name, "dims": net.dims, "flops": net.flops, "peaks": peaks}
    row["deeplin"] = {**asdict(size), "rate": median(own), "rates": own}
    row["deeplin"] |= {"of_peak": median(of_peak), "best_of_peak": max(of_peak)}
    row["deeplin"]["rate with starts and ends"] = median(pair.whole.rate for pair in pairs)
    row["deeplin"]["seconds"] = [[pair.ends.seconds, pair.whole.seconds] for pair in pairs]
    for peer, of in rates.items():
        best = max(of, key=lambda setting: median(of[setting]))
        ratios = [ours / theirs for ours, theirs in zip(own, of[best], strict=True)]
        row[peer.name] = {**asdict(best), "rate": median(of[best]), "rates": of[best], "ratio": median(ratios)}
        row[peer.name]["tried"] = [{**asdict(setting), "rate": rate} for setting, rate in tried[peer].items()]
    return row


def heading(peers):
    columns = "".join(f" | {peer.name:>8} {'ratio':>6} {'form':<12}" for peer in peers)
    return f"{'net':<13} {'deeplin':>8} {'GF/s':>6} {'peak':>6} {'%':>3} {'best':>4}{columns}".rstrip()


def line(row, peers):
    """A row as text."""
    own = row["deeplin"]
    text = f"{row['net']:<13} {own['rate']:8.2e} {own['rate'] * row['flops'] / 1e9:6.1f}"
    text += f" {median(row['peaks']) / 1e9:6.1f} {100 * own['of_peak']:3.0f} {100 * own['best_of_peak']:4.0f}"
    for peer in peers:
        found = row[peer.name]
        form = f"{found['form']} {found['batch']}"
        text += f" | {found['rate']:8.2e} {'x' + format(found['ratio'], '.2f'):>6} {form:<12}"
    return text.rstrip()


if __name__ == "__main__":
    main()
