"""The lock that a killed Snakemake leaves behind."""

import fcntl
from pathlib import Path
from typing import IO

_held: list[IO[bytes]] = []  # until the process ends


def clear_stale_locks(folder: Path) -> None:
    """Remove the lock that Snakemake left in a folder, unless its process still runs.

    Snakemake's lock is a file, which outlives a process that is killed: the next one would refuse
    to start until told `--unlock`. A lock of the operating system ends with its process, however
    that ends. Every Snakemake takes one here: who gets it is alone, and what lock there is, stale.

    Parameters
    ----------
    folder : Path
        Snakemake's own folder, `.snakemake` in the working directory.
    """
    if _held:
        return
    folder.mkdir(exist_ok=True)
    file = open(folder / "bitmix.lock", "wb")  # noqa: SIM115 -- held on purpose
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another, or a file system that has no locks
        file.close()
        return
    _held.append(file)
    for stale in (folder / "locks").glob("*"):
        stale.unlink(missing_ok=True)
