"""Labels of new rows."""

from dataclasses import replace

import numpy as np
import pytest
from queries import LABELS, bayes_rule, labelled, make_latent, pure_latent

from bitmix.predict import log_predictive
from bitmix.predict.labels import label_probabilities


@pytest.mark.parametrize("labels", [LABELS, LABELS.tolist(), np.arange(20) % 7 % 3])
def test_label_probabilities_are_bayes_rule(latents, queries, masks, labels):
    found, classes = label_probabilities(latents, labels, queries, masks)
    assert classes.tolist() == sorted(set(np.asarray(labels).tolist()))
    expected = np.zeros((7, 3))
    for m, (query, mask) in enumerate(zip(queries, masks, strict=True)):
        for latent in latents:
            weights, _ = bayes_rule(latent, query, mask)
            for k, weight in enumerate(weights):
                inside = [
                    label for label, z in zip(labels, latent.assignments, strict=True) if z == k
                ]
                for column, label in enumerate(classes):
                    share = list(labels).count(label) / 20
                    p = (inside.count(label) + share) / (len(inside) + 1)
                    expected[m, column] += weight / sum(weights) * p / 3
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    assert (found > 0).all()


def test_evidence_weighs_the_chains_labels(latents, queries, masks):
    found = labelled(latents, queries, masks, chain_weights="evidence")
    answers = np.array([labelled([latent], queries, masks) for latent in latents])
    evidence = np.exp([log_predictive([latent], queries, masks) for latent in latents])
    expected = (evidence[:, :, None] * answers).sum(axis=0) / evidence.sum(axis=0)[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert not np.allclose(found, answers.mean(axis=0))


def test_a_new_cluster_has_the_shares_of_the_labels(queries):
    latent = replace(make_latent(1), concentration=1e15)
    found, classes = label_probabilities([latent], LABELS, queries, np.zeros(6, bool))
    assert classes.tolist() == ["seven", "three", "two"]
    np.testing.assert_allclose(found, np.tile([0.25, 0.5, 0.25], (7, 1)), rtol=1e-12)


def test_labels_of_pure_clusters():
    """If each cluster has one label, the label is as certain as the smoothing allows."""
    latent = pure_latent()
    x = np.array([[0] * 6, [1] * 6])
    for cluster in ("all", "best"):
        found, _ = label_probabilities(
            [latent], latent.assignments, x, np.arange(6) < 3, cluster=cluster
        )
        np.testing.assert_allclose(found, np.array([[10.5, 0.5], [0.5, 10.5]]) / 11, rtol=1e-6)


def test_bad_labels(latents, queries):
    with pytest.raises(ValueError, match=r"shape \(20,\), one for each.*not \(19,\)"):
        label_probabilities(latents, LABELS[1:], queries)
    with pytest.raises(ValueError, match=r"shape \(10,\)"):
        label_probabilities([*latents, make_latent(1, vectors=10)], LABELS, queries)
