"""The arrays in .npy and .npz files, without trust in what the files claim.

A few bytes can claim an array of terabytes. Here an array is allocated only if the file has all of
its values.
"""

from __future__ import annotations

import math
import sys
import zipfile
from typing import IO, Any

import numpy as np

MAGIC = b"\x93NUMPY"

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What numpy.savez and numpy.savez_compressed write. Others may ask for any amount of memory.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_npy(file: IO[bytes], size: int) -> np.ndarray:
    """Return the array in an .npy file of `size` bytes.

    Raises
    ------
    ValueError
        If the file is not whole, or holds anything but numbers and texts.
    """
    dtype, shape, order = read_header(file, size)
    values = np.frombuffer(file.read(), dtype)
    _check_texts(values)
    return values.reshape(shape, order=order)


def _check_texts(values: np.ndarray) -> None:
    """Raise ValueError if texts have code points that do not exist: NumPy crashes on them."""
    if values.dtype.kind == "U":
        points = values.view(np.dtype(np.uint32).newbyteorder(values.dtype.byteorder))
        if points.max(initial=0) > sys.maxunicode:
            raise ValueError("it holds characters that do not exist")


def read_header(file: IO[bytes], size: int) -> tuple[np.dtype, tuple[int, ...], Any]:
    """Return the type, shape and order ("C" or "F") of the array in an .npy file of `size` bytes.

    The values, all of which are there, follow at the place of the file.

    Raises
    ------
    ValueError
        As `read_npy` does.
    """
    try:
        shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    # The header is text in Python, which can make its parser raise any exception.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"its header is damaged: {reason}") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if dtype.kind == "V":
        raise ValueError("it holds records, not numbers or texts")
    expected, found = math.prod(shape) * dtype.itemsize, size - file.tell()
    if found != expected:
        raise ValueError(f"it has {found} bytes of values, but its header says {expected}")
    return dtype, shape, "F" if fortran else "C"


def read_npz(file: IO[bytes]) -> dict[str, np.ndarray]:
    """Return the arrays in an .npz file by name.

    Raises
    ------
    ValueError
        If the file is not whole, or holds Python objects.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if any(info.compress_type not in _COMPRESSIONS for info in members):
                raise ValueError("its arrays are compressed in another way than NumPy's")
            # This reads all members piece by piece. From here on, their sizes are true.
            if damaged := archive.testzip():
                raise ValueError(f"{damaged} in it is damaged")
            return {
                info.filename.removesuffix(".npy"): _read_member(archive, info) for info in members
            }
    except ValueError:
        raise
    # Hostile bytes can make zipfile raise any exception.
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        return read_npy(member, info.file_size)
