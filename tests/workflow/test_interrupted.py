"""Runs that are killed and started again, and runs that get more sweeps."""

import itertools
import os
import re
import signal
import time

import numpy as np
import pytest
from chains import same

import bitmix
from bitmix.data import load_dataset

CHAINS = [f"results/small/chains/{chain}.pkl" for chain in (0, 1)]


@pytest.fixture
def workflow(finished, tmp_path):
    """Return the finished small run with more sweeps and twenty checkpoints a second."""
    workflow = finished.copy(tmp_path / "copy")
    rule = workflow.folder / "rules/chains.smk"
    text = rule.read_text()
    parameter = '        "chain={chain}",\n'
    assert text.count(parameter) == 1
    rule.write_text(text.replace(parameter, f'{parameter}        "checkpoint_every=0.05",\n'))
    return workflow


def extend(workflow, sweeps):
    config = workflow.folder / "config/config.yaml"
    text, count = re.subn("sweeps: .*", f"sweeps: {sweeps}", config.read_text(), count=1)
    assert count == 1
    config.write_text(text)


def sweeps_of(workflow):
    folder = workflow.folder / "results/small/checkpoints"
    return [bitmix.load_latents(folder / f"{chain}.pkl").sweeps for chain in (0, 1)]


def start_and_kill(workflow, kill):
    """Start the run, kill it after both chains have saved new sweeps, and return it."""
    before = sweeps_of(workflow)
    process = workflow.start(*CHAINS)
    try:
        continuing = (line for line in process.stdout if "continuing after sweep" in line)
        assert len(list(itertools.islice(continuing, 2))) == 2
        while not all(new > old for new, old in zip(sweeps_of(workflow), before, strict=True)):
            assert process.poll() is None
            time.sleep(0.05)
        second = workflow.snakemake(*CHAINS)
        assert second.returncode == 1 and "locked" in second.stdout
    finally:
        kill(process.pid, signal.SIGKILL)
        process.wait()
    return process


def kill_and_finish(workflow, sweeps, kills):
    extend(workflow, sweeps)
    killed = [start_and_kill(workflow, kill) for kill in kills]
    assert max(sweeps_of(workflow)) < sweeps
    result = workflow.snakemake(*CHAINS)
    for process in killed:  # until here, the pipes stay open as a terminal would
        process.stdout.close()
    assert result.returncode == 0, result.stdout
    continued = re.findall(rf"continuing after sweep (\d+) of {sweeps}", result.stdout)
    assert len(continued) == 2 and all(int(sweep) > 3 for sweep in continued)
    dataset = load_dataset(workflow.folder / "results/small/data.npz")
    expected = bitmix.sample(dataset.x, chains=2, sweeps=sweeps, seed=1, initial_clusters=20)
    for file, latent in zip(CHAINS, expected, strict=True):
        assert same(bitmix.load_latents(workflow.folder / file), latent)


def test_killed_and_started_again(workflow):
    kill_and_finish(workflow, 4000, [os.killpg])


@pytest.mark.slow
def test_killed_again_and_again(workflow):
    """If only Snakemake is killed, its jobs go on sampling. They stop when new jobs start."""
    kill_and_finish(workflow, 15_000, [os.killpg, os.killpg, os.kill, os.killpg])


def test_more_sweeps_continue(workflow):
    extend(workflow, 6)
    before = [bitmix.load_latents(workflow.folder / file) for file in CHAINS]
    assert [latent.sweeps for latent in before] == [3, 3]
    result = workflow.snakemake(*CHAINS)
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("continuing after sweep 3 of 6") == 2
    for file, old in zip(CHAINS, before, strict=True):
        new = bitmix.load_latents(workflow.folder / file)
        assert new.sweeps == 6
        for name in ("log_joint", "clusters"):
            np.testing.assert_array_equal(new.trace[name][:3], old.trace[name])
