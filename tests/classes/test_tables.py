"""The files of classes: ids, names and order of the source."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bitmix
from bitmix import classes, partitions
from bitmix.classes import tables


@pytest.fixture
def shuffled(survey):
    """Return the survey in another order, with chains of that and their classes."""
    rows = bitmix.shuffle(survey, 5)
    latents = bitmix.sample(
        rows.x, observed=rows.observed, chains=2, sweeps=30, thin=1, initial="seeded", seed=1,
        initial_clusters=8,
    )  # fmt: skip
    return rows, classes.find_classes(latents, rows.x, rows.observed)


def test_files(shuffled, survey, tmp_path):
    dataset, found = shuffled
    profiles = classes.profiles(found)
    classes.write_classes(tmp_path, found, profiles, dataset)
    order = dataset.in_source_order()

    table = pd.read_csv(tmp_path / "classes.csv")
    assert table["class"].tolist() == list(range(1, found.number + 1))
    assert table["size"].tolist() == found.sizes.tolist()
    for name, values in (("share 2.5%", profiles.share_bounds[:, 0]), ("found", found.found)):
        np.testing.assert_allclose(table[name], values, atol=5e-5)
    for item, name in enumerate(survey.feature_names):
        np.testing.assert_allclose(table[name], profiles.means[:, item], atol=5e-5)
        np.testing.assert_allclose(table[f"{name} 97.5%"], profiles.bounds[:, item, 1], atol=5e-5)

    members = pd.read_csv(tmp_path / "members.csv")
    assert members["respondent"].tolist() == survey.row_ids.tolist()
    np.testing.assert_allclose(members.iloc[:, 3:], found.memberships[order], atol=5e-5)
    expected = np.where(found.assignments[order] < 0, np.nan, found.assignments[order] + 1)
    np.testing.assert_array_equal(members["class"], expected)

    imputed = pd.read_csv(tmp_path / "imputed.csv")
    rows, items = np.nonzero(~survey.observed)
    assert imputed["respondent"].tolist() == survey.row_ids[rows].tolist()
    assert imputed["answer"].tolist() == [1] * len(items)
    assert imputed["item"].tolist() == np.array(survey.feature_names)[items].tolist()
    where = dict(zip(map(tuple, np.argwhere(~dataset.observed)), range(len(rows)), strict=True))
    probability = classes.impute(found, dataset.observed)
    places = [where[order[row], item] for row, item in zip(rows, items, strict=True)]
    np.testing.assert_allclose(imputed["probability"], probability[places], atol=5e-5)

    with np.load(tmp_path / "together.npz") as together:
        assert together["rows"].tolist() == survey.row_ids.tolist()
        z = np.stack([state.assignments for state in found.states])[:, order]
        share = partitions.coclustering(z, np.arange(len(order)))
        np.testing.assert_array_equal(together["probability"], share.astype(np.float32))
    assert (tmp_path / "classes.md").read_text().startswith("Number of classes in the population")


def test_imputed_answers_have_their_words(survey, found):
    answers = [("no", f"yes {item}") for item in range(12)]
    table = classes.imputed_table(found, replace(survey, levels=tuple(answers)))
    number = dict(zip(survey.feature_names, range(12), strict=True))
    assert table["answer"].tolist() == [f"yes {number[item]}" for item in table["item"]]


def test_pairs_of_many_rows_are_left_out(shuffled, tmp_path, monkeypatch):
    dataset, found = shuffled
    monkeypatch.setattr(tables, "MOST_PAIRED", 7)
    classes.write_classes(tmp_path, found, classes.profiles(found), dataset)
    with np.load(tmp_path / "together.npz") as together:
        assert together["probability"].shape == (7, 7)
        assert sorted(together["rows"]) == sorted(dataset.row_ids[:7])
    assert len(pd.read_csv(tmp_path / "members.csv")) == len(dataset.x)


def test_rows_without_ids_have_their_numbers(survey, found):
    plain = replace(survey, row_ids=None, id_name=None, feature_names=None)
    assert classes.row_index(plain).tolist() == list(range(1, len(survey.x) + 1))
    assert classes.row_index(plain.take(np.array([4, 2]))).tolist() == [5, 3]
    assert classes.item_names(plain)[:2] == ["item 1", "item 2"]


def test_labels_say_what_is_1_where_it_is_not_yes(survey):
    answers = [("no", "Yes"), ("female", "male"), ("0", "1")] + [("no", "yes")] * 9
    labels = classes.item_labels(replace(survey, levels=tuple(answers)))
    assert labels[:3] == ["goes hiking", "cycles: male", "swims"]


def test_a_row_of_no_class_has_none():
    table = classes.member_table(np.array([[0.2, 0.7, 0.1], [0.3, 0.3, 0.4]]), pd.Index([8, 9]))
    assert table["class"].isna().tolist() == [False, True]
    assert table.loc[8, "class"] == 2
    assert table["certainty"].tolist() == [0.7, 0.4]


def test_no_folder_writes_nothing(found, profiles, survey, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classes.write_classes("", found, profiles, survey)
    assert list(tmp_path.iterdir()) == []
