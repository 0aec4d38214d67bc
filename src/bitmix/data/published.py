"""Files with known contents: from your folder, the cache, or the web."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitmix.data.errors import DataError
from bitmix.data.gzipped import uncompressed
from bitmix.io import atomic_write

log = logging.getLogger("bitmix")

#: The most bytes of a file, uncompressed. The largest has 47 million.
MOST = 1 << 26

Files = Iterator[tuple[str, bytes]]  # (name of a file, its verified contents)


@dataclass(frozen=True)
class Published:
    """Published files that one may have already, or download.

    Parameters
    ----------
    title : str
        What the files are, for messages.
    sha256 : mapping
        The sha256 of each file, uncompressed, by name.
    downloads : mapping
        The sources on the web by name, in the order to try them. Each is a function that yields
        some files, verified, given these `Published` and the names.
    spellings : function
        Returns the names that a file may have in a folder, given its name.
    """

    title: str
    sha256: Mapping[str, str]
    downloads: Mapping[str, Callable[[Published, list[str]], Files]]
    spellings: Callable[[str], Sequence[str]] = lambda name: (name,)

    def read(self, folder: Path | None, cache: Path) -> dict[str, bytes]:
        """Return the verified contents of all files, each from the first source that has it.

        A file in the user's folder that differs from the published one is an error, because a user
        who names a folder wants its files. A file that is missing there comes from another source:
        all have the same bytes.
        """
        files: dict[str, bytes] = {}
        failures = []

        def missing() -> list[str]:
            return [name for name in self.sha256 if name not in files]

        if folder is None:
            failures.append("your own files: BITMIX_DATA is not set")
        else:
            files.update(self._from_folder(folder, missing()))
            if missing():
                where = f"not in {folder}" if folder.is_dir() else f"{folder} is no folder"
                failures.append(f"your own files: {', '.join(missing())}: {where}")
                log.warning("%s; looking elsewhere", failures[-1])

        files.update(self._from_cache(cache, missing()))

        for source, fetch in self.downloads.items():
            if not missing():
                break
            try:
                for name, content in fetch(self, missing()):
                    files[name] = content
                    _keep(cache / name, content)
            except DataError as error:
                failures.append(f"{source}: {error}")
                log.info("%s", failures[-1])
            else:
                # A warning is visible even if logging is not set up.
                log.warning("downloaded %s from %s into %s", self.title, source, cache)

        if missing():
            raise DataError(
                f"no source has the files {', '.join(missing())} of {self.title}:\n"
                + "".join(f"  - {failure}\n" for failure in failures)
                + f"Put {', '.join(self.sha256)}, plain or .gz, into a folder and set the "
                "environment variable BITMIX_DATA to its path."
            )
        return files

    def _from_folder(self, folder: Path, names: Iterable[str]) -> Files:
        """Yield the user's own files, plain or .gz."""
        for name in names:
            spellings = self.spellings(name)
            paths = [folder / (spelling + end) for end in ("", ".gz") for spelling in spellings]
            path = next((path for path in paths if path.is_file()), None)
            if path is not None:
                yield name, self.verified(name, uncompressed(path.read_bytes(), path, MOST), path)

    def _from_cache(self, cache: Path, names: Iterable[str]) -> Files:
        """Yield the files that `_keep` wrote. Skip a damaged one with a warning."""
        for name in names:
            try:
                yield name, self.verified(name, (cache / name).read_bytes(), cache / name)
            except OSError:  # missing or unreadable: downloaded again
                pass
            except DataError as error:
                log.warning("a file in the cache is damaged and is downloaded again: %s", error)

    def verified(self, name: str, content: bytes, where: object) -> bytes:
        """Return `content` if it is the file `name`; errors mention `where`."""
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256[name]:
            raise DataError(
                f"{where} is not the {name} of {self.title}: expected sha256 {self.sha256[name]}, "
                f"found {found} ({len(content)} bytes uncompressed)"
            )
        return content


def download(url: str) -> bytes:
    """Return what is at a URL, uncompressed if it is .gz."""
    import pooch  # slow to import and rarely needed

    get = pooch.HTTPDownloader(timeout=(5, 30))  # seconds to connect, and between bytes
    buffer = io.BytesIO()
    try:
        get(url, buffer, None)
    except OSError as error:  # what requests raises
        raise DataError(f"cannot download {url}: {error}") from error
    return uncompressed(buffer.getvalue(), url, MOST)


def _keep(path: Path, content: bytes) -> None:
    try:
        with atomic_write(path) as file:
            file.write(content)
    except OSError as error:
        log.warning("cannot keep %s (%s); set BITMIX_CACHE to a writable folder", path, error)
