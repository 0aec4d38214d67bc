"""The posterior of the number of classes."""

from dataclasses import replace

import numpy as np
import pytest
from reference import log_partition

import bitmix
from bitmix import classes
from bitmix.classes import number


def test_numbers_are_those_of_the_states(found):
    table = classes.number_of_classes(found.states)
    numbers = [len(state.sizes) for state in found.states]
    for clusters, share in table["in_the_data"].items():
        assert share == pytest.approx(np.mean(np.array(numbers) == clusters))
    np.testing.assert_allclose(table.sum(), 1, atol=1e-4)
    # At least as many in the population as in the data
    assert (table.cumsum()["in_the_population"] <= table.cumsum()["in_the_data"] + 1e-9).all()
    assert table["in_the_population"].idxmax() == 3
    text = classes.describe_number(table)
    assert "3 with probability" in text and "weighted" not in text
    assert table.attrs["effective_states"] == pytest.approx(len(found.states))


def test_weights_turn_one_prior_into_the_other():
    """With data that say nothing, the weight of a partition is the ratio of its priors."""
    x = np.array([[0], [1], [0], [1], [1]], np.uint8)
    learned = bitmix.sample(x, chains=1, sweeps=1, moves=("assign", "concentration"))[0]
    fixed = bitmix.sample(x, chains=1, sweeps=1, concentration=1.7)[0]
    shape, rate = learned.config["concentration_prior"]
    partitions = ([0] * 5, [0, 0, 0, 1, 1], [0, 1, 1, 1, 1], [0, 1, 2, 2, 2], [0, 1, 2, 3, 4])
    sizes = [np.bincount(z) for z in partitions]
    finite = np.array([log_partition(size, 1.0, "mfm") for size in sizes])

    c = np.exp(np.linspace(-30, 6, 40_001))
    prior = shape * np.log(c) - rate * c
    infinite = [np.logaddexp.reduce(prior + log_partition(size, c)) for size in sizes]
    for latent, expected in (
        (learned, finite - np.array(infinite)),
        (fixed, finite - np.array([log_partition(size, 1.7) for size in sizes])),
    ):
        states = [with_partition(latent, x, np.array(z, np.int32)) for z in partitions]
        weights = np.exp(expected - expected.max())
        np.testing.assert_allclose(number._weights(states), weights / weights.sum(), rtol=1e-4)


def with_partition(latent, x, z):
    counts = np.bincount(z, x[:, 0]).astype(np.int32)[:, None]
    return replace(latent, assignments=z, sizes=np.bincount(z), counts=counts, samples=None)


def test_states_of_a_dirichlet_process_are_weighted(survey):
    """They have too many clusters, but their weights tell the number."""
    moves = ("assign", "pixel_priors", "concentration")
    settings = {"chains": 2, "sweeps": 800, "thin": 4, "initial": "seeded", "moves": moves}
    latents = bitmix.sample(survey.x, observed=survey.observed, initial_clusters=10, **settings)
    found = classes.find_classes(latents, survey.x, survey.observed)
    table = classes.number_of_classes(found.states)
    assert table["clusters"][3] < 0.5 < table["in_the_data"][3]
    assert 10 < table.attrs["effective_states"] < 200
    assert "are weighted to a mixture" in classes.describe_number(table)
