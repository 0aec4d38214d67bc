"""Checks that a latent is consistent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bitmix.chains.latent import Latent

#: The items of every trace and their types. The moves of the schedule add more.
TRACE = {
    "log_joint": np.float64,
    "clusters": np.int64,
    "concentration": np.float64,
    "largest": np.int64,
    "entropy": np.float64,
    "moved": np.int64,
    "seconds": np.float64,
}

#: The items of the samples and their types.
SAMPLES = {
    "sweep": np.int64,
    "assignments": np.int32,
    "alpha": np.float64,
    "beta": np.float64,
    "concentration": np.float64,
}


def check_latent(latent: Latent) -> None:
    """Raise ValueError unless the items of `latent` are as its class describes them."""
    _check_array("assignments", latent.assignments, np.int32, 1)
    _check_array("counts", latent.counts, np.int32, 2)
    if latent.assignments.size == 0 or latent.counts.size == 0:
        raise ValueError("assignments and counts must not be empty")
    clusters, features = latent.counts.shape
    _check_array("sizes", latent.sizes, np.int64, (clusters,))
    if latent.assignments.min() < 0 or latent.assignments.max() >= clusters:
        raise ValueError(f"assignments must be from 0 to {clusters - 1}, the rows of counts")
    if not np.array_equal(np.bincount(latent.assignments, minlength=clusters), latent.sizes):
        raise ValueError("sizes must be the number of rows of each cluster in assignments")
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
        _check_array(name, values, np.float64, (features,))
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"{name} must be positive and finite")
    check_type("concentration", latent.concentration, float)
    if not 0 < latent.concentration < math.inf:
        raise ValueError(f"concentration must be positive and finite, not {latent.concentration}")

    _check_trace(latent.trace)
    _check_samples(latent.samples, latent.sweeps, *latent._shape)

    for name in ("config", "generator"):
        check_type(name, getattr(latent, name), dict)
        _check_builtins(name, getattr(latent, name))
    for name in ("seed", "chain"):
        check_type(name, getattr(latent, name), int)
    for name in ("data_sha256", "code_sha256"):
        check_type(name, getattr(latent, name), str)


def _check_trace(trace: Any) -> None:
    check_type("trace", trace, dict)
    if not set(TRACE) <= set(trace):
        raise ValueError(f"trace must have the items {', '.join(TRACE)}")
    sweeps = np.size(trace["log_joint"])
    for name, values in trace.items():
        check_type("a key of trace", name, str)
        integers = isinstance(values, np.ndarray) and values.dtype == np.int64
        dtype = TRACE.get(name, np.int64 if integers else np.float64)
        _check_array(f"trace[{name!r}]", values, dtype, (sweeps,))


def _check_samples(samples: Any, sweeps: int, rows: int, features: int) -> None:
    check_type("samples", samples, dict)
    if set(samples) != set(SAMPLES):
        raise ValueError(f"samples must have the items {', '.join(SAMPLES)}")
    for name, shape in sample_shapes(np.size(samples["sweep"]), rows, features).items():
        _check_array(f"samples[{name!r}]", samples[name], SAMPLES[name], shape)
    if (np.diff([0, *samples["sweep"], sweeps + 1]) <= 0).any():
        raise ValueError(f"samples must be of ascending sweeps, from 1 to {sweeps}")
    for name in ("alpha", "beta", "concentration"):
        if not (np.isfinite(samples[name]).all() and (samples[name] > 0).all()):
            raise ValueError(f"{name} of the samples must be positive and finite")
    for assignments in samples["assignments"]:
        numbers = assignments.min() >= 0 and assignments.max() < rows
        if not (numbers and np.bincount(assignments).all()):
            raise ValueError("assignments of a sample must use every number from 0 to K - 1")


def check_type(name: str, value: object, expected: type) -> None:
    if type(value) is not expected:
        raise ValueError(f"{name} must be of type {expected.__name__}, not {type(value).__name__}")


def _check_array(name: str, value: Any, dtype: type, shape: int | tuple[int, ...]) -> None:
    """Check the type of an array and its shape, or only how many dimensions it has."""
    check_type(name, value, np.ndarray)
    if value.dtype != dtype or shape not in (value.ndim, value.shape):
        expected = f"of shape {shape}" if isinstance(shape, tuple) else f"of {shape} dimension(s)"
        raise ValueError(
            f"{name} must be an array of {np.dtype(dtype)} {expected}, "
            f"not of {value.dtype} of shape {value.shape}"
        )


def _check_builtins(name: str, value: Any, depth: int = 4) -> None:
    """Check that `value` is made of builtins only, nested no deeper than settings need."""
    if value is None or type(value) in (bool, int, float, str):
        return
    if type(value) not in (dict, list, tuple) or depth == 0:
        raise ValueError(f"{name} must be made of builtins, found {type(value).__name__}")
    for key in value if isinstance(value, dict) else ():
        check_type(f"a key of {name}", key, str)
    for item in value.values() if isinstance(value, dict) else value:
        _check_builtins(name, item, depth - 1)


def sample_shapes(kept: int, rows: int, features: int) -> dict[str, tuple[int, ...]]:
    wide = {"assignments": (rows,), "alpha": (features,), "beta": (features,)}
    return {name: (kept, *wide.get(name, ())) for name in SAMPLES}
