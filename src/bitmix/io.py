"""Atomic files, checksums in files, and JSON."""

import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any, BinaryIO

#: The name of a file while it is written, see `atomic_write`.
TEMPORARY = ".{name}.{token}.tmp"
_SEAL = "\nsha256 {}\n"
#: The size of a seal in bytes, see `SealedFile`.
SEAL_SIZE = len(_SEAL.format("0" * 64))
# In JSON, the seal is the end of the last item of a dict, `"seal": "sha256 ..."`.
_JSON_SEAL = 'sha256 {}"\n}}\n'


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open `path` for writing so that it appears complete or not at all.

    The bytes go to a temporary file in the same folder. It replaces `path` when the block has ended
    without an exception and the bytes are on the disk. After an exception, `path` is unchanged and
    the temporary file is removed. Missing parent folders are created.

    Parameters
    ----------
    path : path-like
        The file to write or replace.

    Yields
    ------
    file : binary file object
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Each writer has its own name, so two processes never share a temporary file. The module
    # tempfile is not used, because other users could not read its files.
    temporary = path.with_name(TEMPORARY.format(name=path.name, token=secrets.token_hex(8)))
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_temporaries(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes left beside `path`.

    A live process that is writing `path` fails and leaves `path` unchanged.
    """
    path = Path(path)
    for temporary in path.parent.glob(TEMPORARY.format(name=escape(path.name), token="*")):
        temporary.unlink(missing_ok=True)


class SealedFile:
    """A file that ends in a seal: the SHA-256 of all bytes before it, as a line of text.

    Readers of pickles and zip files ignore what follows their content.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Write bytes and count them in the checksum."""
        self._sha256.update(data)
        return self._file.write(data)

    def seal(self) -> None:
        """Write the seal; nothing may follow it."""
        self._file.write(_seal(self._sha256))


@contextmanager
def sealed_write(path: str | os.PathLike[str]) -> Iterator[SealedFile]:
    """Open `path` for writing like `atomic_write`, and seal it at the end of the block."""
    with atomic_write(path) as file:
        sealed = SealedFile(file)
        yield sealed
        sealed.seal()


def sealed_size(data: bytes, form: str = _SEAL) -> int:
    """Return how many bytes come before the seal of a file.

    Raises
    ------
    ValueError
        If they are not those that were sealed.
    """
    size = len(data) - len(form.format("0" * 64))
    if size < 0 or data[size:] != _seal(hashlib.sha256(memoryview(data)[:size]), form):
        raise ValueError("its content does not match its checksum")
    return size


def _seal(sha256: Any, form: str = _SEAL) -> bytes:
    return form.format(sha256.hexdigest()).encode()


def is_whole(path: str | os.PathLike[str]) -> bool:
    """Return whether a file that must have a seal matches it."""
    path = Path(path)
    try:
        sealed_size(path.read_bytes(), _JSON_SEAL if path.suffix == ".json" else _SEAL)
    except ValueError:
        return False
    return True


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file that people may edit; ValueError names the file if it is damaged."""
    try:
        return json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); delete it and make it again") from error


def read_sealed_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file that `write_sealed_json` wrote; ValueError names the file if it is damaged."""
    try:
        data = Path(path).read_bytes()
        sealed_size(data, _JSON_SEAL)
        value = json.loads(data)
        del value["seal"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and make it again") from error
    return value


def finite(value: Any) -> Any:
    """Replace nan and infinite numbers, which JSON does not have, by None in dicts and lists."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write an indented JSON file atomically, with each list of numbers on one line."""
    with atomic_write(path) as file:
        file.write(_as_json(value))


def write_sealed_json(path: str | os.PathLike[str], value: Mapping[str, Any]) -> None:
    """Write a dict like `write_json`, with the checksum of what comes before as its last item."""
    content = _as_json({**value, "seal": ""}).removesuffix(b'"\n}\n')
    with atomic_write(path) as file:
        file.write(content + _seal(hashlib.sha256(content), _JSON_SEAL))


def _as_json(value: Any) -> bytes:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = re.sub(r"\[\s+([\d\s,]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    return f"{text}\n".encode()
