"""The posterior of the number of classes."""

import numpy as np
import pytest

import bitmix
from bitmix import classes


def test_numbers_are_those_of_the_states(found):
    table = classes.number_of_classes(found.states)
    numbers = [len(state.sizes) for state in found.states]
    for number, share in table["in_the_data"].items():
        assert share == pytest.approx(np.mean(np.array(numbers) == number))
    np.testing.assert_allclose(table.sum(), 1, atol=1e-4)
    # At least as many in the population as in the data
    assert (table.cumsum()["in_the_population"] <= table.cumsum()["in_the_data"] + 1e-9).all()
    assert table["in_the_population"].idxmax() == 3
    assert "3 with probability" in classes.describe_number(table)


def test_a_dirichlet_process_has_no_number(survey):
    latents = bitmix.sample(survey.x, chains=1, sweeps=30, thin=1, initial="single")
    found = classes.find_classes(latents, survey.x)
    table = classes.number_of_classes(found.states)
    assert list(table.columns) == ["in_the_data"]
    assert "no estimate of the number" in classes.describe_number(table)
