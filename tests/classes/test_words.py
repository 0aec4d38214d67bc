"""What is said of classes."""

from dataclasses import replace

import numpy as np

from bitmix import classes


def test_each_class_says_what_sets_it_apart(survey, found, profiles):
    text = classes.describe(found, profiles, classes.item_labels(survey))
    summary, *paragraphs = text.split("\n\n")
    assert summary.startswith(f"3 classes, from {len(found.states)} states")
    for k in range(found.number):
        first, more, *_ = paragraphs[k].split("\n")
        low, high = profiles.share_bounds[k]
        assert first.startswith(f"**Class {k + 1}**: {profiles.share[k]:.0%} of the population")
        assert f"({low:.0%} to {high:.0%}), {found.sizes[k]} rows." in first
        top = (profiles.means - profiles.others)[k].argmax()
        assert more.startswith(f"More often: {survey.feature_names[top]} (")
    assert "pixel" not in text and "image" not in text


def test_an_item_is_told_only_if_the_others_are_outside_its_interval(survey, found, profiles):
    wide = replace(profiles, bounds=np.tile([0.0, 1.0], (*profiles.means.shape, 1)))
    text = classes.describe(found, wide, survey.feature_names)
    assert text.count("No item sets it clearly apart") == found.number


def test_few_states_are_a_warning(survey, found, profiles):
    few = replace(found, states=found.states[:20], clusters=found.clusters[:20])
    assert "rest on 20 states" in classes.describe(few, profiles, survey.feature_names)
