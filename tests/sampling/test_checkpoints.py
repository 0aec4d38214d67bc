"""Checkpoints: a chain continues from its own checkpoint to the last bit, and from no other."""

import errno
import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from chains import same

import bitmix
from bitmix.code import chain_sha256
from bitmix.sampling import budget, checkpoints, progress, run
from bitmix.sampling.checkpoints import Checkpoint, CheckpointTaken
from bitmix.sampling.moves import MOVES

SETTINGS = {
    "sweeps": 8, "seed": 3, "initial_clusters": 20, "thin": 3, "moves": tuple(MOVES),
    "proposals": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def x():
    return bitmix.load_mnist().x[:200]


@pytest.fixture(scope="module")
def whole(x):
    """Return the chain that was never interrupted."""
    return bitmix.sample_chain(x, 0, **SETTINGS)


def temporaries(folder):
    return [path for path in Path(folder).iterdir() if path.suffix == ".tmp"]


# Going on ----------------------------------------------------------------------------------------


def test_learns_on_after_any_sweep(tmp_path, x, monkeypatch):
    """The number of proposals follows from the trace, so a checkpoint keeps what was learned."""
    monkeypatch.setattr(budget, "LEARNING", 5)
    settings = {**SETTINGS, "proposals": "auto"}
    whole = bitmix.sample_chain(x, 0, **settings)
    for sweeps in (3, 5, 7):
        arguments = {**settings, "checkpoint_folder": tmp_path / str(sweeps)}
        bitmix.sample_chain(x, 0, **{**arguments, "sweeps": sweeps})
        assert same(bitmix.sample_chain(x, 0, **arguments), whole)


@pytest.mark.parametrize("thin", [1, 3])
@pytest.mark.parametrize("holes", [False, True])
def test_continues_after_any_sweep(tmp_path, x, holes, thin):
    settings = {**SETTINGS, "thin": thin}
    observed = np.random.default_rng(0).random(x.shape) < 0.8 if holes else None
    whole = bitmix.sample_chain(x, 0, observed=observed, **settings)
    for sweeps in range(thin, 8):
        folder = tmp_path / str(sweeps)
        arguments = {**settings, "observed": observed, "checkpoint_folder": folder}
        bitmix.sample_chain(x, 0, **{**arguments, "sweeps": sweeps})
        extended = bitmix.sample_chain(x, 0, **arguments)
        assert same(extended, whole)
        assert same(bitmix.load_latents(folder / "0.pkl"), whole)


def test_each_chain_has_its_own(tmp_path, x):
    latents = bitmix.sample(x, chains=3, checkpoint_folder=tmp_path, **SETTINGS)
    assert sorted(path.name for path in tmp_path.glob("*.pkl")) == ["0.pkl", "1.pkl", "2.pkl"]
    assert all(map(same, latents, bitmix.sample(x, chains=3, **SETTINGS)))
    assert same(bitmix.sample_chain(x, 2, checkpoint_folder=tmp_path, **SETTINGS), latents[2])


def test_earlier_sweeps_are_not_made_again(tmp_path, x, caplog, monkeypatch):
    monkeypatch.setattr(progress, "LOG_INTERVAL", 0.0)
    arguments = {**SETTINGS, "checkpoint_folder": tmp_path}
    half = bitmix.sample_chain(x, 0, **{**arguments, "sweeps": 4})
    with caplog.at_level(logging.INFO, logger="bitmix"):
        latent = bitmix.sample_chain(x, 0, progress=True, **arguments)
    path = tmp_path / "0.pkl"
    assert caplog.messages[0] == f"{path}: continuing after sweep 4 of 8"
    assert [message.split(",")[0] for message in caplog.messages[1:]] == [
        f"sweep {sweep} of 8" for sweep in (5, 6, 7, 8)
    ]
    np.testing.assert_array_equal(latent.trace["log_joint"][:4], half.trace["log_joint"])
    # Files hold no times, so those of the earlier sweeps are not known.
    assert np.isnan(latent.trace["seconds"]).tolist() == 4 * [True] + 4 * [False]
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="bitmix"):  # nothing is left to do
        assert same(bitmix.sample_chain(x, 0, progress=True, **arguments), latent)
    assert caplog.messages == [f"{path}: continuing after sweep 8 of 8"]


def test_progress_bar_begins_where_the_chain_does(tmp_path, x, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_is_visible", lambda: True)
    monkeypatch.setattr(progress, "DELAY", 0)
    arguments = {**SETTINGS, "checkpoint_folder": tmp_path}
    bitmix.sample_chain(x, 0, **{**arguments, "sweeps": 4})
    bitmix.sample_chain(x, 0, **arguments)
    err = capsys.readouterr().err
    assert "4/8" in err and "8/8" in err


def test_checkpoints_by_time(tmp_path, x, monkeypatch):
    written = []
    save = checkpoints.save_latents
    monkeypatch.setattr(
        checkpoints,
        "save_latents",
        lambda path, latent: (written.append(latent.sweeps), save(path, latent)),
    )
    bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path / "never", **SETTINGS)
    assert written == [0, 8]
    written.clear()
    bitmix.sample_chain(
        x, 0, checkpoint_folder=tmp_path / "always", checkpoint_every=1e-9, **SETTINGS
    )
    assert written == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
    with pytest.raises(ValueError, match="checkpoint_every must be a positive number"):
        bitmix.sample(x, checkpoint_folder=tmp_path, checkpoint_every=0)


# Starting over -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 4}, "has seed 3, not 4"),
        ({"concentration": 2.0}, "has concentration 1.0, not 2.0"),
        ({"thin": None, "proposals": 9}, "has proposals 10, not 9; thin 3, not None"),
        ({"moves": ("assign",)}, r"has moves .*, not \('assign',\)"),
        ({"sweeps": 7}, "has 8 sweeps, more than 7"),
    ],
)
def test_other_settings_start_over(tmp_path, x, whole, caplog, changed, message):
    shutil.copy(checkpoint_of(whole, tmp_path / "whole"), tmp_path / "0.pkl")
    settings = {**SETTINGS, **changed}
    latent = bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path, **settings)
    assert same(latent, bitmix.sample_chain(x, 0, **settings))
    assert_starts_over(caplog, f"{tmp_path / '0.pkl'} {message}")


def test_other_rows_start_over(tmp_path, x, whole, caplog):
    checkpoint_of(whole, tmp_path)
    latent = bitmix.sample_chain(1 - x, 0, checkpoint_folder=tmp_path, **SETTINGS)
    assert same(latent, bitmix.sample_chain(1 - x, 0, **SETTINGS))
    assert_starts_over(caplog, "has data_sha256 .*, not ")


def test_another_chain_starts_over(tmp_path, x, whole, caplog):
    checkpoint_of(whole, tmp_path).rename(tmp_path / "1.pkl")
    latent = bitmix.sample_chain(x, 1, checkpoint_folder=tmp_path, **SETTINGS)
    assert same(latent, bitmix.sample_chain(x, 1, **SETTINGS))
    assert_starts_over(caplog, "has chain 0, not 1")


def test_other_code_starts_over(tmp_path, x, whole, caplog, monkeypatch):
    checkpoint_of(whole, tmp_path)
    monkeypatch.setattr(run, "chain_sha256", lambda: "0" * 64)
    assert same(bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path, **SETTINGS), whole)
    assert_starts_over(caplog, "was sampled by other code of bitmix")


@pytest.mark.parametrize("content", [b"", b"half", None])
def test_a_damaged_file_starts_over(tmp_path, x, whole, caplog, content):
    path = checkpoint_of(whole, tmp_path)
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    assert same(bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path, **SETTINGS), whole)
    assert_starts_over(caplog, str(path))
    assert same(bitmix.load_latents(path), whole)


def checkpoint_of(latent, folder):
    folder.mkdir(exist_ok=True)
    path = folder / f"{latent.chain}.pkl"
    bitmix.save_latents(path, latent)
    return path


def assert_starts_over(caplog, message):
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "\n" not in record.message
    assert re.search(f"^starting over: .*{message}", record.message), record.message


def test_the_code_is_what_determines_a_chain(tmp_path):
    package = Path(bitmix.__file__).parent
    shutil.copytree(package, tmp_path / "bitmix", ignore=shutil.ignore_patterns("__pycache__"))

    def fingerprint():
        command = "from bitmix.code import chain_sha256; print(chain_sha256())"
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        arguments = [sys.executable, "-c", command]
        return subprocess.check_output(arguments, env=environment, cwd=tmp_path, text=True)

    def change(name):
        with open(tmp_path / "bitmix" / name, "a") as file:
            file.write("\n# changed\n")
        return fingerprint()

    before = fingerprint()
    assert before.strip() == chain_sha256()
    for name in ("figures/__init__.py", "partitions/__init__.py", "workflow/checks.py"):
        assert change(name) == before
    found = [
        change(name)
        for name in ("sampling/moves/assign.py", "chains/latent.py", "data/dataset.py", "model.py")
    ]
    assert len({before, *found}) == 5
    manifest = tmp_path / "bitmix/compiled.json"
    hashes = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**hashes, "kernel/sweep.pyx": "another"}))
    assert fingerprint() not in {before, *found}


# What may go wrong -------------------------------------------------------------------------------


def test_a_full_disk_does_not_lose_the_chain(tmp_path, x, whole, caplog, monkeypatch):
    arguments = {**SETTINGS, "checkpoint_folder": tmp_path, "checkpoint_every": 1e-9}
    bitmix.sample_chain(x, 0, **{**arguments, "sweeps": 4})
    calls = iter(range(100))
    sync = os.fsync

    def full(descriptor):
        if next(calls) > 2:  # two calls open the checkpoint, the third saves sweep 5
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert same(bitmix.sample_chain(x, 0, **arguments), whole)
    errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 4
    assert errors[0].startswith("no checkpoint after sweep 6, the last one stays: ")
    assert "No space left on device" in errors[0]
    monkeypatch.undo()
    assert bitmix.load_latents(tmp_path / "0.pkl").sweeps == 5
    assert temporaries(tmp_path) == []
    assert same(bitmix.sample_chain(x, 0, **arguments), whole)


def test_a_folder_that_cannot_be_written_stops_at_once(tmp_path, x):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path / "file", **SETTINGS)


def test_temporary_files_of_killed_processes_go(tmp_path, x):
    stale, other = tmp_path / f".0.pkl.{'ab' * 8}.tmp", tmp_path / f".1.pkl.{'ab' * 8}.tmp"
    stale.write_bytes(b"half")
    other.write_bytes(b"half")
    bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path, **SETTINGS)
    assert temporaries(tmp_path) == [other]


def test_the_last_to_open_a_checkpoint_owns_it(tmp_path, whole):
    first, second = Checkpoint(tmp_path / "0.pkl", 1e-9), Checkpoint(tmp_path / "0.pkl", 1e-9)
    first.open(whole)
    assert first.due()
    first.save(whole)
    second.open(whole)
    content = (tmp_path / "0.pkl").stat()
    for act in (first.due, lambda: first.save(whole)):
        with pytest.raises(CheckpointTaken, match="another process has begun to sample this chain"):
            act()
    assert (tmp_path / "0.pkl").stat() == content
    assert second.due()


def test_a_finished_chain_leaves_the_same_files_and_stops_older_processes(tmp_path, x, whole):
    first = Checkpoint(tmp_path / "one/0.pkl", 1e-9)
    first.open(whole)
    for folder in ("one", "two"):
        bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path / folder, **SETTINGS)
    for name in ("0.pkl", ".0.pkl.owner"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    for act in (first.due, first.close):
        with pytest.raises(CheckpointTaken):
            act()


def test_a_deleted_folder_does_not_stop_the_chain(tmp_path, whole):
    checkpoint = Checkpoint(tmp_path / "chains/0.pkl", 1e-9)
    checkpoint.open(whole)
    shutil.rmtree(tmp_path / "chains")
    assert checkpoint.due()
    checkpoint.save(whole)
    assert same(bitmix.load_latents(tmp_path / "chains/0.pkl"), whole)


# Processes that die ------------------------------------------------------------------------------

# 1,500 sweeps of about a millisecond with frequent checkpoints. It prints when it has begun.
CHILD = """
import logging, signal, sys
import bitmix
from bitmix.sampling import progress
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
progress.LOG_INTERVAL = 0.02
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
x = bitmix.load_mnist().x[:200]
bitmix.sample_chain(x, 0, progress=True, **{arguments})
"""
LONG = {**SETTINGS, "sweeps": 1500, "thin": 100}


@pytest.fixture
def start(tmp_path):
    """Start the long chain in another process; return the process after some sweeps."""
    children = []

    def start(**arguments):
        arguments = {**LONG, "checkpoint_folder": str(tmp_path / "chains"), **arguments}
        code = CHILD.format(arguments=arguments)
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        children.append(child)
        for line in child.stdout:
            if line.startswith("sweep"):
                return child
        raise AssertionError(child.stderr.read())

    yield start
    for child in children:
        child.kill()
        child.communicate()


@pytest.fixture(scope="module")
def long(x):
    """Return the long chain that was never interrupted."""
    return bitmix.sample_chain(x, 0, **LONG)


def test_killed_at_random_points(tmp_path, x, start, long):
    delays = random.Random(0)
    done = []
    for _ in range(20):
        child = start(checkpoint_every=0.002)
        time.sleep(delays.uniform(0, 0.03))
        assert child.poll() is None
        child.kill()
        child.wait()
        done.append(bitmix.load_latents(tmp_path / "chains/0.pkl").sweeps)
    assert done == sorted(done), "none fell behind the one before"
    assert done[0] < done[-1] < LONG["sweeps"]
    latent = bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path / "chains", **LONG)
    assert same(latent, long)
    assert temporaries(tmp_path / "chains") == []


def test_ctrl_c_keeps_the_last_sweep(tmp_path, x, start, long):
    child = start(checkpoint_every=1000.0)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate()
    assert child.returncode != 0
    assert "KeyboardInterrupt" in stderr
    kept = bitmix.load_latents(tmp_path / "chains/0.pkl")
    assert 0 < kept.sweeps < LONG["sweeps"]
    for name in ("log_joint", "clusters", "moved"):
        np.testing.assert_array_equal(kept.trace[name], long.trace[name][: kept.sweeps])
    latent = bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path / "chains", **LONG)
    assert same(latent, long)


def test_an_older_process_gives_way(tmp_path, x, start, long):
    older = start(checkpoint_every=0.01)
    latent = bitmix.sample_chain(x, 0, checkpoint_folder=tmp_path / "chains", **LONG)
    _, stderr = older.communicate()
    assert "CheckpointTaken" in stderr
    assert same(latent, long)
    assert same(bitmix.load_latents(tmp_path / "chains/0.pkl"), long)
