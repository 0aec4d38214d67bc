"""The lock that a killed Snakemake leaves behind."""

import subprocess
import sys

CODE = """
import sys
from pathlib import Path
from bitmix.workflow.locks import clear_stale_locks
clear_stale_locks(Path(sys.argv[1]))
print("done", flush=True)
sys.stdin.read()
"""


def start(folder):
    """Clear the locks in a process that then lives until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"done\n"
    return process


def lock(folder):
    (folder / "locks").mkdir(parents=True, exist_ok=True)
    path = folder / "locks/0.input.lock"
    path.touch()
    return path


def test_the_lock_of_a_dead_process_is_removed(tmp_path):
    left = lock(tmp_path)
    start(tmp_path).communicate()
    assert not left.exists()


def test_the_lock_of_a_live_process_stays(tmp_path):
    first = start(tmp_path)
    held = lock(tmp_path)  # as Snakemake does
    start(tmp_path).communicate()
    assert held.exists()
    first.kill()
    first.communicate()
    start(tmp_path).communicate()
    assert not held.exists()


def test_without_a_folder_there_is_nothing_to_clear(tmp_path):
    start(tmp_path / "absent").communicate()
    assert (tmp_path / "absent").is_dir()
