"""A latent in every schema of its files, and what is done to files of latents."""

from dataclasses import fields, replace

import numpy as np
import pytest

from bitmix.chains import Latent, LatentError, load_latents
from bitmix.io import sealed_write


def golden_latent():
    """Return five rows of three features in two clusters after two sweeps."""
    return Latent(
        assignments=np.array([0, 1, 0, 0, 1], dtype=np.int32),
        sizes=np.array([3, 2], dtype=np.int64),
        counts=np.array([[3, 0, 1], [0, 2, 1]], dtype=np.int32),
        alpha=np.array([0.5, 1.0, 1e-12]),
        beta=np.array([2.0, 1.0, 3e5]),
        concentration=1.5,
        trace={
            "log_joint": np.array([-15.25, -13.5]),
            "clusters": np.array([3, 2]),
            "moved": np.array([5, 1]),
            "seconds": np.array([0.25, 0.125]),
            "concentration": np.array([1.5, 1.5]),
            "largest": np.array([2, 3]),
            "entropy": np.array([1.0549201679861442, 0.6730116670092565]),
            "assign_seconds": np.array([0.25, 0.125]),
            "splits_proposed": np.array([100, 100]),
        },
        config={
            "chains": 2,
            "sweeps": 2,
            "initial_clusters": 3,
            "concentration": 1.5,
            "hyperprior": "exponential",
            "moves": ["assign", "pixel_priors"],
        },
        seed=2**80,
        chain=1,
        data_sha256="0f" * 32,
        generator=np.random.PCG64(7).state,
        samples={
            "sweep": np.array([1, 2]),
            "assignments": np.array([[0, 1, 0, 2, 1], [0, 1, 0, 0, 1]], dtype=np.int32),
            "alpha": np.array([[0.5, 1.5, 1e-12], [0.5, 1.0, 1e-12]]),
            "beta": np.array([[2.0, 0.5, 3e5], [2.0, 1.0, 3e5]]),
            "concentration": np.array([1.5, 1.5]),
        },
        code_sha256="1e" * 32,
    )


def without_times(latent):
    """Return a latent as a file gives it back."""
    unknown = np.full(latent.sweeps, np.nan)
    times = {name: unknown for name in latent.trace if name.endswith("seconds")}
    return replace(latent, trace=latent.trace | times)


def golden_latent_of_schema_1():
    """Return the part of `golden_latent` that schema 1 kept."""
    latent = golden_latent()
    known = ("log_joint", "clusters", "moved", "seconds", "concentration")
    trace = {name: latent.trace[name] for name in known}
    trace |= {"largest": np.array([0, 0]), "entropy": np.array([np.nan, np.nan])}
    return replace(latent, trace=trace, samples=None, code_sha256="")


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()
        assert found.flags.writeable
    else:
        assert found == expected


def assert_same_latent(found, expected):
    for field in fields(Latent):
        assert_same(getattr(found, field.name), getattr(expected, field.name))


def refuse(path, data, message=None):
    """Check that `load_latents` refuses a pickle whose checksum is right."""
    seal(path, data)
    refuse_file(path, message)


def seal(path, data):
    with sealed_write(path) as file:
        file.write(data)


def refuse_file(path, message=None):
    """Check that `load_latents` refuses a file, with its path and `message`."""
    with pytest.raises(LatentError, match=message) as error:
        load_latents(path)
    assert str(path) in str(error.value)
