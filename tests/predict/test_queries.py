"""What all queries have in common."""

from dataclasses import replace

import numpy as np
import pytest
from queries import EVERY, LABELS, QUERIES, betas, make_latent

from bitmix.predict import (
    complete,
    log_weights,
    posterior_predictive,
    responsibilities,
)
from bitmix.predict.intervals import credible_interval
from bitmix.predict.labels import label_probabilities


@pytest.mark.parametrize("hidden", [1, 7, -1, np.nan])
def test_what_is_not_observed_has_no_influence(latents, queries, masks, hidden):
    blank = np.where(masks, queries, 0)
    filled = np.where(masks, queries, hidden)
    assert np.array_equal(complete(latents, filled, masks), complete(latents, blank, masks))
    assert np.array_equal(
        posterior_predictive(latents, filled, masks), posterior_predictive(latents, blank, masks)
    )
    assert np.array_equal(
        log_weights(latents[0], filled, masks), log_weights(latents[0], blank, masks)
    )


def test_one_mask_equals_the_same_for_each_query(latents, queries, masks):
    mask = masks[2]
    rows = np.tile(mask, (7, 1))
    np.testing.assert_allclose(
        complete(latents, queries, mask), complete(latents, queries, rows), rtol=1e-12
    )
    assert np.array_equal(
        posterior_predictive(latents, queries, mask), posterior_predictive(latents, queries, rows)
    )


def test_many_features_do_not_underflow():
    latent = make_latent(1, clusters=4, pixels=20_000)
    queries = np.random.default_rng(2).integers(0, 2, (3, 20_000))
    weights = log_weights(latent, queries, np.ones(20_000, bool))
    assert weights.max() < -10_000  # far below the smallest double
    np.testing.assert_allclose(
        responsibilities(latent, queries, np.ones(20_000, bool)).sum(axis=1), 1
    )


def test_extreme_pixel_priors(queries):
    """An improper hyperprior drives the priors of constant features to extremes. Nothing is nan."""
    latent = replace(make_latent(1), alpha=np.full(6, 1e-300), beta=np.full(6, 1e300))
    found = complete([latent], queries, np.arange(6) < 3)
    assert ((found >= 0) & (found <= 1)).all()


def test_no_queries(latents):
    none, mask = np.zeros((0, 6)), np.zeros(6, bool)
    assert complete(latents, none, mask).shape == (0, 6)
    assert posterior_predictive(latents, none, mask).shape == (0, 30, 6)


def test_bad_latents(latents, queries, masks):
    for function in QUERIES:
        with pytest.raises(ValueError, match=r"for one: \[latent\]"):
            function(latents[0], queries, masks)
        with pytest.raises(ValueError, match="at least one Latent"):
            function([], queries, masks)
        with pytest.raises(ValueError, match=r"differ.*\[5, 6\]"):
            function([*latents, make_latent(1, pixels=5)], queries, masks)


@pytest.mark.parametrize(
    ("queries", "observed", "message"),
    [
        (np.zeros(6), np.zeros(6, bool), r"x\[None, :\]"),
        (np.zeros((2, 5)), np.zeros(5, bool), r"shape \(N, 6\), not \(2, 5\)"),
        (np.full((2, 6), 0.5), np.ones(6, bool), "must hold only 0 and 1"),
        (np.full((2, 6), 255), np.ones((2, 6), bool), "must hold only 0 and 1"),
        (np.zeros((2, 6)), np.zeros(6), "boolean.*not float64"),
        (np.zeros((2, 6)), np.zeros(6, int), "boolean.*not int64"),
        (
            np.zeros((2, 6)),
            np.zeros(5, bool),
            r"shape \(2, 6\) or \(6,\).*not bool of shape \(5,\)",
        ),
        (np.zeros((2, 6)), np.zeros((3, 6), bool), r"not bool of shape \(3, 6\)"),
        (np.zeros((2, 6)), np.zeros((1, 6), bool), r"not bool of shape \(1, 6\)"),
    ],
)
def test_bad_queries_and_masks(latents, queries, observed, message):
    for function in (*QUERIES, lambda latents, *args: responsibilities(latents[0], *args)):
        with pytest.raises(ValueError, match=message):
            function(latents, queries, observed)


def test_bad_choices(latents, queries, masks):
    for function in (complete, posterior_predictive, label_probabilities):
        arguments = (LABELS, queries) if function is label_probabilities else (queries,)
        with pytest.raises(ValueError, match="cluster is 'nearest'; allowed: 'all', 'best'"):
            function(latents, *arguments, masks, cluster="nearest")
    for function in (complete, credible_interval):
        with pytest.raises(ValueError, match="chain_weights is 'log'; allowed: 'equal', 'evi"):
            function(latents, queries, masks, chain_weights="log")


@pytest.mark.parametrize("function", EVERY.values(), ids=EVERY.keys())
def test_queries_do_not_depend_on_each_other_or_on_what_is_hidden(
    latents, queries, masks, function
):
    together = function(latents, queries, masks)
    assert len(together) == 7
    for m, mask in enumerate(masks):
        hidden = np.where(mask, queries[m : m + 1], np.nan)
        np.testing.assert_allclose(
            together[m : m + 1], function(latents, hidden, mask), rtol=1e-9, atol=1e-12
        )


def test_features_missing_in_training_do_not_count(queries, masks):
    """The counts of a feature are those of the rows that have it observed."""
    latent = make_latent(1)
    present = np.minimum(latent.counts + 1, latent.sizes[:, None]).astype(np.int32)
    assert (present < latent.sizes[:, None]).any()
    sparse = replace(latent, observed=present)
    on, off = betas(sparse)
    assert np.array_equal(on, betas(latent)[0])
    assert np.array_equal(off[:-1], latent.beta + (present - latent.counts))
    assert np.array_equal(off[-1], latent.beta)
    for name, function in EVERY.items():
        if name != "nearest_cluster":
            assert not np.allclose(
                function([latent], queries, masks), function([sparse], queries, masks)
            ), name
