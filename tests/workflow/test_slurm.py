"""What the workflow adds to Snakemake's plugin for SLURM. tests/slurm has a real cluster."""

import asyncio
import sys
import types

import numpy as np
import pytest

from bitmix.workflow import console, slurm


@pytest.fixture
def plugin(monkeypatch):
    """Return a module with what the workflow changes in the plugin."""
    module = types.ModuleType("snakemake_executor_plugin_slurm")

    class Executor:
        next_seconds_between_status_checks, wait = 180, True

        def __post_init__(self, test_mode=False):
            self.run_uuid = "a-b-c"

        def get_account_arg(self, job):
            yield f" -A {job.resources.get('slurm_account', 'guessed')}"

    async def query_job_status(command, logger):
        return (None, None) if command == "fails" else ({"7": "CANCELLED by 0"}, 0.1)

    module.Executor, module.query_job_status = Executor, query_job_status
    monkeypatch.setitem(sys.modules, module.__name__, module)
    slurm.adapt()
    return module


def test_without_the_plugin_nothing_is_adapted(monkeypatch):
    monkeypatch.delitem(sys.modules, "snakemake_executor_plugin_slurm", raising=False)
    slurm.adapt()


def test_a_cancelled_job_is_understood(plugin):
    query = plugin.query_job_status
    assert asyncio.run(query("sacct", None)) == ({"7": "CANCELLED"}, 0.1)
    assert asyncio.run(query("fails", None)) == (None, None)


def test_the_end_of_a_job_is_noticed_after_a_tenth_of_its_time(plugin, monkeypatch):
    executor, clock = plugin.Executor(), [1000.0]
    monkeypatch.setattr(slurm.time, "monotonic", lambda: clock[-1])

    async def sleep(seconds):
        clock.append(clock[-1] + seconds)

    def pause(interval):
        executor.next_seconds_between_status_checks = interval
        start = clock[-1]
        asyncio.run(executor.sleep())
        return clock[-1] - start

    monkeypatch.setattr(slurm.asyncio, "sleep", sleep)
    pauses = [pause(min(3 + 10 * look, 180)) for look in range(60)]
    quiet = np.cumsum(pauses) - pauses
    expected = np.clip(quiet / 10, slurm.SHORTEST, slurm.LONGEST)
    np.testing.assert_allclose(pauses, expected, atol=0.3)
    assert pauses[0] < 3.3 and pauses[-1] > 19.9
    assert pause(3) < 3.3 and pause(3) < 3.3 and pause(13) < 3.3  # two jobs have ended
    executor.wait = False
    assert pause(23) == 0


@pytest.mark.parametrize(("resources", "option"), [({}, ""), ({"slurm_account": "bio"}, " -A bio")])
def test_only_a_given_account_is_used(plugin, resources, option):
    job = types.SimpleNamespace(resources=resources)
    assert next(plugin.Executor().get_account_arg(job)) == option


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Return a function that puts a shell script in front of all programs."""

    def program(name, script):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return program


@pytest.fixture
def folder(plugin, tmp_path, monkeypatch):
    """Return Snakemake's folder after it has run on SLURM."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".snakemake").mkdir()
    plugin.Executor().__post_init__()
    return tmp_path / ".snakemake"


def test_jobs_of_a_killed_snakemake_are_cancelled(folder, tmp_path, programs):
    jobs = tmp_path / "jobs"
    jobs.write_text("7\n10\n")
    programs("squeue", f'test "$1 $2" = "--name a-b-c" && cat {jobs}')
    programs("scancel", f'echo "$@" > {tmp_path}/cancelled; : > {jobs}')
    assert slurm.end_left_jobs(folder) == ["7", "10"]
    assert (tmp_path / "cancelled").read_text() == "7 10\n"
    assert slurm.end_left_jobs(folder) == []


def test_without_a_cluster_no_job_is_left(folder, tmp_path, programs, monkeypatch):
    assert slurm.end_left_jobs(tmp_path) == []  # Snakemake never ran on SLURM there
    programs("squeue", "echo no controller >&2; exit 1")
    assert slurm.end_left_jobs(folder) == []
    monkeypatch.setenv("PATH", "")
    assert slurm.end_left_jobs(folder) == []


def test_what_slurm_says_about_a_job_that_it_ended(tmp_path):
    text, log = tmp_path / "chain-0.txt", tmp_path / "12.log"
    text.write_text("chain 0: sweep 3 of 9\n")
    log.write_text(
        "building\nslurmstepd: error: *** JOB 12 ON a CANCELLED AT x DUE TO TIME LIMIT ***"
    )
    reason = "SLURM ended a job: JOB 12 ON a CANCELLED AT x DUE TO TIME LIMIT"
    assert console.reason_in([text, log]) == reason
    assert console.reason_of_group([[text], [tmp_path / "none.txt"]], [log]) == reason
    text.write_text("chain 0 failed: no rows\n")
    assert console.reason_in([text, log]) == "chain 0 failed: no rows"
    assert console.reason_of_group([[tmp_path / "no.txt"], [text]], [log]) == text.read_text()[:-1]


def test_a_group_without_a_reason_names_its_log(tmp_path):
    log = tmp_path / "12.log"
    assert (
        console.reason_of_group([[tmp_path / "a.txt"]], [log]) == f"a job failed; its log is {log}"
    )
