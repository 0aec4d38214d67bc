"""The pickles of latents: written atomically, read safely.

A file holds one latent as a dict of builtins and plain NumPy arrays, so `pickle.load` reads it
without bitmix. A file of several latents is a dict with a list of such dicts. The pickle is
followed by its checksum. Files hold no times, so the same chain gives the same file.

`load_latents` does not trust its file. It allows only the opcodes that such a dict needs, replaces
each name by an inert record, and builds the arrays itself.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from bitmix.chains.checks import check_latent, check_type
from bitmix.chains.latent import Latent
from bitmix.io import sealed_size, sealed_write

SCHEMA = 3
_FIRST_SEALED = 3  # files of earlier schemas have no checksum

_FIELDS = tuple(field.name for field in fields(Latent))
_OF_ARRAYS = ("trace", "samples")


class LatentError(ValueError):
    """A file that is damaged or does not hold latents."""


def save_latents(path: str | os.PathLike[str], latents: Latent | Sequence[Latent]) -> None:
    """Pickle one latent, or a list of them, atomically and with a checksum.

    Times are left out: the items of the trace that end in "seconds" are nan in the file.

    Parameters
    ----------
    path : path-like
    latents : Latent or sequence of Latent
        The result of `bitmix.sample_chain` or `bitmix.sample`.

    Raises
    ------
    TypeError
        If `latents` is something else.
    ValueError
        If there is no latent, or an array was changed so that `load_latents` would refuse it.
    """
    content = _content(latents) if isinstance(latents, Latent) else _contents(latents)
    with sealed_write(path) as file:
        # The protocol is part of the format: `_Unpickler` knows how protocol 5 writes an array.
        pickler = pickle.Pickler(file, protocol=5)
        # Without references to equal parts, the bytes depend on nothing but the values.
        pickler.fast = True
        pickler.dump(content)


def _contents(latents: Sequence[Latent]) -> dict[str, Any]:
    """Return the content of a file of several latents."""
    if not isinstance(latents, list | tuple) or not all(isinstance(one, Latent) for one in latents):
        raise TypeError(f"latents must be a Latent or a list of them, not {latents!r:.80}")
    if not latents:
        raise ValueError("latents must have at least one Latent, the list is empty")
    return {"schema": SCHEMA, "latents": [_content(latent) for latent in latents]}


def _content(latent: Latent) -> dict[str, Any]:
    """Return the content of a file of one latent."""
    check_latent(latent)
    items = {name: getattr(latent, name) for name in _FIELDS}
    if latent.observed is None:
        del items["observed"]
    items["trace"] = {
        name: np.full(len(values), np.nan) if name.endswith("seconds") else values
        for name, values in latent.trace.items()
    }
    content = {"schema": SCHEMA} | _plain(items)
    return content | {name: _plain(items[name]) for name in _OF_ARRAYS}


def load_latents(path: str | os.PathLike[str]) -> Any:
    """Read the latents that `save_latents` wrote. Nothing in the file is executed.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    latents : Latent, or list of Latent
        As they were saved, without times.

    Raises
    ------
    LatentError
        If the file does not match its checksum, holds anything but consistent states of builtins
        and plain arrays, or has a schema that this version does not know.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        return _read(data)
    except LatentError as error:
        raise LatentError(f"{path}: {error}") from error
    # Hostile bytes can make pickle raise any exception.
    except Exception as error:
        raise LatentError(
            f"{path} is damaged or not a file of latents ({error}); "
            "delete it and sample the chain again"
        ) from error


def _plain(items: dict[str, Any]) -> dict[str, Any]:
    """Return `items` with arrays that pickle keeps as plain bytes, all in the same way."""
    return {
        name: np.require(item, requirements=["C", "W"]) if isinstance(item, np.ndarray) else item
        for name, item in items.items()
    }


# Reading without trust --------------------------------------------------------------------------

# The opcodes that pickle's protocol 5 uses for a dict of builtins and plain arrays. The list leaves
# out, among others, opcodes that make objects in other ways than REDUCE, persistent ids, the
# extension registry (its cache bypasses find_class) and the indexed memo (it can ask for any amount
# of memory). With these opcodes, nothing nests deeply enough to exhaust the stack.
_OPCODES = (  # noqa: SIM905
    "PROTO FRAME STOP MARK MEMOIZE BINGET LONG_BINGET "
    "NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT "
    "SHORT_BINUNICODE BINUNICODE SHORT_BINBYTES BINBYTES BYTEARRAY8 "
    "EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE EMPTY_LIST APPEND APPENDS "
    "EMPTY_DICT SETITEM SETITEMS STACK_GLOBAL REDUCE BUILD"
).split()
_MOST_OPCODES = 100_000  # a latent has a few hundred
_DTYPES = frozenset({"i4", "i8", "f8"})


class _Record:
    """The stand-in for a name in a pickle: it records its arguments and does nothing."""

    __slots__ = ("args", "state")

    def __init__(self, *args):
        self.args = args
        self.state: Any = None

    def __setstate__(self, state):
        self.state = state


class _DType(_Record):
    """Stands for numpy.dtype: args (code, align, copy), state (version, byte order, ...)."""

    def build(self) -> np.dtype:
        code, _, _ = self.args
        _, order, *rest = self.state
        plain = type(code) is str and code in _DTYPES and order in ("<", ">")
        if not plain or rest != [None, None, None, -1, -1, 0]:
            raise LatentError(f"holds an array of a type that latents do not have: {code!r}")
        return np.dtype(order + code)


class _Array(_Record):
    """Stands for numpy's _frombuffer: args (buffer, dtype, shape, order), no state."""

    def build(self) -> np.ndarray:
        buffer, dtype, shape, order = self.args
        if self.state is not None or order != "C" or type(dtype) is not _DType:
            raise LatentError("holds an array that is not plain")
        dtype = dtype.build()
        values = np.frombuffer(_of_type(buffer, bytes, bytearray), dtype)
        for length in _of_type(shape, tuple):
            if _of_type(length, int) < 0:
                raise LatentError(f"holds an array of shape {shape}")
        return values.reshape(shape).astype(dtype.newbyteorder("="))  # a copy, of native order


def _of_type(value: object, *types: type) -> Any:
    if type(value) not in types:
        raise LatentError(f"holds {type(value).__name__} inside an array")
    return value


_NAMES = {
    ("numpy", "dtype"): _DType,
    ("numpy._core.numeric", "_frombuffer"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _Array,  # NumPy 1
}


class _Unpickler(pickle.Unpickler):
    """An unpickler that replaces the names in `_NAMES` by records and refuses all others."""

    def find_class(self, module: str, name: str) -> type[_Record]:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise LatentError(
                f"names {f'{module}.{name}'!r}, which a file of latents does not need: "
                "do not trust this file"
            ) from None


def _read(data: bytes) -> Latent | list[Latent]:
    """Return the latents in the bytes of a file, or raise."""
    sealed = not data.endswith(pickle.STOP)
    size = sealed_size(data) if sealed else len(data)
    stream = io.BytesIO(data)
    for number, (opcode, _, _) in enumerate(pickletools.genops(stream)):
        if opcode.name not in _OPCODES or number == _MOST_OPCODES:
            raise LatentError(
                f"has a pickle opcode, {opcode.name}, that a file of latents does not need: "
                "do not trust this file"
            )
    if stream.tell() != size:
        raise LatentError("has bytes after its end; delete it and sample the chain again")

    stream.seek(0)
    content = _Unpickler(stream).load()
    check_type("the content", content, dict)
    if "latents" not in content:
        return Latent(**_items(content, sealed))
    check_type("latents", content["latents"], list)
    for item in content["latents"]:
        check_type("a latent", item, dict)
    return [Latent(**_items(item, sealed)) for item in content["latents"]]


def _items(content: dict[str, Any], sealed: bool) -> dict[str, Any]:
    """Return the items of a latent from the items in the file, or raise."""
    schema = content.pop("schema", None)
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        newer = type(schema) is int and schema > SCHEMA
        remedy = "update bitmix" if newer else "sample the chain again"
        raise LatentError(f"has the schema {schema!r}, this bitmix reads 1 to {SCHEMA}; {remedy}")
    if schema >= _FIRST_SEALED and not sealed:
        raise LatentError("is damaged: it has no checksum; delete it and sample the chain again")
    content = {"observed": None} | _with_arrays(content)
    for name in _OF_ARRAYS:
        if type(content.get(name)) is dict:
            content[name] = _with_arrays(content[name])
    if schema == 1:
        content = _upgraded(content)
    if set(content) != set(_FIELDS):
        differ = ", ".join(sorted(map(str, set(content) ^ set(_FIELDS))))
        raise LatentError(f"has missing or unknown items: {differ}; sample the chain again")
    return content


def _with_arrays(items: dict[str, Any]) -> dict[str, Any]:
    return {name: item.build() if type(item) is _Array else item for name, item in items.items()}


def _upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return the items of a file of schema 1 as those of later schemas.

    The concentration of schema 1 was constant. Items that its trace lacks are marked as unknown.
    """
    check_type("trace", content["trace"], dict)
    sweeps = np.size(content["trace"]["log_joint"])
    added = {
        "concentration": np.full(sweeps, content["concentration"]),
        "largest": np.zeros(sweeps, np.int64),
        "entropy": np.full(sweeps, np.nan),
    }
    return content | {"trace": content["trace"] | added, "samples": None, "code_sha256": ""}
