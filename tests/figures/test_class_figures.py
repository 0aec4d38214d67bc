"""The figures of classes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bitmix import figures
from bitmix.classes import Profiles
from bitmix.figures.classes import LONGEST_NAME, MOST_ITEMS


def make_profiles(classes, items):
    """Return profiles with intervals of 0.1 to either side."""
    means = np.random.default_rng(0).uniform(0.1, 0.9, (classes, items))
    share = np.full(classes, 1 / max(classes, 1))
    return Profiles(
        share=share,
        share_bounds=np.stack([share - 0.02, share + 0.02], axis=1),
        means=means,
        bounds=np.stack([means - 0.1, means + 0.1], axis=2),
        overall=np.full(items, 0.5),
        probability=0.95,
    )


def draw(classes, items):
    profiles = make_profiles(classes, items)
    labels = [f"item {d}" for d in range(items)]
    found = SimpleNamespace(number=classes)
    return profiles, figures.class_profiles(found, profiles, labels)


@pytest.mark.parametrize(("classes", "items"), [(1, 5), (2, 12), (10, 60)])
def test_a_panel_for_each_class(classes, items):
    profiles, figure = draw(classes, items)
    assert len(figure.axes) == classes
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [f"item {d}" for d in profiles.order]
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]  # the first is on top
    for k, axes in enumerate(figure.axes):
        apart, same, others = axes.collections[1], axes.collections[3], axes.collections[4]
        points = np.vstack([apart.get_offsets(), same.get_offsets()])
        points = points[np.argsort(points[:, 1])]
        np.testing.assert_allclose(points[:, 0], profiles.means[k, profiles.order])
        np.testing.assert_allclose(others.get_offsets()[:, 0], profiles.others[k, profiles.order])
        differ = np.abs(profiles.means[k] - profiles.others[k]) > 0.1
        assert len(apart.get_offsets()) == differ.sum()
        assert axes.get_title(loc="left").startswith(f"class {k + 1}: ")


def test_many_items_are_cut_and_the_title_says_so():
    _, figure = draw(2, MOST_ITEMS + 5)
    assert f"{MOST_ITEMS} of {MOST_ITEMS + 5}" in figure.get_suptitle()
    assert len(figure.axes[0].get_yticks()) == MOST_ITEMS


def test_long_names_are_cut():
    found = SimpleNamespace(number=1)
    figure = figures.class_profiles(found, make_profiles(1, 1), ["a very long question " * 5])
    (label,) = figure.axes[0].get_yticklabels()
    assert len(label.get_text()) <= LONGEST_NAME and label.get_text().endswith("…")


def test_no_class_is_said(tmp_path):
    _, figure = draw(0, 3)
    assert "No class" in figure.alt
    figures.save(figure, tmp_path, "none")
    assert (tmp_path / "none.png").exists()


def test_the_number_of_classes():
    index = pd.RangeIndex(1, 4, name="classes")
    data = {"in_the_data": [0.1, 0.9, 0.0], "in_the_population": [0.1, 0.7, 0.2]}
    figure = figures.number_of_classes(pd.DataFrame(data, index))
    assert figure.alt == "How many classes are there? 2 with probability 70%."
    population, seen = figure.axes[0].containers
    assert [bar.get_height() for bar in population] == data["in_the_population"]
    assert [bar.get_height() for bar in seen] == data["in_the_data"]


def test_improbable_numbers_of_classes_are_not_drawn():
    index = pd.RangeIndex(1, 31, name="classes")
    data = {"in_the_data": [0.1, 0.9] + [0] * 28, "in_the_population": [0.1, 0.8, 0.1] + [0] * 27}
    figure = figures.number_of_classes(pd.DataFrame(data, index))
    assert figure.axes[0].get_xticks().tolist() == [1, 2, 3]
