"""Packed rows give what the unpacked rows give, bit for bit."""

import numpy as np
import pytest
from chains import same

import bitmix
from bitmix import PackedRows, blocks, predict
from bitmix.data import as_binary, data_sha256

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Let a few rows make several blocks."""
    monkeypatch.setattr(blocks, "_CELLS", 200)


def pack(x):
    return PackedRows(np.packbits(x, axis=1), x.shape[1])


@pytest.mark.parametrize("features", [1, 7, 8, 9, 31, 64])
def test_rows_come_back(features):
    x = RNG.integers(0, 2, (20, features), np.uint8)
    packed = pack(x)
    assert packed.shape == x.shape and len(packed) == 20
    np.testing.assert_array_equal(packed.toarray(), x)
    np.testing.assert_array_equal(packed[3:9], x[3:9])
    np.testing.assert_array_equal(packed[[5, 0, 5]], x[[5, 0, 5]])
    assert as_binary(packed) == (packed, None) and data_sha256(packed) == data_sha256(x)


@pytest.mark.parametrize("initial", ["random", "seeded"])
def test_chains_are_those_of_the_unpacked_rows(initial, monkeypatch, tmp_path):
    x = RNG.integers(0, 2, (60, 31), np.uint8)
    settings = {"chains": 2, "sweeps": 3, "initial": initial, "initial_clusters": 6, "thin": 1}
    expected = bitmix.sample(x, **settings)
    np.save(tmp_path / "packed.npy", np.packbits(x, axis=1))
    packed = PackedRows(np.load(tmp_path / "packed.npy", mmap_mode="r"), 31)
    monkeypatch.setattr(PackedRows, "toarray", None)  # they are never unpacked as a whole
    for a, b in zip(expected, bitmix.sample(packed, **settings), strict=True):
        assert same(a, b) and a.data_sha256 == b.data_sha256
    for a, b in zip(expected[0].states(x), expected[0].states(packed), strict=True):
        assert same(a, b)
    pairs = [bitmix.diagnose(expected, rows).pairs for rows in (x, packed)]
    np.testing.assert_equal(*pairs)


@pytest.mark.parametrize(
    "mask", [None, np.arange(31) < 20, np.arange(60)[:, None] + 1 > np.arange(31)]
)
def test_answers_are_those_of_the_unpacked_rows(mask):
    x = RNG.integers(0, 2, (60, 31), np.uint8)
    latents = bitmix.sample(x, chains=2, sweeps=2, initial_clusters=5)
    for query in (
        lambda x: predict.responsibilities(latents[0], x, mask),
        lambda x: predict.log_predictive(latents, x, mask),
        lambda x: predict.complete(latents, x, mask),
        lambda x: predict.label_probabilities(latents, np.arange(60) % 3, x, mask)[0],
    ):
        np.testing.assert_array_equal(query(pack(x)), query(x))


@pytest.mark.parametrize(
    ("packed", "features", "message"),
    [
        (np.zeros((2, 2), np.uint8), 8, r"shape \(N, 1\) for 8 features, not uint8 of .*\(2, 2\)"),
        (np.zeros((2, 1), bool), 8, "an array of uint8 .* not bool"),
        (np.zeros(2, np.uint8), 8, r"of shape \(2,\): numpy.packbits"),
        (np.array([[255]], np.uint8), 7, "bits on beyond feature 7"),
        (np.zeros((2, 1), np.uint8), 0, "features must be at least 1"),
    ],
)
def test_other_arrays_are_refused(packed, features, message):
    with pytest.raises(ValueError, match=message):
        PackedRows(packed, features)


def test_queries_need_the_features_of_the_chain():
    x = RNG.integers(0, 2, (20, 9), np.uint8)
    (latent,) = bitmix.sample(x, chains=1, sweeps=1, initial_clusters=2)
    with pytest.raises(ValueError, match=r"shape \(N, 9\), not \(20, 8\)"):
        predict.responsibilities(latent, pack(x[:, :8]))
