"""Ctrl-C and SIGTERM end a run with all its jobs, and keep what chains have sampled."""

import signal

import psutil
import pytest
from faults.conftest import CHAINS

import bitmix
from bitmix.workflow import console


def alive(process):
    # Nobody may be there to collect what a process leaves when its parent ends first.
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_and_keeps_the_last_sweep(run, number):
    config = run.folder / "config/config.yaml"
    config.write_text(config.read_text().replace("sweeps: 4000", "sweeps: 1000000"))
    process = run.start(*CHAINS)
    jobs, last = [], ""
    for line in process.stdout:
        last = line
        if line.startswith("chain 0: sweep") and not jobs:
            jobs = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(number)
    assert process.wait() == 128 + number
    assert jobs and not any(map(alive, jobs))
    assert last == f"{console.INTERRUPTED}\n"
    logs = run.folder.glob("results/small/logs/chain-*.txt")
    assert not any("Traceback" in log.read_text() for log in logs)
    assert bitmix.load_latents(run.folder / "results/small/checkpoints/0.pkl").sweeps > 0
