"""The state of a chain, and the pickles that keep it: written atomically, read safely.

A pickle holds one dict of builtins and plain NumPy arrays, so that `pickle.load` gives everything
without bitmix. `load_latents` does not trust its file: it admits only the opcodes that such a dict
needs, answers each name in it with an inert record, and builds the arrays itself.
"""

import io
import math
import os
import pickle
import pickletools
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bitmix import _gibbs
from bitmix.files import atomic_write

SCHEMA = 1
TRACE = {"log_joint": np.float64, "clusters": np.int64, "moved": np.int64, "seconds": np.float64}


class LatentError(ValueError):
    """A file of latents that cannot be used."""


@dataclass(frozen=True, eq=False, repr=False)
class Latent:
    """The state of one chain of the Dirichlet-process mixture, and how it came about.

    N vectors of D pixels are in K clusters, numbered 0..K-1, none of them empty. The state is
    consistent, or it is not made: the arrays are checked against each other.

    Parameters
    ----------
    assignments : ndarray of int32, shape (N,)
        The cluster of each vector.
    sizes : ndarray of int64, shape (K,)
        How many vectors each cluster has.
    counts : ndarray of int32, shape (K, D)
        In how many vectors of the cluster the pixel is on (the heads; the tails are
        ``sizes[:, None] - counts``).
    alpha, beta : ndarray of float64, shape (D,)
        The Beta prior of each pixel's probability to be on.
    concentration : float
        The concentration of the Chinese restaurant process.
    trace : dict of ndarray, shape (sweeps,)
        By sweep: `log_joint` (float64, nats), `clusters` (int64), `moved` (int64, vectors that
        changed cluster) and `seconds` (float64).
    config : dict of builtins
        The settings of the run.
    seed, chain : int
        The seed of the run, and which of its chains this is.
    data_sha256 : str
        `bitmix.data.data_sha256` of the vectors.
    generator : dict of builtins
        The state of the chain's bit generator after the last sweep.
    observed : ndarray of int32, shape (K, D), optional
        If pixels are missing: how many vectors of the cluster have the pixel; the tails are then
        ``observed - counts``.

    Raises
    ------
    ValueError
        If an item has the wrong type or shape, or contradicts another.
    """

    assignments: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    concentration: float
    trace: dict[str, np.ndarray]
    config: dict[str, Any]
    seed: int
    chain: int
    data_sha256: str
    generator: dict[str, Any]
    observed: np.ndarray | None = None

    def __post_init__(self) -> None:
        _check(self)

    def __repr__(self) -> str:
        clusters, pixels = self.counts.shape
        return (
            f"<Latent: chain {self.chain} of seed {self.seed}, {len(self.assignments):,} vectors of"
            f" {pixels} pixels in {clusters} clusters after {len(self.trace['moved'])} sweeps>"
        )

    def log_joint(self) -> float:
        """Return log p(x, z | alpha, beta, concentration), in nats.

        The log probability of the partition under the Chinese restaurant process, plus that of
        the pixels, Beta-Bernoulli by cluster and pixel with the probabilities integrated out.
        """
        return _gibbs.log_joint(
            self.sizes, self.counts, self.alpha, self.beta, self.concentration, self.observed
        )

    @property
    def tails(self) -> np.ndarray:
        """In how many vectors of the cluster the pixel is off, shape (K, D)."""
        return (self.sizes[:, None] if self.observed is None else self.observed) - self.counts


def save_latents(path: str | os.PathLike[str], latent: Latent) -> None:
    """Pickle the state of a chain, atomically.

    Parameters
    ----------
    path : path-like
    latent : Latent

    Raises
    ------
    ValueError
        If the latent's arrays were changed such that `load_latents` would refuse them.
    """
    _check(latent)
    items = {name: getattr(latent, name) for name in _FIELDS}
    if latent.observed is None:
        del items["observed"]
    content = {"schema": SCHEMA} | _contiguous(items) | {"trace": _contiguous(latent.trace)}
    with atomic_write(path) as file:
        # The protocol is part of the format: `_Unpickler` knows what 5 makes of an array.
        pickle.dump(content, file, protocol=5)


def load_latents(path: str | os.PathLike[str]) -> Latent:
    """Read the state of a chain that `save_latents` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    LatentError
        If the file is damaged, holds anything but a consistent state of builtins and plain
        arrays, or has a schema that this version does not know.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        return Latent(**_read(data))
    except LatentError as error:
        raise LatentError(f"{path}: {error}") from error
    # Hostile bytes make pickle's machinery raise whatever they like.
    except Exception as error:
        raise LatentError(
            f"{path} is damaged or not a file of latents ({error}); "
            "delete it and sample the chain again"
        ) from error


def _contiguous(items: dict[str, Any]) -> dict[str, Any]:
    """Return `items` with the arrays in C order, in which pickle keeps them as plain bytes."""
    return {
        name: np.ascontiguousarray(item) if isinstance(item, np.ndarray) else item
        for name, item in items.items()
    }


# Consistency: the one place for what a latent is ------------------------------------------------


def _check(latent: Latent) -> None:
    """Raise ValueError unless `latent` is what its class says."""
    _check_array("assignments", latent.assignments, np.int32, 1)
    _check_array("counts", latent.counts, np.int32, 2)
    if latent.assignments.size == 0 or latent.counts.size == 0:
        raise ValueError("assignments and counts must not be empty")
    clusters, pixels = latent.counts.shape
    _check_array("sizes", latent.sizes, np.int64, (clusters,))
    if latent.assignments.min() < 0 or latent.assignments.max() >= clusters:
        raise ValueError(f"assignments must be from 0 to {clusters - 1}, the rows of counts")
    if not np.array_equal(np.bincount(latent.assignments, minlength=clusters), latent.sizes):
        raise ValueError("sizes must be the numbers of vectors that assignments puts in clusters")
    if latent.sizes.min() == 0:
        raise ValueError("no cluster may be empty")
    if latent.observed is not None:
        _check_array("observed", latent.observed, np.int32, latent.counts.shape)
        if (latent.observed > latent.sizes[:, None]).any():
            raise ValueError("observed must be at most the size of the cluster")
    if latent.counts.min() < 0 or latent.tails.min() < 0:
        raise ValueError("counts must be from 0 to the size of the cluster, or to observed")

    for name in ("alpha", "beta"):
        values = getattr(latent, name)
        _check_array(name, values, np.float64, (pixels,))
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"{name} must be positive and finite")
    _check_type("concentration", latent.concentration, float)
    if not 0 < latent.concentration < math.inf:
        raise ValueError(f"concentration must be positive and finite, not {latent.concentration}")

    _check_type("trace", latent.trace, dict)
    if set(latent.trace) != set(TRACE):
        raise ValueError(f"trace must have the items {', '.join(TRACE)}")
    sweeps = np.size(latent.trace["log_joint"])
    for name, dtype in TRACE.items():
        _check_array(f"trace[{name!r}]", latent.trace[name], dtype, (sweeps,))

    for name in ("config", "generator"):
        _check_type(name, getattr(latent, name), dict)
        _check_builtins(name, getattr(latent, name))
    for name in ("seed", "chain"):
        _check_type(name, getattr(latent, name), int)
    _check_type("data_sha256", latent.data_sha256, str)


def _check_type(name: str, value: object, expected: type) -> None:
    if type(value) is not expected:
        raise ValueError(f"{name} must be of type {expected.__name__}, not {type(value).__name__}")


def _check_array(name: str, value: object, dtype: type, shape: int | tuple[int, ...]) -> None:
    """Check the type of an array and its shape, or only how many dimensions it has."""
    _check_type(name, value, np.ndarray)
    if value.dtype != dtype or shape not in (value.ndim, value.shape):
        expected = f"of shape {shape}" if isinstance(shape, tuple) else f"of {shape} dimension(s)"
        raise ValueError(
            f"{name} must be an array of {np.dtype(dtype)} {expected}, "
            f"not of {value.dtype} of shape {value.shape}"
        )


def _check_builtins(name: str, value: object, depth: int = 4) -> None:
    """Check that `value` is made of builtins only, nested no deeper than settings need."""
    if value is None or type(value) in (bool, int, float, str):
        return
    if type(value) not in (dict, list, tuple) or depth == 0:
        raise ValueError(f"{name} must be made of builtins, found {type(value).__name__}")
    for key in value if isinstance(value, dict) else ():
        _check_type(f"a key of {name}", key, str)
    for item in value.values() if isinstance(value, dict) else value:
        _check_builtins(name, item, depth - 1)


_FIELDS = tuple(field.name for field in fields(Latent))


# Reading without trust --------------------------------------------------------------------------

# What pickle's protocol 5 uses for a dict of builtins and plain arrays. Left out, among others:
# everything that makes objects in other ways than REDUCE, persistent ids, the extension registry
# (whose cache goes past find_class), and the indexed memo (which can ask for any amount of memory).
# So few are needed that nothing can be nested deeply enough to exhaust the stack.
_OPCODES = (  # noqa: SIM905
    "PROTO FRAME STOP MARK MEMOIZE BINGET LONG_BINGET "
    "NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT "
    "SHORT_BINUNICODE BINUNICODE SHORT_BINBYTES BINBYTES BYTEARRAY8 "
    "EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE EMPTY_LIST APPEND APPENDS "
    "EMPTY_DICT SETITEM SETITEMS STACK_GLOBAL REDUCE BUILD"
).split()
_MOST_OPCODES = 10_000
_DTYPES = frozenset({"i4", "i8", "f8"})


class _Record:
    """What a name in a pickle stands for: it notes what it is called with and does nothing."""

    __slots__ = ("args", "state")

    def __init__(self, *args):
        self.args = args
        self.state = None

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
    """Answers the names in `_NAMES` with records, and no others."""

    def find_class(self, module: str, name: str) -> type[_Record]:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise LatentError(
                f"names {f'{module}.{name}'!r}, which latents have no use for: "
                "do not trust this file"
            ) from None


def _read(data: bytes) -> dict[str, Any]:
    """Return the items of a pickled latent, or raise."""
    stream = io.BytesIO(data)
    for number, (opcode, _, _) in enumerate(pickletools.genops(stream)):
        if opcode.name not in _OPCODES or number == _MOST_OPCODES:
            raise LatentError(
                f"has a pickle opcode, {opcode.name}, that latents have no use for: "
                "do not trust this file"
            )
    if stream.read(1):
        raise LatentError("has bytes after its end; delete it and sample the chain again")

    stream.seek(0)
    content = _Unpickler(stream).load()
    _check_type("the content", content, dict)
    schema = content.pop("schema", None)
    if type(schema) is not int or schema != SCHEMA:
        newer = type(schema) is int and schema > SCHEMA
        remedy = "update bitmix" if newer else "sample the chain again"
        raise LatentError(f"has the schema {schema!r}, this bitmix reads {SCHEMA}; {remedy}")
    content = {"observed": None} | content
    if set(content) != set(_FIELDS):
        differ = ", ".join(sorted(map(str, set(content) ^ set(_FIELDS))))
        raise LatentError(f"lacks or has in excess: {differ}; sample the chain again")
    _check_type("trace", content["trace"], dict)
    return _with_arrays(content) | {"trace": _with_arrays(content["trace"])}


def _with_arrays(items: dict[str, Any]) -> dict[str, Any]:
    return {name: item.build() if type(item) is _Array else item for name, item in items.items()}
