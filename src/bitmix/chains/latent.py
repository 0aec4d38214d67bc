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
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from bitmix import kernel
from bitmix.data import as_binary, data_sha256
from bitmix.io import atomic_write

SCHEMA = 2

#: What every trace has, and of which type; the moves of the schedule add their own.
TRACE = {
    "log_joint": np.float64,
    "clusters": np.int64,
    "concentration": np.float64,
    "largest": np.int64,
    "entropy": np.float64,
    "moved": np.int64,
    "seconds": np.float64,
}

#: What the samples have, and of which type.
SAMPLES = {
    "sweep": np.int64,
    "assignments": np.int32,
    "alpha": np.float64,
    "beta": np.float64,
    "concentration": np.float64,
}


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
        By sweep: `log_joint` (float64, nats), `clusters` (int64), `concentration` (float64),
        `largest` (int64, size of the largest cluster), `entropy` (float64, of the sizes, in nats;
        `size_entropy`), `moved` (int64, vectors that changed cluster in the move `assign`) and
        `seconds` (float64, of all moves). Of each move of the schedule `<move>_seconds` (float64),
        and what it reports (int64 or float64): `splits_proposed`, say. A chain of schema 1 did not
        keep all of them: its `largest` is 0 and its `entropy` nan, for not known.
    config : dict of builtins
        The settings of the run.
    seed, chain : int
        The seed of the run, and which of its chains this is.
    data_sha256 : str
        `bitmix.data.data_sha256` of the vectors.
    generator : dict of builtins
        The state of the chain's bit generator after the last sweep; {} if that is not known.
    observed : ndarray of int32, shape (K, D), optional
        If pixels are missing: how many vectors of the cluster have the pixel; the tails are then
        ``observed - counts``.
    samples : dict of ndarray, optional
        The states that were kept on the way, S of them: `sweep` (int64, (S,), after which,
        ascending from 1), `assignments` (int32, (S, N)), `alpha` and `beta` (float64, (S, D)) and
        `concentration` (float64, (S,)). None is made the same with S = 0.
    code_sha256 : str
        The sha256 of the code that sampled the chain; "" if not known.

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
    samples: dict[str, np.ndarray] | None = None
    code_sha256: str = ""

    def __post_init__(self) -> None:
        if self.samples is None:
            object.__setattr__(self, "samples", stack_samples([], *self._shape))
        _check(self)

    def __repr__(self) -> str:
        vectors, pixels = self._shape
        return (
            f"<Latent: chain {self.chain} of seed {self.seed}, {vectors:,} vectors of {pixels}"
            f" pixels in {len(self.sizes)} clusters after {self.sweeps} sweeps>"
        )

    @property
    def _shape(self) -> tuple[int, int]:
        """(N, D)"""
        return np.size(self.assignments), np.size(self.alpha)

    @property
    def sweeps(self) -> int:
        """How many sweeps the chain has made."""
        return len(self.trace["log_joint"])

    def log_joint(self) -> float:
        """Return log p(x, z | alpha, beta, concentration), in nats.

        The log probability of the partition under the Chinese restaurant process, plus that of
        the pixels, Beta-Bernoulli by cluster and pixel with the probabilities integrated out.
        """
        return kernel.log_joint(
            self.sizes, self.counts, self.alpha, self.beta, self.concentration, self.observed
        )

    @property
    def tails(self) -> np.ndarray:
        """In how many vectors of the cluster the pixel is off, shape (K, D)."""
        return (self.sizes[:, None] if self.observed is None else self.observed) - self.counts

    def warmup(self, warmup: int | None = None) -> int:
        """Return how many sweeps to leave out as warmup: those asked for, or half of them.

        Parameters
        ----------
        warmup : int, optional
            Sweeps to leave out; None leaves out half of the chain's, rounded down.

        Raises
        ------
        ValueError
            If nothing would be left of the chain.
        """
        if warmup is None:
            return self.sweeps // 2
        if not 0 <= warmup < self.sweeps:
            raise ValueError(
                f"warmup is {warmup}, but chain {self.chain} has {self.sweeps} sweeps: "
                "leave out fewer, or sample more"
            )
        return warmup

    def kept(self, warmup: int | None = None) -> np.ndarray:
        """Return which of the samples are of states after the warmup, as for `warmup`."""
        return np.flatnonzero(self.samples["sweep"] > self.warmup(warmup))

    def own_data(
        self, x: np.ndarray, observed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return `bitmix.data.as_binary` of the vectors that the chain was sampled from.

        Raises
        ------
        ValueError
            If it was sampled from others.
        """
        x, observed = as_binary(x, observed)
        if data_sha256(x, observed) != self.data_sha256:
            raise ValueError(f"chain {self.chain} was sampled from other vectors than this x")
        return x, observed

    def states(
        self, x: np.ndarray, observed: np.ndarray | None = None, warmup: int | None = None
    ) -> list["Latent"]:
        """Return the states that were kept after the warmup; the last alone if none was.

        Parameters
        ----------
        x : array, shape (N, D)
            The vectors that the chain was sampled from, of which the counts are made again.
        observed : array of bool, shape (N, D), optional
            Their mask, if pixels are missing.
        warmup : int, optional
            Sweeps to leave out; half of them unless given.

        Returns
        -------
        states : list of Latent
            Each with the trace up to its sweep, no samples, and a generator not known.

        Raises
        ------
        ValueError
            If the chain was sampled from other vectors, or the warmup leaves nothing of it.
        """
        kept = self.kept(warmup)
        if len(kept) == 0:
            return [self]
        x, observed = self.own_data(x, observed)
        return [self._state(sample, x, observed) for sample in kept]

    def _state(self, sample: int, x: np.ndarray, observed: np.ndarray | None) -> "Latent":
        """Return the state kept as number `sample`."""
        sweep, assignments, alpha, beta, concentration = (
            self.samples[name][sample] for name in SAMPLES
        )
        return replace(
            self,
            assignments=assignments,
            sizes=np.bincount(assignments),
            counts=_sums(x, assignments),
            observed=None if observed is None else _sums(observed, assignments),
            alpha=alpha,
            beta=beta,
            concentration=float(concentration),
            trace={name: values[:sweep] for name, values in self.trace.items()},
            samples=None,
            generator={},
        )


def size_entropy(sizes: np.ndarray) -> float:
    """Return the entropy of a partition, -sum_k n_k/N log n_k/N, in nats.

    Parameters
    ----------
    sizes : ndarray of int, shape (K,)
        The sizes n_k of its clusters, all positive.
    """
    shares = np.asarray(sizes) / np.sum(sizes)
    # the kernel's logarithm and an exact sum: the same bits on every machine
    return -math.fsum(shares * kernel.vecmath("log_f64", shares))


def stack_samples(states: Sequence[tuple], vectors: int, pixels: int) -> dict[str, np.ndarray]:
    """Return kept states, each a tuple of the items of `SAMPLES`, as one array an item."""
    columns = zip(*states, strict=True) if states else [()] * len(SAMPLES)
    shapes = _sample_shapes(len(states), vectors, pixels)
    return {
        name: np.array(column, SAMPLES[name]).reshape(shape)
        for (name, shape), column in zip(shapes.items(), columns, strict=True)
    }


def _sample_shapes(kept: int, vectors: int, pixels: int) -> dict[str, tuple[int, ...]]:
    wide = {"assignments": (vectors,), "alpha": (pixels,), "beta": (pixels,)}
    return {name: (kept, *wide.get(name, ())) for name in SAMPLES}


def _sums(x: np.ndarray, assignments: np.ndarray) -> np.ndarray:
    """Return the sum of the rows of each cluster, shape (K, D); no cluster is empty."""
    starts = np.cumsum(np.bincount(assignments))[:-1]
    order = np.argsort(assignments, kind="stable")
    return np.add.reduceat(x[order], np.append(0, starts), axis=0, dtype=np.int32)


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
    content = {"schema": SCHEMA} | _contiguous(items)
    content |= {name: _contiguous(items[name]) for name in _OF_ARRAYS}
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

    _check_trace(latent.trace)
    _check_samples(latent.samples, latent.sweeps, *latent._shape)

    for name in ("config", "generator"):
        _check_type(name, getattr(latent, name), dict)
        _check_builtins(name, getattr(latent, name))
    for name in ("seed", "chain"):
        _check_type(name, getattr(latent, name), int)
    for name in ("data_sha256", "code_sha256"):
        _check_type(name, getattr(latent, name), str)


def _check_trace(trace: object) -> None:
    _check_type("trace", trace, dict)
    if not set(TRACE) <= set(trace):
        raise ValueError(f"trace must have the items {', '.join(TRACE)}")
    sweeps = np.size(trace["log_joint"])
    for name, values in trace.items():
        _check_type("a key of trace", name, str)
        integers = isinstance(values, np.ndarray) and values.dtype == np.int64
        dtype = TRACE.get(name, np.int64 if integers else np.float64)
        _check_array(f"trace[{name!r}]", values, dtype, (sweeps,))


def _check_samples(samples: object, sweeps: int, vectors: int, pixels: int) -> None:
    _check_type("samples", samples, dict)
    if set(samples) != set(SAMPLES):
        raise ValueError(f"samples must have the items {', '.join(SAMPLES)}")
    for name, shape in _sample_shapes(np.size(samples["sweep"]), vectors, pixels).items():
        _check_array(f"samples[{name!r}]", samples[name], SAMPLES[name], shape)
    if (np.diff([0, *samples["sweep"], sweeps + 1]) <= 0).any():
        raise ValueError(f"samples must be of ascending sweeps, from 1 to {sweeps}")
    for name in ("alpha", "beta", "concentration"):
        if not (np.isfinite(samples[name]).all() and (samples[name] > 0).all()):
            raise ValueError(f"{name} of the samples must be positive and finite")
    for assignments in samples["assignments"]:
        numbers = assignments.min() >= 0 and assignments.max() < vectors
        if not (numbers and np.bincount(assignments).all()):
            raise ValueError("assignments of a sample must use every number from 0 to K - 1")


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
_OF_ARRAYS = ("trace", "samples")


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
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        newer = type(schema) is int and schema > SCHEMA
        remedy = "update bitmix" if newer else "sample the chain again"
        raise LatentError(f"has the schema {schema!r}, this bitmix reads 1 to {SCHEMA}; {remedy}")
    content = {"observed": None} | _with_arrays(content)
    for name in _OF_ARRAYS:
        if type(content.get(name)) is dict:
            content[name] = _with_arrays(content[name])
    if schema == 1:
        content = _upgraded(content)
    if set(content) != set(_FIELDS):
        differ = ", ".join(sorted(map(str, set(content) ^ set(_FIELDS))))
        raise LatentError(f"lacks or has in excess: {differ}; sample the chain again")
    return content


def _with_arrays(items: dict[str, Any]) -> dict[str, Any]:
    return {name: item.build() if type(item) is _Array else item for name, item in items.items()}


def _upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return the items of a file of schema 1 as those of schema 2.

    Its concentration was constant; what its trace did not keep is marked as not known.
    """
    _check_type("trace", content["trace"], dict)
    sweeps = np.size(content["trace"]["log_joint"])
    added = {
        "concentration": np.full(sweeps, content["concentration"]),
        "largest": np.zeros(sweeps, np.int64),
        "entropy": np.full(sweeps, np.nan),
    }
    return content | {"trace": content["trace"] | added, "samples": None, "code_sha256": ""}
