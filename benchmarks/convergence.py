"""Measure the log joint of chains by time: print a table, write JSON and two figures.

    python benchmarks/convergence.py [--quick] [--output results/benchmarks/convergence.json]

The images are those of the study: the twos and threes of MNIST, shuffled. The concentration is
always 1. Each chain is the one that `bitmix.sample_chain` samples from the same seed. In the
contest a chain has a minute. In the comparison of first partitions it has 100 sweeps.

Seconds are CPU seconds of the chain's thread, so other work on the machine counts little (it still
shares caches and memory). They include the first partition, the moves and the trace. They leave out
packing the images, which happens once a run.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy reads it on import; a chain has one thread

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import matplotlib as mpl
import numpy as np
from cycler import cycler
from report import Measure, report
from tqdm import tqdm

import bitmix
from bitmix.figures.chains import TRACED
from bitmix.figures.style import COLOURS, DASHES, STYLE, Figure, described, save
from bitmix.sampling.chain import Chain
from bitmix.sampling.run import Run
from bitmix.sampling.settings import Settings

SECONDS = 60.0
TOP = (-2_056_000, -2_012_000)  # the log joints of the enlarged panel
STUDY = {"initial": "random", "moves": ("assign", "pixel_priors")}
SPLIT_MERGE = {  # as the prototype
    "initial": "random", "moves": ("assign", "split_merge", "pixel_priors"), "proposals": 100,
}  # fmt: skip
# The pixel priors go first: a chain starts with alpha = beta = 1, and with these values the move
# `assign` would dissolve a quarter of the seeded clusters.
GIBBS_FROM_SEEDS = ("pixel_priors", "assign")
FROM_SEEDS = (*GIBBS_FROM_SEEDS, "split_merge")
SEEDED = {"initial": "seeded", "initial_clusters": 600, "moves": FROM_SEEDS}
ANNEALED = {**SEEDED, "initial_clusters": 1000, "annealing": 300}
CONTEST = {  # of several seeds: the settings, and the target for the median after SECONDS
    "split-merge from seeds": (SEEDED, "> -2,032,000"),
    "annealed from seeds": (ANNEALED, "> -2,019,000"),
}

# Chains of the prototype, measured when it was written. With split-merge: label, seconds and log
# joint. With plain Gibbs: log joint by sweep, and the seconds that all these sweeps took.
PROTOTYPE = (
    ("10 sweeps", 1.1, -2_095_461),
    ("60 sweeps", 6.6, -2_049_503),
    ("two seeds", 55, -2_035_016),
    ("", 55, -2_036_270),
    ("3,000 sweeps", 450, -2_027_633),
)
PROTOTYPE_GIBBS = {5: -2_224_307, 10: -2_184_945, 60: -2_112_749, 300: -2_082_638}
PROTOTYPE_GIBBS_SECONDS = 50
TARGETS = {10: "> -2,095,000", 60: "> -2,049,000"}  # of split-merge, by sweep

SEEDS = (100, 300, 450, 600, 1000)
STARTS = {
    "random, 100 clusters": {"initial": "random", "initial_clusters": 100},
    "a single cluster": {"initial": "single"},
    **{f"seeded, {k:,} clusters": {"initial": "seeded", "initial_clusters": k} for k in SEEDS},
}
# The seeded starts go from light (few clusters) to dark (many). The last look: fixed priors.
LOOKS = cycler(
    color=["black", COLOURS[1], *mpl.colormaps["viridis_r"](np.linspace(0.1, 1, 5)), COLOURS[1]],
    linestyle=["-.", "--", *len(SEEDS) * ["-"], ":"],
)


@dataclass
class Job:
    """A chain to run until its sweeps or its CPU seconds are over, whichever comes first."""

    name: str
    settings: dict
    seed: int = 0
    sweeps: float = float("inf")
    seconds: float = float("inf")


# ---------------------------------------------------------------- the chains


def curve(job: Job) -> dict[str, list]:
    """Run a chain; return its seconds, log joint and clusters at the start and by sweep."""
    x = bitmix.shuffle(bitmix.load_mnist(), seed=0).x
    settings = Settings(sweeps=sys.maxsize, **job.settings)  # the job ends the chain
    run = Run(x, None, job.seed, settings, None, checkpoint_every=1.0)
    start = time.thread_time()
    chain = Chain(run, 0)
    seconds = [time.thread_time() - start]
    first = {"log_joint": chain.mixture.log_joint(), "clusters": chain.mixture.clusters}
    while seconds[-1] < job.seconds and chain.sweeps < job.sweeps:
        start = time.thread_time()
        chain.sweep()
        seconds.append(seconds[-1] + time.thread_time() - start)
    return {"seconds": seconds} | {
        name: [value, *chain.trace[name]] for name, value in first.items()
    }


def contest(seconds: float, seeds: int) -> Iterator[Job]:
    """Return the chains that are compared by their seconds."""
    yield Job("plain Gibbs, random start", STUDY, seconds=seconds)
    yield Job("split-merge, random start", SPLIT_MERGE, seconds=seconds)
    for name, (settings, _) in CONTEST.items():
        for seed in range(seeds):
            yield Job(f"{name}, seed {seed}", settings, seed, seconds=seconds)


def starts(sweeps: int) -> Iterator[Job]:
    """Return chains from each first partition, with plain Gibbs and with split-merge."""
    for schedule, moves in (("plain Gibbs", GIBBS_FROM_SEEDS), ("split-merge", FROM_SEEDS)):
        for start, settings in STARTS.items():
            yield Job(f"{schedule}: {start}", {**settings, "moves": moves}, sweeps=sweeps)
        fixed = {"initial": "single", "moves": moves[1:]}
        yield Job(f"{schedule}: a single cluster, pixel priors fixed", fixed, sweeps=sweeps)


def run(*groups: list[Job]) -> list[dict[str, dict[str, list]]]:
    """Run the chains, two at a time; return the curves of each group by name."""
    jobs = [job for group in groups for job in group]
    with ProcessPoolExecutor(2) as pool:
        done = pool.map(curve, jobs)
        curves = iter(tqdm(done, total=len(jobs), unit="chain", disable=None))
        return [{job.name: next(curves) for job in group} for group in groups]


def after(found: Mapping[str, list], seconds: float) -> float:
    """Return the log joint that a chain reaches within some seconds."""
    sweep = np.searchsorted(found["seconds"], seconds, side="right") - 1
    return found["log_joint"][max(sweep, 0)]


def measures(curves: Mapping[str, dict], seconds: float) -> Iterator[Measure]:
    """Return the measures of the contest, each with the target for its sweeps or seconds."""
    gibbs, split_merge, *_ = curves.values()
    for sweeps, prototype in PROTOTYPE_GIBBS.items():
        if sweeps < len(gibbs["log_joint"]):
            name = f"plain Gibbs, {sweeps} sweeps (prototype {prototype:,})"
            yield Measure(name, gibbs["log_joint"][sweeps], "nats")
    for sweeps, target in TARGETS.items():
        if sweeps < len(split_merge["log_joint"]):
            name = f"split-merge, {sweeps} sweeps"
            yield Measure(name, split_merge["log_joint"][sweeps], "nats", target)
            yield Measure("  CPU time", split_merge["seconds"][sweeps], "s")
    yield Measure(f"plain Gibbs, {seconds:g} s", after(gibbs, seconds), "nats")
    yield Measure(f"split-merge, {seconds:g} s", after(split_merge, seconds), "nats")
    for kind, (_, target) in CONTEST.items():
        reached = {name: after(found, seconds) for name, found in curves.items() if kind in name}
        for name, end in reached.items():
            yield Measure(f"{name}, {seconds:g} s", end, "nats")
        target = target if seconds >= SECONDS else ""
        yield Measure(f"  median of {len(reached)}", median(reached.values()), "nats", target)


# ---------------------------------------------------------------- the figures


@mpl.rc_context(STYLE)
def draw_contest(curves: Mapping[str, dict]) -> Figure:
    """Draw the log joint by CPU seconds beside the prototype. The right panel enlarges the top."""
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    whole, top = figure.subplots(ncols=2)
    kinds = list(dict.fromkeys(name.partition(", seed ")[0] for name in curves))
    for axes in (whole, top):
        for name, found in curves.items():
            kind, _, seed = name.partition(", seed ")
            i = kinds.index(kind)
            look = {"color": COLOURS[i], "linestyle": DASHES[i], "linewidth": 1.2}
            label = kind if seed in ("", "0") else None
            axes.plot(found["seconds"][1:], found["log_joint"][1:], label=label, **look)
        axes.set(xscale="log", xlabel="CPU seconds of one core")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.yaxis.set_major_formatter("{x:,.0f}")
    sweeps, log_joint = max(PROTOTYPE_GIBBS.items())
    gibbs = (f"plain Gibbs, {sweeps} sweeps", PROTOTYPE_GIBBS_SECONDS, log_joint)
    for label, *at in (*PROTOTYPE, gibbs):
        for axes in (whole, top):
            (cross,) = axes.plot(*at, "x", color="black")
        axes, below = (top if at[1] > TOP[0] else whole), label == gibbs[0]
        axes.annotate(label, at, (2, -14 if below else 10), textcoords="offset points", fontsize=7)
    cross.set_label("prototype")
    whole.set(xlim=(0.08, 2000), ylim=(-2_230_000, TOP[1]), ylabel="log joint (nats)")
    top.set(xlim=(0.5, 2000), ylim=TOP)
    top.set_title("the top, enlarged", fontsize=9)
    figure.suptitle("How far chains get, and how fast", x=0.01, ha="left", fontsize=11)
    figure.legend(
        *top.get_legend_handles_labels(), loc="outside lower left", ncols=4, frameon=False
    )
    return figure


@mpl.rc_context(STYLE)
def draw_starts(curves: Mapping[str, dict]) -> Figure:
    """Draw log joint and clusters by sweep from each first partition, one column per schedule."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey="row")
    schedules = list(dict.fromkeys(name.partition(": ")[0] for name in curves))
    for column, schedule in zip(panels.T, schedules, strict=True):
        column[0].set_title(schedule, fontsize=9)
        for axes, key in zip(column, TRACED, strict=True):
            axes.set_prop_cycle(LOOKS)
            for name, found in curves.items():
                if name.startswith(schedule):
                    sweeps = np.arange(len(found[key]))
                    axes.plot(sweeps[1:], found[key][1:], label=name.partition(": ")[2])
    for axes, (key, label) in zip(panels[:, 0], TRACED.items(), strict=True):
        axes.set(xscale="log", ylabel=label, yscale="log" if key == "clusters" else "linear")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.yaxis.set_major_formatter("{x:,.0f}")
    panels[0, 0].set_ylim(-2_260_000, -2_015_000)
    for axes in panels[1]:
        axes.set_xlabel("sweep")
    figure.suptitle("First partitions, sweep by sweep", x=0.01, ha="left", fontsize=11)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower left", ncols=4, frameon=False
    )
    return figure


def ends(curves: Mapping[str, dict]) -> str:
    """Describe where each chain ends."""
    return "; ".join(
        f"{name}, at {found['log_joint'][-1]:,.0f} with {found['clusters'][-1]:,} clusters"
        for name, found in curves.items()
    )


def save_figures(contest_curves: Mapping, starts_curves: Mapping, folder: Path) -> None:
    """Write both figures with their alt texts."""
    alt = f"Log joint by CPU seconds; crosses: the prototype. Chains end: {ends(contest_curves)}."
    save(described(draw_contest(contest_curves), alt), folder, "convergence")
    alt = f"Log joint and clusters by sweep. Chains end: {ends(starts_curves)}."
    save(described(draw_starts(starts_curves), alt), folder, "starts")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a second a chain, two seeds")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/convergence.json"))
    options = parser.parse_args()

    seconds, seeds, sweeps = (1.0, 2, 2) if options.quick else (SECONDS, 5, 100)
    contest_curves, starts_curves = run(list(contest(seconds, seeds)), list(starts(sweeps)))
    save_figures(contest_curves, starts_curves, options.output.parent)
    curves = {"contest": contest_curves, "starts": starts_curves}
    return report(measures(contest_curves, seconds), options.output, curves=curves)


if __name__ == "__main__":
    sys.exit(main())
