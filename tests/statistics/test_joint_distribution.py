"""The complete sampler, compared with the joint distribution of its model.

Geweke (2004), "Getting it right", J. Am. Stat. Assoc. 99. One simulation draws data and parameters
from the model. The other starts from such a draw and alternates the sampler's moves with new data
given the parameters. If the moves leave the posterior invariant, both have the same distribution.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from mixtures import biased_split_merge, mixture_of

from bitmix import kernel
from bitmix.model import HYPERPRIORS, PARTITION_PRIORS
from bitmix.sampling.moves import MOVES
from bitmix.sampling.settings import Settings

SETTINGS = Settings(
    moves=("assign", "split_merge", "pixel_priors", "concentration"),
    proposals=3,
    concentration_prior=(1.5, 0.5),
)
IMAGES, PIXELS = 10, 4
BATCHES = 100  # the batches of a chain; their means are almost independent
LIMIT = 4  # the largest deviation, in standard errors: one correct sampler in 1000 exceeds it
OBSERVED = np.random.default_rng(1).random((IMAGES, PIXELS)) < 0.7  # of rows with missing features


FINITE = replace(
    SETTINGS,
    partition_prior="mfm",
    moves=("assign", "split_merge", "pixel_priors"),
    concentration=0.7,
)


def draw_parameters(rng, settings):
    """Return z, alpha, beta and the concentration."""
    if settings.partition_prior == "mfm":
        concentration = settings.concentration
        z = draw_finite_partition(rng, concentration)
    else:
        shape, rate = SETTINGS.concentration_prior
        concentration = rng.gamma(shape, 1 / rate)
        z = draw_partition(rng, concentration)
    alpha, beta = rng.exponential(1 / HYPERPRIORS[SETTINGS.hyperprior].rate, (2, PIXELS))
    return z, alpha, beta, concentration


def draw_finite_partition(rng, concentration):
    """Draw the number of components, their weights, then the component of each row."""
    weights = rng.dirichlet(np.full(rng.geometric(0.1), concentration))
    return np.unique(rng.choice(len(weights), IMAGES, p=weights), return_inverse=True)[1]


def draw_partition(rng, concentration):
    """Draw from the Chinese restaurant process, with clusters numbered by first appearance."""
    z = np.zeros(IMAGES, int)
    for i in range(1, IMAGES):
        joined = int(rng.random() * (i + concentration))  # an earlier row, or none
        z[i] = z[joined] if joined < i else z[:i].max() + 1
    return z


def draw_data(rng, z, alpha, beta):
    theta = rng.beta(alpha, beta, (z.max() + 1, PIXELS))
    return (rng.random((IMAGES, PIXELS)) < theta[z]).astype(np.uint8)


STATISTICS = (
    "clusters", "clusters squared", "largest", "pair in one cluster", "concentration",
    "log concentration", "alpha", "alpha squared", "log alpha", "beta", "beta squared", "log beta",
    "log joint", "log joint squared", "pixels on", "pixels alike", "pixels on and alpha",
)  # fmt: skip


def statistics(x, mixture):
    alpha, beta, z, on = mixture.alpha, mixture.beta, mixture.assignments, x.mean()
    clusters, log_joint = mixture.clusters, mixture.log_joint()
    return (
        clusters, clusters**2, mixture.sizes.max(), z[0] == z[1], mixture.concentration,
        np.log(mixture.concentration), alpha.mean(), (alpha**2).mean(), np.log(alpha).mean(),
        beta.mean(), (beta**2).mean(), np.log(beta).mean(),
        log_joint, log_joint**2, on, (x[0] == x[1]).mean(), on * alpha.mean(),
    )  # fmt: skip


def mixture_on(x, holes, parameters, settings):
    observed = OBSERVED if holes else None
    return mixture_of(x, *parameters, observed, settings.partition_prior)


@cache
def from_the_model(draws, holes, settings):
    """Return the statistics of independent draws."""
    rng = np.random.Generator(np.random.PCG64(1))
    found = []
    for _ in range(draws):
        parameters = draw_parameters(rng, settings)
        x = draw_data(rng, *parameters[:3])
        found.append(statistics(x, mixture_on(x, holes, parameters, settings)))
    return np.array(found, float)


def from_the_sampler(draws, holes, settings, bias, launch):
    """Return the statistics of a chain whose data change with it."""
    rng = np.random.Generator(np.random.PCG64(2))
    parameters = draw_parameters(rng, settings)
    found = []
    for _ in range(draws):
        x = draw_data(rng, *parameters[:3])
        mixture = mixture_on(x, holes, parameters, settings)
        for move in settings.moves:
            if bias and move == "split_merge":
                observed = OBSERVED if holes else None
                mixture = biased_split_merge(
                    mixture, settings, rng.bit_generator, bias, x, observed
                )
            elif move == "split_merge":
                kernel.split_merge(mixture, rng.bit_generator, settings.proposals, launch=launch)
            else:
                MOVES[move](mixture, settings, rng.bit_generator)
        found.append(statistics(x, mixture))
        parameters = mixture.assignments, mixture.alpha, mixture.beta, mixture.concentration
    return np.array(found, float)


def deviations(draws, holes=False, settings=SETTINGS, bias=0.0, launch=kernel.LAUNCH):
    """Return how many standard errors the means of each statistic differ."""
    right = FINITE if settings.partition_prior == "mfm" else SETTINGS
    model = from_the_model(draws, holes, right)
    sampler = from_the_sampler(draws, holes, settings, bias, launch)
    batches = sampler.reshape(BATCHES, -1, len(STATISTICS)).mean(axis=1)
    variance = model.var(axis=0) / draws + batches.var(axis=0, ddof=1) / BATCHES
    difference = sampler.mean(axis=0) - model.mean(axis=0)
    # A mixture of finite mixtures keeps its concentration.
    found = difference / np.where(variance > 0, np.sqrt(variance), 1)
    return dict(zip(STATISTICS, found, strict=True))


def exceeding(found):
    return {name: value for name, value in found.items() if not abs(value) < LIMIT}


@pytest.mark.parametrize("draws", [6_000, pytest.param(60_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("holes", [False, True], ids=["whole", "holes"])
@pytest.mark.parametrize("settings", [SETTINGS, FINITE], ids=PARTITION_PRIORS)
def test_sampler_has_the_joint_distribution_of_the_model(draws, holes, settings):
    assert not exceeding(deviations(draws, holes, settings))


@pytest.mark.parametrize("draws", [6_000, pytest.param(60_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("settings", [SETTINGS, FINITE], ids=PARTITION_PRIORS)
def test_proposals_with_two_tests_keep_the_joint_distribution(draws, settings):
    assert not exceeding(deviations(draws, settings=settings, launch=2))


@pytest.mark.parametrize(
    ("wrong", "seen_in"),
    [
        ({"bias": 0.3}, {"clusters", "largest", "log joint"}),
        (
            {"settings": replace(SETTINGS, concentration_prior=(1.5, 0.65))},
            {"clusters", "concentration"},
        ),
        ({"settings": replace(SETTINGS, hyperprior="bda")}, {"log alpha", "log beta"}),
        ({"settings": replace(FINITE, concentration=1.0)}, {"clusters", "largest"}),
    ],
    ids=["acceptance ratio", "concentration prior", "hyperprior", "Dirichlet"],
)
def test_a_wrong_sampler_is_noticed(wrong, seen_in):
    assert seen_in <= exceeding(deviations(6_000, **wrong)).keys()
