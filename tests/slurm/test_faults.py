"""Faults of a cluster: each is noticed within a minute, and chains continue to the same bits."""

import contextlib
import os
import signal
import time

import psutil
import pytest
from faults.conftest import CHAINS
from slurm.conftest import finish, hashes, said, start

import bitmix

pytestmark = pytest.mark.slurm

#: Within how many seconds a fault must be noticed.
NOTICED = 60
CHECKPOINTS = [f"results/small/checkpoints/{chain}.pkl" for chain in (0, 1)]


@pytest.fixture(scope="module", autouse=True)
def account():
    """Count the faults, and print the counts after the last test."""
    counts = {"faults": 0, "different": 0}
    yield counts
    print("\n{faults} faults injected on SLURM, {different} results differ".format(**counts))


@pytest.fixture
def inject(account):
    """Return a function that injects a fault into a running job and counts it."""

    def inject(fault, *arguments):
        account["faults"] += 1
        fault(*arguments)
        return time.monotonic()

    return inject


@pytest.fixture
def same(run, local, account):
    """Check at the end of a test that the chains have the bits of the local run."""
    yield
    found, expected = hashes(run), hashes(local)
    account["different"] += sum(found[file] != expected[file] for file in expected)
    assert found == expected


def sampling(run, cluster, process):
    """Wait until both chains have saved sweeps; return the ids of their jobs."""

    def both():
        assert process.poll() is None, said(run)
        return all(sweeps(run, file) > 0 for file in CHECKPOINTS)

    cluster.wait("both chains are sampled", both)
    jobs = {comment: job for job, comment in cluster.jobs()}
    return [jobs[f"rule_chain_wildcards_small_{chain}"] for chain in (0, 1)]


def sweeps(run, file):
    """Return the number of sweeps in a checkpoint, 0 without one."""
    try:
        return bitmix.load_latents(run.folder / file).sweeps
    except FileNotFoundError:
        return 0


def started_again(run, cluster, since, words="sample chain 0\n"):
    """Wait until Snakemake starts a chain for the second time; check how long that took."""
    cluster.wait("the fault was noticed", lambda: said(run).count(words) == 2)
    seconds = time.monotonic() - since
    print(f"noticed after {seconds:.0f} s")
    assert seconds < NOTICED


def suspend(run, chain):
    """Stop the process of a chain, so that the chain does not end before its job is cancelled."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(run.folder) and f"chain={chain}" in process.cmdline():
                process.suspend()
                return
    raise AssertionError("the chain does not run")


def test_cancelled_job(run, cluster, inject, same):
    process = start(run, cluster, *CHAINS)
    job, _ = sampling(run, cluster, process)
    since = inject(cluster.run, "scancel", job)
    started_again(run, cluster, since)
    finish(run, process)


def test_job_at_its_time_limit(run, cluster, inject, same):
    process = start(run, cluster, *CHAINS)
    job, _ = sampling(run, cluster, process)
    suspend(run, 0)  # SLURM looks at the limits twice a minute: the chain must not end before
    inject(cluster.run, "scontrol", "update", f"JobId={job}", "EndTime=now")
    cluster.wait("the job is over", lambda: job not in dict(cluster.jobs()))
    started_again(run, cluster, time.monotonic())
    finish(run, process)


def test_node_daemon_restarted(run, cluster, inject, same):
    """The jobs run on meanwhile."""
    process = start(run, cluster, *CHAINS)
    sampling(run, cluster, process)
    inject(cluster.stop, "slurmd")
    cluster.start_node()
    finish(run, process)


def test_snakemake_killed_while_jobs_run(run, cluster, inject, same):
    """The next Snakemake ends the jobs of the killed one, and continues from their checkpoints."""
    process = start(run, cluster, *CHAINS)
    sampling(run, cluster, process)
    for chain in (0, 1):
        suspend(run, chain)
    inject(os.killpg, process.pid, signal.SIGKILL)
    process.wait()
    output = finish(run, start(run, cluster, *CHAINS))
    assert "cancelled 2 jobs of a killed snakemake" in output
    for chain in (0, 1):
        log = (run.folder / f"results/small/logs/chain-{chain}.txt").read_text()
        assert "continuing after sweep" in log


def test_ctrl_c_ends_the_jobs(run, cluster, inject, same):
    process = start(run, cluster, *CHAINS)
    sampling(run, cluster, process)
    inject(os.killpg, process.pid, signal.SIGINT)
    assert process.wait(NOTICED) == 130, said(run)
    cluster.wait("no job runs", lambda: not cluster.jobs())
    finish(run, start(run, cluster, *CHAINS))
