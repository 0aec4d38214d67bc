"""Snakemake on a SLURM cluster: what snakemake-executor-plugin-slurm leaves to be done."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

#: The shortest and the longest time in seconds between two looks at the jobs.
SHORTEST, LONGEST = 3, 20
# Seconds to wait for an answer of SLURM, and for cancelled jobs to end.
_PATIENCE = 60
# In Snakemake's folder: the name that all jobs of the last Snakemake have, a UUID.
_NAME_FILE = "slurm-jobs"
# SLURM writes such a line into the log of a job that it ends.
_ENDED = re.compile(r"\*\*\* (JOB \d+ .*) \*\*\*")


def adapt() -> None:
    """Adapt the plugin, if it is installed, before Snakemake uses it."""
    plugin = sys.modules.get("snakemake_executor_plugin_slurm")  # Snakemake imports all plugins
    if plugin is not None:
        _remember_name(plugin.Executor)
        _read_first_words(plugin)
        _look_often(plugin.Executor)
        _leave_account_to_slurm(plugin.Executor)


def _remember_name(executor: Any) -> None:
    """Write the name of the jobs to a file, for the next Snakemake if this one is killed."""
    prepare = executor.__post_init__

    def __post_init__(self: Any, *arguments: Any) -> None:
        prepare(self, *arguments)
        Path(".snakemake", _NAME_FILE).write_text(self.run_uuid)

    executor.__post_init__ = __post_init__


def _read_first_words(plugin: ModuleType) -> None:
    """Make the plugin understand a cancelled job: sacct says `CANCELLED by 0` of it."""
    query = plugin.query_job_status

    async def query_job_status(command: str, logger: Any) -> tuple[Any, Any]:
        states, seconds = await query(command, logger)
        return states and {job: state.split()[0] for job, state in states.items()}, seconds

    plugin.query_job_status = query_job_status  # type: ignore[attr-defined]


def _look_often(executor: Any) -> None:
    """Wait between two looks for a tenth of the time in which no job has ended.

    So the end of a job is noticed after at most a tenth of its time, or a few seconds. The plugin
    adds ten seconds to its own time at each look at which no job has ended, up to three minutes.
    Snakemake would wait for the end of that time; here it ends at once with Snakemake.
    """
    executor.first_interval = executor.quiet_since = 0

    async def sleep(self: Any) -> None:
        now, interval = time.monotonic(), self.next_seconds_between_status_checks
        self.first_interval = self.first_interval or interval
        if interval <= self.first_interval:
            self.quiet_since = now
        end = now + min(max(SHORTEST, (now - self.quiet_since) / 10), LONGEST)
        while self.wait and time.monotonic() < end:
            await asyncio.sleep(0.2)

    executor.sleep = sleep


def _leave_account_to_slurm(executor: Any) -> None:
    """Do not guess an account if none is given: SLURM knows the default account of a user."""
    given = executor.get_account_arg

    def get_account_arg(self: Any, job: Any) -> Iterator[str]:
        return given(self, job) if job.resources.get("slurm_account") else iter([""])

    executor.get_account_arg = get_account_arg


def end_left_jobs(folder: Path) -> list[str]:
    """Cancel the jobs that a killed Snakemake left, and wait until they have ended.

    They would write the same files as the jobs of the next Snakemake.

    Parameters
    ----------
    folder : Path
        Snakemake's folder, `.snakemake` in the working directory. No Snakemake may run there.

    Returns
    -------
    jobs : list of str
        The ids of the cancelled jobs.
    """
    try:
        name = (folder / _NAME_FILE).read_text()
    except OSError:
        return []
    jobs = _jobs(name)
    if jobs:
        _ask("scancel", *jobs)
        deadline = time.monotonic() + _PATIENCE
        while _jobs(name) and time.monotonic() < deadline:
            time.sleep(0.5)
    return jobs


def _jobs(name: str) -> list[str]:
    """Return the ids of the jobs of a name that wait, run or are about to end."""
    return _ask("squeue", "--name", name, "--noheader", "--format=%i").split()


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
