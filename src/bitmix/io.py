"""Atomic files, and JSON."""

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

_TEMPORARY = ".{name}.{token}.tmp"


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
    temporary = path.with_name(_TEMPORARY.format(name=path.name, token=secrets.token_hex(8)))
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
    for temporary in path.parent.glob(_TEMPORARY.format(name=escape(path.name), token="*")):
        temporary.unlink(missing_ok=True)


def read_json(path: str | Path) -> Any:
    """Read a JSON file; ValueError names the file if it is damaged."""
    try:
        return json.loads(Path(path).read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); delete it and make it again") from error


def finite(value: Any) -> Any:
    """Return nested dicts and lists with None for numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write an indented JSON file atomically, with each list of numbers on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = re.sub(r"\[\s+([\d\s,]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    with atomic_write(path) as file:
        file.write(f"{text}\n".encode())
