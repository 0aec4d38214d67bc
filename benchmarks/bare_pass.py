"""The bare pass: add up the weights of all clusters for every row and do nothing else.

It is a loop of its own in C, compiled here for the instruction set that the kernel uses.
"""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from bitmix import kernel

SOURCE = Path(__file__).parent / "bare_pass.c"
MARCH = {"baseline": [], "v3": ["-march=x86-64-v3"], "v4": ["-march=x86-64-v4"]}
LANES = 16  # clusters side by side
MOST = 12  # blocks of so many clusters whose sums stay in registers


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
        blocks = -(-mixture.clusters // LANES)
        self.passes = -(-blocks // MOST)
        width = -(-blocks // self.passes)
        # An odd number of cache lines from block to block: powers of two alias in the cache.
        weights = np.zeros((self.passes * width * LANES, len(active) | 1), np.float32)
        weights[: mixture.clusters, : len(active)] = np.log(on) - np.log(off)
        by_block = weights.reshape(self.passes * width, LANES, -1).transpose(0, 2, 1)
        self.weights = _aligned(by_block)
        self.scores = _aligned(np.zeros(len(weights), np.float32))
        rows, features = np.nonzero(x[:, active])
        self.on = features.astype(np.uint32)
        self.start = np.searchsorted(rows, np.arange(len(x) + 1)).astype(np.int64)
        self.library = _library(kernel.simd_name(), width)

    def __call__(self):
        self.library.bare_pass(
            _pointer(self.weights),
            ctypes.c_ssize_t(self.weights.shape[1] * LANES),
            _pointer(self.on),
            _pointer(self.start),
            ctypes.c_ssize_t(len(self.start) - 1),
            ctypes.c_ssize_t(self.passes),
            _pointer(self.scores),
        )


def _library(level, width):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bare_pass.so")
        flags = ["-shared", "-fPIC", "-std=gnu11", "-O3", "-Wno-psabi", f"-DWIDTH={width}"]
        subprocess.run(["cc", *flags, *MARCH[level], SOURCE, "-o", path], check=True)
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
