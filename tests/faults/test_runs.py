"""Faults in whole runs of Snakemake: each is told in a line or two, and a plain rerun succeeds."""

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from faults.conftest import CHAINS

from bitmix.data import Dataset, load_dataset, save_dataset
from bitmix.data.published import Published
from bitmix.workflow import console

pytestmark = pytest.mark.faults

FILES = [*CHAINS, "results/small/data.npz"]
NOTEBOOK = "results/small/notebooks/01-data.ipynb"
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
    return {f: hashlib.sha256((workflow.folder / f).read_bytes()).hexdigest() for f in FILES}


def finish(workflow, undisturbed):
    """Run the same command again; the results must be the undisturbed ones."""
    result = workflow.snakemake(*FILES)
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


def test_full_disk_for_the_cache(small_disk, caplog):
    """The data are read all the same, only not kept."""
    disk, remount = small_disk
    content = bytes(100_000)
    published = Published(
        title="digits",
        sha256={"digits": hashlib.sha256(content).hexdigest()},
        downloads={"here": lambda _, names: [(name, content) for name in names]},
    )
    assert published.read(None, disk) == {"digits": content}
    assert re.search(r"cannot keep .*No space left.*set BITMIX_CACHE to a writable", caplog.text)
    assert list(disk.iterdir()) == []
    assert remount("size=1m") == 0
    assert published.read(None, disk) == {"digits": content}
    assert (disk / "digits").read_bytes() == content


def test_little_memory(tmp_path):
    """The data are larger than what is left of the memory that a job may have."""
    file, data_file = tmp_path / "zeros.npy", tmp_path / "data.npz"
    np.lib.format.open_memmap(file, "w+", np.uint8, (1500, 100_000)).flush()
    job = [sys.executable, "-m", "bitmix.workflow.jobs"]
    command = [*job, "data", f"data_file={data_file}", "source=array", f"file={file}", "seed=1"]
    status = "from bitmix.workflow import jobs; print(open('/proc/self/status').read())"
    told = subprocess.run([sys.executable, "-c", status], stdout=subprocess.PIPE, text=True)
    limit = int(re.search(r"VmPeak:\s+(\d+) kB", told.stdout)[1]) + 200_000
    limited = ["bash", "-c", f'ulimit -v {limit}; exec "$0" "$@"', *command]
    result = subprocess.run(limited, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert re.fullmatch(r"data failed: .*(allocate|emory).*\n", result.stderr)
    assert not data_file.exists()
    subprocess.run(command, check=True)
    assert load_dataset(data_file).x.shape == (1500, 100_000)


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


KILLS = int(os.environ.get("BITMIX_KILLS", "6"))


@pytest.mark.parametrize("seed", range(KILLS))
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


@pytest.mark.parametrize("seed", range(max(2, KILLS // 10)))
def test_a_kernel_killed_at_a_random_moment(run, undisturbed_notebook, seed):
    process = run.start(NOTEBOOK)
    wait_for(process, "show the data")
    kernel = wait_for_kernel(process)
    time.sleep(random.Random(seed).uniform(0, 1))
    with suppress(psutil.NoSuchProcess):
        kernel.kill()
    output, _ = process.communicate()
    print(f"exit code {process.returncode}: {output.splitlines()[-1]}")
    assert "Traceback" not in "".join(output.splitlines()[-2:])
    assert run.snakemake(NOTEBOOK).returncode == 0
    assert (run.folder / NOTEBOOK).read_bytes() == undisturbed_notebook


@pytest.fixture(scope="module")
def undisturbed_notebook(study, tmp_path_factory):
    workflow = study.copy(tmp_path_factory.mktemp("notebook") / "copy")
    result = workflow.snakemake(NOTEBOOK)
    assert result.returncode == 0, result.stdout
    return (workflow.folder / NOTEBOOK).read_bytes()


def wait_for_kernel(process):
    """Return the kernel of a notebook as soon as it runs: a fork of what executes the notebook."""
    execution = "bitmix.workflow.execution"
    for _ in range(1000):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):  # it has just ended
                if execution in child.cmdline() and execution in child.parent().cmdline():
                    return child
        time.sleep(0.02)
    raise AssertionError("no kernel runs")


def test_a_chain_killed_at_random_moments(tmp_path):
    """The job of a chain, without Snakemake around it: so there is time for many kills."""
    data_file, chain_file = tmp_path / "data.npz", tmp_path / "0.pkl"
    save_dataset(data_file, Dataset(np.random.default_rng(0).integers(0, 2, (2000, 50), np.uint8)))
    places = (f"data_file={data_file}", f"chain_file={chain_file}", f"times_file={tmp_path}/0.json")
    settings = ("chain=0", "seed=1", "sweeps=300", "initial_clusters=20", "checkpoint_every=0.05")
    job = [sys.executable, "-m", "bitmix.workflow.jobs", "chain", *places, *settings]
    job.append(f"checkpoint_folder={tmp_path}/checkpoints")

    def finished():
        subprocess.run(job, check=True, stderr=subprocess.DEVNULL)
        return hashlib.sha256(chain_file.read_bytes()).hexdigest()

    start = time.monotonic()
    expected, took, moments = finished(), time.monotonic() - start, random.Random(0)
    killed = different = 0
    for _ in range(5 * KILLS):
        chain_file.unlink()
        shutil.rmtree(tmp_path / "checkpoints")
        process = subprocess.Popen(job, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0, took))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        different += finished() != expected
    print(f"{killed} kills, {different} results that differ")
    assert killed > KILLS and not different
