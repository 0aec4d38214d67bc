"""Files of several latents."""

import numpy as np
import pytest
from chains import same

import bitmix


@pytest.fixture(scope="module")
def latents():
    return bitmix.sample(np.eye(6), chains=3, sweeps=2, progress=False)


def test_a_list_is_saved_and_loaded(tmp_path, latents):
    bitmix.save_latents(tmp_path / "chains.pkl", latents)
    loaded = bitmix.load_latents(tmp_path / "chains.pkl")
    assert isinstance(loaded, list) and len(loaded) == 3
    assert all(same(new, old) for new, old in zip(loaded, latents, strict=True))


def test_one_latent_is_loaded_as_one(tmp_path, latents):
    bitmix.save_latents(tmp_path / "chain.pkl", latents[0])
    assert same(bitmix.load_latents(tmp_path / "chain.pkl"), latents[0])


def test_anything_else_is_refused(tmp_path, latents):
    with pytest.raises(ValueError, match="the list is empty"):
        bitmix.save_latents(tmp_path / "a.pkl", [])
    for wrong in (7, [latents[0], 7], {"a": latents[0]}):
        with pytest.raises(TypeError, match="must be a Latent or a list of them"):
            bitmix.save_latents(tmp_path / "a.pkl", wrong)
    assert list(tmp_path.iterdir()) == []
