"""The moves, compared with the exact posterior over all partitions of a few rows."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from mixtures import ALWAYS, NEVER, biased_split_merge, check_counts, mixture_of
from reference import log_joint, log_marginal, log_partition
from scipy.special import gammaln

from bitmix import kernel
from bitmix.model import HYPERPRIORS, PARTITION_PRIORS
from bitmix.sampling.moves import MOVES
from bitmix.sampling.settings import Settings

SETTINGS = Settings(proposals=4, concentration_prior=(1.5, 0.5))

# Moves that change the partition, alone and with moves that change hyperparameters
SCHEDULES = [
    ("assign",),
    ("split_merge",),
    ("assign", "split_merge"),
    ("assign", "pixel_priors"),
    ("split_merge", "pixel_priors"),
    ("assign", "concentration"),
    ("split_merge", "concentration"),
    ("assign", "split_merge", "pixel_priors", "concentration"),
]


def sweep(mixture, schedule, bits, probe=kernel.PROBE, bias=0.0, observed=None, **options):
    """Make each move once; return the mixture. A bias makes the ratios of splits wrong."""
    for move in schedule:
        if move == "assign":
            kernel.sweep(mixture, bits, probe=probe)
        elif move == "split_merge" and options:
            kernel.split_merge(mixture, bits, SETTINGS.proposals, **options)
        elif move == "split_merge" and bias:
            mixture = biased_split_merge(mixture, SETTINGS, bits, bias, TINY, observed)
        else:
            MOVES[move](mixture, SETTINGS, bits)
    return mixture


# ---------------------------------------------------------------- all partitions


def partitions(n):
    """Return all partitions of n items, as assignments numbered by first appearance."""
    found = [[0]]
    for _ in range(n - 1):
        found = [[*z, k] for z in found for k in range(max(z) + 2)]
    return found


def canonical(z):
    first = {}
    return tuple(first.setdefault(k, len(first)) for k in z)


def normalised(log_p):
    top = max(log_p.values())
    total = sum(np.exp(v - top) for v in log_p.values())
    return {z: np.exp(v - top) / total for z, v in log_p.items()}


def total_variation(visits, exact):
    assert set(visits) <= set(exact)
    return 0.5 * sum(abs(visits[z] / visits.total() - p) for z, p in exact.items())


TINY = np.array(
    [[1, 1, 0, 0], [1, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0]], dtype=np.uint8
)
HOLES = np.array([[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)
ALPHA, BETA = np.array([0.3, 1.0, 0.5, 2.0]), np.array([0.6, 0.4, 1.0, 1.5])


def posterior(schedule, concentration, observed=None, prior="dp"):
    """Return p(z | TINY). What the schedule samples is integrated out, the rest is fixed."""
    seen = np.ones_like(HOLES) if observed is None else observed
    log_p = {}
    for z in map(np.array, partitions(len(TINY))):
        if "concentration" in schedule:
            value = np.logaddexp.reduce(log_concentration(np.bincount(z)))
        else:
            value = log_partition(np.bincount(z), concentration, prior)
        if "pixel_priors" in schedule:
            value += sum(log_evidence(TINY[seen[:, d], d], z[seen[:, d]]) for d in range(4))
        else:
            value += log_marginal(TINY, z, ALPHA, BETA, observed).sum()
        log_p[tuple(z)] = value
    return normalised(log_p)


def distance(schedule, concentration=2.0, observed=None, prior="dp", **options):
    """Return the total variation between a long chain and the posterior."""
    z = np.zeros(len(TINY), int)
    mixture = mixture_of(TINY, z, ALPHA, BETA, concentration, observed, prior)
    bits = np.random.PCG64(11)
    visits = Counter()
    for _ in range(20_000):
        mixture = sweep(mixture, schedule, bits, observed=observed, **options)
        visits[canonical(mixture.assignments.tolist())] += 1
    return total_variation(visits, posterior(schedule, concentration, observed, prior))


CLOSE = 0.03


@pytest.mark.parametrize("schedule", SCHEDULES, ids=" ".join)
@pytest.mark.parametrize("observed", [None, HOLES], ids=["whole", "holes"])
def test_posterior_of_partitions(schedule, observed):
    assert distance(schedule, observed=observed) < CLOSE


FINITE = [schedule for schedule in SCHEDULES if "concentration" not in schedule]


@pytest.mark.parametrize("concentration", [0.3, 2.0])
@pytest.mark.parametrize("schedule", FINITE, ids=" ".join)
@pytest.mark.parametrize("observed", [None, HOLES], ids=["whole", "holes"])
def test_posterior_of_partitions_in_a_mixture_of_finite_mixtures(schedule, observed, concentration):
    assert distance(schedule, concentration, observed=observed, prior="mfm") < CLOSE


@pytest.mark.parametrize("schedule", FINITE, ids=" ".join)
def test_the_priors_of_partitions_differ(schedule):
    """If the priors were equal, the tests above could not tell which one a chain has."""
    finite = posterior(schedule, 2.0, prior="mfm")
    infinite = posterior(schedule, 2.0)
    assert 0.5 * sum(abs(finite[z] - infinite[z]) for z in finite) > 5 * CLOSE


@pytest.mark.parametrize("schedule", [("assign",), ("assign", "split_merge")], ids=" ".join)
@pytest.mark.parametrize("probe", [ALWAYS, NEVER])
@pytest.mark.parametrize("prior", PARTITION_PRIORS)
def test_posterior_of_partitions_with_and_without_screening(schedule, probe, prior):
    assert distance(schedule, 0.5, prior=prior, probe=probe) < CLOSE


@pytest.mark.parametrize(
    ("schedule", "launch"), [(("split_merge",), 1), (("assign", "split_merge"), 0)]
)
@pytest.mark.parametrize("observed", [None, HOLES], ids=["whole", "holes"])
@pytest.mark.parametrize("prior", PARTITION_PRIORS)
def test_posterior_of_partitions_with_two_tests(schedule, observed, prior, launch):
    """Proposals for more than `launch` rows have a first test on as many of them."""
    assert distance(schedule, 0.7, observed, prior, launch=launch) < CLOSE


@pytest.mark.parametrize("schedule", [("split_merge",), ("assign", "split_merge")], ids=" ".join)
@pytest.mark.parametrize("observed", [None, HOLES], ids=["whole", "holes"])
@pytest.mark.parametrize("prior", PARTITION_PRIORS)
def test_posterior_of_partitions_with_lazy_scans(schedule, observed, prior):
    """From `wide` features on, scans write the weights of clusters a few times only."""
    assert distance(schedule, 0.7, observed, prior, wide=1) < CLOSE


@pytest.mark.parametrize("schedule", [("split_merge",), SCHEDULES[-1]], ids=" ".join)
def test_a_wrong_acceptance_ratio_is_noticed(schedule):
    assert distance(schedule, bias=0.3) > 2 * CLOSE


# ---------------------------------------------------------------- hyperparameters

GRID = np.linspace(-14, 4, 181)  # of log alpha and log beta


def log_target(heads, tails, hyperprior):
    """Return log p(feature, alpha, beta | z) with its Jacobian, on GRID x GRID."""
    a, b = np.exp(GRID)[:, None], np.exp(GRID)[None, :]
    value = GRID[:, None] + GRID[None, :] - hyperprior.rate * (a + b)
    value = value - hyperprior.power * np.log(a + b)
    for h, t in zip(heads, tails, strict=True):
        value = value + gammaln(a + h) - gammaln(a) + gammaln(b + t) - gammaln(b)
        value = value - gammaln(a + b + h + t) + gammaln(a + b)
    inside = (np.exp(GRID) > hyperprior.low) & (np.exp(GRID) < hyperprior.high)
    return np.where(inside[:, None] & inside[None, :], value, -np.inf)


def heads_and_tails(column, z):
    heads = np.bincount(z, column).astype(int)
    return heads, np.bincount(z) - heads  # an empty cluster adds nothing


def log_evidence(column, z):
    """Return the log of the integral of p(column | z, alpha, beta) over the hyperprior."""
    return _log_evidence(tuple(sorted(zip(*heads_and_tails(column, z), strict=True))))


@cache
def _log_evidence(counts):
    target = log_target(*zip(*counts, strict=True), HYPERPRIORS["exponential"])
    return np.logaddexp.reduce(target, axis=None)


LOG_CONCENTRATION = np.linspace(-16, 5, 1051)


def log_concentration(sizes):
    """Return log p(z, concentration) with its Jacobian, on LOG_CONCENTRATION."""
    shape, rate = SETTINGS.concentration_prior
    a = np.exp(LOG_CONCENTRATION)
    return log_partition(sizes, a) + shape * LOG_CONCENTRATION - rate * a


def distance_of_marginals(draws, grid, density):
    """Return the greatest difference between the distribution functions of draws and grid."""
    exact = density.cumsum()[:-1] / density.sum()
    found = np.searchsorted(np.sort(draws), (grid[1:] + grid[:-1]) / 2) / len(draws)
    return np.abs(found - exact).max()


@pytest.mark.parametrize("hyperprior", ["exponential", "bda"])
def test_pixel_priors_follow_their_conditional(hyperprior):
    """The marginals of log alpha and log beta agree with numerical integration."""
    rng = np.random.default_rng(0)
    z = np.sort(rng.integers(0, 12, 240))
    z = np.unique(z, return_inverse=True)[1]
    theta = rng.beta([0.4, 0.02, 3.0], [0.8, 1.0, 0.5], (z.max() + 1, 3))
    x = np.column_stack([rng.random((240, 3)) < theta[z], np.zeros(240)]).astype(np.uint8)
    pixels = range(4) if hyperprior == "exponential" else range(3)  # improper for constant features
    mixture = mixture_of(x, z)
    settings = Settings(hyperprior=hyperprior)
    bits = np.random.PCG64(5)
    draws = []
    for _ in range(20_000):
        MOVES["pixel_priors"](mixture, settings, bits)
        draws.append([np.log(mixture.alpha), np.log(mixture.beta)])
    draws = np.array(draws)
    for d in pixels:
        density = log_target(*heads_and_tails(x[:, d], z), HYPERPRIORS[hyperprior])
        density = np.exp(density - density.max())
        for which, axis in ((0, 1), (1, 0)):
            marginal = density.sum(axis=axis)
            assert distance_of_marginals(draws[:, which, d], GRID, marginal) < 0.02, (d, which)


@pytest.mark.parametrize(("images", "clusters"), [(1, 1), (2, 2), (50, 1), (50, 50), (3_000, 70)])
def test_concentration_follows_its_conditional(images, clusters):
    z = np.arange(images) % clusters
    mixture = mixture_of(np.zeros((images, 1)), z)
    bits = np.random.PCG64(6)
    draws = []
    for _ in range(20_000):
        MOVES["concentration"](mixture, SETTINGS, bits)
        draws.append(np.log(mixture.concentration))
    density = log_concentration(np.bincount(z))
    density = np.exp(density - density.max())
    assert distance_of_marginals(draws, LOG_CONCENTRATION, density) < 0.02


# ---------------------------------------------------------------- modes


def test_split_merge_goes_between_modes():
    """Two kinds of rows are as likely in one cluster as in two. Partitions between are not."""
    kind = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    x = np.where(kind[:, None] == 0, np.arange(40) < 20, np.arange(40) >= 20).astype(np.uint8)
    alpha = beta = np.ones(40)
    one, two = np.zeros_like(kind), kind
    evens = log_joint(x, one, alpha, beta, 1.0) - log_joint(x, two, alpha, beta, 1.0)
    concentration = np.exp(evens)  # p(z) is multiplied by it once for each cluster
    exact = normalised(
        {tuple(z): log_joint(x, np.array(z), alpha, beta, concentration) for z in partitions(8)}
    )
    both = tuple(one), tuple(two)
    assert sum(exact[z] for z in both) > 0.99
    for start in (one, two):
        found = {}
        for schedule in (("assign",), ("split_merge",), ("assign", "split_merge")):
            mixture = mixture_of(x, start, alpha, beta, concentration)
            bits = np.random.PCG64(13)
            found[schedule] = visits = Counter()
            for _ in range(10_000):
                sweep(mixture, schedule, bits)
                visits[canonical(mixture.assignments.tolist())] += 1
        assert found["assign",][tuple(start)] > 9_900
        assert total_variation(found["split_merge",], exact) < 0.03
        assert total_variation(found["assign", "split_merge"], exact) < 0.03


# ---------------------------------------------------------------- bookkeeping


@pytest.mark.parametrize("schedule", SCHEDULES, ids=" ".join)
@pytest.mark.parametrize("holes", [False, True], ids=["whole", "holes"])
@pytest.mark.parametrize("prior", PARTITION_PRIORS)
def test_bookkeeping(mnist, schedule, holes, prior):
    """Statistics and log joint are those of the assignments after every sweep."""
    rng = np.random.default_rng(8)
    x = mnist.x[:200]
    observed = rng.random(x.shape) < 0.6 if holes else None
    if prior == "mfm":
        schedule = tuple(move for move in schedule if move != "concentration")
    mixture = mixture_of(x, np.arange(200) % 20, observed=observed, partition_prior=prior)
    start = mixture.assignments
    bits = np.random.PCG64(9)
    for _ in range(5):
        sweep(mixture, schedule, bits)
        check_counts(mixture, x, observed)
        z = mixture.assignments
        state = mixture.alpha, mixture.beta, mixture.concentration
        expected = log_joint(x, z, *state, observed, prior)
        assert mixture.log_joint() == pytest.approx(expected, rel=1e-13)
    assert (z != start).any()
