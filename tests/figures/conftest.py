"""Rows and chains for the tests of figures."""

import numpy as np
import pytest
from shown import SHAPE

import bitmix
from bitmix.data import Dataset


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    x = (rng.random((90, 24)) < 0.2 + 0.3 * labels[:, None]).astype(np.uint8)
    return Dataset(x, labels, SHAPE)


@pytest.fixture(scope="module")
def latents(dataset):
    return bitmix.sample(dataset.x, chains=7, sweeps=3, initial_clusters=30, progress=False)
