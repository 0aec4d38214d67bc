"""The vector arithmetic: its error on the domain of each function, compared with mpmath."""

import mpmath
import numpy as np
import pytest

from bitmix import kernel


def spread(low, high, dtype, n=20_000, log=True):
    """Return n points of a domain: its ends, powers of two and their neighbours, random ones."""
    rng = np.random.default_rng(0)
    if log:
        points = np.exp(rng.uniform(np.log(low), np.log(high), n))
        powers = 2.0 ** np.arange(np.ceil(np.log2(low)), np.floor(np.log2(high)))
        points = np.concatenate([points, powers, rng.uniform(0.3, 3, n)])
    else:
        points = np.concatenate([rng.uniform(low, high, n), rng.uniform(-1, 0, n), [0.0, -0.0]])
    points = np.concatenate([[low, high], points]).astype(dtype)
    points = np.concatenate(
        [points, np.nextafter(points, dtype(2)), np.nextafter(points, dtype(1))]
    )
    return points[(points >= dtype(low)) & (points <= dtype(high))]


def error(name, x, exact, at_least=0.0):
    """Return the greatest error, in ulp of max(|exact|, at_least)."""
    with mpmath.workdps(30):
        truth = [exact(mpmath.mpf(float(v))) for v in x]
        found = kernel.vecmath(name, x)
        scale = [np.spacing(x.dtype.type(max(abs(t), at_least))) for t in truth]
        return max(
            float(abs(mpmath.mpf(float(f)) - t) / mpmath.mpf(float(s)))
            for f, t, s in zip(found, truth, scale, strict=True)
        )


TINY_F32, TINY_F64 = np.finfo(np.float32).tiny, np.finfo(np.float64).tiny
BOUNDS = {
    "log_f32": (spread(TINY_F32, np.finfo(np.float32).max, np.float32), mpmath.log, 0.0, 2.0),
    "exp_f32": (spread(-87, 88, np.float32, log=False), mpmath.exp, 0.0, 1.0),
    "log_f64": (spread(TINY_F64, np.finfo(np.float64).max, np.float64), mpmath.log, 0.0, 1.0),
    "exp_f64": (spread(-708, 709, np.float64, log=False), mpmath.exp, 0.0, 1.0),
    "lgamma_f64": (spread(8, 1e300, np.float64, 4000), mpmath.loggamma, 0.0, 4.0),
    "lgamma_small": (spread(1e-300, 8, np.float64, 4000), mpmath.loggamma, 1.0, 36.0),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_error_bound(name):
    x, exact, at_least, bound = BOUNDS[name]
    assert error(name.replace("_small", "_f64"), x, exact, at_least) <= bound


@pytest.mark.parametrize("name", BOUNDS)
def test_same_bits_at_every_level(name, level):
    x = BOUNDS[name][0]
    name = name.replace("_small", "_f64")
    here = kernel.vecmath(name, x)
    kernel.use_simd("baseline")
    assert here.tobytes() == kernel.vecmath(name, x).tobytes()


def test_special_values():
    for name, dtype in (("f32", np.float32), ("f64", np.float64)):
        zero, one = np.zeros(1, dtype), np.ones(1, dtype)
        assert kernel.vecmath(f"log_{name}", one) == 0
        assert kernel.vecmath(f"exp_{name}", zero) == 1
        assert kernel.vecmath(f"exp_{name}", np.array([-np.inf], dtype)) == 0
        assert kernel.vecmath(f"exp_{name}", np.array([-1e6], dtype)) == 0
    assert np.abs(kernel.vecmath("lgamma_f64", np.array([1.0, 2.0]))).max() < 8e-15


def test_unknown_function():
    with pytest.raises(ValueError, match="sin_f32"):
        kernel.vecmath("sin_f32", np.ones(1, np.float32))
