"""The compiled kernel: against the NumPy reference, against exact answers, at its limits."""

import numpy as np
import pytest
from reference import Reference, chain_generator, log_joint, log_marginal, log_partition
from scipy.special import gammaln

from bitmix import _gibbs
from bitmix.model import HYPERPRIORS

ALWAYS, NEVER = 0, 2**62  # from which image of a sweep on it is decided whether to screen


def mixture_of(x, z, alpha=None, beta=None, concentration=1.0, probe=None, observed=None):
    d = np.shape(x)[1]
    x = np.asarray(x, np.uint8)
    images = _gibbs.Images(x if observed is None else x * observed, observed)
    mixture = images.mixture(
        z,
        np.ones(d) if alpha is None else alpha,
        np.ones(d) if beta is None else beta,
        concentration,
    )
    if probe is not None:
        mixture.probe = probe
    return mixture


def update_priors(mixture, bits, name="exponential"):
    h = HYPERPRIORS[name]
    mixture.update_pixel_priors(bits, h.rate, h.power, h.low, h.high)


def check_counts(mixture, x):
    """Clusters are numbered without gaps, and the statistics are those of the assignments."""
    z = mixture.assignments
    assert set(z) == set(range(mixture.clusters))
    np.testing.assert_array_equal(mixture.sizes, np.bincount(z))
    expected = [x[z == k].sum(axis=0) for k in range(mixture.clusters)]
    np.testing.assert_array_equal(mixture.counts, expected)


# ---------------------------------------------------------------- reference


@pytest.mark.parametrize("probe", [ALWAYS, NEVER])
@pytest.mark.parametrize("hyperprior", ["exponential", "bda"])
def test_chain_equals_the_reference(mnist, probe, hyperprior):
    x = mnist.x[:300]
    rng = chain_generator(1, 0)
    z = np.unique([int(rng.random() * 40) for _ in x], return_inverse=True)[1]
    alpha, beta = np.ones(784), np.ones(784)
    reference = Reference(x, z, alpha, beta, 1.5, rng.random)
    bits = np.random.PCG64()
    bits.state = rng.bit_generator.state
    mixture = mixture_of(x, z, alpha, beta, 1.5, probe)
    for _ in range(4):
        assert mixture.sweep(bits) == reference.sweep()
        assert mixture.screening == (probe == ALWAYS)
        np.testing.assert_array_equal(mixture.assignments, reference.z)
        update_priors(mixture, bits, hyperprior)
        reference.update_pixel_priors(HYPERPRIORS[hyperprior])
        np.testing.assert_allclose(mixture.alpha, reference.alpha, rtol=1e-9)
        np.testing.assert_allclose(mixture.beta, reference.beta, rtol=1e-9)
    assert bits.state == rng.bit_generator.state
    check_counts(mixture, x)


def test_screening_changes_no_draw(mnist):
    """The draws are those of scoring all clusters, also while these still change a lot."""
    images = _gibbs.Images(mnist.x)
    bits = np.random.PCG64(3)
    start = images.mixture(np.arange(len(mnist.x)) % 100, np.ones(784), np.ones(784), 1.0)
    for _ in range(3):
        start.sweep(bits)
        update_priors(start, bits)
        both = [images.mixture(start.assignments, start.alpha, start.beta, 1.0) for _ in range(2)]
        both[0].probe, both[1].probe = ALWAYS, NEVER
        moved = [mixture.sweep(np.random.PCG64(4)) for mixture in both]
        assert moved[0] == moved[1] > 1000
        assert both[0].screening and not both[1].screening
        np.testing.assert_array_equal(both[0].assignments, both[1].assignments)


# ---------------------------------------------------------------- exact posteriors


def partitions(n):
    """All partitions of n items, as assignments numbered by first appearance."""
    found = [[0]]
    for _ in range(n - 1):
        found = [[*z, k] for z in found for k in range(max(z) + 2)]
    return found


def canonical(z):
    first = {}
    return tuple(first.setdefault(k, len(first)) for k in z)


def total_variation(visits, exact):
    total = sum(visits.values())
    return 0.5 * sum(abs(visits.get(z, 0) / total - p) for z, p in exact.items())


def normalised(log_p):
    log_p = {z: v - max(log_p.values()) for z, v in log_p.items()}
    total = sum(map(np.exp, log_p.values()))
    return {z: np.exp(v) / total for z, v in log_p.items()}


def visits_of(mixture, bits, sweeps, hyperprior=None):
    visits = {}
    for _ in range(sweeps):
        mixture.sweep(bits)
        if hyperprior:
            update_priors(mixture, bits, hyperprior)
        z = canonical(mixture.assignments)
        visits[z] = visits.get(z, 0) + 1
    return visits


TINY = np.array(
    [[1, 1, 0, 0], [1, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0]], dtype=np.uint8
)
HOLES = np.array([[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)


@pytest.mark.parametrize("observed", [None, HOLES], ids=["whole", "holes"])
@pytest.mark.parametrize("probe", [ALWAYS, NEVER])
@pytest.mark.parametrize("concentration", [0.5, 2.0])
def test_posterior_of_partitions(concentration, probe, observed):
    alpha, beta = np.array([0.3, 1.0, 0.5, 2.0]), np.array([0.6, 0.4, 1.0, 1.5])
    exact = normalised(
        {
            tuple(z): log_joint(TINY, np.array(z), alpha, beta, concentration, observed)
            for z in partitions(len(TINY))
        }
    )
    probe = None if observed is not None else probe  # images with holes are never screened
    mixture = mixture_of(TINY, np.zeros(5, int), alpha, beta, concentration, probe, observed)
    visits = visits_of(mixture, np.random.PCG64(11), 100_000)
    assert total_variation(visits, exact) < 0.01


@pytest.mark.parametrize(
    ("concentration", "observed"), [(0.5, None), (2.0, None), (2.0, HOLES)], ids=str
)
def test_posterior_of_partitions_with_sampled_priors(concentration, observed):
    seen = np.ones_like(HOLES) if observed is None else observed
    exact = normalised(
        {
            tuple(z): log_partition(np.bincount(z), concentration)
            + sum(log_evidence(TINY[seen[:, d], d], np.array(z)[seen[:, d]]) for d in range(4))
            for z in partitions(len(TINY))
        }
    )
    mixture = mixture_of(TINY, np.zeros(5, int), concentration=concentration, observed=observed)
    visits = visits_of(mixture, np.random.PCG64(12), 100_000, "exponential")
    assert total_variation(visits, exact) < 0.015


GRID = np.linspace(-14, 4, 181)  # of log alpha and log beta


def log_target(column, z, hyperprior):
    """log p(column, alpha, beta | z) with its Jacobian, on GRID x GRID."""
    a, b = np.exp(GRID)[:, None], np.exp(GRID)[None, :]
    heads = np.bincount(z, column).astype(int)
    tails = np.bincount(z) - heads  # a cluster that has none adds nothing
    value = GRID[:, None] + GRID[None, :] - hyperprior.rate * (a + b)
    value = value - hyperprior.power * np.log(a + b)
    for h, t in zip(heads, tails, strict=True):
        value = value + gammaln(a + h) - gammaln(a) + gammaln(b + t) - gammaln(b)
        value = value - gammaln(a + b + h + t) + gammaln(a + b)
    inside = (np.exp(GRID) > hyperprior.low) & (np.exp(GRID) < hyperprior.high)
    return np.where(inside[:, None] & inside[None, :], value, -np.inf)


def log_evidence(column, z):
    """log of the integral of p(column | z, alpha, beta) over the exponential hyperprior."""
    return np.logaddexp.reduce(log_target(column, z, HYPERPRIORS["exponential"]), axis=None)


@pytest.mark.parametrize("hyperprior", ["exponential", "bda"])
def test_pixel_priors_follow_their_conditional(hyperprior):
    """The marginals of log alpha and log beta given the assignments, against integration."""
    rng = np.random.default_rng(0)
    z = np.sort(rng.integers(0, 12, 240))
    z = np.unique(z, return_inverse=True)[1]
    theta = rng.beta([0.4, 0.02, 3.0], [0.8, 1.0, 0.5], (z.max() + 1, 3))
    x = np.column_stack([rng.random((240, 3)) < theta[z], np.zeros(240)]).astype(np.uint8)
    pixels = range(4) if hyperprior == "exponential" else range(3)  # improper for constant pixels
    mixture = mixture_of(x, z)
    bits = np.random.PCG64(5)
    draws = []
    for _ in range(20_000):
        update_priors(mixture, bits, hyperprior)
        draws.append([np.log(mixture.alpha), np.log(mixture.beta)])
    draws = np.array(draws)
    for d in pixels:
        density = log_target(x[:, d], z, HYPERPRIORS[hyperprior])
        density = np.exp(density - density.max())
        for which, axis in ((0, 1), (1, 0)):
            marginal = density.sum(axis=axis)
            midpoints = (GRID[1:] + GRID[:-1]) / 2
            exact = marginal.cumsum()[:-1] / marginal.sum()
            found = np.searchsorted(np.sort(draws[:, which, d]), midpoints) / len(draws)
            assert np.abs(found - exact).max() < 0.02, (d, which)


# ---------------------------------------------------------------- log joint


def test_log_joint(mnist):
    x = mnist.x[:500]
    rng = np.random.default_rng(2)
    z = np.unique(rng.integers(0, 30, len(x)), return_inverse=True)[1]
    alpha, beta = rng.gamma(1.0, 1.0, (2, 784)) + 1e-3
    mixture = mixture_of(x, z, alpha, beta, 0.7)
    expected = log_joint(x, z, alpha, beta, 0.7)
    assert mixture.log_joint() == pytest.approx(expected, rel=1e-13)
    args = mixture.sizes, mixture.counts, mixture.alpha, mixture.beta, 0.7
    assert _gibbs.log_joint(*args) == mixture.log_joint()
    assert log_marginal(x, z, alpha, beta).sum() < 0


# ---------------------------------------------------------------- missing pixels


def test_nothing_missing_is_the_plain_model(mnist):
    """The kernel for images with holes, on images without any, makes the same chain."""
    x, bits = mnist.x[:400], [np.random.PCG64(6), np.random.PCG64(6)]
    whole = mixture_of(x, np.arange(400) % 30)
    holed = mixture_of(x, np.arange(400) % 30, observed=np.ones(x.shape, bool))
    assert type(whole) is not type(holed)
    assert whole.log_joint() == pytest.approx(holed.log_joint(), rel=1e-14)
    for _ in range(3):
        assert whole.sweep(bits[0]) == holed.sweep(bits[1])
        np.testing.assert_array_equal(whole.assignments, holed.assignments)
    np.testing.assert_array_equal(whole.counts, holed.counts)
    np.testing.assert_array_equal(holed.observed, np.tile(holed.sizes[:, None], 784))


def test_missing_pixels_count_for_nothing(mnist):
    rng = np.random.default_rng(8)
    x, observed = mnist.x[:300], rng.random((300, 784)) < 0.6
    mixture = mixture_of(x, np.arange(300) % 40, observed=observed)
    bits = np.random.PCG64(9)
    for _ in range(5):
        mixture.sweep(bits)
        update_priors(mixture, bits)
    z = mixture.assignments
    assert mixture.clusters < 40
    np.testing.assert_array_equal(mixture.sizes, np.bincount(z))
    for k in range(mixture.clusters):
        np.testing.assert_array_equal(mixture.observed[k], observed[z == k].sum(axis=0))
        np.testing.assert_array_equal(mixture.counts[k], (x * observed)[z == k].sum(axis=0))
    expected = log_joint(x, z, mixture.alpha, mixture.beta, 1.0, observed)
    assert mixture.log_joint() == pytest.approx(expected, rel=1e-13)


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("probe", [ALWAYS, NEVER])
@pytest.mark.parametrize(
    "x",
    [
        np.ones((1, 1)),
        np.zeros((1, 1)),
        np.zeros((40, 7)),
        np.ones((40, 7)),
        np.eye(33),
        np.tril(np.ones((65, 64))),
        np.eye(3, 1000),
    ],
    ids=["one-1", "one-0", "zeros", "ones", "eye", "triangle", "wide"],
)
def test_shapes_at_the_limit(x, probe):
    x = x.astype(np.uint8)
    rng = chain_generator(7, 0)
    z = np.zeros(len(x), int)
    reference = Reference(x, z, np.ones(x.shape[1]), np.ones(x.shape[1]), 1.0, rng.random)
    mixture = mixture_of(x, z, probe=probe)
    bits = np.random.PCG64()
    bits.state = rng.bit_generator.state
    for _ in range(10):
        assert mixture.sweep(bits) == reference.sweep()
        np.testing.assert_array_equal(mixture.assignments, reference.z)
        update_priors(mixture, bits)
        reference.update_pixel_priors(HYPERPRIORS["exponential"])
    np.testing.assert_allclose(mixture.alpha, reference.alpha, rtol=1e-9)
    check_counts(mixture, x)


@pytest.mark.parametrize("probe", [ALWAYS, NEVER])
def test_clusters_outgrow_their_room(probe):
    """From one cluster to hundreds in a sweep, and back."""
    x = np.random.default_rng(1).integers(0, 2, (500, 20), dtype=np.uint8)
    mixture = mixture_of(x, np.zeros(500, int), concentration=1e6, probe=probe)
    mixture.sweep(np.random.PCG64(1))
    assert mixture.clusters > 400
    check_counts(mixture, x)
    few = mixture_of(x, mixture.assignments, concentration=1e-6, probe=probe)
    bits = np.random.PCG64(2)
    for _ in range(20):
        few.sweep(bits)
    assert few.clusters < 100
    check_counts(few, x)


def test_random_numbers():
    order = _gibbs.permutation(np.random.PCG64(0), 1000)
    assert sorted(order) == list(range(1000))
    rng = np.random.Generator(np.random.PCG64(0))
    expected = [int(rng.random() * 7) for _ in range(100)]
    np.testing.assert_array_equal(_gibbs.integers(np.random.PCG64(0), 7, 100), expected)


def test_instruction_sets():
    best = _gibbs.simd_name()
    with pytest.raises(ValueError, match="v9"):
        _gibbs.use_simd("v9")
    assert _gibbs.simd_name() == best


@pytest.mark.slow
def test_more_pixels_than_32_bits_count():
    """4.3 billion pixels, few of them on: no index may wrap."""
    rng = np.random.default_rng(0)
    x = np.zeros((70_000, 62_000), np.uint8)  # the system gives what is written to
    theta = rng.random((5, 200))
    z = rng.integers(0, 5, len(x))
    x[:, -200:] = rng.random((len(x), 200)) < theta[z]
    images = _gibbs.Images(x)
    assert images.active[-1] == 61_999 and len(images.never) == 61_800
    mixture = images.mixture(z, np.full(62_000, 0.5), np.full(62_000, 0.5), 1.0)
    assert mixture.sweep(np.random.PCG64(0)) < 700  # all but a few are where they belong
    np.testing.assert_array_equal(
        mixture.counts[0, -200:], x[mixture.assignments == 0, -200:].sum(axis=0)
    )
