"""Classes are those of the consensus, whatever the states call their clusters."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import bitmix
from bitmix import classes


def last_states(partitions):
    """Return chains of one sweep without kept states, with these last partitions."""
    x = np.array([[0], [1]] * (len(partitions[0]) // 2), np.uint8)
    latent = bitmix.sample(x, chains=1, sweeps=1, progress=False)[0]
    found = []
    for z in map(np.array, partitions):
        counts = np.bincount(z, x[:, 0]).astype(np.int32)[:, None]
        state = {"assignments": z.astype(np.int32), "sizes": np.bincount(z), "counts": counts}
        found.append(replace(latent, **state))
    return found


def test_names_of_clusters_have_no_meaning():
    first = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]
    second = [1, 1, 1, 1, 1, 2, 2, 2, 0, 0]
    found = classes.find_classes(last_states([first, second, first]))
    np.testing.assert_array_equal(found.assignments, first)
    np.testing.assert_array_equal(found.clusters, [[0, 1, 2], [1, 2, 0], [0, 1, 2]])
    np.testing.assert_array_equal(found.found, [1, 1, 1])
    np.testing.assert_array_equal(found.memberships, np.eye(4)[first])


def test_a_cluster_of_few_states_is_no_class():
    usual = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    extra = [0, 0, 0, 0, 0, 2, 1, 1, 1, 1]
    found = classes.find_classes(last_states([usual, usual, extra, usual]))
    assert found.number == 2
    np.testing.assert_array_equal(found.memberships[5], [0.75, 0, 0.25])
    np.testing.assert_array_equal(found.of_clusters(2), [0, 1, 2, 2])  # the last: a new cluster


@pytest.mark.parametrize(("kept", "same"), [(3, False), (4, True)])
def test_a_class_shares_more_than_half_with_its_cluster(kept, same):
    """Of six rows, a state keeps some in one cluster: 3 of 6 are no more than half, 4 of 6 are."""
    usual = [0] * 6 + [1] * 4
    other = [0] * kept + list(range(2, 8 - kept)) + [1] * 4
    found = classes.find_classes(last_states([usual, usual, other]))
    assert (found.clusters[2, 0] >= 0) == same
    assert found.clusters[2, 1] >= 0


def test_states_that_do_not_agree_have_no_class():
    partitions = [np.arange(12) % 2, np.arange(12) // 6, np.arange(12) // 3 % 2, np.arange(12)]
    found = classes.find_classes(last_states(partitions))
    assert found.number == 0
    np.testing.assert_array_equal(found.assignments, -1)
    np.testing.assert_array_equal(found.memberships, 1)
    profiles = classes.profiles(found)
    assert profiles.means.shape == (0, 1)
    assert classes.describe(found, profiles, ["item"]).startswith("No class")


def test_a_chain_and_itself_with_other_names(survey, latents, found):
    """Renaming the clusters of every kept state changes nothing."""
    renamed = []
    for latent in latents:
        z = latent.samples["assignments"]
        samples = latent.samples | {"assignments": z.max(axis=1, keepdims=True) - z}
        renamed.append(replace(latent, samples=samples))
    again = classes.find_classes(renamed, survey.x, survey.observed)
    np.testing.assert_array_equal(again.memberships, found.memberships)
    np.testing.assert_allclose(classes.profiles(again).bounds, classes.profiles(found).bounds)


def test_classes_of_a_survey_are_the_true_groups(survey, found):
    assert found.number == 3
    assert (np.diff(found.sizes) <= 0).all()
    assert adjusted_rand_score(survey.labels, found.assignments) > 0.6
    np.testing.assert_allclose(found.memberships.sum(axis=1), 1)
