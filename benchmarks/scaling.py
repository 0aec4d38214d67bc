"""Measure what a sweep costs by rows, features and clusters; print a table and write JSON.

    python benchmarks/scaling.py [--quick] [--output results/benchmarks/scaling.json]

Each chain starts at the true clusters of data drawn from a known mixture, so few rows move: this is
a sweep of a chain that has settled. Seconds are CPU seconds of the chain's thread, the best of
three sweeps. Memory is what packing the rows and the chain add to that of the process.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy reads it on import; a chain has one thread

import argparse
import gc
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from million import Truth
from report import Measure, report

from bitmix import kernel
from bitmix.model import HYPERPRIORS

# Rows, features, clusters: a base, and three times as many or more of each
SIZES = (
    (100_000, 100, 20),
    (1_000_000, 100, 20),
    (100_000, 400, 20),
    (100_000, 100, 100),
    (100_000, 100, 1000),
    (1_000_000, 256, 128),
)
SWEEPS = 3
MANY = 100_000_000  # the rows that the last lines extrapolate to


def resident() -> float:
    """Return the memory that this process has in use, in bytes."""
    gc.collect()
    kib = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]
    return int(kib) * 1024.0


def measure(rows: int, features: int, clusters: int) -> dict[str, float]:
    """Return the seconds of each move, and the bytes of a row, of a chain at the true clusters."""
    x, z = Truth.draw(clusters, features).labelled(rows, seed=1)
    z = np.unique(z, return_inverse=True)[1]
    before = resident()
    start = time.thread_time()
    packed = kernel.Rows(x)
    found = {"packing": time.thread_time() - start}
    ones, bits = np.ones(features), np.random.PCG64(0)
    chain = kernel.mixture_of(packed, z, ones, ones, 1.0)
    prior = HYPERPRIORS["exponential"]
    moves = {
        "priors": lambda: kernel.update_priors(
            chain, bits, prior.rate, prior.power, prior.low, prior.high
        ),
        "sweep": lambda: kernel.sweep(chain, bits),
    }
    for name, move in moves.items():
        times = []
        for _ in range(SWEEPS):
            start = time.thread_time()
            move()
            times.append(time.thread_time() - start)
        found[name] = min(times)
    return found | {"bytes": (resident() - before) / rows, "clusters": chain.clusters}


def measures(sizes) -> Iterator[Measure]:
    costs = {}
    for rows, features, clusters in sizes:
        found = costs[rows, features, clusters] = measure(rows, features, clusters)
        yield Measure(f"{rows:,} x {features}: clusters (true: {clusters})", found["clusters"], "")
        yield Measure("  a sweep", found["sweep"], "s")
        yield Measure("  a row", 1e6 * found["sweep"] / rows, "us")
        yield Measure("  feature priors", found["priors"], "s")
        yield Measure("  packing a row", 1e6 * found["packing"] / rows, "us")
        yield Measure("  memory beside the data, a row", found["bytes"], "bytes")
    largest = max(costs, key=lambda size: (size[0], -size[1]))
    found, times = costs[largest], MANY / largest[0]
    title = f"extrapolated: {MANY:,} x {largest[1]}, {largest[2]} clusters"
    yield Measure(f"{title}: a sweep", times * found["sweep"], "s")
    yield Measure("  packing", times * found["packing"], "s")
    yield Measure("  memory beside the data", times * found["bytes"] * largest[0] / 1e9, "GB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a hundredth of the rows")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/scaling.json"))
    options = parser.parse_args()
    share = 100 if options.quick else 1
    sizes = [(rows // share, features, clusters) for rows, features, clusters in SIZES]
    return report(measures(sizes), options.output)


if __name__ == "__main__":
    sys.exit(main())
