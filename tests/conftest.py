"""Real digits for all tests, fetched once."""

import pytest

import bitmix


@pytest.fixture(scope="session")
def mnist():
    """Return the study's 14,131 twos and threes, shuffled."""
    return bitmix.shuffle(bitmix.load_mnist(), seed=0)
