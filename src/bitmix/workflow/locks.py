"""The lock that a killed Snakemake leaves behind."""

import fcntl
from pathlib import Path
from typing import IO

_held: list[IO[bytes]] = []  # until the process ends


def clear_stale_locks(folder: Path) -> None:
    """Remove the lock that Snakemake left in a folder, unless its process still runs.

    Snakemake's lock is a file. It outlives a killed process, and the next Snakemake would refuse to
    start without `--unlock`. A lock of the operating system ends with its process. So each
    Snakemake takes such a lock here. If it gets the lock, no other Snakemake runs, and an old lock
    file is stale.

    Parameters
    ----------
    folder : Path
        Snakemake's folder, `.snakemake` in the working directory.
    """
    if _held:
        return
    folder.mkdir(exist_ok=True)
    file = open(folder / "bitmix.lock", "wb")  # noqa: SIM115 -- held on purpose
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process holds the lock, or the file system has no locks
        file.close()
        return
    _held.append(file)
    for stale in (folder / "locks").glob("*"):
        stale.unlink(missing_ok=True)
