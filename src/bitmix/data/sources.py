"""Where the data of a run come from: MNIST, or files of the user's own.

A source is a function in `SOURCES`. Its parameters are the keys that `data:` in the configuration
may have for it, so that what is said about a key is said once. It returns the data set and, where
the pixels were grey before they were binary, the grey images.
"""

import csv
import inspect
import io
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from bitmix.data import (
    DataError,
    Dataset,
    PathLike,
    binarise,
    load_mnist_images,
    parse_idx,
    uncompressed,
)

#: What counts as an image in a folder; other files there are left alone.
IMAGE_SUFFIXES = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm"),
    *(".png", ".ppm", ".tif", ".tiff", ".webp"),
)
DELIMITERS = ",;\t"

Labels = Sequence[int | str]
Shape = Sequence[int]
Loaded = tuple[Dataset, np.ndarray | None]


def load(source: str = "mnist", **settings: Any) -> Loaded:
    """Return the data of a source in their own order, and the grey images they were made from.

    Parameters
    ----------
    source : str
        A key of `SOURCES`.
    **settings
        The parameters of the source; None counts as not given.

    Returns
    -------
    dataset : Dataset
    grey : ndarray of uint8, shape (N, rows, columns), or None
        None where the source has no images in grey levels.

    Raises
    ------
    ValueError
        If a setting is not for this source, or is needed and absent, or has a bad value.
    DataError
        If the data cannot be read, or are not what they should be; names the file and the place.
    """
    given = check_settings(source, **settings)
    return SOURCES[source](**given)


def check_settings(source: str, **settings: Any) -> dict[str, Any]:
    """Return the settings that are given, not None, if they are what the source takes.

    Raises
    ------
    ValueError
        If not.
    """
    if source not in SOURCES:
        raise ValueError(f"source {source!r} is not known; allowed: {', '.join(SOURCES)}")
    given = {key: value for key, value in settings.items() if value is not None}
    parameters = inspect.signature(SOURCES[source]).parameters
    for key in given.keys() - parameters.keys():
        raise ValueError(
            f"{key}: not for the source {source}, which takes {', '.join(parameters)}; "
            "leave it out or choose another source"
        )
    for key, parameter in parameters.items():
        if parameter.default is parameter.empty and key not in given:
            raise ValueError(f"{key}: missing, the source {source} needs it")
    return given


def files(source: str, **settings: Any) -> list[Path]:
    """Return the files of the user's that the data depend on.

    MNIST's are none: whatever they are called, their contents are known.
    """
    given = check_settings(source, **settings)
    if source == "images":
        folder = Path(given["folder"]).expanduser()
        return _image_files(folder) or [folder]
    return [Path(given[key]).expanduser() for key in ("file", "labels_file") if key in given]


# The sources -------------------------------------------------------------------------------------


def mnist(
    *,
    labels: Sequence[int] = (2, 3),
    threshold: int = 0,
    folder: PathLike | None = None,
    image_shape: Shape | None = None,
) -> Loaded:
    """MNIST's digits, scaled to `image_shape` if given; see `bitmix.data.load_mnist`."""
    images, digits = load_mnist_images(labels, folder=folder)
    grey = _scaled(images, image_shape)
    return binarise(grey, digits, threshold), grey


def idx(
    *,
    file: PathLike,
    labels_file: PathLike | None = None,
    labels: Labels | None = None,
    threshold: int = 0,
    image_shape: Shape | None = None,
) -> Loaded:
    """A pair of IDX files, plain or .gz, in the format of MNIST's: Fashion-MNIST's, for example.

    Images are scaled to `image_shape`, (rows, columns), if it is given.
    """
    images = parse_idx(_read(file), str(file))
    if images.ndim not in (2, 3) or images.size == 0:
        raise DataError(
            f"{file} has the shape {images.shape}, images have (N, rows, columns); "
            "is it the labels_file?"
        )
    if images.ndim == 3:
        images = _scaled(images, image_shape)
    elif image_shape is not None:
        raise DataError(f"{file} has vectors, which cannot be scaled: leave image_shape out")
    dataset = binarise(images, _read_labels(labels_file, len(images)), threshold)
    return _select(dataset, images if images.ndim == 3 else None, labels, file)


def array(
    *,
    file: PathLike,
    labels_file: PathLike | None = None,
    labels: Labels | None = None,
    image_shape: Shape | None = None,
) -> Loaded:
    """An .npy of zeros and ones, nan where missing, or an .npz of such an `x` and, maybe, `labels`.

    The shape is (N, D), or (N, rows, columns) for images.
    """
    arrays = _read_arrays(file)
    values = arrays.pop("x", None)
    if values is None:
        raise DataError(f"{file} has the arrays {', '.join(arrays)}; call the data x")
    if values.dtype.kind not in "biuf":
        raise DataError(f"{file} holds {values.dtype}, not numbers; save it as numbers, 0 and 1")
    if values.ndim not in (2, 3) or values.size == 0:
        raise DataError(
            f"{file} has the shape {values.shape}, data have (N, D) or (N, rows, columns), N and D "
            "at least 1; reshape it"
        )
    if labels_file is not None:
        given = _read_labels(labels_file, len(values))
    else:
        given = _check_labels(arrays.get("labels"), file, len(values))
    if values.ndim == 3:
        if image_shape is not None and tuple(image_shape) != values.shape[1:]:
            raise DataError(
                f"{file} has images of shape {values.shape[1:]}, not image_shape "
                f"{list(image_shape)}; leave it out"
            )
        image_shape = values.shape[1:]
        values = values.reshape(len(values), -1)
    return _select(_of_values(values, given, image_shape, file), None, labels, file)


def table(
    *,
    file: PathLike,
    label_column: str | None = None,
    labels_file: PathLike | None = None,
    labels: Labels | None = None,
    image_shape: Shape | None = None,
) -> Loaded:
    """A CSV file of zeros and ones, a vector a line; an empty cell, nan or NA is a missing pixel.

    The cells are apart by comma, semicolon or tab. The first line may be a header; it must be one
    if `label_column` names a column in it.
    """
    names, lines = _read_csv(file, label_column)
    given = _read_labels(labels_file, len(lines))
    if label_column is not None:
        column = names.index(str(label_column))
        names.pop(column)
        given = _as_labels([_label(cells.pop(column), file, line) for line, cells in lines])
    if not names:
        raise DataError(f"{file} has no column beside {label_column}; add the data, 0 and 1")
    values = np.empty((len(lines), len(names)), np.float32)
    for row, (line, cells) in enumerate(lines):
        try:
            values[row] = [_value(cell) for cell in cells]
        except ValueError:
            column, cell = next(
                (name, cell) for name, cell in zip(names, cells, strict=True) if not _is_value(cell)
            )
            raise DataError(
                f"{file}, line {line}: {cell!r} in column {column} is not 0, 1 or empty; make it "
                "binary, or name the column of labels as label_column"
            ) from None
    return _select(_of_values(values, given, image_shape, file), None, labels, file)


def images(
    *,
    folder: PathLike,
    labels: Labels | None = None,
    threshold: int = 0,
    image_shape: Shape | None = None,
) -> Loaded:
    """A folder of images, made grey; the names of its subfolders, if there are any, are labels.

    Images are scaled to `image_shape`, (rows, columns); without it they must be of one size.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; {_RELATIVE}")
    paths = _image_files(folder)
    if not paths:
        raise DataError(f"{folder} has no images; their names end in {', '.join(IMAGE_SUFFIXES)}")
    above = [path.relative_to(folder).parts[:-1] for path in paths]
    if any(above) and not all(above):
        raise DataError(
            f"{folder} has images both in subfolders, whose names are labels, and beside them: "
            f"{paths[above.index(())].name}; move those"
        )
    grey = [_grey(path, image_shape) for path in paths]
    for path, image in zip(paths, grey, strict=True):
        if image.shape != grey[0].shape:
            raise DataError(
                f"{path} has {image.shape} pixels (rows, columns), {paths[0].name} has "
                f"{grey[0].shape}; set image_shape, and all are scaled to it"
            )
    grey = np.stack(grey)
    given = _as_labels([parts[0] for parts in above]) if any(above) else None
    return _select(binarise(grey, given, threshold), grey, labels, folder)


SOURCES: dict[str, Callable[..., Loaded]] = {
    "mnist": mnist,
    "idx": idx,
    "array": array,
    "csv": table,
    "images": images,
}


# Files -------------------------------------------------------------------------------------------

_RELATIVE = "a path in the configuration starts from the folder of the Snakefile"


def _read(path: PathLike) -> bytes:
    """Return the contents of a file, plain or .gz."""
    try:
        return uncompressed(Path(path).expanduser().read_bytes(), path)
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}); {_RELATIVE}") from error


def _read_arrays(path: PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz, or that of an .npy as `x`."""
    try:
        loaded = np.load(io.BytesIO(_read(path)), allow_pickle=False)
        return {"x": loaded} if isinstance(loaded, np.ndarray) else dict(loaded.items())
    except (EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} is not a whole .npy or .npz of numbers ({error}); "
            "save it again with numpy.save or numpy.savez"
        ) from error


def _read_csv(
    path: PathLike, label_column: str | None
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, and the cells of every line with its number."""
    try:
        text = _read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error}); save it as CSV, UTF-8") from error
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in DELIMITERS if mark in first), DELIMITERS[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; save it as CSV again") from error
    if not lines:
        raise DataError(f"{path} is empty; it needs a line for each vector")
    width = len(lines[0][1])
    for line, cells in lines:
        if len(cells) != width:
            raise DataError(
                f"{path}, line {line}: {len(cells)} cells, but line {lines[0][0]} has {width}; "
                "every line needs as many, an empty one where a pixel is missing"
            )
    names = [str(column) for column in range(1, width + 1)]
    if label_column is not None or _is_header(lines[0][1]):
        names = [name.strip() for name in lines.pop(0)[1]]
        if not lines:
            raise DataError(f"{path} has a header only; it needs a line for each vector")
    if label_column is not None and str(label_column) not in names:
        raise DataError(
            f"{path} has no column {label_column!r} in its first line, which names "
            f"{_some(names)}; set label_column to one of its names"
        )
    return names, lines


def _is_header(cells: list[str]) -> bool:
    """Names are all different, and not all of them values. A line of data has the same twice."""
    return len(set(cells)) == len(cells) and not all(map(_is_value, cells))


@cache
def _value(cell: str) -> float:
    """Return what a cell of a CSV file says: 0, 1, or nan where it is missing."""
    text = cell.strip().lower()
    value = np.nan if text in ("", "na", "nan") else float(text)
    if value not in (0, 1) and not np.isnan(value):
        raise ValueError(cell)
    return value


def _is_value(cell: str) -> bool:
    try:
        _value(cell)
    except ValueError:
        return False
    return True


def _image_files(folder: Path) -> list[Path]:
    """Return the images in a folder and its subfolders, sorted by their paths inside it."""
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.suffix.lower() in IMAGE_SUFFIXES and not hidden and path.is_file():
            found.append((parts, path))
    return [path for _, path in sorted(found)]


def _scaled(images: np.ndarray, shape: Shape | None) -> np.ndarray:
    """Return grey images, (N, rows, columns), in another shape."""
    if shape is None or tuple(shape) == images.shape[1:]:
        return images
    return np.stack([_resized(Image.fromarray(image), shape) for image in images])


def _resized(grey: Image.Image, shape: Shape | None) -> np.ndarray:
    """Return an image in another shape, (rows, columns), by the mean of each area."""
    if shape is not None:
        grey = grey.resize((shape[1], shape[0]), Image.Resampling.BOX)
    return np.asarray(grey)


def _grey(path: Path, shape: Shape | None) -> np.ndarray:
    """Return an image in grey levels, uint8, scaled to (rows, columns) by the mean of each area."""
    try:
        with Image.open(path) as image:
            if image.mode == "F" or image.mode.startswith("I"):
                raise DataError(f"{path} has more than 256 grey levels; save it with 8 bits")
            if image.has_transparency_data:
                raise DataError(f"{path} is transparent; save it on a background")
            grey = ImageOps.exif_transpose(image).convert("L")
            return _resized(grey, shape)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path} is not an image that can be read ({error}); replace it or take it out"
        ) from error


# Labels ------------------------------------------------------------------------------------------


def _read_labels(path: PathLike | None, vectors: int) -> np.ndarray | None:
    """Return the labels in a file, .npy, IDX, or text with one a line, plain or .gz."""
    if path is None:
        return None
    content = _read(path)
    if content.startswith(b"\x93NUMPY"):
        labels = _read_arrays(path)["x"]
    elif content.startswith(b"\0\0"):
        labels = parse_idx(content, str(path))
    else:
        lines = content.decode("utf-8-sig", errors="replace").splitlines()
        labels = _as_labels([_label(text, path, line) for line, text in enumerate(lines, 1)])
    return _check_labels(labels, path, vectors)


def _label(text: str, path: PathLike, line: int) -> str:
    text = text.strip()
    if not text:
        raise DataError(f"{path}, line {line}: no label; every vector needs one, or none has")
    return text


def _as_labels(texts: list[str]) -> np.ndarray:
    """Return labels as whole numbers if all of them are, otherwise as text."""
    try:
        numbers = np.array([int(text) for text in texts], np.int64)
    except (OverflowError, ValueError):
        return np.array(texts)
    return numbers if numbers.astype(str).tolist() == texts else np.array(texts)


def _check_labels(labels: np.ndarray | None, path: PathLike, vectors: int) -> np.ndarray | None:
    """Return labels as whole numbers or text, one for each vector."""
    if labels is None:
        return None
    if labels.shape != (vectors,):
        raise DataError(
            f"{path} has labels of shape {labels.shape}, but there are {vectors} vectors; "
            "give one label for each"
        )
    if labels.dtype.kind in "bf":
        whole = np.isfinite(labels) & (labels == np.floor(labels))
        if not whole.all():
            row = int(whole.argmin())
            raise DataError(
                f"{path}, row {row}: the label {labels[row]} is no whole number; "
                "labels are whole numbers or text"
            )
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iuU":
        raise DataError(f"{path} has labels of {labels.dtype}; save them as whole numbers or text")
    return labels


def _select(
    dataset: Dataset, grey: np.ndarray | None, labels: Labels | None, where: PathLike
) -> Loaded:
    """Keep what has one of the labels; everything if `labels` is None."""
    if labels is None:
        return dataset, grey
    if dataset.labels is None:
        raise DataError(
            f"{where} has no labels to select {_some(labels)} by; leave `labels` out of the "
            "settings, or say where the labels are"
        )
    # As text, for a label that is a number in one place may be text in the other.
    present, wanted = dataset.labels.astype(str), [str(label) for label in labels]
    absent = [label for label in wanted if label not in present]
    if absent or not wanted:
        raise DataError(
            f"{where} has nothing labelled {_some(absent)}; its labels are "
            f"{_some(np.unique(dataset.labels))}"
        )
    rows = np.isin(present, wanted)
    return dataset.take(rows), None if grey is None else grey[rows]


def _some(items: Sequence[object], most: int = 12) -> str:
    """List the first items."""
    return ", ".join(map(str, items[:most])) + (", ..." if len(items) > most else "")


# Values ------------------------------------------------------------------------------------------


def _of_values(
    values: np.ndarray, labels: np.ndarray | None, shape: Shape | None, path: PathLike
) -> Dataset:
    """Return vectors of zeros and ones, nan where a pixel is missing, as a data set."""
    missing = np.isnan(values)
    wrong = (values != 0) & (values != 1) & ~missing
    if wrong.any():
        row, column = np.unravel_index(wrong.argmax(), wrong.shape)
        raise DataError(
            f"{path}, row {row}: {values[row, column]} in column {column} (both from 0) is not 0, "
            "1 or nan, which says missing; make it binary, e.g. x > threshold"
        )
    if shape is not None and shape[0] * shape[1] != values.shape[1]:
        raise DataError(
            f"{path} has {values.shape[1]} pixels a vector, which make no image_shape "
            f"{list(shape)}; correct it or leave it out"
        )
    image_shape = None if shape is None else (int(shape[0]), int(shape[1]))
    return Dataset((values == 1).view(np.uint8), labels, image_shape, ~missing)
