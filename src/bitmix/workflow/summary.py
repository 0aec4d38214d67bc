"""The numbers of a run in one JSON file."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bitmix.chains import Latent, load_latents
from bitmix.data import Dataset, load_dataset
from bitmix.io import write_sealed_json

Summary = Mapping[str, Any]

# The data's sha256 and shape identify the rows. The crate of a run has all versions.
_NOT_COMPARED = ("image_shape", "levels", "versions")


def summarise(
    configuration: Mapping[str, Any],
    dataset: Dataset,
    latents: Sequence[Latent],
    figures: Mapping[str, Path],
) -> dict[str, Any]:
    """Return the numbers that identify the results of a run.

    Parameters
    ----------
    configuration : mapping
        The run's settings.
    dataset : Dataset
    latents : sequence of Latent
        The run's chains.
    figures : mapping of str to Path
        The run's PNG files by name.

    Returns
    -------
    summary : dict
        `configuration`, `data`, `chains` and `figures`, which a repetition must reproduce, and
        `image_shape`, `levels` and `versions`.
    """
    return {
        "configuration": _without_places(configuration),
        "data": _data(dataset),
        "chains": [_chain(latent) for latent in latents],
        "image_shape": dataset.image_shape and list(dataset.image_shape),
        "levels": _levels(dataset),
        "figures": {name: _figure(path) for name, path in sorted(figures.items())},
        "versions": {
            "bitmix": version("bitmix"),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def write_summary(
    summary_file: str | Path,
    configuration: Mapping[str, Any],
    data_file: str | Path,
    chain_files: Sequence[str | Path],
    figures_folder: str | Path,
) -> None:
    """Write the summary of a run, given its settings and its files."""
    folder = Path(figures_folder)
    figures = {str(file.relative_to(folder)): file for file in folder.rglob("*.png")}
    latents = [load_latents(file) for file in chain_files]
    write_sealed_json(
        summary_file, summarise(configuration, load_dataset(data_file), latents, figures)
    )


def expected_values(summary: Summary) -> dict[str, Any]:
    """Return the part of a summary that a repetition must reproduce."""
    return {key: value for key, value in summary.items() if key not in _NOT_COMPARED}


def _without_places(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the data do not have, and the paths of the user's files.

    The sha256 of the data identifies the content of the files.
    """
    places = ("folder", "file", "labels_file")
    given = {key: value for key, value in configuration["data"].items() if value is not None}
    return {**configuration, "data": {key: given[key] for key in given if key not in places}}


def _data(dataset: Dataset) -> dict[str, Any]:
    labels = [] if dataset.labels is None else dataset.labels
    values, counts = np.unique(labels, return_counts=True)
    return {
        "sha256": dataset.sha256,
        "shape": list(dataset.x.shape),
        "labels": dict(zip(map(str, values.tolist()), counts.tolist(), strict=True)),
    }


def _levels(dataset: Dataset) -> dict[str, list[str]] | None:
    """Return the levels of each feature, 0 first, or None if the source has zeros and ones."""
    if dataset.levels is None:
        return None
    names = dataset.feature_names or map(str, range(1, dataset.x.shape[1] + 1))
    return {name: list(pair) for name, pair in zip(names, dataset.levels, strict=True)}


def _chain(latent: Latent) -> dict[str, Any]:
    assignments = np.ascontiguousarray(latent.assignments, dtype="<i4")
    log_joint = latent.log_joint()
    return {
        "chain": latent.chain,
        "assignments_sha256": hashlib.sha256(assignments).hexdigest(),
        "clusters": len(latent.sizes),
        "log_joint": log_joint,
        "log_joint_hex": float(log_joint).hex(),
        "sizes": sorted(latent.sizes.tolist(), reverse=True),
    }


def _figure(path: Path) -> dict[str, Any]:
    with Image.open(path) as image:
        darkest, brightest = image.convert("L").getextrema()
        return {"width": image.width, "height": image.height, "blank": darkest == brightest}
