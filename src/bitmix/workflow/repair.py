"""What a killed run leaves behind: unfinished files, and after a power cut damaged ones."""

from pathlib import Path

from bitmix.io import TEMPORARY, is_whole

#: The results that end in a checksum. Checkpoints are verified when they are read.
_SEALED = (
    *("*/data.npz", "*/chains/*.pkl", "*/benchmarks/chain-*.json"),
    *("*/summary.json", "*/diagnostics.json", "*/consensus.json", "*/evaluation.json"),
    *("density/*.json", "density.json"),
)


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
    files = [file for pattern in _SEALED for file in sorted(results.glob(pattern))]
    damaged = [file for file in files if not is_whole(file)]
    for file in damaged:
        file.unlink()
    return damaged
