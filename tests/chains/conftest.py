"""A latent and its file."""

import pickle

import pytest
from latent_files import golden_latent, without_times

from bitmix.chains import save_latents


@pytest.fixture
def latent():
    return without_times(golden_latent())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "chain.pkl"


@pytest.fixture
def content(latent, path):
    """Return the dict in a file of latents, read by the pickle module."""
    save_latents(path, latent)
    return pickle.loads(path.read_bytes())
