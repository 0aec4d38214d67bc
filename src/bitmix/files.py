"""Writing files whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO

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
    """Remove what killed processes left of their attempts at `path` in `atomic_write`.

    A live process that is writing `path` just now fails, and leaves `path` as it was.
    """
    path = Path(path)
    for temporary in path.parent.glob(_TEMPORARY.format(name=escape(path.name), token="*")):
        temporary.unlink(missing_ok=True)
