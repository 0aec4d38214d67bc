"""The data and chains that the notebooks start from."""

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
    """Return the data without labels and image shape; features are missing, the last always."""
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
    with pytest.raises(ValueError, match=r"0\.pkl was sampled from other rows"):
        study.open_chains(files, other)


def test_open_run_and_its_kept_states(tmp_path, dataset):
    save_dataset(tmp_path / "data.npz", dataset)
    latents = bitmix.sample(dataset.x, chains=2, sweeps=6, thin=1, progress=False)
    files = [tmp_path / f"{latent.chain}.pkl" for latent in latents]
    for file, latent in zip(files, latents, strict=True):
        bitmix.save_latents(file, latent)
    for open_run in (study.open_run, study.open_mixed_run):
        opened, chains = open_run(tmp_path / "data.npz", files)
        assert opened.sha256 == dataset.sha256
        assert [chain.chain for chain in chains] == [0, 1]
    by_chain = study.kept_states(chains, opened, warmup=2)
    assert [[state.sweeps for state in states] for states in by_chain] == [[3, 4, 5, 6]] * 2


def test_open_chains_without_files_samples(dataset, incomplete):
    chains = study.open_chains([], dataset)
    assert [(latent.seed, latent.chain) for latent in chains] == [(2015, i) for i in range(5)]
    assert study.open_chains([], incomplete)[0].data_sha256 == incomplete.sha256


def test_choose_queries(dataset):
    np.testing.assert_array_equal(study.choose_queries(dataset, 2), [0, 2, 1, 3])
    np.testing.assert_array_equal(
        study.choose_queries(dataset.take(slice(5)), 3), [0, 2, 4, 1, 3]
    )  # one label has only two rows


def test_choose_queries_without_labels(dataset):
    bare = Dataset(dataset.x)
    assert study.choose_queries(bare, 3).tolist() == [0, 1, 2]
    assert study.choose_queries(bare, 30).tolist() == list(range(20))


def test_label_counts(dataset):
    assert study.label_counts(dataset) == {4: 10, 5: 10}
    assert study.label_counts(dataset, "mnist") == {"fours": 10, "fives": 10}
    bare = Dataset(dataset.x)
    assert study.label_counts(bare) == {}


def test_top_half():
    assert study.top_half((28, 28)).sum() == 14 * 28
    np.testing.assert_array_equal(study.top_half((3, 2)), [True, True, False, False, False, False])


def test_half_seen(dataset, incomplete):
    np.testing.assert_array_equal(study.half_seen(dataset), [True] * 4 + [False] * 8)
    first_half = np.arange(12) < 6
    np.testing.assert_array_equal(study.half_seen(Dataset(dataset.x)), first_half)
    np.testing.assert_array_equal(study.half_seen(incomplete), incomplete.observed & first_half)


def test_random_mask(dataset, incomplete):
    seen = study.random_mask(dataset, 0.2, 3)
    assert seen.shape == dataset.x.shape
    assert 0 < seen.mean() < 0.5
    assert not (study.random_mask(incomplete, 0.9, 3) & ~incomplete.observed).any()


def test_the_mixed_run_has_mixed():
    dataset, latents = study.open_mixed_run()
    diagnosis = bitmix.diagnose(latents, dataset.x)
    assert diagnosis.mixed, diagnosis.verdict
    assert max(found["r_hat"] for found in diagnosis.quantities.values()) < 1.005


def test_the_time_of_chains(tmp_path, dataset):
    latents = bitmix.sample(dataset.x, chains=2, sweeps=2, progress=False)
    seconds = sum(latent.trace["seconds"].sum() for latent in latents)
    assert study.sampling_time(latents) == f"mcmc took {seconds:.2f} seconds"
    bitmix.save_latents(tmp_path / "0.pkl", latents[:1])
    assert "benchmarks" in study.sampling_time(bitmix.load_latents(tmp_path / "0.pkl"))
