"""Measure the kernel against its targets; print a table and write JSON.

    python benchmarks/bench.py [--quick] [--output results/benchmarks/bench.json]

The contestants of a ratio take turns in one process, and the best turn of each counts: on a shared
machine, only the best time repeats. pytest-benchmark measures one thing after another, so a minute
with other load would change one side of a ratio only.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy reads it on import; each contestant has one thread

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from bare_pass import BarePass
from competitors import NumbaSweep, NumpySweep
from report import Measure, report

import bitmix
from bitmix import kernel
from bitmix.model import HYPERPRIORS

ORIGINAL_SECONDS = 30.0  # a chain of the original library, rebuilt with -O3 on a similar machine
ALL_DIGITS = tuple(range(10))


class Chain:
    """A chain with the settings of the study that makes one move at a time."""

    def __init__(self, rows, assignments, alpha, beta, generator):
        self.mixture = kernel.mixture_of(rows, assignments, alpha, beta, 1.0)
        self.generator = generator

    @classmethod
    def start(cls, x, clusters=100):
        """Start with every image in a random cluster."""
        generator = np.random.PCG64(0)
        labels = kernel.integers(generator, clusters, len(x))
        assignments = np.unique(labels, return_inverse=True)[1]
        ones = np.ones(x.shape[1])
        return cls(kernel.Rows(x), assignments, ones, ones, generator)

    def subset(self, x, picked):
        """Return a chain of some of the images, in the same state."""
        assignments = np.unique(self.mixture.assignments[picked], return_inverse=True)[1]
        rows = kernel.Rows(x[picked])
        return Chain(rows, assignments, self.mixture.alpha, self.mixture.beta, self.generator)

    def sweep(self):
        self.moved = kernel.sweep(self.mixture, self.generator)

    def update_pixel_priors(self):
        prior = HYPERPRIORS["exponential"]
        kernel.update_priors(
            self.mixture, self.generator, prior.rate, prior.power, prior.low, prior.high
        )

    def advance(self, sweeps, until_clusters=None):
        for _ in range(sweeps):
            if until_clusters and self.mixture.clusters >= until_clusters:
                break
            self.sweep()
            self.update_pixel_priors()
        return self


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def best(rounds, **contestants):
    """Return the best time of each contestant, in seconds, by name. They take turns."""
    times = [{name: seconds(f) for name, f in contestants.items()} for _ in range(rounds)]
    return {name: min(turn[name] for turn in times) for name in contestants}


# ---------------------------------------------------------------- what is measured


def study_chain(x, rounds):
    """Measure five sweeps with pixel priors and trace, from the random start."""
    config = {"sweeps": 5, "progress": False}
    packing = seconds(lambda: kernel.Rows(x))
    latents, floats = [], x.astype(np.float32)
    weights = np.random.default_rng(0).random((x.shape[1], 100), np.float32)
    took = best(
        rounds,
        chain=lambda: latents.append(bitmix.sample_chain(x, 0, **config)),
        product=lambda: floats @ weights,
    )
    whole = took["chain"]
    moves = min(latent.trace["seconds"].sum() for latent in latents)
    yield Measure("study's chain, everything included", whole, "s", "<= 0.15")
    yield Measure(
        "  factor against the original's 30 s (quoted)", ORIGINAL_SECONDS / whole, "x", ">= 200"
    )
    yield Measure(
        f"  against a float32 product with {x.shape[1]} x 100 numbers", whole / took["product"], "x"
    )
    yield Measure("  its sweeps and pixel priors alone", moves, "s")
    yield Measure("  packing the images, once a run", packing, "s")


def late_sweep(x, rounds):
    """Measure a sweep after 80 others, beside the pixel priors and the bare pass."""
    chain = Chain.start(x).advance(80)
    turns = {"sweep": chain.sweep, "priors": chain.update_pixel_priors}
    turns["bare"] = BarePass(x, chain.mixture)
    took = best(rounds, **turns)
    yield Measure("late sweep: clusters", chain.mixture.clusters, "")
    yield Measure("  an image", 1e6 * took["sweep"] / len(x), "us", "<= 1.2")
    yield Measure("  against the bare pass", took["sweep"] / took["bare"], "x", "<= 1.6")
    yield Measure("  bare pass, an image", 1e6 * took["bare"] / len(x), "us")
    yield Measure("  pixel priors against the sweep", took["priors"] / took["sweep"], "x", "<= 0.5")


def linearity(x, rounds):
    """Compare all images with a random 14,131 of them, from one state."""
    n = 14_131
    large = Chain.start(x).advance(20)
    picked = np.sort(np.random.default_rng(0).permutation(len(x))[:n])
    small = large.subset(x, picked).advance(2)  # until the share of images that move is as small
    took = best(rounds, large=large.sweep, small=small.sweep)
    cost = {
        "large": took["large"] / len(x) / large.mixture.clusters,
        "small": took["small"] / n / small.mixture.clusters,
    }
    for name, chain, images in (("small", small, n), ("large", large, len(x))):
        yield Measure(f"N = {images}: clusters", chain.mixture.clusters, "")
        yield Measure("  share of images moved", chain.moved / images, "")
        yield Measure("  an image and cluster", 1e9 * cost[name], "ns")
    yield Measure(f"cost at N = {len(x)} against {n}", cost["large"] / cost["small"], "x", "<= 1.3")


def peak_memory():
    """Measure the memory of five chains of all 70,000 images, in a separate process."""
    # Not ru_maxrss of the module resource: in a child, it starts from the peak of the parent.
    program = (
        "import bitmix, pathlib\n"
        "x = bitmix.load_mnist(labels=range(10)).x\n"
        "bitmix.sample(x, chains=5, sweeps=2, progress=False)\n"
        "print(pathlib.Path('/proc/self/status').read_text())"
    )
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    kib = int(re.search(r"VmHWM:\s+(\d+) kB", found.stdout)[1])
    yield Measure("peak memory, 5 chains, N = 70000", kib * 1024 / 1e6, "MB", "<= 500")


def competition(x, sweeps, rounds, clusters=None):
    """Measure the same sweep, with the same draws, by bitmix, NumPy and Numba."""
    chain = Chain.start(x).advance(sweeps, until_clusters=clusters)
    state = (chain.mixture.assignments, chain.mixture.alpha, chain.mixture.beta)
    generator = np.random.PCG64(1)
    order = kernel.permutation(generator, len(x))
    uniforms = np.random.Generator(generator).random(len(x))

    NumbaSweep(x, *state, 1.0)(order[:1], uniforms[:1])  # compiles
    took, ends = [], {}
    for _ in range(rounds):
        ours = Chain(chain.mixture.rows, *state, np.random.PCG64(1))
        theirs = {"NumPy": NumpySweep(x, *state, 1.0), "Numba": NumbaSweep(x, *state, 1.0)}
        turns = {name: lambda f=f: f(order, uniforms) for name, f in theirs.items()}
        took.append(best(1, bitmix=ours.sweep, **turns))
        ends = {name: sweep.z for name, sweep in theirs.items()}
    took = {name: min(turn[name] for turn in took) for name in took[0]}

    title = f"N = {len(x)}, K = {int(state[0].max()) + 1}"
    # At 60,000 images the target is a time, at 10,000 images it is a ratio.
    large = len(x) == 60_000
    yield Measure(f"{title}: bitmix, a sweep", took["bitmix"], "s", "<= 0.10" if large else "")
    for name, target in (("NumPy", ">= 20"), ("Numba", ">= 5")):
        equal = float((ends[name] == ours.mixture.assignments).mean())
        yield Measure(f"  {name}, a sweep", took[name], "s")
        yield Measure(
            f"  {name} against bitmix", took[name] / took["bitmix"], "x", "" if large else target
        )
        yield Measure(f"  images that end as {name} has them", equal, "", ">= 0.999")


def two_threads(x, rounds):
    """Measure four chains of ten sweeps on one thread and on two."""
    config = {"chains": 4, "sweeps": 10, "progress": False}
    took = best(
        rounds,
        one=lambda: bitmix.sample(x, threads=1, **config),
        two=lambda: bitmix.sample(x, threads=2, **config),
    )
    yield Measure("throughput of 2 threads against 1", took["one"] / took["two"], "x", ">= 1.8")


# ---------------------------------------------------------------- the report


def measures(quick):
    study = bitmix.load_mnist().x
    digits = bitmix.load_mnist(labels=ALL_DIGITS).x
    rounds = 3 if quick else 15
    yield from study_chain(study, rounds)
    yield from late_sweep(study, rounds)
    yield from two_threads(study, 2 if quick else 5)
    yield from competition(digits[:10_000], sweeps=12, rounds=2 if quick else 7)
    if not quick:
        yield from competition(digits[:60_000], sweeps=30, rounds=3, clusters=200)
    yield from linearity(digits, rounds)
    yield from peak_memory()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no 60,000 images")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench.json"))
    options = parser.parse_args()

    return report(measures(options.quick), options.output)


if __name__ == "__main__":
    sys.exit(main())
