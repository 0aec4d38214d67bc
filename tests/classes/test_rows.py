"""New rows and missing answers."""

import numpy as np
import pytest

import bitmix
from bitmix import classes, study
from bitmix.predict import responsibilities


def test_new_rows_have_the_responsibilities_of_their_class(found):
    new = study.simulate_survey(40, seed=99)
    probabilities = bitmix.classify(found, new.x, new.observed)
    expected = np.zeros((40, found.number + 1))
    for number, state in enumerate(found.states):
        for column, share in zip(
            found.of_clusters(number), responsibilities(state, new.x, new.observed).T, strict=True
        ):
            expected[:, column] += share / len(found.states)
    np.testing.assert_allclose(probabilities, expected, atol=1e-12)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_new_rows_like_old_ones_have_about_their_memberships(survey, found):
    probabilities = bitmix.classify(found, survey.x, survey.observed)
    assert np.abs(probabilities - found.memberships).mean() < 0.05
    assert (probabilities.argmax(axis=1) == found.memberships.argmax(axis=1)).mean() > 0.95


def test_missing_answers_have_the_mean_of_their_clusters(survey, found):
    expected = []
    for row, item in np.argwhere(~survey.observed)[:20]:
        means = []
        for state in found.states:
            k = state.assignments[row]
            on, off = state.alpha + state.counts[k], state.beta + state.tails[k]
            means.append(on[item] / (on[item] + off[item]))
        expected.append(np.mean(means))
    probabilities = classes.impute(found, survey.observed)
    assert probabilities.shape == ((~survey.observed).sum(),)
    np.testing.assert_allclose(probabilities[:20], expected)


def test_nothing_is_missing(found):
    assert classes.impute(found, None).shape == (0,)


def test_rows_of_other_features_are_refused(found):
    with pytest.raises(ValueError, match=r"must have the shape \(N, 12\)"):
        bitmix.classify(found, np.zeros((2, 3)))
