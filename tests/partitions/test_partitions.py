"""Partitions: comparison, co-clustering and consensus, checked by enumeration."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, mutual_info_score

import bitmix
from bitmix.data import Dataset
from bitmix.partitions import (
    agreement,
    block_rows,
    coclustering,
    coclustering_above,
    consensus,
    extremes,
    numbering,
    of_chains,
    pairwise,
    variation_of_information,
    write_consensus,
)
from bitmix.partitions import together as blocks


def all_partitions(vectors):
    """Return every partition of some rows, with clusters numbered by first appearance."""
    rows = [[0]]
    for _ in range(vectors - 1):
        rows = [[*row, cluster] for row in rows for cluster in range(max(row) + 2)]
    return np.array(rows)


def noisy(seed, partitions, vectors, clusters, noise):
    """Return copies of one partition, each with some rows moved at random."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(clusters, size=vectors)
    moved = rng.random((partitions, vectors)) < noise
    return np.where(moved, rng.integers(clusters, size=moved.shape), truth)


@pytest.fixture(scope="module")
def samples():
    return noisy(0, partitions=21, vectors=300, clusters=8, noise=0.15)


# Comparison ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0, 0, 1, 1], [0, 0, 0, 0], math.log(2)),
        ([0, 0, 1, 1], [0, 1, 2, 3], math.log(2)),
        ([0, 0, 1, 1], [0, 1, 0, 1], 2 * math.log(2)),
        # both conditional entropies are 3/5 of that of a 2:1 split
        ([0, 0, 0, 1, 1], [0, 0, 1, 1, 1], 1.2 * (math.log(3) - math.log(2) * 2 / 3)),
        ([7, 7, -2], [5, 5, 0], 0),
    ],
)
def test_variation_of_information_by_hand(first, second, expected):
    assert variation_of_information(first, second) == pytest.approx(expected, abs=1e-8)


def test_normalised_is_at_most_one():
    apart, together = np.arange(7), np.zeros(7, int)
    assert variation_of_information(apart, together, normalised=True) == pytest.approx(1)
    assert variation_of_information([5], [3], normalised=True) == 0


def test_comparisons_are_those_of_scikit_learn(samples):
    vi, ari = pairwise(samples[:6])
    for i, first in enumerate(samples[:6]):
        for j, second in enumerate(samples[:6]):
            own = mutual_info_score(first, first) + mutual_info_score(second, second)
            expected = own - 2 * mutual_info_score(first, second)
            assert vi[i, j] == pytest.approx(expected, abs=1e-8)
            assert ari[i, j] == pytest.approx(adjusted_rand_score(first, second), abs=1e-12)


def test_variation_of_information_is_a_metric():
    partitions = all_partitions(5)
    vi, _ = pairwise(partitions)
    assert (vi.diagonal() == 0).all()
    assert (vi[~np.eye(len(vi), dtype=bool)] > 0.1).all()
    assert (vi == vi.T).all()
    assert (vi[:, :, None] <= vi[:, None, :] + vi.T[None, :, :] + 1e-8).all()


@pytest.mark.parametrize("partition", [[0], [0, 1], [3, 3, 3], [0, 1, 2]])
def test_a_partition_without_pairs_to_tell_is_like_itself(partition):
    vi, ari = pairwise([partition, partition])
    assert (vi == 0).all()
    assert (ari == 1).all()


def test_agreement_between_and_within_chains(samples):
    vi, _ = pairwise(samples[:6])
    chains = np.array([0, 1, 0, 2, 1, 0])
    found = agreement(vi, chains)
    assert found[0, 0] == pytest.approx((vi[0, 2] + vi[0, 5] + vi[2, 5]) / 3)
    assert found[1, 1] == pytest.approx(vi[1, 4])
    assert np.isnan(found[2, 2])
    assert found[1, 2] == found[2, 1] == pytest.approx((vi[1, 3] + vi[4, 3]) / 2)


# Co-clustering ------------------------------------------------------------------------------------


def test_coclustering_counts(samples):
    rows = [3, 190, 0, 7, 3]
    found = coclustering(samples, rows)
    for i, row in enumerate(rows):
        for j, other in enumerate(rows):
            assert found[i, j] == (samples[:, row] == samples[:, other]).mean()
    assert coclustering(samples, []).shape == (0, 0)
    np.testing.assert_array_equal(coclustering(samples, rows[:2], rows), found[:2])


@pytest.mark.parametrize("threshold", [1e-9, 1 / 21, 0.5, 2 / 3, 1])
def test_sparse_coclustering_is_the_dense_from_the_threshold_on(samples, threshold, monkeypatch):
    monkeypatch.setattr(blocks, "_BLOCK", 128)
    dense = coclustering(samples, np.arange(300))
    sparse = coclustering_above(samples, threshold)
    np.testing.assert_array_equal(sparse.toarray(), np.where(dense >= threshold, dense, 0))
    assert sparse.nnz == (dense >= threshold).sum() < dense.size


def test_what_does_not_fit_is_refused_with_a_remedy(samples):
    with pytest.raises(ValueError, match=r"300 x 300 .* 0\.00072 GB, .* 0\.0007 GB: .* fewer rows"):
        coclustering(samples, np.arange(300), most_memory=7e5)
    with pytest.raises(ValueError, match=r"take up to .* higher threshold"):
        coclustering_above(samples, 0.5, most_memory=1e5)
    many = np.zeros((1, 70_000), int)
    with pytest.raises(ValueError, match=r"39\.2 GB, more than most_memory, 2 GB"):
        coclustering(many, np.arange(70_000))
    with pytest.raises(ValueError, match=r"58\.8 GB"):
        coclustering_above(many, 0.5)


def test_the_bound_on_the_memory_holds(samples):
    for threshold in (0.05, 0.3, 0.9):
        found = coclustering_above(samples, threshold)
        needed = found.data.nbytes + found.indices.nbytes
        with pytest.raises(ValueError, match="higher threshold"):
            coclustering_above(samples, threshold, most_memory=needed - 1)


def test_bad_coclustering(samples):
    for rows in (slice(3), np.ones(300, bool), [0.0, 1.0], [[0, 1]]):
        with pytest.raises(ValueError, match="rows must be whole numbers of one dimension"):
            coclustering(samples, rows)
    for rows in ([0, 300], [-1]):
        with pytest.raises(ValueError, match=f"from 0 to 299, found {rows[-1]}"):
            coclustering(samples, rows)
    with pytest.raises(ValueError, match="columns must be from 0 to 299, found 300"):
        coclustering(samples, [0], [300])
    for threshold in (0, 1.1, math.nan):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            coclustering_above(samples, threshold)


# Consensus ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.1, 0.4, 0.7, 1])
@pytest.mark.parametrize("seed", range(18))
def test_consensus_is_the_best_of_all_partitions(seed, noise):
    samples = noisy(seed, 3 + seed % 6, vectors=7, clusters=2 + seed % 3, noise=noise)
    vi, _ = pairwise(np.concatenate([samples, all_partitions(7)]))
    least = vi[len(samples) :, : len(samples)].mean(axis=1).min()
    assert consensus(samples).expected_vi == pytest.approx(least, abs=1e-8)


def test_consensus_finds_what_the_samples_have_in_common(samples):
    truth = noisy(0, partitions=1, vectors=300, clusters=8, noise=0)[0]
    found = consensus(samples)
    assert adjusted_rand_score(found.assignments, truth) == 1
    for distance, sample in zip(found.distances, samples, strict=True):
        assert distance == variation_of_information(found.assignments, sample)
    assert found.expected_vi == pytest.approx(found.distances.mean())


def test_clusters_are_numbered_by_size(samples):
    found = consensus(samples)
    assert found.assignments.dtype == np.int32
    assert found.sizes.sum() == 300
    assert (np.diff(found.sizes) <= 0).all()
    np.testing.assert_array_equal(np.unique(found.assignments), np.arange(len(found.sizes)))


def test_one_partition_is_its_own_consensus():
    found = consensus([[4, 4, 2, 9, 2, 2]])
    assert found.assignments.tolist() == [1, 1, 0, 2, 0, 0]
    assert found.expected_vi == found.ball.radius == 0
    assert (found.uncertainty == 0).all()


def same(first, second):
    np.testing.assert_array_equal(first.assignments, second.assignments)
    np.testing.assert_array_equal(first.uncertainty, second.uncertainty)
    assert first.expected_vi == second.expected_vi
    assert first.ball.radius == second.ball.radius


@pytest.mark.parametrize("noise", [0.2, 0.6])
def test_names_of_clusters_do_not_matter(noise):
    samples = noisy(1, partitions=8, vectors=80, clusters=6, noise=noise)
    rng = np.random.default_rng(2)
    renamed = np.stack([rng.permutation(100)[row] - 50 for row in samples])
    same(consensus(samples), consensus(renamed))


@pytest.mark.parametrize("noise", [0.2, 0.6])
def test_the_order_of_partitions_does_not_matter(noise):
    samples = noisy(3, partitions=8, vectors=80, clusters=6, noise=noise)
    order = np.random.default_rng(4).permutation(8)
    here, there = consensus(samples), consensus(samples[order])
    same(here, there)
    np.testing.assert_array_equal(here.distances[order], there.distances)
    for bound in ("horizontal", "upper", "lower"):
        assert getattr(here.ball, bound) == order[getattr(there.ball, bound)]


def test_uncertainty_is_the_mean_of_the_coclustering(samples):
    few = samples[:, :60]
    found = consensus(few)
    together = coclustering(few, np.arange(60))
    np.fill_diagonal(together, 0)
    for row in range(60):
        others = np.flatnonzero(found.assignments == found.assignments[row])
        if len(others) > 1:
            expected = together[row, others].sum() / (len(others) - 1)
        else:
            expected = (together[row].max() == 0) * 1.0
        assert found.uncertainty[row] == pytest.approx(1 - expected)


def test_uncertainty_of_a_row_that_is_alone():
    found = consensus([[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]])
    assert found.assignments.tolist() == [0, 0, 0, 1]
    np.testing.assert_allclose(found.uncertainty, [0, 0, 0, 1 / 3])


@pytest.mark.parametrize("probability", [0.5, 0.95, 1])
def test_the_ball_is_the_smallest_that_holds_enough(samples, probability):
    found = consensus(samples, probability=probability)
    ball, clusters = found.ball, np.array([len(set(row)) for row in samples.tolist()])
    inside = found.distances <= ball.radius
    assert inside.mean() >= probability
    assert (found.distances < ball.radius).mean() < probability
    assert found.distances[ball.horizontal] == found.distances[inside].max() == ball.radius
    for bound, extreme in (
        (ball.upper, clusters[inside].min()),
        (ball.lower, clusters[inside].max()),
    ):
        rivals = inside & (clusters == extreme)
        assert rivals[bound]
        assert found.distances[bound] == found.distances[rivals].max()


def test_the_bounds_of_the_ball_have_few_and_many_clusters():
    samples = [[0, 0, 0, 1, 1, 1]] * 8 + [[0, 0, 0, 0, 0, 0], [0, 0, 1, 2, 2, 2]]
    ball = consensus(samples, probability=1).ball
    assert (ball.horizontal, ball.upper, ball.lower) == (8, 8, 9)


def test_block_rows_are_of_the_largest_clusters(samples):
    found = consensus(samples)
    rows = block_rows(found, clusters=3, most=5)
    assert found.assignments[rows].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    for block in rows.reshape(3, 5):
        assert (np.diff(found.uncertainty[block]) >= 0).all()
    assert sorted(block_rows(found, clusters=99, most=999)) == list(range(300))


def test_extremes_are_the_most_and_the_least_certain(samples):
    found = consensus(samples)
    certain, uncertain = extremes(found, most=4)
    assert found.uncertainty[certain[0]] == found.uncertainty.min()
    assert len(set(found.assignments[certain])) == 4
    np.testing.assert_array_equal(
        found.uncertainty[uncertain], np.sort(found.uncertainty)[::-1][:4]
    )


def test_extremes_are_not_of_small_clusters():
    found = consensus([[0, 0, 0, 1, 1, 2]] * 2 + [[0, 0, 0, 1, 2, 2]])
    assert found.assignments.tolist() == [0, 0, 0, 1, 1, 2]
    assert [rows.tolist() for rows in extremes(found, smallest=1)] == [[0, 3, 5], [5, 4, 3]]
    assert [rows.tolist() for rows in extremes(found, smallest=2)] == [[0, 3], [4, 3]]
    assert [rows.tolist() for rows in extremes(found)] == [[0], [2]]  # the largest has only three


@pytest.mark.parametrize(
    "wrong", [np.zeros(5, int), np.zeros((2, 5)), np.zeros((0, 5), int), np.zeros((2, 0), int)]
)
def test_what_is_not_partitions_is_refused(wrong):
    for summarise in (consensus, pairwise, lambda rows: coclustering(rows, [0])):
        with pytest.raises(ValueError, match=r"whole numbers of shape \(S, N\)"):
            summarise(wrong)


def test_more_than_exact_sums_hold_is_refused(samples, monkeypatch):
    monkeypatch.setattr(numbering, "UNIT", 2.0**-50)
    with pytest.raises(ValueError, match="21 partitions of 300 rows are too many"):
        consensus(samples)
    consensus(samples[:1])


def test_bad_arguments(samples):
    with pytest.raises(ValueError, match="starts must be at least 1, not 0"):
        consensus(samples, starts=0)
    for probability in (0, 95):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            consensus(samples, probability=probability)
    for pair in (([0, 1], [0, 1, 2]), ([[0, 1]], [[0, 1]])):
        with pytest.raises(ValueError, match=r"the same shape \(N,\)"):
            variation_of_information(*pair)


# Chains -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def latents():
    x = (np.random.default_rng(0).random((40, 9)) < 0.4).astype(np.uint8)
    return bitmix.sample(x, chains=3, sweeps=8, thin=2, initial_clusters=5, progress=False)


def test_kept_partitions_are_those_after_the_warmup(latents):
    assignments, chains = of_chains(latents)
    assert chains.tolist() == [0, 0, 1, 1, 2, 2]
    for row, (chain, sample) in enumerate((c, s) for c in range(3) for s in (2, 3)):
        np.testing.assert_array_equal(
            assignments[row], latents[chain].samples["assignments"][sample]
        )
    assert len(of_chains(latents, warmup=0)[0]) == 12
    assert len(of_chains(latents, warmup=5)[0]) == 6


def test_chains_that_kept_nothing_give_their_last_partition(latents):
    bare = [latents[0], replace(latents[1], samples=None)]
    assignments, chains = of_chains(bare)
    assert chains.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(assignments[2], latents[1].assignments)


def test_chains_of_different_rows_are_refused(latents):
    x = np.eye(6, dtype=np.uint8)
    other = bitmix.sample_chain(x, 0, sweeps=1, initial_clusters=2, progress=False)
    with pytest.raises(ValueError, match=r"number of rows: \[6, 40\]"):
        of_chains([*latents, other])
    with pytest.raises(ValueError, match="at least one Latent"):
        of_chains([])
    with pytest.raises(ValueError, match="warmup is 8"):
        of_chains(latents, warmup=8)


# Files --------------------------------------------------------------------------------------------


def test_files(tmp_path, samples):
    found = consensus(samples)
    means = {"vi": np.array([[math.nan, 1.5], [1.5, 0.5]])}
    write_consensus(tmp_path / "new/consensus.json", found, means)
    told = json.loads((tmp_path / "new/consensus.json").read_text())
    assert told["partitions"] == 21
    assert told["sizes"] == found.sizes.tolist()
    assert told["expected_vi"] == found.expected_vi
    assert told["ball"]["radius"] == found.ball.radius
    assert told["agreement"] == {"vi": [[None, 1.5], [1.5, 0.5]]}
    with open(tmp_path / "new/consensus.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["cluster"]) for row in rows] == found.assignments.tolist()
    assert [float(row["uncertainty"]) for row in rows] == pytest.approx(found.uncertainty, abs=1e-6)
    assert [int(row["row"]) for row in rows] == list(range(300))


def test_the_file_of_rows_with_ids_has_the_order_of_the_source(tmp_path, samples):
    found, ids = consensus(samples), np.array([f"r, {i}" for i in range(300)])
    dataset = Dataset(np.ones((300, 2), np.uint8), row_ids=ids, id_name="who")
    order = np.random.default_rng(1).permutation(300)
    write_consensus(tmp_path / "consensus.json", found, {}, dataset.take(order))
    with open(tmp_path / "consensus.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["who"] for row in rows] == ids.tolist()
    there = [int(rows[place]["cluster"]) for place in order]
    assert there == found.assignments.tolist()
