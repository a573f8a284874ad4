"""Trial-steps a second of deeplin and of its peers, net by net. Started by `scripts/peers/run`."""

import argparse
import json
import time
from pathlib import Path
from statistics import median

import deeplin
import machine
import nets
from search import Peer

PEERS = ["jax", "torch", "numpy"]
REPEATS = 3


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/peers/run", description=__doc__)
    parser.add_argument(
        "--nets", type=lambda text: text.split(","), help="names, with commas between; default all"
    )
    parser.add_argument(
        "--skip", type=lambda text: text.split(","), default=[], help="peers, with commas between"
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a run of deeplin; default 6")
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
    print("xN: deeplin's trial-steps/s divided by the peer's. After it the peer's form and batch of trials.")


def measure(net, program, peers, seconds):
    """A row of the table. The peak is measured before and after deeplin, for the same hour of the machine."""
    before = program.peak()
    pairs, size = program.rates(net, seconds, REPEATS)
    peak = max(before, program.peak())
    rates = [pair.rate for pair in pairs]
    rate = median(rates)
    row = {"net": net.name, "dims": net.dims, "flops": net.flops, "peak": peak}
    row["deeplin"] = {"rate": rate, "rates": rates, **size, "of_peak": rate * net.flops / peak}
    row["deeplin"]["rate with starts and ends"] = median(pair.whole.rate for pair in pairs)
    row["deeplin"]["seconds"] = [[pair.ends.seconds, pair.whole.seconds] for pair in pairs]
    for peer in peers:
        found = peer.best(net, seconds / 6, REPEATS)
        row[peer.name] = found.record() | {"ratio": rate / found.rate}
    return row


def heading(peers):
    columns = "".join(f" | {peer.name:>8} {'ratio':>6} {'form':<12}" for peer in peers)
    return f"{'net':<13} {'deeplin':>8} {'GF/s':>6} {'peak':>6} {'%':>3}{columns}".rstrip()


def line(row, peers):
    """A row as text."""
    own = row["deeplin"]
    text = f"{row['net']:<13} {own['rate']:8.2e} {own['rate'] * row['flops'] / 1e9:6.1f}"
    text += f" {row['peak'] / 1e9:6.1f} {100 * own['of_peak']:3.0f}"
    for peer in peers:
        found = row[peer.name]
        form = f"{found['form']} {found['batch']}"
        text += f" | {found['rate']:8.2e} {'x' + format(found['ratio'], '.2f'):>6} {form:<12}"
    return text.rstrip()


if __name__ == "__main__":
    main()
