"""A SLURM cluster for the tests, once without accounting and once with it."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys

import pytest
from faults.conftest import CHAINS, pristine
from faults.conftest import study as study_of_faults
from slurm.cluster import Cluster

__all__ = ["pristine", "study_of_faults"]


@pytest.fixture(scope="session", params=[False, True], ids=["squeue", "accounting"])
def cluster(request):
    if missing := Cluster.missing():
        pytest.skip(missing)
    with Cluster(accounting=request.param, cpus=4) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def study(study_of_faults):
    """Return the workflow with two chains that run for seconds, and many checkpoints."""
    config = study_of_faults.folder / "config/config.yaml"
    config.write_text(config.read_text().replace("sweeps: 4000", "sweeps: 1500"))
    return study_of_faults


@pytest.fixture(scope="module")
def local(study, tmp_path_factory):
    """Return the workflow after its chains were sampled on this machine."""
    workflow = study.copy(tmp_path_factory.mktemp("local") / "copy")
    result = workflow.snakemake(*CHAINS)
    assert result.returncode == 0, result.stdout
    return workflow


@pytest.fixture
def run(local, tmp_path):
    """Return the workflow with data, but without chains."""
    workflow = local.copy(tmp_path / "copy")
    for folder in ("chains", "checkpoints"):
        shutil.rmtree(workflow.folder / "results/small" / folder)
    return workflow


_started = []


@pytest.fixture(autouse=True)
def no_process_is_left():
    """Kill the Snakemakes that a failed test left."""
    yield
    for process in _started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    _started.clear()


def start(workflow, cluster, *arguments):
    """Start Snakemake with the profile for SLURM, in its own process group."""
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "--nocolor"]
    with open(workflow.folder / "output.txt", "w") as output:
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=workflow.folder,
            env=cluster.environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _started.append(process)
    return process


def said(workflow):
    """Return what the last Snakemake has said."""
    return (workflow.folder / "output.txt").read_text()


def finish(workflow, process):
    """Wait until Snakemake ends; it must succeed. Return what it said."""
    code = process.wait(3000)
    assert code == 0, said(workflow)
    return said(workflow)


def hashes(workflow, files=CHAINS):
    return {file: hash_of(workflow.folder / file) for file in files}


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
