"""Collapsed Gibbs kernel for Dirichlet-process mixtures of Beta-Bernoulli pixels.

Images are 0/1 vectors; the state is the assignments z, the cluster sizes n_k, the on-counts c_kd
and the hyperparameters alpha_d, beta_d and concentration. theta_kd is integrated out.

The sweep is algorithm 3 of Neal (2000), "Markov chain sampling methods for Dirichlet process
mixture models", J. Comput. Graph. Stat. 9. An image x without which cluster k has n members, c of
them on at pixel d, has

    log p(x | k) = sum_on log(alpha + c) + sum_off log(beta + n - c) - sum_d log(alpha + beta + n)

which the kernel evaluates for all clusters at once as base_k + sum_on w_dk, with
w_dk = log(alpha + c) - log(beta + n - c). Scores are single precision, within 1e-3 nats; log joint
and hyperparameters are double. Random numbers are only ever the doubles of the caller's
BitGenerator, and all arithmetic is that of vecmath.h: a chain is the same bit for bit anywhere.
"""

import os

import numpy as np

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport INFINITY, NAN, frexp, isnan, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from numpy.random cimport bitgen_t

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *) noexcept nogil

cdef extern from "simd.h":
    enum:
        LANES "BITMIX_LANES"
    Py_ssize_t cost_column "BITMIX_COST_COLUMN"(Py_ssize_t) noexcept nogil
    ctypedef struct Simd "bitmix_simd":
        const char *name
        void (*score)(const float *, Py_ssize_t, const uint32_t *, Py_ssize_t, const float *,
                      Py_ssize_t, float *) noexcept nogil
        uint16_t (*screen)(const uint8_t *, Py_ssize_t, const uint32_t *, Py_ssize_t,
                           const uint16_t *, Py_ssize_t, Py_ssize_t, uint16_t *) noexcept nogil
        Py_ssize_t (*below)(const uint16_t *, Py_ssize_t, uint16_t, int32_t *) noexcept nogil
        Py_ssize_t (*choose)(const float *, Py_ssize_t, double, double, float *) noexcept nogil
        float (*sum_on)(const float *, const uint16_t *, Py_ssize_t) noexcept nogil
        double (*cluster_logs)(const float *, const float *, const int32_t *, int32_t, int32_t,
                               Py_ssize_t, float *, float *, float *) noexcept nogil
        double (*changed_logs)(const float *, const float *, const int32_t *, int32_t,
                               const uint16_t *, int32_t, Py_ssize_t, float *) noexcept nogil
        double (*change)(const float *, const float *, int32_t *, int32_t, const uint16_t *,
                         int32_t, Py_ssize_t, const float *, float *, float *,
                         float *) noexcept nogil
        void (*scatter)(const float *, Py_ssize_t, float *) noexcept nogil
        double (*scatter_costs)(const float *, const float *, float, Py_ssize_t,
                                uint8_t *) noexcept nogil
        void (*take_max)(const float *, Py_ssize_t, float *) noexcept nogil
        double (*sum_log)(const float *, float, Py_ssize_t) noexcept nogil
        double (*sum_lgamma)(double, const double *, Py_ssize_t) noexcept nogil
        double (*log_rising)(double, const double *, const double *, Py_ssize_t) noexcept nogil
        double (*masked_logs)(const float *, const float *, const float *, const int32_t *,
                              const int32_t *, const uint16_t *, const uint16_t *, int32_t,
                              Py_ssize_t, float *, float *) noexcept nogil
        void (*log_marginal)(const double *, const double *, const int32_t *, const int32_t *,
                             Py_ssize_t, Py_ssize_t, double *) noexcept nogil
        double (*log)(double) noexcept nogil
        double (*exp)(double) noexcept nogil
        double (*lgamma)(double) noexcept nogil
        void (*array_log_f32)(const float *, float *, Py_ssize_t) noexcept nogil
        void (*array_exp_f32)(const float *, float *, Py_ssize_t) noexcept nogil
        void (*array_log_f64)(const double *, double *, Py_ssize_t) noexcept nogil
        void (*array_exp_f64)(const double *, double *, Py_ssize_t) noexcept nogil
        void (*array_lgamma_f64)(const double *, double *, Py_ssize_t) noexcept nogil
    const Simd *bitmix_simd_named(const char *)
    const Simd *bitmix_simd_best()


# ---------------------------------------------------------------- instruction set

cdef const Simd *simd = bitmix_simd_best()


def use_simd(name):
    """Choose the instruction set of chains made from now on; they are the same on each.

    Parameters
    ----------
    name : {"baseline", "v3", "v4"}
        On x86-64 SSE2, AVX2 or AVX-512; elsewhere there is only "baseline".

    Raises
    ------
    ValueError
        If this build or this machine lacks it.
    """
    global simd
    cdef const Simd *level = bitmix_simd_named(name.encode())
    if level == NULL:
        raise ValueError(
            f"instruction set {name!r} is not to be had here; leave BITMIX_SIMD unset to use "
            f"{bitmix_simd_best().name.decode()!r}, the widest of this machine"
        )
    simd = level


def simd_name():
    """Name of the instruction set in use."""
    return simd.name.decode()


if "BITMIX_SIMD" in os.environ:
    use_simd(os.environ["BITMIX_SIMD"])


# ---------------------------------------------------------------- random numbers

cdef bitgen_t *_bitgen(bit_generator) except NULL:
    return <bitgen_t *>PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")


cdef inline double _uniform(bitgen_t *rng) noexcept nogil:
    return rng.next_double(rng.state)


cdef inline Py_ssize_t _below(bitgen_t *rng, Py_ssize_t n) noexcept nogil:
    """Uniform on 0..n-1 from one double; the bias is below n / 2**53."""
    return <Py_ssize_t>(_uniform(rng) * <double>n)


cdef void _permute(bitgen_t *rng, int32_t[::1] order) noexcept nogil:
    """Fresh uniform permutation of 0..n-1 (Fisher and Yates, from the end)."""
    cdef Py_ssize_t i, j
    for i in range(order.shape[0]):
        order[i] = <int32_t>i
    for i in range(order.shape[0] - 1, 0, -1):
        j = _below(rng, i + 1)
        order[i], order[j] = order[j], order[i]


def permutation(bit_generator, Py_ssize_t n):
    """Uniform random permutation of 0..n-1, shape (n,) int32.

    NumPy promises the stream of a BitGenerator, not that of Generator.permutation.
    """
    cdef int32_t[::1] order = np.empty(n, np.int32)
    cdef bitgen_t *rng = _bitgen(bit_generator)
    with bit_generator.lock, nogil:
        _permute(rng, order)
    return np.asarray(order)


def integers(bit_generator, Py_ssize_t high, Py_ssize_t n):
    """`n` independent uniform draws from 0..high-1, shape (n,) int32."""
    cdef int32_t[::1] draws = np.empty(n, np.int32)
    cdef bitgen_t *rng = _bitgen(bit_generator)
    cdef Py_ssize_t i
    with bit_generator.lock, nogil:
        for i in range(n):
            draws[i] = <int32_t>_below(rng, high)
    return np.asarray(draws)


# ---------------------------------------------------------------- arrays

cdef Py_ssize_t _padded(Py_ssize_t n) noexcept nogil:
    """To pairs of vectors, as the kernel takes them."""
    return (n + 2 * LANES - 1) // (2 * LANES) * (2 * LANES)


def _aligned(shape, dtype):
    """Zeros on a 64-byte boundary: a vector then never straddles two cache lines."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start:start + size].view(dtype).reshape(shape)


cdef class Images:
    """Binary images as the kernel reads them; shared by all chains, never written.

    Parameters
    ----------
    x : (N, D) uint8 array of zeros and ones
    observed : (N, D) bool array, optional
        False where a pixel is missing; its value in `x` must then be zero.

    Attributes
    ----------
    shape : (N, D)
    active, never : arrays of int
        Pixels that are on in some image, ascending, and in none. With missing pixels all are
        active, as the latter then differ too.
    """

    cdef readonly tuple shape
    cdef readonly object active, never  # (A,), (D - A,)
    cdef int64_t[::1] start         # (N + 1,) where an image's rows start in `on`
    cdef uint32_t[::1] on           # its on-pixels d, then its missing ones as A + d, d in `active`
    cdef uint16_t[:, ::1] bits      # (N, P / 16) the former, one bit a pixel
    cdef uint16_t[:, ::1] missing   # (N, P / 16) the latter, and the padding; or None

    def __init__(self, x, observed=None):
        x = np.ascontiguousarray(x, np.uint8)
        if max(x.shape) > np.iinfo(np.int32).max:
            raise ValueError(f"x has the shape {x.shape}: at most 2**31 - 1 rows and columns")
        self.shape = x.shape
        seen = np.bitwise_or.reduce(x, axis=0) != 0
        if observed is not None:
            seen[:] = True
        self.active = np.flatnonzero(seen)
        self.never = np.flatnonzero(~seen)
        rank = np.zeros(x.shape[1], np.uint32)
        rank[self.active] = np.arange(len(self.active))
        words = _padded(max(len(self.active), 1)) // LANES
        self.start = np.empty(len(x) + 1, np.int64)
        self.bits = np.zeros((len(x), words), np.uint16)
        self.missing = None
        rows = np.count_nonzero(x)
        if observed is None:
            observed = np.empty((0, 0), bool)
        else:
            rows += observed.size - np.count_nonzero(observed)
            padding = np.zeros(words * LANES, bool)
            padding[x.shape[1]:] = True
            padding = np.packbits(padding, bitorder="little").view("<u2")
            self.missing = np.tile(padding, (len(x), 1))
        self.on = np.empty(rows + 1, np.uint32)
        self._pack(x, rank, np.ascontiguousarray(observed).view(np.uint8))

    cdef void _pack(
        self, const uint8_t[:, ::1] x, const uint32_t[::1] rank, const uint8_t[:, ::1] observed
    ) noexcept nogil:
        cdef Py_ssize_t i, d, j = 0
        for i in range(x.shape[0]):
            self.start[i] = j
            for d in range(x.shape[1]):
                self.on[j] = rank[d]  # overwritten by the next unless on: faster than to ask
                j += x[i, d]
            for d in range(self.start[i], j):
                self.bits[i, self.on[d] // LANES] |= <uint16_t>(1 << self.on[d] % LANES)
            for d in range(observed.shape[1]):
                if not observed[i, d]:
                    self.on[j] = <uint32_t>(observed.shape[1] + d)
                    j += 1
                    self.missing[i, d // LANES] |= <uint16_t>(1 << d % LANES)
        self.start[self.start.shape[0] - 1] = j

    def mixture(self, assignments, alpha, beta, concentration):
        """The state of a chain on these images."""
        kind = Mixture if self.missing is None else MaskedMixture
        return kind(self, assignments, alpha, beta, concentration)


# ---------------------------------------------------------------- the mixture

cdef enum:
    WIDE = 64    # bytes of a vector
    # of screening:
    STEPS = 16   # of a cost, to a nat
    MARGIN = 16  # in nats
    PROBE = 256  # images of a sweep that are scored in full, to see if screening would pay:
    FEW = 16     # it does where it leaves fewer than one in so many clusters

    NONE = -1    # in place of a cluster


cdef double EXP_MINUS_MARGIN = 1.1253517471925912e-07


cdef void _set_row(int32_t[:, ::1] rows, Py_ssize_t k, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    """rows[k] = rows[a] + rows[b], zero where NONE."""
    cdef Py_ssize_t d
    for d in range(rows.shape[1]):
        rows[k, d] = (rows[a, d] if a >= 0 else 0) + (rows[b, d] if b >= 0 else 0)


cdef class Mixture:
    """State of one chain: assignments, sufficient statistics and hyperparameters.

    Clusters are numbered 0..K-1 and none is empty. Column K of the weights always holds the empty
    cluster, so that opening one is scored like any other.

    Parameters
    ----------
    images : Images
    assignments : (N,) int32, every number of 0..K-1 used
    alpha, beta : (D,) float64, positive
    concentration : float, positive
    """

    cdef readonly Images images
    cdef const Simd *simd
    cdef readonly double concentration
    cdef public double acceptance_bias  # nats, added to log ratios of splits: tests must notice it
    cdef readonly Py_ssize_t clusters   # K
    cdef int32_t[::1] z, order
    cdef double[::1] alpha_, beta_      # (D,)

    # by active pixel, padded to P
    cdef Py_ssize_t pixels, active      # P, A
    cdef Py_ssize_t rows                # of by_pixel: A
    cdef float[::1] alpha_f, beta_f, shift_f                # shift: alpha + beta
    cdef float[::1] never_beta_f, never_shift_f             # the same of pixels that are never on
    cdef float[::1] changed, column                         # scratch

    # by cluster, with room for K + 1 or more
    cdef dict arrays                    # of the following, by name
    cdef int32_t[::1] sizes_
    cdef int32_t[:, ::1] counts_        # c_kd, (room, P)
    cdef float[:, ::1] log_on, log_off  # log(alpha + c) and log(beta + n - c), (room, P)
    cdef double[::1] sum_off            # sum_d log_off
    cdef float[:, ::1] weights          # log_on - log_off, (room, P), if screening or by_rows
    cdef float[:, :, ::1] by_pixel      # the same transposed, (room / 16, rows | 1, 16), if not
    cdef float[::1] base, scores, scratch
    cdef bint settled                   # few images move: what is kept of a cluster lasts
    # weights of a cluster less one member: 0 = stale, 1 = asked for since, 2 = kept in `without`
    cdef uint8_t[::1] kept
    cdef float[:, ::1] without          # (room, P)
    cdef double[::1] without_off

    # screening: scores from above in steps of 1 / STEPS nat
    cdef bint by_rows                   # of the weights only rows are written, for split-merge
    cdef readonly bint screening
    cdef public Py_ssize_t probe        # images of a sweep before it is decided on
    cdef uint8_t[:, :, ::1] costs       # STEPS (ceiling - weights), (room / 64, rows | 1, 64)
    cdef uint16_t[::1] base_costs       # STEPS (top - base), room
    cdef float[::1] ceiling             # (P,)
    cdef double top
    cdef uint16_t[::1] screened
    cdef int32_t[::1] candidates

    cdef double[::1] by_size            # log n - sum_d log(alpha + beta + n); nan: not yet known

    def __init__(self, Images images, assignments, alpha, beta, double concentration):
        cdef Py_ssize_t never = _padded(len(images.never))
        self.images = images
        self.simd = simd
        self.concentration = concentration
        self.z = np.array(assignments, np.int32)
        self.clusters = int(np.max(assignments)) + 1
        self.order = np.empty(len(self.z), np.int32)
        self.by_size = np.empty(len(self.z) + 1)
        self.pixels = LANES * images.bits.shape[1]
        self.active = len(images.active)
        self.rows = self._rows()
        self.alpha_f = _aligned(self.pixels, np.float32)
        self.beta_f = _aligned(self.pixels, np.float32)
        self.shift_f = _aligned(self.pixels, np.float32)
        self.never_beta_f = _aligned(never, np.float32)
        self.never_shift_f = _aligned(never, np.float32)
        self.changed = _aligned(self.pixels, np.float32)
        self.column = _aligned(self.pixels, np.float32)
        self.ceiling = _aligned(self.pixels, np.float32)
        self.probe = PROBE
        self.arrays = {}
        self._reserve(self.clusters + 1)
        self.alpha_ = np.array(alpha, np.float64)
        self.beta_ = np.array(beta, np.float64)
        self._round_hyperparameters()
        self._count()

    def _round_hyperparameters(self):
        """Single-precision alpha and beta, as the sweep reads them."""
        active, never = self.images.active, self.images.never
        alpha, beta = np.asarray(self.alpha_), np.asarray(self.beta_)
        # A padding pixel has alpha 1 and beta 1 in the logs, but shift 1: its terms then cancel
        for padded, values in (
            (self.alpha_f, alpha[active]),
            (self.beta_f, beta[active]),
            (self.shift_f, alpha[active] + beta[active]),
            (self.never_beta_f, beta[never]),
            (self.never_shift_f, alpha[never] + beta[never]),
        ):
            array = np.asarray(padded)
            array[:] = 1
            array[:len(values)] = values

    cdef Py_ssize_t _rows(self):
        return self.active

    def _reserve(self, Py_ssize_t clusters):
        """Make room for that many columns, and some more."""
        cdef Py_ssize_t room = ((clusters + clusters // 4) // WIDE + 1) * WIDE
        # an odd number of cache lines from block to block: powers of two alias in the cache
        cdef Py_ssize_t lines = self.rows | 1
        rows = (room, self.pixels)
        self.sizes_ = self._grown("sizes", room, np.int32)
        self.counts_ = self._grown("counts", rows, np.int32)
        self.log_on = self._grown("log_on", rows, np.float32)
        self.log_off = self._grown("log_off", rows, np.float32)
        self.sum_off = self._grown("sum_off", room, np.float64)
        self.weights = self._grown("weights", rows, np.float32)
        self.by_pixel = self._grown("by_pixel", (room // LANES, lines, LANES), np.float32)
        self.base = self._grown("base", room, np.float32, -np.inf)
        self.scores = self._grown("scores", room, np.float32)
        self.scratch = self._grown("scratch", room, np.float32)
        self.kept = self._grown("kept", room, np.uint8)
        self.without = self._grown("without", rows, np.float32)
        self.without_off = self._grown("without_off", room, np.float64)
        self.costs = self._grown("costs", (room // WIDE, lines, WIDE), np.uint8)
        self.base_costs = self._grown("base_costs", room, np.uint16, 65535)
        self.screened = self._grown("screened", room, np.uint16)
        self.candidates = self._grown("candidates", room, np.int32)

    def _grown(self, name, shape, dtype, fill=0):
        """An array of that shape, beginning with the rows and columns of the last by the name."""
        old = self.arrays.get(name)
        new = self.arrays[name] = _aligned(shape, dtype)
        new[...] = fill
        if old is not None:
            new[tuple(slice(n) for n in old.shape)] = old
        return new

    cdef void _count(self) noexcept nogil:
        """Sizes and on-counts from the assignments."""
        cdef Py_ssize_t i, j, k
        for i in range(self.z.shape[0]):
            k = self.z[i]
            self.sizes_[k] += 1
            for j in range(self.images.start[i], self.images.start[i + 1]):
                self.counts_[k, self.images.on[j]] += 1

    # ------------------------------------------------------------ what others see

    @property
    def assignments(self):
        """(N,) int32"""
        return np.array(self.z)

    @property
    def sizes(self):
        """(K,) int64"""
        return np.array(self.sizes_[:self.clusters], np.int64)

    @property
    def counts(self):
        """(K, D) int32 on-counts"""
        return self._by_original_pixel(self.counts_)

    @property
    def observed(self):
        """(K, D) int32, members of which the pixel is observed; None if it is in all."""
        return None

    def _by_original_pixel(self, array):
        active = self.images.active
        found = np.zeros((self.clusters, self.images.shape[1]), np.int32)
        found[:, active] = np.asarray(array)[:self.clusters, :len(active)]
        return found

    @property
    def alpha(self):
        """(D,) float64"""
        return np.array(self.alpha_)

    @property
    def beta(self):
        """(D,) float64"""
        return np.array(self.beta_)

    # ------------------------------------------------------------ the sweep

    def sweep(self, bit_generator):
        """Reassign every image once, in a fresh random order (Neal 2000, algorithm 3).

        Consumes N - 1 doubles of the generator for the order and N for the images.

        Returns
        -------
        moved : int
            Images that changed cluster.
        """
        cdef bitgen_t *rng = _bitgen(bit_generator)
        cdef Py_ssize_t i, t, own, new, moved = 0, likely = 0
        cdef double u
        with bit_generator.lock, nogil:
            self._prepare(False)
            _permute(rng, self.order)
            for t in range(self.order.shape[0]):
                if t + 1 < self.order.shape[0]:
                    self._prefetch(self.order[t + 1])
                if t == self.probe and likely * FEW <= t * self.clusters:
                    self._start_screening()
                i = self.order[t]
                own = self.z[i]
                self.settled = moved * 3 < t
                u = _uniform(rng)
                if self.screening:
                    new = self._choose_screened(i, own, u)
                else:
                    new = self._choose(i, own, u)
                    if t < self.probe:
                        likely += self._count_likely()
                if new == own or (new == self.clusters and self.sizes_[own] == 1):
                    continue
                self._move(i, own, new)
                moved += 1
        return moved

    cdef void _prepare(self, bint by_rows) noexcept nogil:
        """Weights of all clusters, and of the empty one, from counts and hyperparameters."""
        cdef Py_ssize_t k
        self.by_rows = by_rows
        self.screening = False
        self.by_size[:] = NAN
        self.base[:] = -INFINITY
        for k in range(self.clusters + 1):
            self._write_cluster(k)

    cdef void _prefetch(self, Py_ssize_t i) noexcept nogil:
        """Images come in random order: have the next one's pixels ready in the cache."""
        cdef Py_ssize_t j
        prefetch(&self.images.bits[i, 0])
        for j in range(self.images.start[i], self.images.start[i + 1], 16):
            prefetch(&self.images.on[j])

    cdef Py_ssize_t _choose(self, Py_ssize_t i, Py_ssize_t own, double u) noexcept nogil:
        """Draw a cluster for image i given all others, by u: K for a new one."""
        cdef Py_ssize_t start = self.images.start[i]
        cdef Py_ssize_t blocks = self.clusters // LANES + 1
        self.simd.score(
            &self.by_pixel[0, 0, 0], self.by_pixel.shape[1] * LANES,
            &self.images.on[start], self.images.start[i + 1] - start,
            &self.base[0], blocks, &self.scores[0],
        )
        self.scores[own] = self._score_without(i, own)
        return self.simd.choose(&self.scores[0], blocks, u, 0.0, &self.scratch[0])

    # ------------------------------------------------------------ screening
    #
    # Once clusters differ, all but a few are out of the question for an image: their probability,
    # relative to the greatest, is below exp(-MARGIN). Sums of the weights as bytes, a quarter of
    # the memory traffic of floats, find the few, and only these are scored: the candidates. A cost
    # is what a weight falls short of a ceiling, rounded down, so a sum of costs never overstates
    # how far a cluster is from the best; nor, with the candidates' scores known, the mass of the
    # rest. If the draw could depend on that (about once in 100,000 images) all are scored. The draw
    # is therefore the one that `_choose` would make.

    cdef Py_ssize_t _count_likely(self) noexcept nogil:
        """Clusters that screening would have left for the image just scored."""
        cdef Py_ssize_t k, likely = 0
        for k in range(self.clusters + 1):
            likely += self.scratch[k] > EXP_MINUS_MARGIN
        return likely

    cdef void _start_screening(self) noexcept nogil:
        """Costs of all clusters, from the greatest weight of each pixel and a little above."""
        cdef Py_ssize_t k, d
        self.screening = True
        self.ceiling[:] = -INFINITY
        self.top = -INFINITY
        for k in range(self.clusters + 1):
            for d in range(self.pixels):
                self.weights[k, d] = self.log_on[k, d] - self.log_off[k, d]
            self.simd.take_max(&self.weights[k, 0], self.pixels, &self.ceiling[0])
            self.top = max(self.top, self.base[k])
        for d in range(self.pixels):
            self.ceiling[d] += 0.5
        self.top += 256.0
        self.base_costs[:] = 65535
        for k in range(self.clusters + 1):
            self._write_costs(k)

    cdef void _write_costs(self, Py_ssize_t k) noexcept nogil:
        cdef double cost = self.top - self.base[k] - self.simd.scatter_costs(
            &self.weights[k, 0], &self.ceiling[0], STEPS, self.active,
            &self.costs[k // WIDE, 0, cost_column(k)],
        )
        if cost < 0.0:  # the cluster has outgrown the top
            self._start_screening()
        else:
            self.base_costs[k] = <uint16_t>min(STEPS * cost, 65535.0)

    cdef Py_ssize_t _choose_screened(self, Py_ssize_t i, Py_ssize_t own, double u) noexcept nogil:
        """As `_choose`."""
        cdef Py_ssize_t start = self.images.start[i]
        cdef Py_ssize_t n_on = self.images.start[i + 1] - start
        cdef Py_ssize_t blocks = self.clusters // WIDE + 1, k, n, new
        cdef double top = self.top + self._sum_on(&self.ceiling[0], i), limit, reach
        cdef float score_own = self._score_without(i, own)
        # the least is short of the cluster's cost by less than a step for each term
        reach = 1 + n_on + self.simd.screen(
            &self.costs[0, 0, 0], self.costs.shape[1] * WIDE, &self.images.on[start], n_on,
            &self.base_costs[0], blocks, own, &self.screened[0],
        )
        reach = min(reach, STEPS * (top - score_own)) + STEPS * MARGIN
        self.screened[own] = 0
        while True:
            limit = reach
            n = self.simd.below(
                &self.screened[0], blocks, <uint16_t>min(limit, 65535.0), &self.candidates[0]
            )
            # as costs are held at 127, the least may belong to a cluster far from the best
            reach = STEPS * (top - self._score_candidates(i, own, score_own, n)) + STEPS * MARGIN
            if reach <= limit:
                break
        new = self._choose_among(n, u, self.clusters * EXP_MINUS_MARGIN)
        if new == -1:
            n = self.clusters + 1
            for k in range(n):
                self.candidates[k] = <int32_t>k
            self._score_candidates(i, own, score_own, n)
            new = self._choose_among(n, u, 0.0)
        return self.candidates[new]

    cdef float _score_candidates(
        self, Py_ssize_t i, Py_ssize_t own, float score_own, Py_ssize_t n
    ) noexcept nogil:
        """Score the first n candidates; returns the best score."""
        cdef Py_ssize_t j, k
        cdef float best = -INFINITY
        for j in range(n):
            k = self.candidates[j]
            if k == own:
                self.scores[j] = score_own
            else:  # base is -inf beyond the empty cluster
                self.scores[j] = self._score_by_row(i, k)
            best = max(best, self.scores[j])
        return best

    cdef Py_ssize_t _choose_among(self, Py_ssize_t n, double u, double rest) noexcept nogil:
        """Draw one of the first n candidates, which leave out a mass of up to `rest`, or -1."""
        cdef Py_ssize_t j, blocks = (n + LANES - 1) // LANES
        if n == 1:  # as below, in a trice: most images of a settled chain
            return 0 if rest <= u and u * (1.0 + rest) < 1.0 else -1
        for j in range(n, blocks * LANES):
            self.scores[j] = -INFINITY
        return self.simd.choose(&self.scores[0], blocks, u, rest, &self.scratch[0])

    # ------------------------------------------------------------ clusters

    cdef void _write_cluster(self, Py_ssize_t k) noexcept nogil:
        self.sum_off[k] = self.simd.cluster_logs(
            &self.alpha_f[0], &self.beta_f[0], &self.counts_[k, 0], self.sizes_[k], 0, self.pixels,
            &self.log_on[k, 0], &self.log_off[k, 0], self._weights(k),
        )
        self._write_column(k)

    cdef float *_weights(self, Py_ssize_t k) noexcept nogil:
        """Where to write the weights of cluster k: in its row, or on the way to `by_pixel`."""
        return &self.weights[k, 0] if self.screening or self.by_rows else &self.column[0]

    cdef void _write_column(self, Py_ssize_t k) noexcept nogil:
        """Let what is transposed follow the weights of cluster k."""
        self.base[k] = <float>(self.sum_off[k] + self._by_size(self.sizes_[k]))
        self.kept[k] = 0
        if self.screening:
            self._write_costs(k)
        elif not self.by_rows:
            self.simd.scatter(
                &self.column[0], self.active, &self.by_pixel[k // LANES, 0, k % LANES]
            )

    cdef double _by_size(self, int32_t n) noexcept nogil:
        """log n - sum_d log(alpha_d + beta_d + n), for n = 0 with the concentration in place of n.

        Pixels that are never on add log(beta_d + n), the same for all clusters of n.
        """
        cdef double value = self.by_size[n]
        if isnan(value):
            value = self.simd.log(n if n else self.concentration)
            value -= self.simd.sum_log(&self.shift_f[0], n, self.pixels)
            if self.never_beta_f.shape[0]:
                value += self.simd.sum_log(&self.never_beta_f[0], n, self.never_beta_f.shape[0])
                value -= self.simd.sum_log(&self.never_shift_f[0], n, self.never_beta_f.shape[0])
            self.by_size[n] = value
        return value

    cdef float _score_by_row(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil:
        """The score of an image for a cluster that it is not in, from the cluster's row."""
        return self.base[k] + self._sum_on(&self.weights[k, 0], i)

    cdef float _score_without(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil:
        """The score of an image's own cluster, as it is without the image."""
        cdef int32_t n = self.sizes_[own] - 1
        if n == 0:
            return -INFINITY
        if self.kept[own] == 0 and not self.settled:
            # The cluster has just changed and may soon again: one log a pixel will do
            self.kept[own] = 1
            return <float>(self._by_size(n) + self.simd.changed_logs(
                &self.alpha_f[0], &self.beta_f[0], &self.counts_[own, 0], n,
                &self.images.bits[i, 0], -1, self.pixels, &self.changed[0],
            ))
        if self.kept[own] < 2:
            self.kept[own] = 2
            self.without_off[own] = self.simd.cluster_logs(
                &self.alpha_f[0], &self.beta_f[0], &self.counts_[own, 0], n + 1, 1, self.pixels,
                &self.changed[0], &self.column[0], &self.without[own, 0],
            )
        return <float>(self._by_size(n) + self.without_off[own]) + self._sum_on(
            &self.without[own, 0], i
        )

    cdef float _sum_on(self, const float *column, Py_ssize_t i) noexcept nogil:
        return self.simd.sum_on(column, &self.images.bits[i, 0], self.pixels)

    cdef int _move(self, Py_ssize_t i, Py_ssize_t own, Py_ssize_t new) except -1 nogil:
        if new == self.clusters:
            self._open()
        self._leave(i, own)
        self._change(i, new, 1, NULL)
        self.z[i] = <int32_t>new
        if self.sizes_[own] == 0:
            self._close(own)
        return 0

    cdef void _leave(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil:
        """Let image i leave its cluster, for which it was just scored."""
        # where it is 1, _score_without has just found what changes
        self._change(i, own, -1, &self.changed[0] if self.kept[own] == 1 else NULL)

    cdef void _change(
        self, Py_ssize_t i, Py_ssize_t k, int32_t delta, const float *changed
    ) noexcept nogil:
        """Let image i join (delta = 1) or leave (-1) cluster k."""
        self.sizes_[k] += delta
        self.sum_off[k] = self.simd.change(
            &self.alpha_f[0], &self.beta_f[0], &self.counts_[k, 0], self.sizes_[k],
            &self.images.bits[i, 0], delta, self.pixels, changed,
            &self.log_on[k, 0], &self.log_off[k, 0], self._weights(k),
        )
        self._write_column(k)

    cdef int _open(self) except -1 nogil:
        """Make the empty cluster, column K, one of the K, and prepare the next."""
        self.clusters += 1
        if self.clusters == self.base.shape[0]:
            with gil:
                self._reserve(self.clusters + 1)
        self._write_cluster(self.clusters)
        return 0

    cdef void _close(self, Py_ssize_t k) noexcept nogil:
        """Give the number of the emptied cluster k to the last one."""
        cdef Py_ssize_t last = self.clusters - 1, i
        if k != last:
            self._set_counts(k, last, NONE)
            self._set_counts(last, NONE, NONE)
            for i in range(self.z.shape[0]):
                if self.z[i] == last:
                    self.z[i] = <int32_t>k
            self._write_cluster(k)
            self._write_cluster(last)
        self.base[self.clusters] = -INFINITY
        self.base_costs[self.clusters] = 65535
        self.clusters = last

    cdef void _set_counts(self, Py_ssize_t k, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        """Give cluster k the statistics of clusters a and b together; either may be NONE."""
        self.sizes_[k] = (self.sizes_[a] if a >= 0 else 0) + (self.sizes_[b] if b >= 0 else 0)
        _set_row(self.counts_, k, a, b)

    # ------------------------------------------------------------ split and merge

    def split_merge(self, bit_generator, Py_ssize_t proposals):
        """Propose to split clusters and to merge them; see `SplitMerge`.

        Returns
        -------
        tally : (3, 2) int64
            How many splits, merges and repartitions were proposed, and how many accepted.
        """
        return SplitMerge(self).run(bit_generator, proposals)

    cdef void _members_of_cluster(self, Py_ssize_t k, int32_t[::1] n) noexcept nogil:
        """n_k for each pixel"""
        n[:] = self.sizes_[k]

    # ------------------------------------------------------------ concentration

    def update_concentration(self, bit_generator, double shape, double rate):
        """Update the concentration a by slice sampling of log a (Neal 2003, figures 3 and 5).

        Its conditional depends on the partition through the number of clusters K alone (Antoniak
        1974; Escobar and West 1995, eq. 10): p(a | z) is proportional to
        p(a) a^K Gamma(a) / Gamma(a + N), with p(a) = Gamma(shape, rate).
        """
        cdef bitgen_t *rng = _bitgen(bit_generator)
        cdef ConcentrationConditional target
        target.simd = self.simd
        target.images, target.clusters = self.z.shape[0], self.clusters
        target.shape, target.rate = shape, rate
        with bit_generator.lock, nogil:
            self.concentration = _slice(
                rng, self.simd, _log_concentration, &target, self.concentration, 1.0
            )

    def bare_pass(self):
        """For the benchmarks: score every image for every cluster, and do nothing else."""
        cdef Py_ssize_t i, start, blocks = self.clusters // LANES + 1
        with nogil:
            for i in range(self.z.shape[0]):
                start = self.images.start[i]
                self.simd.score(
                    &self.by_pixel[0, 0, 0], self.by_pixel.shape[1] * LANES,
                    &self.images.on[start], self.images.start[i + 1] - start,
                    &self.base[0], blocks, &self.scores[0],
                )

    # ------------------------------------------------------------ pixel priors

    def update_pixel_priors(
        self, bit_generator, double rate, double power, double low, double high
    ):
        """Update alpha_d, then beta_d, of each pixel by slice sampling (Neal 2003, figures 3, 5).

        Their conditional given the assignments, with n_k and c_kd as above, is

            p(alpha, beta) prod_k B(alpha + c_kd, beta + n_k - c_kd) / B(alpha, beta)

        under log p(alpha, beta) = -rate (alpha + beta) - power log(alpha + beta) + const on
        low < alpha, beta < high. The slice is taken in log alpha and log beta, where one width
        serves pixels whose priors differ by orders of magnitude.
        """
        cdef bitgen_t *rng = _bitgen(bit_generator)
        cdef Py_ssize_t j, d
        cdef int64_t[::1] pixel = np.concatenate([self.images.active, self.images.never])
        cdef double[::1] sizes = np.asarray(self.sizes_[:self.clusters], np.float64)
        cdef double[:, ::1] large = np.empty((3, self.clusters))
        cdef int32_t[:, ::1] on = np.empty((LANES, self.clusters), np.int32)
        cdef int32_t[:, ::1] members = np.empty((LANES, self.clusters), np.int32)
        cdef Sizes table
        cdef Terms heads, tails, totals
        cdef Conditional target
        heads.large, tails.large, totals.large = &large[0, 0], &large[1, 0], &large[2, 0]
        target.simd = self.simd
        target.sizes = &table
        target.rate, target.power = rate, power
        target.low = self.simd.log(low) if low > 0.0 else -INFINITY
        target.high = self.simd.log(high) if high < INFINITY else INFINITY
        with bit_generator.lock, nogil:
            _tabulate(&table, self.simd, &sizes[0], self.clusters)
            for j in range(pixel.shape[0]):
                if j % LANES == 0:
                    self._counts_of_pixels(j, on, members)
                d = pixel[j]
                self._find_terms(on[j % LANES], members[j % LANES], &heads, &tails, &totals)
                # what goes with a pixel that all images have is the same for all such pixels
                target.totals = &totals if self.rows > self.active else NULL
                target.terms = &heads
                target.terms_are_sizes = False
                target.other = self.beta_[d]
                self.alpha_[d] = _slice_of_pixel(rng, &target, self.alpha_[d])
                target.terms = &tails
                target.terms_are_sizes = heads.n == 0 and target.totals == NULL
                target.other = self.alpha_[d]
                self.beta_[d] = _slice_of_pixel(rng, &target, self.beta_[d])
        self._round_hyperparameters()

    cdef void _counts_of_pixels(
        self, Py_ssize_t first, int32_t[:, ::1] on, int32_t[:, ::1] members
    ) noexcept nogil:
        """On-counts, and how many images have the pixel, for LANES pixels of all clusters."""
        cdef Py_ssize_t k, lane
        for k in range(self.clusters):
            for lane in range(LANES):
                on[lane, k] = self.counts_[k, first + lane] if first + lane < self.active else 0
                members[lane, k] = self.sizes_[k]

    cdef void _find_terms(
        self, int32_t[::1] on, int32_t[::1] members, Terms *heads, Terms *tails, Terms *totals
    ) noexcept nogil:
        cdef Py_ssize_t k
        _no_terms(heads)
        _no_terms(tails)
        for k in range(self.clusters):
            _add_term(heads, on[k])
            _add_term(tails, members[k] - on[k])
        _end_terms(heads)
        _end_terms(tails)
        if self.rows > self.active:
            _no_terms(totals)
            for k in range(self.clusters):
                _add_term(totals, members[k])
            _end_terms(totals)

    def log_joint(self):
        """log p(x, z | alpha, beta, concentration), in nats."""
        cdef Py_ssize_t j, k, padded = _padded(self.alpha_.shape[0])
        cdef int64_t[::1] pixel = self.images.active
        cdef int32_t[:, ::1] c = np.zeros((self.clusters, padded), np.int32)
        cdef int32_t[:, ::1] n = np.empty((self.clusters, padded), np.int32)
        with nogil:
            for k in range(self.clusters):
                n[k, :] = self.sizes_[k]
                for j in range(self.active):
                    c[k, pixel[j]] = self.counts_[k, j]
            self._members_of_pixels(n)
        return _log_joint(
            self.sizes_[:self.clusters], c, n, self.alpha_, self.beta_, self.concentration
        )

    cdef void _members_of_pixels(self, int32_t[:, ::1] n) noexcept nogil:
        """Replace n_k by n_kd where that differs."""


# ---------------------------------------------------------------- missing pixels

cdef class MaskedMixture(Mixture):
    """A mixture of images with missing pixels, which count for nothing.

    Of n_k members only n_kd have pixel d, and base_k takes all pixels for observed; the rows of an
    image's missing pixels put that right, with the weight log(alpha + beta + n_kd) -
    log(beta + n_kd - c_kd). The bookkeeping is plainer, and slower, than that of whole images.
    """

    cdef int32_t[:, ::1] observed_      # n_kd, (room, P)
    cdef float[::1] column_missing      # beside `column`
    cdef float[:, ::1] weights_missing  # beside `weights`
    cdef double column_base

    def __init__(self, Images images, assignments, alpha, beta, double concentration):
        super().__init__(images, assignments, alpha, beta, concentration)
        self.probe = self.order.shape[0]  # no screening

    cdef Py_ssize_t _rows(self):
        return 2 * self.active

    def _reserve(self, Py_ssize_t clusters):
        Mixture._reserve(self, clusters)
        self.observed_ = self._grown("observed", (self.base.shape[0], self.pixels), np.int32)
        self.column_missing = self._grown("column_missing", self.pixels, np.float32)
        self.weights_missing = self._grown(
            "weights_missing", (self.base.shape[0], self.pixels), np.float32
        )

    @property
    def observed(self):
        """(K, D) int32, members of which the pixel is observed."""
        return self._by_original_pixel(self.observed_)

    cdef void _count(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.z.shape[0]):
            self._add(i, self.z[i], 1)

    cdef void _add(self, Py_ssize_t i, Py_ssize_t k, int32_t delta) noexcept nogil:
        cdef Py_ssize_t d
        cdef int32_t has
        self.sizes_[k] += delta
        for d in range(self.pixels):
            has = 1 - (self.images.missing[i, d // LANES] >> d % LANES & 1)
            self.observed_[k, d] += delta * has
            self.counts_[k, d] += delta * (self.images.bits[i, d // LANES] >> d % LANES & 1)

    cdef void _make_column(self, Py_ssize_t i, Py_ssize_t k, int32_t delta) noexcept nogil:
        """The column of cluster k after image i joins (delta = 1), leaves (-1) or neither (0)."""
        self.column_base = self.simd.masked_logs(
            &self.alpha_f[0], &self.beta_f[0], &self.shift_f[0], &self.counts_[k, 0],
            &self.observed_[k, 0], &self.images.bits[i, 0], &self.images.missing[i, 0], delta,
            self.pixels, &self.column[0], &self.column_missing[0],
        )

    cdef void _write_cluster(self, Py_ssize_t k) noexcept nogil:
        cdef int32_t n = self.sizes_[k]
        self._make_column(0, k, 0)
        self.base[k] = <float>(self.column_base + self.simd.log(n if n else self.concentration))
        if self.by_rows:
            self.weights[k] = self.column
            self.weights_missing[k] = self.column_missing
            return
        self.simd.scatter(&self.column[0], self.active, &self.by_pixel[k // LANES, 0, k % LANES])
        self.simd.scatter(
            &self.column_missing[0], self.active,
            &self.by_pixel[k // LANES, self.active, k % LANES],
        )

    cdef float _score_by_row(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil:
        return Mixture._score_by_row(self, i, k) + self.simd.sum_on(
            &self.weights_missing[k, 0], &self.images.missing[i, 0], self.pixels
        )

    cdef float _score_without(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil:
        cdef int32_t n = self.sizes_[own] - 1
        if n == 0:
            return -INFINITY
        self._make_column(i, own, -1)
        return (
            <float>(self.column_base + self.simd.log(n)) + self._sum_on(&self.column[0], i)
            + self.simd.sum_on(
                &self.column_missing[0], &self.images.missing[i, 0], self.pixels
            )
        )

    cdef void _change(
        self, Py_ssize_t i, Py_ssize_t k, int32_t delta, const float *changed
    ) noexcept nogil:
        self._add(i, k, delta)
        self._write_cluster(k)

    cdef void _set_counts(self, Py_ssize_t k, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        Mixture._set_counts(self, k, a, b)
        _set_row(self.observed_, k, a, b)

    cdef void _members_of_pixels(self, int32_t[:, ::1] n) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(self.clusters):
            self._members_of_cluster(k, n[k])

    cdef void _members_of_cluster(self, Py_ssize_t k, int32_t[::1] n) noexcept nogil:
        cdef Py_ssize_t d
        for d in range(self.active):
            n[d] = self.observed_[k, d]

    cdef void _counts_of_pixels(
        self, Py_ssize_t first, int32_t[:, ::1] on, int32_t[:, ::1] members
    ) noexcept nogil:
        cdef Py_ssize_t k, lane
        for k in range(self.clusters):
            for lane in range(min(LANES, self.active - first)):
                on[lane, k] = self.counts_[k, first + lane]
                members[lane, k] = self.observed_[k, first + lane]


# ---------------------------------------------------------------- split and merge

cdef enum:
    SPLIT, MERGE, REPARTITION  # kinds of proposals
    SLOTS = 5    # columns at the end of the room, for clusters that are only proposed:
    # two of a launch state, the same two again, and the union of two clusters
    SCANS = 3    # of a launch state


cdef double CERTAIN = 40.0  # nats; what is less likely is below the resolution of the draws


cdef class SplitMerge:
    """Metropolis-Hastings proposals to split, merge and repartition clusters of a mixture.

    The frame is Jain and Neal's (2004), "A split-merge Markov chain Monte Carlo procedure for the
    Dirichlet process mixture model", J. Comput. Graph. Stat. 13. One proposal:

    1. An image i is drawn uniformly; a is its cluster. The proposal is, with probabilities 0.4, 0.4
       and 0.2, a split, a merge or a repartition.
    2. Split: an image j is drawn uniformly from the rest of a. Merge and repartition: a cluster b
       other than a is drawn with probability s(b), proportional to exp(score / temperature), score
       being that of image i for b in a Gibbs sweep, and the temperature sqrt(D) / 3 but at least 1,
       as scores are the further apart the more pixels there are; j is drawn uniformly from b.
    3. The launch state divides the images S of a (and b) in two, one part with i, one with j: the
       others join in random order, each with the probability of restricted Gibbs sampling given
       those before (sequential allocation: Dahl 2005); then three restricted Gibbs scans follow,
       in the same order.
    4. One more scan from the launch state makes the parts a', b' of a split or repartition; q is
       the product of its probabilities. For a merge, and the reverse of a repartition, q is that
       of the scan which leads from the launch state to a and b as they are.
    5. With m(c) = n_c! / n_c times the marginal likelihood of the images in c, all but constants of
       the posterior, the proposal is accepted with probability min(1, ratio), where ratio is

           split        concentration m(a') m(b') / m(a)  x  s'(b') (n_a - 1) / (n_b' q)
           merge        m(a + b) / (concentration m(a) m(b))  x  n_b q / (s(b) (n_a + n_b - 1))
           repartition  m(a') m(b') / (m(a) m(b))  x  s'(b') n_b q(a, b) / (s(b) n_b' q(a', b'))

       s' being s in the state proposed. Launch states have the same distribution either way.

    Jain and Neal draw i and j uniformly, which hardly ever finds two clusters that should be one;
    here the pair depends on the state, which is why s and the sizes are part of the ratio.

    A chain is a function of its random numbers in this order: the kind, the threshold of the ratio,
    i, b if there is one, the rank of j among the members of its cluster, then the launch state
    (of each image its place in the order and its part), its scans, and the last scan. Members are
    ranked by when they joined in these proposals, the latest first, and before them by number.
    """

    cdef Mixture mixture
    cdef const Simd *simd
    cdef float temperature
    cdef int64_t[:, ::1] tally
    # the members of each cluster as a list: first_[k], next_[first_[k]], ..., NONE
    cdef int32_t[::1] first_, next_
    # S without i and j: image, current part, and parts of the launch state, twice
    cdef int32_t[::1] image
    cdef uint8_t[::1] current, launch, proposed
    # all pixels, active ones first, padded
    cdef double[::1] alpha, beta, by_pixel
    cdef int32_t[::1] on, members
    cdef double[::1] log_m              # log m of cluster k, nan: not yet known

    def __init__(self, Mixture mixture):
        cdef Py_ssize_t n = mixture.z.shape[0]
        pixels = np.concatenate([mixture.images.active, mixture.images.never])
        padded = _padded(len(pixels))
        self.mixture = mixture
        self.simd = mixture.simd
        self.temperature = max(1.0, sqrt(len(pixels)) / 3.0)
        self.tally = np.zeros((3, 2), np.int64)
        self.first_ = np.full(n + 1, NONE, np.int32)
        self.next_ = np.empty(n, np.int32)
        self.image = np.empty(n, np.int32)
        self.current = np.empty(n, np.uint8)
        self.launch = np.empty(n, np.uint8)
        self.proposed = np.empty(n, np.uint8)
        self.alpha, self.beta = np.ones(padded), np.ones(padded)
        np.asarray(self.alpha)[:len(pixels)] = mixture.alpha[pixels]
        np.asarray(self.beta)[:len(pixels)] = mixture.beta[pixels]
        self.by_pixel = np.empty(padded)
        self.on, self.members = np.zeros(padded, np.int32), np.zeros(padded, np.int32)
        self.log_m = np.full(n + 1, np.nan)

    def run(self, bit_generator, Py_ssize_t proposals):
        cdef bitgen_t *rng = _bitgen(bit_generator)
        cdef Py_ssize_t i, _proposal
        with bit_generator.lock, nogil:
            self._make_room()
            self.mixture._prepare(True)
            self.mixture.settled = False
            for i in range(self.mixture.z.shape[0] - 1, -1, -1):
                self._put(i, self.mixture.z[i])
            for _proposal in range(proposals):
                self._make_room()
                self._propose(rng)
            self._clear_slots()
        return np.asarray(self.tally)

    cdef int _make_room(self) except -1 nogil:
        """For one more cluster, the empty one, and the slots."""
        if self.mixture.clusters + 2 + SLOTS > self.mixture.base.shape[0]:
            self._clear_slots()
            with gil:
                self.mixture._reserve(self.mixture.clusters + 2 + SLOTS)
        return 0

    cdef void _clear_slots(self) noexcept nogil:
        """Unused columns have no members: one becomes the empty cluster."""
        cdef Py_ssize_t k
        for k in range(self.mixture.clusters, self.mixture.base.shape[0]):
            self.mixture._set_counts(k, NONE, NONE)

    # ------------------------------------------------------------ proposals

    cdef void _propose(self, bitgen_t *rng) noexcept nogil:
        cdef double u = _uniform(rng), threshold = self.simd.log(1.0 - _uniform(rng))
        cdef Py_ssize_t i = _below(rng, self.mixture.z.shape[0]), a = self.mixture.z[i]
        cdef int kind = SPLIT if u < 0.4 else MERGE if u < 0.8 else REPARTITION
        cdef bint accepted = False
        if kind == SPLIT:
            if self.mixture.sizes_[a] > 1:
                accepted = self._propose_split(rng, threshold, i, a)
        elif self.mixture.clusters > 1:
            accepted = self._propose_pair(rng, threshold, i, a, kind)
        self.tally[kind, 0] += 1
        self.tally[kind, 1] += accepted

    cdef bint _propose_split(
        self, bitgen_t *rng, double threshold, Py_ssize_t i, Py_ssize_t a
    ) noexcept nogil:
        cdef Py_ssize_t slot = self.mixture.base.shape[0] - SLOTS, new = self.mixture.clusters
        cdef Py_ssize_t n = self.mixture.sizes_[a], m
        cdef Py_ssize_t j = self._member(a, _below(rng, n - 1), i)
        cdef double ratio
        m = self._gather(a, i, j, 0, 0)
        self._make_launch_state(rng, i, j, m, slot)
        ratio = -self._scan(rng, m, slot, self.launch, None)
        ratio += self._log_m(slot) + self._log_m(slot + 1) - self._log_m(a)
        ratio += self.simd.log(self.mixture.concentration) + self.mixture.acceptance_bias
        # s' is a probability, which need not be known if without it the proposal fails
        if ratio + self.simd.log(n - 1) <= threshold:
            return False
        self._choose(i, a, new, slot + 1, 0.0)
        ratio += self._log_s(new) + self.simd.log(n - 1)
        ratio -= self.simd.log(self.mixture.sizes_[slot + 1])
        if ratio <= threshold:
            return False
        self.mixture.clusters += 1
        self._accept(i, j, m, a, new, slot, self.launch)
        return True

    cdef bint _propose_pair(
        self, bitgen_t *rng, double threshold, Py_ssize_t i, Py_ssize_t a, int kind
    ) noexcept nogil:
        """A merge, or a repartition."""
        cdef Py_ssize_t slot = self.mixture.base.shape[0] - SLOTS, b, j, m
        cdef double ratio
        b = self._choose(i, a, NONE, NONE, _uniform(rng))
        ratio = self.simd.log(self.mixture.sizes_[b]) - self._log_s(b)
        j = self._member(b, _below(rng, self.mixture.sizes_[b]), NONE)
        m = self._gather(a, i, j, 0, 0)
        m = self._gather(b, i, j, m, 1)
        self._make_launch_state(rng, i, j, m, slot)
        ratio -= self._log_m(a) + self._log_m(b)
        if kind == MERGE:
            return self._end_merge(threshold, ratio, m, a, b, slot)
        return self._end_repartition(rng, threshold, ratio, i, j, m, a, b, slot)

    cdef bint _end_merge(
        self, double threshold, double ratio, Py_ssize_t m, Py_ssize_t a, Py_ssize_t b,
        Py_ssize_t slot,
    ) noexcept nogil:
        cdef Py_ssize_t last = self.mixture.clusters - 1, both = slot + 4
        self.mixture._set_counts(both, a, b)
        ratio += self._log_m(both) - self.simd.log(self.mixture.concentration)
        ratio -= self.mixture.acceptance_bias
        ratio -= self.simd.log(self.mixture.sizes_[both] - 1)
        if ratio <= threshold:  # q is a probability
            return False
        ratio += self._scan(NULL, m, slot, self.launch, self.current)
        if ratio <= threshold:
            return False
        self._take(a, both)
        self._relabel(b, a)
        if b != last:
            self._take(b, last)
            self._relabel(last, b)
        self.mixture._set_counts(last, NONE, NONE)
        self.mixture.clusters = last
        return True

    cdef bint _end_repartition(
        self, bitgen_t *rng, double threshold, double ratio, Py_ssize_t i, Py_ssize_t j,
        Py_ssize_t m, Py_ssize_t a, Py_ssize_t b, Py_ssize_t slot,
    ) noexcept nogil:
        cdef Py_ssize_t part, again = slot + 2
        self.proposed[:m] = self.launch[:m]
        for part in range(2):
            self.mixture._set_counts(again + part, slot + part, NONE)
            self.mixture._write_cluster(again + part)
        ratio -= self._scan(rng, m, again, self.proposed, None)
        ratio += self._log_m(again) + self._log_m(again + 1)
        ratio += self._scan(NULL, m, slot, self.launch, self.current)
        ratio -= self.simd.log(self.mixture.sizes_[again + 1])
        self._choose(i, a, b, again + 1, 0.0)
        ratio += self._log_s(b)
        if ratio <= threshold:
            return False
        self._accept(i, j, m, a, b, again, self.proposed)
        return True

    cdef void _accept(
        self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t m, Py_ssize_t a, Py_ssize_t b, Py_ssize_t slot,
        uint8_t[::1] part,
    ) noexcept nogil:
        """Let clusters a and b be the two of the slots."""
        cdef Py_ssize_t t
        self._take(a, slot)
        self._take(b, slot + 1)
        self.first_[a] = self.first_[b] = NONE
        self._put(i, a)
        self._put(j, b)
        for t in range(m):
            self._put(self.image[t], b if part[t] else a)

    # ------------------------------------------------------------ the choice of b

    cdef Py_ssize_t _choose(
        self, Py_ssize_t i, Py_ssize_t a, Py_ssize_t b, Py_ssize_t slot, double u
    ) noexcept nogil:
        """Draw a cluster other than a by s, which is left in `scratch` not normalised.

        Cluster b, which may be one more than there are, is taken to be as in the slot.
        """
        cdef float[::1] scores = self.mixture.scores
        cdef Py_ssize_t k, n = max(self.mixture.clusters, b + 1), blocks = (n + LANES - 1) // LANES
        for k in range(n):
            scores[k] = self.mixture._score_by_row(i, slot if k == b else k) / self.temperature
        scores[a] = -INFINITY
        for k in range(n, blocks * LANES):
            scores[k] = -INFINITY
        return self.simd.choose(&scores[0], blocks, u, 0.0, &self.mixture.scratch[0])

    cdef double _log_s(self, Py_ssize_t b) noexcept nogil:
        """After `_choose`."""
        cdef Py_ssize_t k
        cdef double total = 0.0
        if self.mixture.scratch[b] == 0.0:
            return -INFINITY
        for k in range(max(self.mixture.clusters, b + 1)):
            total += self.mixture.scratch[k]
        return self.simd.log(self.mixture.scratch[b] / total)

    # ------------------------------------------------------------ parts

    cdef void _make_launch_state(
        self, bitgen_t *rng, Py_ssize_t i, Py_ssize_t j, Py_ssize_t m, Py_ssize_t slot
    ) noexcept nogil:
        """Divide i, j and the m images gathered between two slots, from `slot` on."""
        cdef Py_ssize_t t, r, x, _time
        self._alone(i, slot)
        self._alone(j, slot + 1)
        for t in range(m):
            r = t + _below(rng, m - t)
            self.image[t], self.image[r] = self.image[r], self.image[t]
            self.current[t], self.current[r] = self.current[r], self.current[t]
            x = self.image[t]
            self.launch[t] = self._draw_part(
                rng, self.mixture._score_by_row(x, slot + 1) - self.mixture._score_by_row(x, slot)
            )
            self.mixture._change(x, slot + self.launch[t], 1, NULL)
        for _time in range(SCANS):
            self._scan(rng, m, slot, self.launch, None)

    cdef void _alone(self, Py_ssize_t i, Py_ssize_t slot) noexcept nogil:
        """A cluster of one image."""
        self.mixture._set_counts(slot, NONE, NONE)
        self.mixture._write_cluster(slot)
        self.mixture._change(i, slot, 1, NULL)

    cdef uint8_t _draw_part(self, bitgen_t *rng, double odds) noexcept nogil:
        """1 by its log odds, else 0."""
        cdef double u = _uniform(rng)
        if odds > CERTAIN or odds < -CERTAIN:
            return odds > 0.0
        return u * (1.0 + self.simd.exp(-odds)) < 1.0

    cdef double _scan(
        self, bitgen_t *rng, Py_ssize_t m, Py_ssize_t slot, uint8_t[::1] part, uint8_t[::1] end
    ) noexcept nogil:
        """One restricted Gibbs scan: each image between the two clusters, given all others.

        Draws the outcome, or takes it from `end`; returns the log probability of the outcome.
        """
        cdef Py_ssize_t t, x
        cdef uint8_t own, new
        cdef double odds, log_q = 0.0
        for t in range(m):
            x, own = self.image[t], part[t]
            odds = self.mixture._score_by_row(x, slot + 1 - own)
            odds -= self.mixture._score_without(x, slot + own)
            new = self._draw_part(rng, -odds if own else odds) if end is None else end[t]
            if new != own:
                odds = -odds
            # now against the outcome
            if odds > CERTAIN:
                log_q -= odds
            elif odds > -CERTAIN:
                log_q -= self.simd.log(1.0 + self.simd.exp(odds))
            if new != own:
                self.mixture._leave(x, slot + own)
                self.mixture._change(x, slot + new, 1, NULL)
                part[t] = new
        return log_q

    cdef double _log_m(self, Py_ssize_t k) noexcept nogil:
        """log m of a cluster, remembered, or of a slot."""
        cdef bint remembered = k < self.mixture.clusters
        cdef Py_ssize_t d
        cdef double value
        if remembered and not isnan(self.log_m[k]):
            return self.log_m[k]
        value = self.simd.lgamma(self.mixture.sizes_[k])
        for d in range(self.mixture.active):
            self.on[d] = self.mixture.counts_[k, d]
        self.mixture._members_of_cluster(k, self.members)
        self.simd.log_marginal(
            &self.alpha[0], &self.beta[0], &self.on[0], &self.members[0], 1,
            self.by_pixel.shape[0], &self.by_pixel[0],
        )
        for d in range(self.mixture.alpha_.shape[0]):
            value += self.by_pixel[d]
        if remembered:
            self.log_m[k] = value
        return value

    # ------------------------------------------------------------ lists of members

    cdef void _put(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil:
        self.mixture.z[i] = <int32_t>k
        self.next_[i] = self.first_[k]
        self.first_[k] = <int32_t>i

    cdef Py_ssize_t _member(self, Py_ssize_t k, Py_ssize_t rank, Py_ssize_t but) noexcept nogil:
        """The member of cluster k of that rank, one of them not counted."""
        cdef Py_ssize_t i = self.first_[k]
        while True:
            if i != but:
                if rank == 0:
                    return i
                rank -= 1
            i = self.next_[i]

    cdef Py_ssize_t _gather(
        self, Py_ssize_t k, Py_ssize_t i, Py_ssize_t j, Py_ssize_t m, uint8_t part
    ) noexcept nogil:
        """Append the members of cluster k but i and j to the m images gathered."""
        cdef Py_ssize_t x = self.first_[k]
        while x != NONE:
            if x != i and x != j:
                self.image[m] = <int32_t>x
                self.current[m] = part
                m += 1
            x = self.next_[x]
        return m

    cdef void _take(self, Py_ssize_t k, Py_ssize_t source) noexcept nogil:
        """Let cluster k have the statistics of another or of a slot."""
        self.mixture._set_counts(k, source, NONE)
        self.mixture._write_cluster(k)
        self.log_m[k] = NAN

    cdef void _relabel(self, Py_ssize_t old, Py_ssize_t k) noexcept nogil:
        """Put all members of the old cluster into k."""
        cdef Py_ssize_t i = self.first_[old], following
        self.first_[old] = NONE
        while i != NONE:
            following = self.next_[i]
            self._put(i, k)
            i = following


# ---------------------------------------------------------------- slice sampling

cdef enum:
    NODES = 16
    PIECES = 12

# cos((2 i + 1) pi / 32)
cdef double[8] COSINES = [
    0.9951847266721969, 0.9569403357322088, 0.8819212643483550, 0.7730104533627370,
    0.6343932841636455, 0.4713967368259976, 0.2902846772544623, 0.0980171403295606,
]

# sum_k lgamma(s + n_k) - lgamma(s + 1), which all pixels share, as piecewise Chebyshev series in
# s: two pieces to each doubling of s + 1, up to 64. Relative error below 1e-14: the nearest
# singularity is s = -1, at 5 half-widths from the centre of a piece, and 9.9^-16 = 1e-16.
cdef struct Sizes:
    const Simd *simd
    const double *sizes
    Py_ssize_t clusters
    double[PIECES][NODES] series


cdef double _size_sum(const Sizes *table, double s) noexcept nogil:
    return (
        table.simd.sum_lgamma(s, table.sizes, table.clusters)
        - table.clusters * table.simd.lgamma(s + 1.0)
    )


cdef void _tabulate(
    Sizes *table, const Simd *simd, const double *sizes, Py_ssize_t clusters
) noexcept nogil:
    cdef Py_ssize_t piece, i, j
    cdef double low, half, x, value, t0, t1
    table.simd, table.sizes, table.clusters = simd, sizes, clusters
    for piece in range(PIECES):
        half = 0.25 * (1 << (piece // 2))
        low = (4.0 + 2.0 * (piece % 2)) * half - 1.0
        for j in range(NODES):
            table.series[piece][j] = 0.0
        for i in range(NODES):
            x = COSINES[i] if i < 8 else -COSINES[15 - i]
            value = _size_sum(table, low + half + half * x) * (2.0 / NODES)
            t0, t1 = 1.0, x
            for j in range(NODES):
                table.series[piece][j] += value * t0
                t0, t1 = t1, 2.0 * x * t1 - t0
        table.series[piece][0] *= 0.5


cdef double _size_sum_quick(const Sizes *table, double s) noexcept nogil:
    cdef int exponent
    cdef double mantissa = frexp(s + 1.0, &exponent)
    cdef Py_ssize_t j, piece = 2 * (exponent - 1) + (mantissa >= 0.75)
    cdef double half, x, b0 = 0.0, b1 = 0.0, b2
    if piece >= PIECES:
        return _size_sum(table, s)
    half = 0.25 * (1 << (piece // 2))
    x = (s + 1.0) / half - (5.0 + 2.0 * (piece % 2))
    for j in range(NODES - 1, 0, -1):  # Clenshaw
        b2 = b1
        b1 = b0
        b0 = table.series[piece][j] + 2.0 * x * b1 - b2
    return table.series[piece][0] + x * b0 - b1


# Counts t of one pixel in all clusters, as log_rising takes them
cdef struct Terms:
    double[16] more        # how many exceed 0, 1, ..., 15
    double *large          # those from 16 on
    Py_ssize_t n, n_large  # how many are not zero


cdef inline void _no_terms(Terms *terms) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(16):
        terms.more[j] = 0.0
    terms.n = terms.n_large = 0


cdef inline void _add_term(Terms *terms, int32_t t) noexcept nogil:
    if t >= 16:
        terms.large[terms.n_large] = t
        terms.n_large += 1
    elif t > 0:
        terms.more[t - 1] += 1.0
        terms.n += 1


cdef inline void _end_terms(Terms *terms) noexcept nogil:
    """From how many terms equal 1, 2, ..., 15 to how many exceed 0, 1, ..., 15."""
    cdef Py_ssize_t j
    terms.n += terms.n_large
    terms.more[15] += terms.n_large
    for j in range(14, -1, -1):
        terms.more[j] += terms.more[j + 1]


# The conditional of one parameter a (alpha_d or beta_d) given the other, in u = log a: with t_k the
# counts that go with a, c_kd or n_k - c_kd,
#   sum_k log (a)_{t_k} - sum_k log (a + other)_{n_k} + log p(a, other) + u,
# (a)_t = Gamma(a + t) / Gamma(a) the rising factorial.
cdef struct Conditional:
    const Simd *simd
    double rate, power, low, high  # of the hyperprior, bounds in u
    double other
    const Terms *terms
    bint terms_are_sizes           # then they are in the table
    const Terms *totals            # n_kd where they differ from n_k, or NULL
    const Sizes *sizes             # n_k


cdef double _log_rising(const Conditional *p, const Terms *terms, double a) noexcept nogil:
    return p.simd.log_rising(a, terms.more, terms.large, terms.n_large)


cdef double _log_conditional(const void *conditional, double u) noexcept nogil:
    cdef const Conditional *p = <const Conditional *>conditional
    cdef double a = p.simd.exp(u), s = a + p.other, log_s = p.simd.log(s), value
    if not p.low < u < p.high:
        return -INFINITY
    if p.terms_are_sizes:
        value = _size_sum_quick(p.sizes, a) + p.sizes.clusters * u
    else:
        value = _log_rising(p, p.terms, a)
    if p.totals == NULL:
        value -= _size_sum_quick(p.sizes, s) + p.sizes.clusters * log_s
    else:
        value -= _log_rising(p, p.totals, s)
    return value - p.rate * a - p.power * log_s + u


cdef double _slice_of_pixel(bitgen_t *rng, const Conditional *p, double a) noexcept nogil:
    # about the spread of log a that its terms leave; free of a, as the width must be
    cdef double width = 3.0 / sqrt(1.0 + p.terms.n)
    return _slice(rng, p.simd, _log_conditional, p, a, width)


# The conditional of the concentration a in u = log a
cdef struct ConcentrationConditional:
    const Simd *simd
    double images, clusters, shape, rate


cdef double _log_concentration(const void *conditional, double u) noexcept nogil:
    cdef const ConcentrationConditional *p = <const ConcentrationConditional *>conditional
    cdef double a = p.simd.exp(u)
    if not -600.0 < u < 600.0:
        return -INFINITY
    return (
        (p.clusters + p.shape) * u - p.rate * a
        + p.simd.lgamma(a) - p.simd.lgamma(a + p.images)
    )


ctypedef double (*LogDensity)(const void *, double) noexcept nogil


cdef double _slice(
    bitgen_t *rng, const Simd *simd, LogDensity log_density, const void *p, double a, double width
) noexcept nogil:
    """One slice-sampling update of a > 0 in log a: stepping out, then shrinkage."""
    cdef double start = simd.log(a)
    cdef double height = log_density(p, start) + simd.log(1.0 - _uniform(rng))
    cdef double left = start - width * _uniform(rng)
    cdef double right = left + width
    cdef double u
    while log_density(p, left) > height:
        left -= width
    while log_density(p, right) > height:
        right += width
    while True:
        u = left + (right - left) * _uniform(rng)
        if log_density(p, u) >= height:
            return simd.exp(u)
        if u < start:
            left = u
        else:
            right = u


# ---------------------------------------------------------------- log joint

def log_joint(sizes, counts, alpha, beta, double concentration, observed=None):
    """log p(x, z | alpha, beta, concentration), in nats.

    log p(z) is the Chinese restaurant process's (Antoniak 1974; Neal 2000, eq. 2.10),
    K log a + sum_k lgamma(n_k) + lgamma(a) - lgamma(a + N) with a the concentration, and
    log p(x | z) = sum_kd log B(alpha_d + c_kd, beta_d + n_kd - c_kd) - log B(alpha_d, beta_d),
    where n_kd is n_k unless pixels are missing.

    Parameters
    ----------
    sizes : (K,) int, n_k
    counts : (K, D) int, c_kd
    alpha, beta : (D,) float
    concentration : float
    observed : (K, D) int, optional, n_kd
    """
    clusters, pixels = counts.shape
    c = np.zeros((clusters, _padded(pixels)), np.int32)
    n = np.zeros_like(c)
    c[:, :pixels] = counts
    n[:, :pixels] = np.asarray(sizes)[:, None] if observed is None else observed
    return _log_joint(
        np.array(sizes, np.int32), c, n, np.array(alpha, np.float64), np.array(beta, np.float64),
        concentration,
    )


cdef double _log_joint(
    int32_t[::1] sizes, int32_t[:, ::1] counts, int32_t[:, ::1] members, double[::1] alpha,
    double[::1] beta, double concentration,
):
    """Of counts (K, padded D), summed pixel by pixel in their order."""
    cdef Py_ssize_t d, k, clusters = counts.shape[0], padded = counts.shape[1]
    cdef Py_ssize_t pixels = alpha.shape[0]
    cdef double[::1] a = np.ones(padded), b = np.ones(padded), by_pixel = np.empty(padded)
    cdef double[::1] n = np.array(sizes, np.float64)
    cdef double value, total = 0.0
    with nogil:
        a[:pixels] = alpha
        b[:pixels] = beta
        simd.log_marginal(
            &a[0], &b[0], &counts[0, 0], &members[0, 0], clusters, padded, &by_pixel[0]
        )
        for k in range(clusters):
            total += n[k]
        value = simd.lgamma(concentration) - simd.lgamma(concentration + total)
        value += clusters * simd.log(concentration)
        value += simd.sum_lgamma(0.0, &n[0], clusters)
        for d in range(pixels):
            value += by_pixel[d]
    return value


# ---------------------------------------------------------------- for the tests of the arithmetic

def vecmath(name, x):
    """A function of vecmath.h over an array: log_f32, exp_f32, log_f64, exp_f64, lgamma_f64."""
    cdef Py_ssize_t n = _padded(x.size)
    out = np.ones(n, np.float32 if name.endswith("f32") else np.float64)
    out[:x.size] = x
    cdef float[::1] singles = out if name.endswith("f32") else np.empty(1, np.float32)
    cdef double[::1] doubles = out if name.endswith("f64") else np.empty(1)
    if n == 0:
        return out
    if name == "log_f32":
        simd.array_log_f32(&singles[0], &singles[0], n)
    elif name == "exp_f32":
        simd.array_exp_f32(&singles[0], &singles[0], n)
    elif name == "log_f64":
        simd.array_log_f64(&doubles[0], &doubles[0], n)
    elif name == "exp_f64":
        simd.array_exp_f64(&doubles[0], &doubles[0], n)
    elif name == "lgamma_f64":
        simd.array_lgamma_f64(&doubles[0], &doubles[0], n)
    else:
        raise ValueError(f"no function {name!r} in vecmath.h")
    return out[:x.size]
