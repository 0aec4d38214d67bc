"""Snakemake on a SLURM cluster: what snakemake-executor-plugin-slurm leaves to be done."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

#: The longest time in seconds between two looks at the jobs.
LONGEST = 20
# Seconds to wait for an answer of SLURM, and for cancelled jobs to end.
_PATIENCE = 60
# The name that the plugin gives its jobs ends in a UUID.
_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
# SLURM writes such a line into the log of a job that it ends.
_ENDED = re.compile(r"\*\*\* (JOB \d+ .*) \*\*\*")


def adapt() -> None:
    """Adapt the plugin, if it is installed, before Snakemake uses it."""
    plugin = sys.modules.get("snakemake_executor_plugin_slurm")  # Snakemake imports all plugins
    if plugin is not None:
        _read_first_words(plugin)
        _look_often(plugin.Executor)
        _leave_account_to_slurm(plugin.Executor)


def _read_first_words(plugin: ModuleType) -> None:
    """Make the plugin understand a cancelled job: sacct says `CANCELLED by 0` of it."""
    query = plugin.query_job_status

    async def query_job_status(command: str, logger: Any) -> tuple[Any, Any]:
        states, seconds = await query(command, logger)
        return states and {job: state.split()[0] for job, state in states.items()}, seconds

    plugin.query_job_status = query_job_status  # type: ignore[attr-defined]


def _look_often(executor: Any) -> None:
    """Limit the time between two looks at the jobs. It grows to three minutes otherwise."""
    look = executor.check_active_jobs

    async def check_active_jobs(self: Any, jobs: Sequence[Any]) -> AsyncIterator[Any]:
        async for job in look(self, jobs):
            yield job
        seconds = self.next_seconds_between_status_checks
        self.next_seconds_between_status_checks = min(seconds, LONGEST)

    executor.check_active_jobs = check_active_jobs


def _leave_account_to_slurm(executor: Any) -> None:
    """Do not guess an account if none is given: SLURM knows the default account of a user."""
    given = executor.get_account_arg

    def get_account_arg(self: Any, job: Any) -> Iterator[str]:
        return given(self, job) if job.resources.get("slurm_account") else iter([""])

    executor.get_account_arg = get_account_arg


def end_left_jobs(folder: Path) -> list[str]:
    """Cancel the jobs that a killed Snakemake left in a folder, and wait until they have ended.

    They would write the same files as the jobs of the next Snakemake.

    Parameters
    ----------
    folder : Path
        The working directory of the jobs. No Snakemake may run there.

    Returns
    -------
    jobs : list of str
        The ids of the cancelled jobs.
    """
    jobs = _jobs_in(folder)
    if jobs:
        _ask("scancel", *jobs)
        deadline = time.monotonic() + _PATIENCE
        while set(jobs) & set(_jobs_in(folder)) and time.monotonic() < deadline:
            time.sleep(0.5)
    return jobs


def _jobs_in(folder: Path) -> list[str]:
    """Return the ids of Snakemake's jobs in a folder that wait or run."""
    answer = _ask("squeue", f"--user={os.getuid()}", "--noheader", "--format=%i %j %Z")
    rows = [line.split(maxsplit=2) for line in answer.splitlines()]
    here = str(folder.absolute())
    return [job for job, name, place in rows if place == here and _NAME.search(name)]


def _ask(*command: str) -> str:
    """Return the answer of one of SLURM's programs, or nothing without a cluster."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if result.returncode else result.stdout


def why_ended(logs: Iterable[str | Path]) -> str:
    """Return what SLURM says about a job that it ended, given its logs; empty for other jobs."""
    for log in logs:
        if Path(log).suffix != ".log":
            continue
        try:
            found = _ENDED.search(Path(log).read_text(errors="replace"))
        except OSError:
            continue
        if found:
            return f"SLURM ended a job: {found[1]}"
    return ""
