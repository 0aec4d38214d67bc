"""The scikit-learn estimator: scikit-learn's checks, and its answers compared with bitmix's."""

import doctest
import itertools
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import bitmix.estimator
from bitmix.automatic import plan
from bitmix.estimator import BernoulliDPMixture
from bitmix.sampling import progress, sampler

FEATURES = 12


# All checks run. Their data are continuous and often positive, so the default threshold, 0, would
# make them all ones. At 0.5 there are zeros too.
# Two checks take everything with `predict_proba` for a classifier; tests/data/test_sparse.py fits
# sparse matrices.
@parametrize_with_checks(
    [BernoulliDPMixture(), BernoulliDPMixture(binarize=0.5)],
    expected_failed_checks=lambda estimator: {
        f"check_estimator_sparse_{kind}": "the check reads the tags of a classifier"
        for kind in ("array", "matrix")
    },
)
def test_scikit_learn(estimator, check):
    check(estimator)


def test_example():
    result = doctest.testmod(bitmix.estimator)
    assert result.attempted > 0 and result.failed == 0


def test_import_is_lazy():
    code = "import bitmix, sys; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def make_planted(n, seed):
    """Return rows of three clusters, each with a third of the features on, 5% flipped."""
    rng = np.random.RandomState(seed)
    z = rng.randint(3, size=n)
    x = (np.arange(FEATURES) // 4 == z[:, None]) ^ (rng.random_sample((n, FEATURES)) < 0.05)
    return x.astype(float), z


def with_missing(x, share=0.2):
    return np.where(np.random.RandomState(9).random_sample(x.shape) < share, np.nan, x)


@pytest.fixture(scope="module")
def planted():
    return make_planted(150, seed=0)


@pytest.fixture(scope="module")
def new():
    return make_planted(60, seed=1)


@pytest.fixture(scope="module")
def fitted(planted):
    return BernoulliDPMixture(n_chains=4, random_state=3).fit(planted[0])


# Fitting ----------------------------------------------------------------------------------------


def states(mixture):
    return [latent.generator["state"]["state"] for latent in mixture.latents_]


def test_fit_is_sample(planted):
    x, _ = planted
    settings = {
        "concentration": 2.0, "concentration_prior": (2.0, 3.0), "hyperprior": "bda",
        "moves": ["assign"], "proposals": 7, "annealing": 2,
    }  # fmt: skip
    mixture = BernoulliDPMixture(
        n_chains=2, n_sweeps=4, initial="random", n_initial_clusters=7, random_state=8, **settings
    ).fit(x)
    latents = bitmix.sample(
        x, chains=2, sweeps=4, initial="random", initial_clusters=7, seed=8, **settings
    )
    for ours, theirs in zip(mixture.latents_, latents, strict=True):
        np.testing.assert_array_equal(ours.assignments, theirs.assignments)
        assert (ours.generator, ours.config) == (theirs.generator, theirs.config)


def test_fit_with_missing_is_sample_with_observed(planted):
    x = with_missing(planted[0])
    mixture = BernoulliDPMixture(n_initial_clusters=5, n_chains=1, random_state=1).fit(x)
    (latent,) = bitmix.sample(
        x, observed=~np.isnan(x), chains=1, sweeps=10, seed=1, initial="seeded", initial_clusters=5
    )
    np.testing.assert_array_equal(mixture.latents_[0].counts, latent.counts)
    np.testing.assert_array_equal(mixture.latents_[0].observed, latent.observed)


def test_best_chain(fitted):
    log_joints = [latent.log_joint() for latent in fitted.latents_]
    assert len(set(log_joints)) > 1
    assert fitted.log_joint_ == max(log_joints) == log_joints[fitted.best_chain_]
    best = fitted.latents_[fitted.best_chain_]
    np.testing.assert_array_equal(fitted.labels_, best.assignments)
    assert fitted.n_clusters_ == len(best.sizes)


def test_initial_clusters():
    def of(n):
        mixture = BernoulliDPMixture(n_chains=1, n_sweeps=1, random_state=0)
        return mixture.fit(np.arange(n)[:, None] % 2).latents_[0].config["initial_clusters"]

    assert [of(n) for n in (1, 35, 20_000)] == [1, 4, 1000]


def test_random_state(planted):
    def fit(random_state):
        return states(BernoulliDPMixture(n_chains=1, random_state=random_state).fit(planted[0]))

    rng = np.random.RandomState(4)
    first, second = fit(rng), fit(rng)
    assert first != second
    assert fit(np.random.RandomState(4)) == first
    assert fit(None) != fit(None)


def test_jobs_do_not_matter(planted, fitted):
    parallel = clone(fitted).set_params(n_jobs=-1).fit(planted[0])
    assert states(parallel) == states(fitted)


def test_jobs_are_threads(planted, monkeypatch):
    def threads(**jobs):
        taken = []
        monkeypatch.setattr(
            sampler, "sample", lambda x, *, threads, **_: taken.append(threads) or latents
        )
        BernoulliDPMixture(n_chains=1, **jobs).fit(planted[0])
        return taken[0]

    latents = bitmix.sample(planted[0], chains=1, sweeps=1)
    assert (threads(), threads(n_jobs=3)) == (1, 3)
    with parallel_config("threading", n_jobs=2):
        assert threads() == 2


def test_verbose(planted, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_is_visible", lambda: True)
    monkeypatch.setattr(progress, "DELAY", 0)
    mixture = BernoulliDPMixture(n_chains=1, n_sweeps=2, random_state=0)
    mixture.fit(planted[0])
    assert capsys.readouterr().err == ""
    mixture.set_params(verbose=True).fit(planted[0])
    assert "2/2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_chains", 0),
        ("n_sweeps", 1.5),
        ("initial", "?"),
        ("n_initial_clusters", -1),
        ("concentration", 0),
        ("concentration_prior", 1),
        ("proposals", 0),
        ("hyperprior", "?"),
        ("moves", "?"),
        ("random_state", -1),
    ],
)
def test_bad_parameters(planted, parameter, value):
    name = "seed" if parameter == "random_state" else parameter.removeprefix("n_")
    with pytest.raises(ValueError, match=name):
        BernoulliDPMixture(**{parameter: value}).fit(planted[0])


# Data -------------------------------------------------------------------------------------------


def test_binarize(planted, fitted):
    x, _ = planted
    grey = BernoulliDPMixture(n_chains=4, binarize=100, random_state=3).fit(90 + 20 * x)
    assert states(grey) == states(fitted)
    np.testing.assert_array_equal(grey.transform(90 + 20 * x), fitted.transform(x))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_binary_data_need_no_threshold(planted, fitted, dtype):
    x = planted[0].astype(dtype)
    assert states(clone(fitted).set_params(binarize=None).fit(x)) == states(fitted)


def test_binary_data_enforced(planted, fitted):
    x = with_missing(planted[0])
    x[7, 3] = 0.5
    mixture = clone(fitted).set_params(binarize=None)
    with pytest.raises(ValueError, match=r"0\.5 at row 7, column 3"):
        mixture.fit(x)
    mixture.fit(planted[0])
    with pytest.raises(ValueError, match=r"0\.5 at row 7, column 3"):
        mixture.predict(x)


def test_infinity_is_not_missing(planted):
    x = planted[0].copy()
    x[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        BernoulliDPMixture().fit(x)


# Answers ----------------------------------------------------------------------------------------


def test_clusters(fitted, planted, new):
    assert adjusted_rand_score(fitted.labels_, planted[1]) > 0.95
    assert adjusted_rand_score(fitted.predict(new[0]), new[1]) > 0.95
    assert set(fitted.labels_) == set(range(fitted.n_clusters_))


def test_predict_is_the_column_of_most_probability(fitted, new):
    strange = np.tile([1.0, 0.0], FEATURES // 2)  # half of each cluster's features
    x = np.vstack([with_missing(new[0]), strange])
    probability = fitted.predict_proba(x)
    label = fitted.predict(x)
    best = fitted.latents_[fitted.best_chain_]
    expected = bitmix.predict.responsibilities(best, x, ~np.isnan(x))
    np.testing.assert_array_equal(probability, expected)
    assert probability.shape == (61, fitted.n_clusters_ + 1)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(probability[np.arange(61), label], probability.max(axis=1))
    assert label[-1] == -1 and (label[:-1] >= 0).any()


def test_transform_is_all_chains_responsibilities(fitted, new):
    x = with_missing(new[0])
    seen = ~np.isnan(x)
    expected = [bitmix.predict.responsibilities(latent, x, seen) / 4 for latent in fitted.latents_]
    np.testing.assert_allclose(fitted.transform(x), np.hstack(expected), rtol=1e-12)
    assert len(fitted.get_feature_names_out()) == fitted.transform(x).shape[1]


def test_density_is_the_mean_over_chains(fitted, new):
    x, _ = new
    densities = [np.exp(bitmix.predict.log_predictive([latent], x)) for latent in fitted.latents_]
    log_density = fitted.score_samples(x)
    np.testing.assert_allclose(log_density, np.log(np.mean(densities, axis=0)), rtol=1e-12)
    assert fitted.score(x) == log_density.mean()


def test_density_of_missing_features_is_summed_out(fitted, new):
    x = new[0][:1].copy()
    missing = [0, 5, 11]
    every = np.repeat(x, 8, axis=0)
    every[:, missing] = list(itertools.product([0, 1], repeat=3))
    x[:, missing] = np.nan
    total = np.exp(fitted.score_samples(every)).sum()
    np.testing.assert_allclose(np.exp(fitted.score_samples(x)), total, rtol=1e-12)
    np.testing.assert_allclose(fitted.score_samples(np.full_like(x, np.nan)), 0, atol=1e-12)


def test_inpaint(fitted, new):
    x = with_missing(new[0], share=0.4)
    full = fitted.inpaint(x)
    seen = ~np.isnan(x)
    np.testing.assert_array_equal(full[seen], x[seen])
    assert (full[~seen] > 0).all() and (full[~seen] < 1).all()
    np.testing.assert_array_equal(full, bitmix.complete(fitted.latents_, x, seen))
    assert ((full > 0.5) == new[0])[~seen].mean() > 0.85


def test_sample(fitted):
    draws = fitted.sample(4001, random_state=0)
    assert draws.shape == (4001, FEATURES)
    assert set(np.unique(draws)) == {0, 1}
    mean = fitted.inpaint(np.full((1, FEATURES), np.nan))[0]
    assert np.abs(draws.mean(axis=0) - mean).max() < 4 * 0.5 / np.sqrt(4001)
    # The three thirds exclude each other: a sample comes from one cluster.
    thirds = draws.reshape(-1, 3, 4).mean(axis=2)
    assert np.corrcoef(thirds.T)[np.triu_indices(3, 1)].max() < -0.3


def test_sample_is_reproducible(fitted):
    draws = fitted.sample(30, random_state=1)
    np.testing.assert_array_equal(draws, fitted.sample(30, random_state=1))
    assert (draws != fitted.sample(30, random_state=2)).any()
    with pytest.raises(ValueError, match="n_samples"):
        fitted.sample(0)


def test_single_sample_may_come_from_any_chain(fitted):
    zeros, ones = (
        BernoulliDPMixture(n_chains=1, random_state=0).fit(np.full((500, FEATURES), value))
        for value in (0, 1)
    )
    both = clone(fitted).set_params(n_chains=2).fit(np.zeros((1, FEATURES)))
    both.latents_ = zeros.latents_ + ones.latents_
    means = [both.sample(random_state=seed).mean() for seed in range(20)]
    assert min(means) < 0.5 < max(means)


# With other parts of scikit-learn -----------------------------------------------------------------


def test_pickle(fitted, new):
    copy = pickle.loads(pickle.dumps(fitted))
    x = with_missing(new[0])
    for method in ("predict", "predict_proba", "transform", "score_samples", "inpaint"):
        np.testing.assert_array_equal(getattr(copy, method)(x), getattr(fitted, method)(x))


def test_pipeline(planted, new):
    mixture = BernoulliDPMixture(n_chains=2, random_state=0)
    pipeline = make_pipeline(mixture, LogisticRegression(C=100)).fit(
        with_missing(planted[0]), planted[1]
    )
    assert pipeline.score(with_missing(new[0]), new[1]) > 0.9


def test_grid_search_scores_the_density(planted):
    x = with_missing(planted[0])
    folds = KFold(3)
    mixture = BernoulliDPMixture(n_chains=2, random_state=0)
    search = GridSearchCV(mixture, {"n_sweeps": [1, 3], "concentration": [0.1, 1.0]}, cv=folds)
    search.fit(x)
    best = clone(mixture).set_params(**search.best_params_)
    by_hand = [best.fit(x[train]).score(x[test]) for train, test in folds.split(x)]
    assert search.best_score_ == pytest.approx(np.mean(by_hand), rel=1e-12)
    assert len(set(search.cv_results_["mean_test_score"])) == 4


# Tables of pandas --------------------------------------------------------------------------------


@pytest.fixture
def answers():
    """Return a table of answers, and the same as numbers."""
    rng = np.random.default_rng(4)
    groups = rng.integers(0, 2, 60)
    values = (rng.random((60, 4)) < np.where(groups, 0.9, 0.1)[:, None]).astype(float)
    values[rng.random(values.shape) < 0.05] = np.nan
    table = pd.DataFrame(values, columns=["smokes", "drinks", "walks", "reads"])
    words = {0: "no", 1: "yes"}
    table = table.assign(
        smokes=table.smokes.map(words),
        drinks=table.drinks.astype("boolean"),
        walks=table.walks.map({0: False, 1: True}).astype(object),
    )
    return table, values


def test_a_table_of_answers(answers):
    table, values = answers
    mixture = BernoulliDPMixture(n_chains=2, random_state=1).fit(table)
    of_numbers = BernoulliDPMixture(n_chains=2, random_state=1).fit(values)
    np.testing.assert_array_equal(mixture.labels_, of_numbers.labels_)
    assert mixture.feature_names_in_.tolist() == list(table.columns)
    np.testing.assert_array_equal(mixture.predict_proba(table), of_numbers.predict_proba(values))
    assert mixture.predict(table.iloc[:1]).shape == (1,)
    with pytest.raises(ValueError, match="feature names"):
        mixture.predict(table.rename(columns={"walks": "runs"}))


def test_columns_say_what_they_are(answers):
    table, _ = answers
    mixture = BernoulliDPMixture(n_chains=2, random_state=1).set_output(transform="pandas")
    columns = mixture.fit(table).transform(table)
    sizes = [len(latent.sizes) for latent in mixture.latents_]
    assert columns.columns.tolist() == [
        f"chain{chain}_{name}"
        for chain in range(2)
        for name in [*(f"cluster{k}" for k in range(sizes[chain])), "new"]
    ]
    assert columns.index.equals(table.index)
    assert mixture.cluster_names_.shape == mixture.predict_proba(table).shape[1:]
    assert mixture.cluster_names_[-1] == "new"


def test_sweeps_until_the_chains_have_mixed(answers, monkeypatch):
    monkeypatch.setattr(plan, "WORK", 60 * 4 * 30)
    table, values = answers
    mixture = BernoulliDPMixture(n_chains=2, n_sweeps="auto", random_state=1).fit(table)
    assert mixture.latents_[0].sweeps == 30
    assert not mixture.diagnosis_.mixed
    fixed = BernoulliDPMixture(n_chains=2, n_sweeps=30, random_state=1).fit(values)
    np.testing.assert_array_equal(mixture.labels_, fixed.labels_)


def test_a_column_of_three_levels_is_refused(answers):
    table, _ = answers
    table = table.assign(town=["a", "b", "c"] * 20)
    with pytest.raises(ValueError, match="column town has 3 levels"):
        BernoulliDPMixture().fit(table)


def test_class_profiles_are_the_planted_clusters(fitted, planted):
    table = fitted.class_profiles_
    assert table.index.tolist() == [1, 2, 3]
    assert table["size"].sum() >= 0.95 * len(planted[0])
    names = [f"x{feature}" for feature in range(FEATURES)]
    thirds = table[names].to_numpy().reshape(3, 3, 4).mean(axis=2)
    assert sorted(thirds.argmax(axis=1)) == [0, 1, 2]
    assert (thirds.max(axis=1) > 0.85).all()
    assert (table["x3 2.5%"] < table["x3"]).all() and (table["x3"] < table["x3 97.5%"]).all()


def test_class_profiles_have_the_names_of_the_features(planted):
    names = [f"item {feature}" for feature in range(FEATURES)]
    mixture = BernoulliDPMixture(n_chains=2, random_state=0)
    mixture.fit(pd.DataFrame(planted[0], columns=names))
    assert set(names) < set(mixture.class_profiles_.columns)


def test_class_profiles_need_a_fit():
    assert not hasattr(BernoulliDPMixture(), "class_profiles_")
