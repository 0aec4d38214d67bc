"""Matrices of scipy.sparse give what their dense rows give, bit for bit."""

import numpy as np
import pytest
from chains import same
from scipy import sparse

import bitmix
from bitmix import blocks, predict
from bitmix.data import as_binary, data_sha256
from bitmix.diagnostics.pairs import choose_pairs

FORMATS = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"]
KINDS = [sparse.csr_matrix, sparse.csr_array]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Let a few rows make several blocks."""
    monkeypatch.setattr(blocks, "_CELLS", 200)


@pytest.fixture(scope="module")
def x():
    x = np.random.default_rng(0).random((60, 31)) < np.linspace(0, 0.4, 31)
    x[7] = False
    return x.astype(np.uint8)


@pytest.fixture(scope="module")
def latents(x):
    return bitmix.sample(x, chains=2, sweeps=4, initial_clusters=5, thin=1)


def no_dense_copy(monkeypatch, most):
    """Fail if more than `most` rows of a sparse matrix become dense at once."""
    for kind in KINDS:

        def checked(x, toarray=kind.toarray):
            assert x.shape[0] <= most
            return toarray(x)

        monkeypatch.setattr(kind, "toarray", checked)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("initial", ["random", "single", "seeded"])
def test_chains_are_those_of_the_dense_rows(x, kind, initial, monkeypatch):
    settings = {
        "chains": 2, "sweeps": 3, "initial": initial, "initial_clusters": 6, "annealing": 1,
        "moves": ("assign", "split_merge", "concentration", "pixel_priors"), "proposals": 5,
        "thin": 1,
    }  # fmt: skip
    expected = bitmix.sample(x, **settings)
    no_dense_copy(monkeypatch, 6)
    found = bitmix.sample(kind(x), **settings)
    for a, b in zip(expected, found, strict=True):
        assert same(a, b) and a.data_sha256 == b.data_sha256


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_every_format_and_type_is_read(x, form, dtype):
    found, observed = as_binary(sparse.csr_array(x.astype(dtype)).asformat(form))
    assert observed is None and found.format == "csr" and found.dtype == np.uint8
    np.testing.assert_array_equal(found.toarray(), x)
    assert data_sha256(found) == data_sha256(x)


def test_stored_zeros_and_the_order_of_cells_do_not_matter(x):
    stored = sparse.csr_array(x.astype(float))
    stored.data[::3] = -0.0
    rows, columns = stored.nonzero()
    expected = stored.toarray().astype(np.uint8)
    shuffled = sparse.csr_array(stored)
    for start, end in zip(shuffled.indptr, shuffled.indptr[1:], strict=False):
        shuffled.indices[start:end] = shuffled.indices[start:end][::-1]
        shuffled.data[start:end] = shuffled.data[start:end][::-1]
    shuffled.has_sorted_indices = False
    before = shuffled.data.copy(), shuffled.indices.copy()
    found, _ = as_binary(shuffled)
    np.testing.assert_array_equal(found.toarray(), expected)
    assert found.nnz == expected.sum() == len(rows) == len(columns)
    np.testing.assert_array_equal(shuffled.data, before[0])  # the caller's matrix stays as it is
    np.testing.assert_array_equal(shuffled.indices, before[1])


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_arrays_of_one_byte_a_cell_are_not_copied(x, dtype, tmp_path):
    np.save(tmp_path / "x.npy", x.astype(dtype))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    found, _ = as_binary(mapped)
    assert found.dtype == np.uint8 and np.shares_memory(found, mapped)
    (a,) = bitmix.sample(mapped, chains=1, sweeps=2, initial_clusters=3)
    (b,) = bitmix.sample(x, chains=1, sweeps=2, initial_clusters=3)
    assert same(a, b) and a.data_sha256 == b.data_sha256


def test_indices_are_shared(x):
    given = sparse.csr_array(x)
    assert np.shares_memory(as_binary(given)[0].indices, given.indices)


@pytest.mark.parametrize("value", [2, -1, 0.5, np.inf])
def test_other_values_are_refused_with_their_place(x, value):
    wrong = sparse.lil_array(x.astype(float))
    wrong[7, 3] = value
    wrong[9, 1] = 5
    with pytest.raises(ValueError, match=rf"found {float(value)} at row 7, column 3 .*binary"):
        bitmix.sample(wrong)


def test_a_cell_that_is_stored_twice_is_the_sum():
    twice = sparse.coo_array(([1, 1], ([1, 1], [0, 0])), shape=(3, 2))
    with pytest.raises(ValueError, match="found 2 at row 1, column 0"):
        bitmix.sample(twice)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (sparse.csr_array((0, 3)), r"at least 1, not \(0, 3\)"),
        (sparse.csr_array((3, 0)), r"at least 1, not \(3, 0\)"),
        (sparse.coo_array(np.ones(3)), r"shape \(N, D\).* not \(3,\)"),
        (sparse.csr_array(np.ones((2, 2), complex)), "numbers or booleans, not complex128"),
    ],
)
def test_other_matrices_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        bitmix.sample(wrong)


def test_missing_features_are_those_of_the_dense_rows(x):
    values, mask = x.astype(float), np.ones(x.shape, bool)
    values[3, 4] = np.nan
    mask[3, 4] = mask[5, 6] = False
    settings = {"chains": 1, "sweeps": 2, "initial_clusters": 4}
    for given, observed in ((values, None), (x, mask)):
        (a,) = bitmix.sample(given, observed=observed, **settings)
        (b,) = bitmix.sample(sparse.csr_array(given), observed=observed, **settings)
        assert same(a, b) and a.data_sha256 == b.data_sha256 and b.observed is not None


@pytest.mark.parametrize(
    "mask", [None, np.arange(31) < 20, np.arange(60)[:, None] + 1 > np.arange(31)]
)
def test_answers_are_those_of_the_dense_rows(x, latents, mask):
    wide, labels = sparse.csr_array(x), np.arange(60) % 3
    queries = [
        lambda x: predict.responsibilities(latents[0], x, mask),
        lambda x: predict.nearest_cluster(latents[0], x, mask),
        lambda x: predict.log_predictive(latents, x, mask),
        lambda x: predict.complete(latents, x, mask),
        lambda x: predict.posterior_predictive(latents, x, mask),
        lambda x: predict.label_probabilities(latents, labels, x, mask)[0],
        lambda x: bitmix.credible_interval(latents, x, mask),
    ]
    if mask is None or mask.ndim == 1:
        queries.append(lambda x: predict.outlier_score(latents, x, x, mask))
    for query in queries:
        np.testing.assert_array_equal(query(wide), query(x))


def test_what_is_not_observed_may_hold_anything(x, latents):
    mask = np.arange(31) < 20
    other = np.where(mask, x, 7.0)
    found = predict.responsibilities(latents[0], sparse.csr_array(other), mask)
    np.testing.assert_array_equal(found, predict.responsibilities(latents[0], x, mask))
    with pytest.raises(ValueError, match=r"found 7\.0 at row 0, column 20"):
        predict.responsibilities(latents[0], sparse.csr_array(other))


def test_queries_need_the_features_of_the_chain_and_may_be_none(x, latents):
    with pytest.raises(ValueError, match=r"shape \(N, 31\), not \(60, 30\)"):
        predict.responsibilities(latents[0], sparse.csr_array(x[:, :30]))
    none = sparse.csr_array((0, 31), dtype=np.uint8)
    assert predict.log_predictive(latents, none).shape == (0,)
    with pytest.raises(ValueError, match="reference must have at least one row"):
        predict.outlier_score(latents, x, none)


def test_states_and_diagnosis_are_those_of_the_dense_rows(x, latents, monkeypatch):
    expected = latents[0].states(x)
    diagnosis = bitmix.diagnose(latents, x)
    no_dense_copy(monkeypatch, 20)
    found = latents[0].states(sparse.csr_array(x))
    assert len(found) == 2
    for a, b in zip(expected, found, strict=True):
        assert same(a, b)
        for k in range(len(b.sizes)):
            np.testing.assert_array_equal(b.counts[k], x[b.assignments == k].sum(axis=0))
    np.testing.assert_equal(bitmix.diagnose(latents, sparse.csr_array(x)).pairs, diagnosis.pairs)
    with pytest.raises(ValueError, match="other rows"):
        latents[0].states(sparse.csr_array(1 - x))


def test_pairs_are_those_of_a_full_sort(x):
    rng = np.random.default_rng(1)
    for observed in (None, rng.random(x.shape) < 0.4):
        seen = np.ones(x.shape, bool) if observed is None else observed
        for first, second in choose_pairs(x, observed, 15, seed=2):
            both = seen & seen[first]
            differ = ((x != x[first]) & both).sum(axis=1)
            share = np.where(both.any(axis=1), differ / np.maximum(both.sum(axis=1), 1), 1)
            share[first] = -1
            place = list(np.argsort(share, kind="stable")).index(second)
            assert place in np.geomspace(1, 6, 15).round()


@pytest.mark.parametrize("binarize", [None, np.float64(0), -1.0])
def test_estimator(x, binarize):
    model = bitmix.BernoulliDPMixture(n_chains=2, n_sweeps=2, binarize=binarize, random_state=0)
    wide = sparse.lil_array(x.astype(float))
    dense = model.fit(x)
    labels, density = dense.labels_, dense.score_samples(x)
    model.fit(wide)
    np.testing.assert_array_equal(model.labels_, labels)
    np.testing.assert_array_equal(model.score_samples(wide), density)
    wide[2, 3] = np.nan
    missing = x.astype(float)
    missing[2, 3] = np.nan
    np.testing.assert_array_equal(model.score_samples(wide), model.score_samples(missing))
