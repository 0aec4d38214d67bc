"""Data sets and their files."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from damage import flipped

from bitmix.data import (
    DataError,
    Dataset,
    data_sha256,
    load_dataset,
    save_dataset,
    shuffle,
)
from bitmix.io import atomic_write, sealed_write
from bitmix.sampling.sampler import sample_chain


@pytest.fixture
def dataset():
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, (50, 15), dtype=np.uint8)
    return Dataset(x, np.arange(50) % 7, (3, 5))


def test_sha256_is_that_of_the_bytes_in_order(dataset):
    assert dataset.sha256 == hashlib.sha256(bytes(dataset.x.ravel().tolist())).hexdigest()
    assert data_sha256(np.asfortranarray(dataset.x)) == dataset.sha256
    assert data_sha256(dataset.x.astype(bool)) == dataset.sha256
    assert data_sha256(dataset.x[::-1]) != dataset.sha256


def test_shuffle_keeps_rows_and_labels_together(dataset):
    shuffled = shuffle(dataset, seed=3)
    rows = [(*vector, label) for vector, label in zip(dataset.x, dataset.labels, strict=True)]
    found = [(*vector, label) for vector, label in zip(shuffled.x, shuffled.labels, strict=True)]
    assert found != rows
    assert sorted(found) == sorted(rows)
    assert shuffled.image_shape == dataset.image_shape


def test_shuffle_is_a_function_of_the_seed(dataset):
    assert shuffle(dataset, 3).sha256 == shuffle(dataset, 3).sha256
    assert shuffle(dataset, 3).sha256 != shuffle(dataset, 4).sha256
    with pytest.raises(TypeError):
        shuffle(dataset, None)


def test_shuffle_without_labels(dataset):
    shuffled = shuffle(Dataset(dataset.x), 3)
    assert shuffled.labels is None
    assert shuffled.sha256 == shuffle(dataset, 3).sha256


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": [[0, 1]]}, "uint8 array"),
        ({"x": np.zeros((2, 3))}, "uint8 array.*float64"),
        ({"x": np.zeros(3, np.uint8)}, r"shape \(3,\)"),
        ({"x": np.zeros((0, 3), np.uint8)}, "at least one row"),
        ({"x": np.full((2, 3), 2, np.uint8)}, "only 0 and 1, found 2"),
        ({"labels": np.zeros(3, int)}, r"labels.*shape \(2,\)"),
        ({"labels": np.zeros(2)}, "integers or text.*float64"),
        ({"image_shape": (2, 2)}, "3 pixels"),
        ({"observed": np.ones((2, 3), np.uint8)}, "boolean array"),
        ({"observed": np.ones(3, bool)}, r"shape of x, \(2, 3\)"),
        (
            {"x": np.ones((2, 3), np.uint8), "observed": np.eye(2, 3) > 0},
            "0 where a feature is miss",
        ),
    ],
)
def test_bad_dataset(arguments, message):
    with pytest.raises(ValueError, match=message):
        Dataset(**({"x": np.zeros((2, 3), np.uint8)} | arguments))


@pytest.fixture
def incomplete(dataset):
    """Return a data set with text labels and every twentieth feature missing."""
    observed = np.arange(dataset.x.size).reshape(dataset.x.shape) % 20 > 0
    labels = np.array([f"kind {label}" for label in dataset.labels])
    return Dataset(dataset.x * observed, labels, dataset.image_shape, observed)


def test_missing_features_are_part_of_the_sha256_that_chains_have(dataset, incomplete):
    assert incomplete.sha256 != Dataset(incomplete.x).sha256
    for one in (dataset, incomplete):
        latent = sample_chain(one.x, 0, observed=one.observed, sweeps=1, progress=False)
        assert latent.data_sha256 == one.sha256


def test_a_mask_with_nothing_missing_is_none(dataset, incomplete):
    whole = np.ones(dataset.x.shape, bool)
    assert Dataset(dataset.x, observed=whole).observed is None
    assert Dataset(dataset.x, observed=whole).sha256 == dataset.sha256
    assert incomplete.take(incomplete.observed.all(axis=1)).observed is None


def test_values_are_nan_where_missing(incomplete):
    assert np.array_equal(np.isnan(incomplete.values), ~incomplete.observed)
    assert np.array_equal(np.nan_to_num(incomplete.values), incomplete.x)


@pytest.mark.parametrize("rows", [[3, 0, 3], slice(5), np.arange(50) % 2 == 0])
def test_take(incomplete, rows):
    taken = incomplete.take(rows)
    for name in ("x", "labels", "observed"):
        assert np.array_equal(getattr(taken, name), getattr(incomplete, name)[rows])
    assert taken.image_shape == incomplete.image_shape


def test_shuffle_and_file_keep_what_is_missing(incomplete, tmp_path):
    shuffled = shuffle(incomplete, 3)
    found = {(*row, label) for row, label in zip(shuffled.values, shuffled.labels, strict=True)}
    assert len(found) == 50
    save_dataset(tmp_path / "data.npz", shuffled)
    loaded = load_dataset(tmp_path / "data.npz")
    assert loaded.sha256 == shuffled.sha256
    assert loaded.observed.dtype == bool
    assert loaded.labels.tolist() == shuffled.labels.tolist()


@pytest.mark.parametrize("bare", [False, True])
def test_file_of_a_dataset_round_trip(dataset, tmp_path, bare):
    dataset = Dataset(dataset.x) if bare else dataset
    save_dataset(tmp_path / "new" / "data.npz", dataset)
    loaded = load_dataset(tmp_path / "new" / "data.npz")
    assert loaded.sha256 == dataset.sha256
    assert loaded.x.dtype == np.uint8
    assert loaded.image_shape == dataset.image_shape
    if bare:
        assert loaded.labels is None
    else:
        assert np.array_equal(loaded.labels, dataset.labels)
        assert loaded.labels.dtype == dataset.labels.dtype


def test_file_of_a_dataset_is_the_same_every_time(dataset, tmp_path):
    for name in ("a", "b"):
        save_dataset(tmp_path / name, dataset)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_truncated_or_damaged_dataset(dataset, tmp_path):
    path = tmp_path / "data.npz"
    save_dataset(path, dataset)
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole), 50)]
    damaged += [flipped(whole, bit) for bit in range(8 * len(whole))]
    for content in (*damaged, whole + b"\0"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{path} is damaged.*; delete it and make it again"):
            load_dataset(path)


def test_a_file_of_a_dataset_is_a_zip_file(dataset, tmp_path):
    path = tmp_path / "data.npz"
    save_dataset(path, dataset)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        sha256 = hashlib.sha256(whole[: -len(archive.comment)]).hexdigest()
        assert archive.comment.decode() == f"\nsha256 {sha256}\n"


def test_other_files_are_not_datasets(tmp_path):
    path = tmp_path / "data.npz"
    for array in (np.zeros(3), np.array([print], dtype=object)):
        with path.open("wb") as file:
            np.save(file, array)
        with pytest.raises(DataError, match="damaged or not a data set"):
            load_dataset(path)
    other = io.BytesIO()
    np.savez(other, something=np.zeros(3))
    with sealed_write(path) as file:
        file.write(other.getvalue())
    with pytest.raises(DataError, match="it has the arrays something"):
        load_dataset(path)
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        load_dataset(tmp_path / "missing.npz")


# Atomic writing ----------------------------------------------------------------------------------


def test_atomic_write_replaces_only_at_the_end(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_atomic_write_twice_at_once(tmp_path):
    path = tmp_path / "file"
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write(b"first")
        second.write(b"second")
    assert path.read_bytes() == b"first"  # the first writer ended last
    assert os.listdir(tmp_path) == ["file"]


def test_atomic_write_leaves_nothing_after_a_failure(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_atomic_write_gives_the_usual_permissions(tmp_path):
    with atomic_write(tmp_path / "atomic"):
        pass
    Path(tmp_path / "usual").touch()
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "usual").stat().st_mode
