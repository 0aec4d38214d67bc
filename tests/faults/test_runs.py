"""Faults in whole runs of Snakemake: each is told in a line or two, and a plain rerun succeeds."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from faults.conftest import CHAINS

from bitmix.workflow import console

pytestmark = pytest.mark.faults

# Snakemake's first line, and what tells which job runs and how far the run is.
QUIET = 14


@pytest.fixture(scope="module")
def undisturbed(study, tmp_path_factory):
    """Return the hashes of a run without faults."""
    workflow = study.copy(tmp_path_factory.mktemp("undisturbed") / "copy")
    result = workflow.snakemake(*CHAINS)
    assert result.returncode == 0, result.stdout
    return hashes(workflow)


def hashes(workflow):
    files = [*CHAINS, "results/small/data.npz"]
    return {f: hashlib.sha256((workflow.folder / f).read_bytes()).hexdigest() for f in files}


def finish(workflow, undisturbed):
    """Run the same command again; the results must be the undisturbed ones."""
    result = workflow.snakemake(*CHAINS)
    assert result.returncode == 0, result.stdout
    assert hashes(workflow) == undisturbed


def fails(result, *words):
    """Check that a run ended with a message in one or two lines, and with little before it."""
    lines = result.stdout.splitlines()
    assert result.returncode == 1, result.stdout
    assert len(lines) <= QUIET, result.stdout
    assert "Traceback" not in result.stdout and "Error in rule" not in result.stdout
    assert all(word in "\n".join(lines[-2:]) for word in words), result.stdout


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a file system of its own, and a function that changes its options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]).returncode

    if mount("size=64k"):
        pytest.skip("mounting needs root")
    yield folder, lambda options: mount(f"remount,{options}")
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("options", ["size=64k", "size=1m,ro"])
def test_full_and_read_only_disk_for_results(run, undisturbed, small_disk, options):
    disk, remount = small_disk
    (run.folder / "results").symlink_to(disk)
    assert remount(options) == 0
    result = run.snakemake(*CHAINS)
    fails(result, "No space left" if "ro" not in options else "Read-only file system")
    assert remount("size=64m,rw") == 0
    finish(run, undisturbed)


def test_full_disk_for_temporary_files(run, undisturbed, small_disk, monkeypatch):
    disk, _ = small_disk
    (disk / "all").write_bytes(bytes(65536 - 4096))
    monkeypatch.setenv("TMPDIR", str(disk))
    result = run.snakemake(*CHAINS)
    if result.returncode:
        fails(result, "No space left")
    monkeypatch.undo()
    finish(run, undisturbed)


def test_full_disk_for_the_cache(run, undisturbed, small_disk, monkeypatch):
    """The data are read all the same, only not kept."""
    disk, _ = small_disk
    monkeypatch.setenv("BITMIX_CACHE", str(disk))
    cache = Path.home() / ".cache/bitmix"
    monkeypatch.setenv("BITMIX_DATA", str(cache))
    finish(run, undisturbed)


def test_little_memory(run, undisturbed):
    command = 'ulimit -v 700000; exec "$0" -m snakemake --cores 1 --nocolor "$@"'
    result = subprocess.run(
        ["bash", "-c", command, sys.executable, *CHAINS],
        cwd=run.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode:
        assert len(result.stdout.splitlines()) <= QUIET, result.stdout
    finish(run, undisturbed)


def test_two_at_once(run, undisturbed):
    first = run.start(*CHAINS)
    wait_for(first, "sample chain")
    result = run.snakemake(*CHAINS)
    fails(result, console.LOCKED)
    output, _ = first.communicate()
    assert first.returncode == 0, output
    assert hashes(run) == undisturbed


def test_results_that_disappear(run, undisturbed):
    process = run.start(*CHAINS)
    wait_for(process, "sweep")
    shutil.rmtree(run.folder / "results", ignore_errors=True)
    output, _ = process.communicate()
    assert "Traceback" not in output
    finish(run, undisturbed)


def test_a_clock_that_jumps(run, undisturbed):
    library = next(Path("/usr/lib").rglob("libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("needs libfaketime")
    for offset in ("+400d", "-400d"):
        environment = {**os.environ, "LD_PRELOAD": str(library), "FAKETIME": offset}
        result = subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *CHAINS],
            cwd=run.folder,
            env={**environment, "FAKETIME_DONT_FAKE_MONOTONIC": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert result.returncode == 0, result.stdout
        assert hashes(run) == undisturbed
    finish(run, undisturbed)


def wait_for(process, words):
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"{words} was not said")


def group(process):
    os.killpg(process.pid, signal.SIGKILL)


def chain(process):
    """Kill one of the processes that sample."""
    jobs = psutil.Process(process.pid).children(recursive=True)
    for job in jobs:
        if "bitmix.workflow.jobs" in job.cmdline():
            job.kill()
            return


@pytest.mark.parametrize("seed", range(int(os.environ.get("BITMIX_KILLS", "6"))))
def test_killed_at_a_random_moment(run, undisturbed, seed):
    moments = random.Random(seed)
    kill = [group, chain][seed % 2]
    process = run.start(*CHAINS)
    wait_for(process, "sample chain")
    time.sleep(moments.uniform(0, 4))
    kill(process)
    output, _ = process.communicate()
    if kill is chain and process.returncode:
        assert "was killed" in output.splitlines()[-1]
    finish(run, undisturbed)
