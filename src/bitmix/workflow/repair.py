"""What a killed run leaves behind: unfinished files, and after a power cut damaged ones."""

from pathlib import Path

from bitmix.io import TEMPORARY, sealed_size

#: The files of a run that end in a checksum. Checkpoints are verified when they are read.
_SEALED = ("data.npz", "chains/*.pkl")


def repair(results: Path) -> list[Path]:
    """Remove unfinished and damaged files below a folder, so that they are made again.

    Call it only if no other process makes results in the folder.

    Parameters
    ----------
    results : Path
        The folder of all runs.

    Returns
    -------
    damaged : list of Path
        The files that did not match their checksum.
    """
    for unfinished in results.rglob(TEMPORARY.format(name="*", token="*")):
        unfinished.unlink(missing_ok=True)
    files = [file for pattern in _SEALED for file in sorted(results.glob(f"*/{pattern}"))]
    damaged = [file for file in files if _is_damaged(file)]
    for file in damaged:
        file.unlink()
    return damaged


def _is_damaged(file: Path) -> bool:
    try:
        sealed_size(file.read_bytes())
    except ValueError:
        return True
    return False
