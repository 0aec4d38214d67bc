"""The temperature of the first sweeps."""

import math

import numpy as np
import pytest
from chains import same

import bitmix
from bitmix.sampling.annealing import COOLER, SHATTERED, Annealing
from bitmix.sampling.chain import Chain
from bitmix.sampling.run import Run
from bitmix.sampling.settings import Settings

HALVES = np.full(36, 0.5)  # 36 features of variance 1/4: the highest temperature is 3
SETTINGS = {"initial": "seeded", "initial_clusters": 20, "moves": ("pixel_priors", "assign")}


@pytest.fixture(scope="module")
def x():
    return bitmix.load_mnist().x[:500]


def temperatures(annealing, clusters):
    """Return the temperature of each sweep, and of one more."""
    found = [annealing.temperature]
    for number in clusters:
        annealing.learn({"clusters": number})
        found.append(annealing.temperature)
    return found


def test_the_temperature_falls_in_a_straight_line():
    found = temperatures(Annealing(4, HALVES, 10), [10] * 6)
    assert found == pytest.approx([3.0, 2.5, 2.0, 1.5, 1.0, 1.0, 1.0])
    assert found[-3:] == [1.0] * 3


def test_it_falls_faster_while_clusters_shatter():
    limit = int(10 * SHATTERED)
    found = temperatures(Annealing(4, HALVES, 10), [limit, limit + 1, 10, 10])
    cooled = [1 + COOLER * excess for excess in (1.0, 0.5, 0.0)]
    assert found == pytest.approx([3.0, 2.5, *cooled])


def test_features_that_vary_little_are_not_annealed():
    shares = np.array([0.0, 1.0, 0.5, 0.5, 0.5])  # the total variance is 3/4
    assert temperatures(Annealing(4, shares, 10), [10]) == [1.0, 1.0]


def test_chain_of_few_features_is_the_same(x):
    few = x[:, 400:403]
    settings = {"sweeps": 4, "initial_clusters": 5}
    annealed = bitmix.sample_chain(few, 0, annealing=3, **settings)
    plain = bitmix.sample_chain(few, 0, **settings)
    np.testing.assert_array_equal(annealed.assignments, plain.assignments)


def chain_of(x, observed=None, **settings):
    run = Run(x, observed, 3, Settings(**SETTINGS | settings), None, checkpoint_every=30.0)
    return Chain(run, 0)


@pytest.mark.parametrize("initial", ["single", "random", "seeded"])
def test_a_chain_starts_from_the_total_variance(x, initial):
    annealing = chain_of(x, annealing=2, initial=initial).annealing
    assert annealing.temperature == pytest.approx(math.sqrt(x.var(axis=0).sum()))
    assert annealing.clusters == (1 if initial == "single" else 20)


def test_the_variance_is_that_of_what_is_observed(x):
    observed = np.random.default_rng(0).random(x.shape) < 0.5
    shares = np.nanmean(np.where(observed, x, np.nan), axis=0)
    annealing = chain_of(x, observed, annealing=2).annealing
    assert annealing.temperature == pytest.approx(math.sqrt((shares * (1 - shares)).sum()))


def test_annealed_chains_end_higher(x):
    def end(annealing):
        latents = bitmix.sample(x, chains=6, sweeps=60, annealing=annealing, **SETTINGS)
        return np.median([latent.log_joint() for latent in latents])

    assert end(50) > end(0) + 150


def test_annealed_states_are_not_kept(x):
    latent = bitmix.sample_chain(x[:50], 0, sweeps=10, annealing=6, thin=3)
    assert latent.samples["sweep"].tolist() == [9]


@pytest.mark.parametrize(
    ("annealing", "warmup", "expected"), [(0, None, 5), (6, None, 6), (6, 2, 6), (6, 8, 8)]
)
def test_annealed_sweeps_belong_to_the_warmup(x, annealing, warmup, expected):
    latent = bitmix.sample_chain(x[:50], 0, sweeps=10, annealing=annealing)
    assert latent.warmup(warmup) == expected


def test_a_chain_goes_on_from_any_annealed_sweep(x):
    """The temperature follows from the trace, also where clusters have shattered."""
    settings = {"sweeps": 8, "annealing": 6, "initial_clusters": 3}
    whole = chain_of(x, **settings)
    latents = [whole.latent() for _ in range(8) if whole.sweep()]
    assert whole.annealing.excess < Chain(whole.run, 0).annealing.excess  # they have
    for sweeps in (2, 5):
        chain = Chain(whole.run, 0, latents[sweeps - 1])
        while chain.sweeps < 8:
            chain.sweep()
        assert same(chain.latent(), latents[-1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"annealing": -1}, "annealing must be at least 0"),
        ({"annealing": 5}, "annealing is 5, but there are only 5 sweeps"),
        ({"annealing": 3, "thin": 3}, "thin is 3, above the 2 sweeps after the annealing"),
    ],
)
def test_refuses_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        Settings(sweeps=5, **settings)
