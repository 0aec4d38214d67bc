"""What the notebooks start from."""

import numpy as np
import pytest

import bitmix
from bitmix import study
from bitmix.data import Dataset, save_dataset


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    return Dataset(rng.integers(0, 2, (20, 12), dtype=np.uint8), np.arange(20) % 2 + 4, (3, 4))


@pytest.fixture
def incomplete(dataset):
    """The same without labels or shape, some pixels missing, the last in every vector."""
    observed = np.arange(240).reshape(20, 12) % 7 > 0
    observed[:, -1] = False
    return Dataset(dataset.x * observed, observed=observed)


def test_open_dataset_reads_the_file(tmp_path, dataset):
    save_dataset(tmp_path / "data.npz", dataset)
    assert study.open_dataset(tmp_path / "data.npz").sha256 == dataset.sha256


def test_open_dataset_without_a_file_is_the_study():
    assert study.open_dataset().sha256 == bitmix.shuffle(bitmix.load_mnist(), 2015).sha256


def test_open_chains(tmp_path, dataset):
    latents = bitmix.sample(dataset.x, chains=2, sweeps=1, progress=False)
    files = [tmp_path / f"{latent.chain}.pkl" for latent in latents]
    for file, latent in zip(files, latents, strict=True):
        bitmix.save_latents(file, latent)
    opened = study.open_chains(files, dataset)
    for old, new in zip(latents, opened, strict=True):
        np.testing.assert_array_equal(old.assignments, new.assignments)
    other = Dataset(1 - dataset.x, dataset.labels, dataset.image_shape)
    with pytest.raises(ValueError, match=r"0\.pkl was sampled from other images"):
        study.open_chains(files, other)


def test_open_chains_without_files_samples(dataset, incomplete):
    chains = study.open_chains([], dataset)
    assert [(latent.seed, latent.chain) for latent in chains] == [(2015, i) for i in range(5)]
    assert study.open_chains([], incomplete)[0].data_sha256 == incomplete.sha256


def test_first(dataset):
    assert study.first(dataset, None) is dataset
    few = study.first(dataset, 3)
    np.testing.assert_array_equal(few.x, dataset.x[:3])
    np.testing.assert_array_equal(few.labels, dataset.labels[:3])
    assert few.image_shape == dataset.image_shape
    with pytest.raises(ValueError, match="limit is 21, but there are only 20 images"):
        study.first(dataset, 21)


def test_choose_queries(dataset):
    np.testing.assert_array_equal(study.choose_queries(dataset, 2), [0, 2, 1, 3])
    np.testing.assert_array_equal(
        study.choose_queries(dataset.take(slice(5)), 3), [0, 2, 4, 1, 3]
    )  # of one label there are only two


def test_choose_queries_without_labels(dataset):
    bare = Dataset(dataset.x)
    assert study.choose_queries(bare, 3).tolist() == [0, 1, 2]
    assert study.choose_queries(bare, 30).tolist() == list(range(20))


def test_label_counts_and_descriptions(dataset):
    assert study.label_counts(dataset) == {4: 10, 5: 10}
    assert study.describe(dataset, 1) == "An image labelled 5"
    bare = Dataset(dataset.x)
    assert study.label_counts(bare) == {}
    assert study.describe(bare, 1) == "A vector"


def test_frequencies_are_of_the_pixels_observed(dataset, incomplete):
    np.testing.assert_allclose(study.frequencies(dataset), dataset.x.mean(axis=0))
    expected = np.append(np.nanmean(incomplete.values[:, :-1], axis=0), np.nan)
    np.testing.assert_allclose(study.frequencies(incomplete), expected)


def test_cluster_means_are_the_frequencies_in_them(dataset, incomplete):
    assignments = np.arange(20) % 3
    for data in (dataset, incomplete):
        means = study.cluster_means(data, assignments, 2)
        for cluster in range(2):
            expected = study.frequencies(data.take(assignments == cluster))
            np.testing.assert_allclose(means[cluster], expected, rtol=1e-6)


def test_company_is_the_mean_of_those_that_share_a_cluster(dataset, incomplete):
    assignments = np.array([np.arange(20) % 3, np.arange(20) % 2, np.arange(20)])
    for data in (dataset, incomplete):
        (found,) = study.company(data, assignments, [4])
        together = (assignments == assignments[:, [4]]).sum(axis=0)
        others = np.repeat(np.arange(20), np.where(np.arange(20) == 4, 0, together))
        np.testing.assert_allclose(found, study.frequencies(data.take(others)), rtol=1e-6)
    assert np.isnan(study.company(dataset, assignments[2:], [4])).all()


def test_top_half():
    assert study.top_half((28, 28)).sum() == 14 * 28
    np.testing.assert_array_equal(study.top_half((3, 2)), [True, True, False, False, False, False])


def test_half_seen(dataset, incomplete):
    np.testing.assert_array_equal(study.half_seen(dataset), [True] * 4 + [False] * 8)
    first_half = np.arange(12) < 6
    np.testing.assert_array_equal(study.half_seen(Dataset(dataset.x)), first_half)
    np.testing.assert_array_equal(study.half_seen(incomplete), incomplete.observed & first_half)
