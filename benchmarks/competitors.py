"""The sweep `bitmix.kernel.sweep` as a user of NumPy, or of Numba, would write it.

Both sample the same model by the same algorithm (Neal 2000, algorithm 3) from the same draws in the
same order. From one state, all three make the same moves, unless rounding changes a draw.

Both save time in these ways:

- single precision;
- weights log p - log(1 - p) for each pixel and cluster, so that pixels that are off cost nothing;
- the weights of a cluster are recomputed only when it changes;
- the weights of a cluster without one of its members are kept until it changes;
- the terms that depend only on the size of a cluster are tabulated.

A sweep takes the order of the images and one uniform number for each. It returns how many images
changed cluster.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class NumpySweep:
    """The sweep in NumPy: a matrix-vector product and a few vector operations per image.

    Parameters
    ----------
    x : (N, D) uint8 array of zeros and ones
    assignments : (N,) int32, every number of 0..K-1 used
    alpha, beta : (D,) float64
    concentration : float
    """

    def __init__(self, x, assignments, alpha, beta, concentration):
        room = 2 * int(assignments.max()) + 100  # more clusters raise IndexError
        self.x = x.astype(np.float32)
        self.z = assignments.copy()
        self.clusters = int(assignments.max()) + 1
        self.sizes = np.bincount(assignments, minlength=room)
        self.counts = np.zeros((room, x.shape[1]), np.float32)
        for k in range(self.clusters):
            self.counts[k] = x[assignments == k].sum(axis=0)
        self.alpha, self.beta = alpha.astype(np.float32), beta.astype(np.float32)
        self.by_size = _Sizes(alpha, beta, concentration)
        self.weights = np.zeros((room, x.shape[1]), np.float32)
        self.base = np.zeros(room, np.float32)
        self.without = np.zeros((room, x.shape[1]), np.float32)
        self.without_base = np.zeros(room, np.float32)
        self.fresh = np.zeros(room, bool)
        for k in range(self.clusters + 1):
            self._refresh(k)

    def __call__(self, order, uniforms):
        moved = 0
        for i, u in zip(order.tolist(), uniforms.tolist(), strict=True):
            own, image = self.z[i], self.x[i]
            scores = self.weights[: self.clusters + 1] @ image
            scores += self.base[: self.clusters + 1]
            scores[own] = self._score_without(own, image)
            scores -= scores.max()
            cumulative = np.exp(scores, out=scores).cumsum()
            new = int(cumulative.searchsorted(u * cumulative[-1], "right"))
            if new == own or (new == self.clusters and self.sizes[own] == 1):
                continue
            self._move(i, own, new)
            moved += 1
        return moved

    def _score_without(self, k, image):
        n = self.sizes[k] - 1
        if n == 0:
            return -np.inf
        if not self.fresh[k]:
            c = self.counts[k]
            log_off = np.log(self.beta + np.maximum(n - c, 0))
            self.without[k] = np.log(self.alpha + np.maximum(c - 1, 0)) - log_off
            self.without_base[k] = log_off.sum() + self.by_size[n]
            self.fresh[k] = True
        return self.without[k] @ image + self.without_base[k]

    def _move(self, i, own, new):
        self.z[i] = new
        for k, step in ((own, -1), (new, 1)):
            self.sizes[k] += step
            self.counts[k] += step * self.x[i]
            self._refresh(k)
        if new == self.clusters:
            self.clusters += 1
            self._refresh(self.clusters)
        if self.sizes[own] == 0:
            self._close(own)

    def _close(self, k):
        """Give the number of the empty cluster k to the last cluster."""
        last = self.clusters = self.clusters - 1
        self.z[self.z == last] = k
        for by_cluster in (self.sizes, self.counts):
            by_cluster[k], by_cluster[last] = by_cluster[last], 0
        self._refresh(k)
        self._refresh(last)

    def _refresh(self, k):
        n, c = self.sizes[k], self.counts[k]
        log_off = np.log(self.beta + (n - c))
        np.subtract(np.log(self.alpha + c), log_off, out=self.weights[k])
        self.base[k] = log_off.sum() + self.by_size[n]
        self.fresh[k] = False


class _Sizes(dict):
    """log n - sum_d log(alpha_d + beta_d + n) by n, with the concentration for n = 0."""

    def __init__(self, alpha, beta, concentration):
        self.shift = alpha + beta
        self.concentration = concentration

    def __missing__(self, n):
        value = np.log(n or self.concentration) - np.log(self.shift + n).sum()
        self[n] = value
        return value


class NumbaSweep:
    """The sweep in Numba: images are lists of the pixels that are on.

    The weights of four pixels are added at a time. When an image joins or leaves, only the log that
    changes is recomputed for each pixel.
    Parameters are those of `NumpySweep`.
    """

    def __init__(self, x, assignments, alpha, beta, concentration):
        self.clusters = int(assignments.max()) + 1
        room = 2 * self.clusters + 100
        sizes = np.bincount(assignments, minlength=room)
        counts = np.zeros((room, x.shape[1]), np.float32)
        for k in range(self.clusters):
            counts[k] = x[assignments == k].sum(axis=0)
        alpha, beta = alpha.astype(np.float32), beta.astype(np.float32)
        terms = _Sizes(alpha, beta, concentration)
        by_size = np.array([terms[n] for n in range(2 * sizes.max() + 1000)], np.float32)
        log_on = np.log(alpha + counts)
        log_off = np.log(beta + (sizes[:, None].astype(np.float32) - counts))
        self.state = _State(
            x=x,
            start=np.concatenate([[0], x.sum(axis=1, dtype=np.int64).cumsum()]),
            on=np.nonzero(x)[1].astype(np.int32),
            z=assignments.copy(),
            sizes=sizes,
            counts=counts,
            alpha=alpha,
            beta=beta,
            by_size=by_size,
            log_on=log_on,
            log_off=log_off,
            weights=np.ascontiguousarray((log_on - log_off).T),
            base=log_off.sum(axis=1) + by_size[sizes],
            without=np.zeros((room, x.shape[1]), np.float32),
            without_base=np.zeros(room, np.float32),
            fresh=np.zeros(room, np.bool_),
        )

    @property
    def z(self):
        return self.state.z

    def __call__(self, order, uniforms):
        self.clusters, moved = _numba_sweep(self.state, self.clusters, order, uniforms)
        return moved


class _State(NamedTuple):
    x: np.ndarray  # (N, D)
    start: np.ndarray  # (N + 1,) where the pixels of an image start in `on`
    on: np.ndarray
    z: np.ndarray  # (N,)
    sizes: np.ndarray  # by cluster, with room for more
    counts: np.ndarray  # (room, D)
    alpha: np.ndarray  # (D,)
    beta: np.ndarray
    by_size: np.ndarray
    log_on: np.ndarray  # (room, D) log(alpha + c), log(beta + n - c)
    log_off: np.ndarray
    weights: np.ndarray  # (D, room) their difference
    base: np.ndarray  # (room,)
    without: np.ndarray  # (room, D) weights without one member, if `fresh`
    without_base: np.ndarray
    fresh: np.ndarray


@njit(fastmath=True)
def _numba_sweep(s, clusters, order, uniforms):
    moved = 0
    scores = np.empty(len(s.base), np.float32)
    for t in range(len(order)):
        i = order[t]
        own = s.z[i]
        pixels = s.on[s.start[i] : s.start[i + 1]]
        _score(s, pixels, scores[: clusters + 1])
        scores[own] = _score_without(s, own, pixels)
        new = _choose(scores[: clusters + 1], uniforms[t])
        if new == own or (new == clusters and s.sizes[own] == 1):
            continue
        moved += 1
        s.z[i] = new
        _change(s, s.x[i], own, -1)
        _change(s, s.x[i], new, 1)
        if new == clusters:
            clusters += 1
            _empty(s, clusters)
        if s.sizes[own] == 0:
            clusters -= 1
            _close(s, own, clusters)
    return clusters, moved


@njit(fastmath=True)
def _score(s, pixels, scores):
    scores[:] = s.base[: len(scores)]
    fours = len(pixels) // 4 * 4
    for j in range(0, fours, 4):
        a, b = s.weights[pixels[j]], s.weights[pixels[j + 1]]
        c, d = s.weights[pixels[j + 2]], s.weights[pixels[j + 3]]
        for k in range(len(scores)):
            scores[k] += (a[k] + b[k]) + (c[k] + d[k])
    for j in range(fours, len(pixels)):
        a = s.weights[pixels[j]]
        for k in range(len(scores)):
            scores[k] += a[k]


@njit(fastmath=True)
def _score_without(s, k, pixels):
    n = s.sizes[k] - 1
    if n == 0:
        return np.float32(-1e30)
    zero, one = np.float32(0), np.float32(1)
    if not s.fresh[k]:
        base = s.by_size[n]
        for d in range(len(s.alpha)):
            c = s.counts[k, d]
            log_off = np.log(s.beta[d] + max(np.float32(n) - c, zero))
            s.without[k, d] = np.log(s.alpha[d] + max(c - one, zero)) - log_off
            base += log_off
        s.without_base[k] = base
        s.fresh[k] = True
    score = s.without_base[k]
    for d in pixels:
        score += s.without[k, d]
    return score


@njit(fastmath=True)
def _choose(scores, u):
    top = scores.max()
    total = np.float32(0)
    for k in range(len(scores)):
        scores[k] = np.exp(scores[k] - top)
        total += scores[k]
    left = u * total
    for k in range(len(scores)):
        left -= scores[k]
        if left < 0:
            return k
    return scores.argmax()


@njit(fastmath=True)
def _change(s, image, k, step):
    s.sizes[k] += step
    n = np.float32(s.sizes[k])
    base = s.by_size[s.sizes[k]]
    for d in range(len(image)):
        if image[d]:
            s.counts[k, d] += np.float32(step)
            s.log_on[k, d] = np.log(s.alpha[d] + s.counts[k, d])
        else:
            s.log_off[k, d] = np.log(s.beta[d] + (n - s.counts[k, d]))
        s.weights[d, k] = s.log_on[k, d] - s.log_off[k, d]
        base += s.log_off[k, d]
    s.base[k] = base
    s.fresh[k] = False


@njit(fastmath=True)
def _empty(s, k):
    """Make k the empty cluster."""
    s.sizes[k] = 0
    s.counts[k] = 0
    s.log_on[k] = np.log(s.alpha)
    s.log_off[k] = np.log(s.beta)
    s.weights[:, k] = s.log_on[k] - s.log_off[k]
    s.base[k] = s.by_size[0] + s.log_off[k].sum()


@njit(fastmath=True)
def _close(s, k, last):
    """Give the number of the empty cluster k to the last cluster."""
    for j in range(len(s.z)):
        if s.z[j] == last:
            s.z[j] = k
    s.sizes[k] = s.sizes[last]
    s.counts[k] = s.counts[last]
    s.log_on[k] = s.log_on[last]
    s.log_off[k] = s.log_off[last]
    s.weights[:, k] = s.weights[:, last]
    s.base[k] = s.base[last]
    s.fresh[k] = False
    _empty(s, last)
