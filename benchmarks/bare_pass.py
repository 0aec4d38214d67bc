"""The bare pass: add up the weights of all clusters for every row and do nothing else.

It uses the C function of the kernel, compiled here with the flags of meson.build.
"""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from bitmix import kernel

HERE = Path(__file__).parent
C = HERE.parent / "src/bitmix/kernel/c"
MARCH = {"baseline": [], "v3": ["-march=x86-64-v3"], "v4": ["-march=x86-64-v4"]}
BESIDE = 8  # see simd.h


class BarePass:
    """The scores of all rows for all clusters of a mixture, computed at every call.

    Parameters
    ----------
    x : ndarray of uint8, shape (N, D)
    mixture : bitmix.kernel.Mixture
        Of these rows, without missing features.
    """

    def __init__(self, x, mixture):
        active = mixture.rows.active
        on = mixture.alpha[active] + mixture.counts[:, active]
        off = mixture.beta[active] + mixture.sizes[:, None] - mixture.counts[:, active]
        self.blocks = mixture.clusters // BESIDE + 1
        weights = np.zeros((self.blocks * BESIDE, len(active) | 1), np.float32)
        weights[: mixture.clusters, : len(active)] = np.log(on) - np.log(off)
        by_block = weights.reshape(self.blocks, BESIDE, -1).transpose(0, 2, 1)
        self.weights = _aligned(by_block)
        self.base = _aligned(np.zeros(self.blocks * BESIDE, np.float32))
        self.scores = _aligned(np.zeros(self.blocks * BESIDE, np.float32))
        rows, features = np.nonzero(x[:, active])
        self.on = np.append(features, 0).astype(np.uint32)
        self.start = np.searchsorted(rows, np.arange(len(x) + 1)).astype(np.int64)
        self.library = _library(kernel.simd_name())
        self.simd = ctypes.c_void_p.in_dll(self.library, f"bitmix_simd_{kernel.simd_name()}")

    def __call__(self):
        self.library.bare_pass(
            ctypes.byref(self.simd),
            _pointer(self.weights),
            ctypes.c_ssize_t(self.weights.shape[1] * BESIDE),
            _pointer(self.on),
            _pointer(self.start),
            ctypes.c_ssize_t(len(self.start) - 1),
            _pointer(self.base),
            ctypes.c_ssize_t(self.blocks),
            _pointer(self.scores),
        )


def _library(level):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bare_pass.so")
        flags = ["-shared", "-fPIC", "-std=gnu11", "-O3", "-ffp-contract=off", "-Wno-psabi"]
        sources = [C / "simd.c", HERE / "bare_pass.c"]
        subprocess.run(
            ["cc", *flags, *MARCH[level], f"-DBITMIX_LEVEL={level}", f"-I{C}", *sources, "-lm",
             "-o", path],
            check=True,
        )  # fmt: skip
        return ctypes.CDLL(str(path))


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def _aligned(array):
    """Return a copy on a 64-byte boundary, as in the kernel."""
    raw = np.empty(array.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    copy = raw[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
