"""The lock that a killed Snakemake leaves behind."""

import fcntl
from pathlib import Path
from typing import IO

_held: list[IO[bytes]] = []  # until the process ends


def clear_stale_locks(folder: Path) -> bool:
    """Remove the lock that a killed Snakemake left in a folder; return whether there was one.

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
        return False
    folder.mkdir(exist_ok=True)
    file = open(folder / "bitmix.lock", "wb")  # noqa: SIM115 -- held on purpose
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process holds the lock, or the file system has no locks
        file.close()
        return False
    _held.append(file)
    stale = list((folder / "locks").glob("*"))
    for lock in stale:
        lock.unlink(missing_ok=True)
    return bool(stale)
