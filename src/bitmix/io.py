"""Files that are written whole or not at all, and JSON."""

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

    The bytes go to a temporary file in the same folder, which takes the place of `path` once the
    block has ended without an exception and the bytes are on the disk. After an exception `path`
    is as it was before, and the temporary file is gone. Missing parent folders are created.

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
    # A name of its own for every writer, so that two processes never share a temporary file;
    # opened by hand rather than by tempfile, whose files nobody else on the machine may read.
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

    A live process that is writing `path` just now fails, and leaves `path` as it was.
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
    """Return `value`, of dicts, lists and scalars, with None for numbers that JSON cannot have."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: str | Path, value: Any) -> None:
    """Write a JSON file atomically, indented, each list of numbers on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = re.sub(r"\[\s+([\d\s,]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    with atomic_write(path) as file:
        file.write(f"{text}\n".encode())
