"""Tables of users: CSV files and DataFrames, their names, ids and levels."""

import itertools
import logging

import numpy as np
import pandas as pd
import pytest

import bitmix
from bitmix.data import (
    DataError,
    Dataset,
    from_frame,
    load_dataset,
    new_rows,
    save_dataset,
    sources,
)

SURVEY = """\
respondent,smokes,Sex,exercises,group
007,yes,f,1,old
012,No,m,0,young
a-3,,f,NA,young
"""
VALUES = [[1, 1, 1], [0, 0, 0], [np.nan, 1, np.nan]]


@pytest.fixture
def load(tmp_path):
    """Return a function that reads text or bytes as a CSV file."""

    def load(content, **settings):
        file = tmp_path / "survey.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return sources.load("csv", file=file, **settings)[0]

    return load


def fails(load, content, *parts, **settings):
    """Check that reading fails in at most two lines that have these parts."""
    with pytest.raises(DataError) as caught:
        load(content, **settings)
    message = str(caught.value)
    assert all(part in message for part in ("survey.csv", *parts)), message
    assert "\n" not in message and len(message) < 450


def named(dataset):
    return (
        dataset.feature_names,
        dataset.levels,
        dataset.label_name,
        dataset.row_ids.tolist(),
        dataset.id_name,
    )


# Names -------------------------------------------------------------------------------------------


def test_names_ids_and_levels_are_kept(load, tmp_path):
    survey = load(SURVEY, id_column="respondent", label_column="group", ones={"Sex": "f"})
    np.testing.assert_array_equal(survey.values, VALUES)
    assert survey.labels.tolist() == ["old", "young", "young"]
    assert named(survey) == (
        ("smokes", "Sex", "exercises"),
        (("no", "yes"), ("m", "f"), ("0", "1")),
        "group",
        ["007", "012", "a-3"],
        "respondent",
    )
    shuffled = bitmix.shuffle(survey, 1)
    save_dataset(tmp_path / "data.npz", shuffled)
    loaded = load_dataset(tmp_path / "data.npz")
    assert named(loaded) == named(shuffled)
    assert loaded.row_ids.tolist() != survey.row_ids.tolist()
    order = loaded.in_source_order()
    np.testing.assert_array_equal(loaded.values[order], VALUES)
    assert loaded.row_ids[order].tolist() == survey.row_ids.tolist()


def test_rows_know_their_place_in_the_file(load):
    survey = load("a,b,kind\n0,1,x\n1,1,y\n1,0,x\n0,0,x\n", label_column="kind", labels=["x"])
    assert survey.source_rows.tolist() == [0, 2, 3]
    few = bitmix.shuffle(survey, 3).first(2)
    rows = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(few.x, rows[few.source_rows])
    assert sorted(few.source_rows) == few.source_rows[few.in_source_order()].tolist()


def test_data_without_names_have_none(load, mnist):
    assert load("0,1\n1,0\n").feature_names is None
    assert load("a,b\n0,1\n1,0\n").levels is None
    dataset = load("0,1\n1,0\n")
    for one in (mnist, dataset):
        assert one.row_ids is one.id_name is one.label_name is None
    assert dataset.in_source_order().tolist() == [0, 1]


def test_files_of_older_versions_still_load(tmp_path):
    x = np.eye(5, 3, dtype=np.uint8)
    np.savez(tmp_path / "data.npz", packed=np.packbits(x, axis=1), pixels=np.int64(3))
    loaded = load_dataset(tmp_path / "data.npz")
    assert loaded.sha256 == Dataset(x).sha256
    assert loaded.feature_names is loaded.source_rows is None


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"feature_names": ["a"]}, "feature_names must be 3 names, not 1"),
        ({"levels": [("no", "yes")] * 2}, "levels must be 3 pairs of answers, not 2"),
        ({"row_ids": np.arange(2)}, "row_ids must be an array of text"),
        ({"source_rows": np.arange(3)}, r"source_rows must be .* shape \(2,\)"),
    ],
)
def test_names_fit_the_data(names, message):
    with pytest.raises(ValueError, match=message):
        Dataset(np.zeros((2, 3), np.uint8), **names)


def test_an_npz_may_have_names(tmp_path):
    arrays = {
        "x": np.eye(2),
        "row_ids": np.array(["p", "q"]),
        "feature_names": np.array(["a", "b"]),
    }
    file = tmp_path / "x.npz"
    np.savez(file, **arrays)
    dataset, _ = sources.load("array", file=file)
    assert (dataset.row_ids.tolist(), dataset.feature_names) == (["p", "q"], ("a", "b"))
    for wrong, part in (
        (np.array(["p", "p"]), "the id p is also in place 0"),
        (np.array(["p"]), r"row_ids of shape \(1,\)"),
    ):
        np.savez(file, **(arrays | {"row_ids": wrong}))
        with pytest.raises(DataError, match=part):
            sources.load("array", file=file)


# Levels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zero", "one"),
    [("no", "yes"), ("NO", "Yes"), ("False", "True"), ("n", "y"), ("off", "on"), ("0.0", "1.00"),
     ("absent", "present"), ("-1", "1"), ("Disagree", "agree"), (" no ", "YES")],
)  # fmt: skip
def test_conventional_levels(load, zero, one):
    survey = load(f"a,b,c\n{zero},{one},\n{one},{one},{zero}\n{one},{one},{one}\n")
    np.testing.assert_array_equal(survey.values, [[0, 1, np.nan], [1, 1, 0], [1, 1, 1]])


@pytest.mark.parametrize(
    ("ones", "expected"),
    [
        ([2], [1, 0, 1]),
        (["2.0"], [1, 0, 1]),
        ({"a": 1}, [0, 1, 0]),
        ({"a": "1"}, [0, 1, 0]),
    ],
)
def test_ones_says_which_level_is_1(load, ones, expected):
    assert load("a,b\n2,0\n1,1\n2,1\n", ones=ones).x.T.tolist() == [expected, [0, 1, 1]]


def test_ones_can_turn_a_convention_round(load):
    survey = load("a,b\nyes,no\nno,no\n", ones={"a": False})  # YAML reads no as False
    assert survey.x.tolist() == [[0, 0], [1, 0]]
    assert survey.levels == (("yes", "no"), ("no", "yes"))


def test_a_ticked_box(load):
    survey = load("a,b\nx,1\n,0\nx,1\n", ones=["x"])
    np.testing.assert_array_equal(survey.values, [[1, 1], [np.nan, 0], [1, 1]])
    assert survey.levels == (("not x", "x"), ("0", "1"))


def test_the_log_says_which_level_is_1(load, caplog):
    with caplog.at_level(logging.INFO, "bitmix"):
        load("a,b,c\nyes,m,0\nno,f,1\n", ones=["f"])
    assert caplog.messages == ["yes is 1 and no is 0 in a", "f is 1 and m is 0 in b"]


@pytest.mark.parametrize("head", ["", "a,b,c,d\n", "0,1,2,3\n"])
def test_a_header_is_told_from_values(load, head):
    rows = list(itertools.product(["no", "yes"], repeat=4))
    survey = load(head + "".join(",".join(row) + "\n" for row in rows))
    assert survey.x.tolist() == [[int(cell == "yes") for cell in row] for row in rows]
    assert survey.feature_names == (tuple(head.strip().split(",")) if head else None)


def test_commas_in_quoted_names(load):
    assert load('"a, b, c";d\n0;1\n').feature_names == ("a, b, c", "d")


@pytest.mark.parametrize(
    ("content", "settings", "parts"),
    [
        (SURVEY, {}, ["column respondent (7, 12, a-3)", "set id_column: respondent"]),
        (
            "a,b\n0,1\n1,O\n1,0\n0,1\n",
            {},
            ["column b has 3 levels", "'O' (line 3)", "'1' (line 2)"],
        ),
        (
            "a,b\n1,1\n2,0\n",
            {},
            ["column a has the levels '1' (line 2), '2' (line 3)", "`ones: [2]`"],
        ),
        ("a,b,c\n1,1,m\n2,2,f\n", {}, ["columns a, b have the levels", "`ones: [2]`"]),
        ("a,b\nx,1\n,0\n", {}, ["column a has the one level 'x'", "`ones: [x]`"]),
        ("a,b\n1,1\n2,0\n", {"ones": {"c": 1}}, ["no column 'c'", "a, b"]),
        ("a,b\n1,1\n2,0\n", {"ones": {"a": 3}}, ["column a has no level 3", "1, 2"]),
        ("a,b\n1,1\n2,0\n", {"ones": [1, 2]}, ["column a has both levels"]),
        ("i,b\n1,1\n,0\n", {"id_column": "i"}, ["line 3: there is no id"]),
        ("i,b\n1,1\n1,0\n", {"id_column": "i"}, ["line 3: the id 1 is also in line 2"]),
        ("i,b\n1,1\n", {"id_column": "j"}, ["no column 'j'", "i, b", "set id_column"]),
        ("i,b\n1,1\n", {"id_column": "i", "label_column": "i"}, ["are both i"]),
        ("i,b,b\n1,1,0\n", {"id_column": "i"}, ["line 1: b names several columns"]),
        ("a,a,b\n0,0,1\n1,0,1\n", {}, ["line 1: a names several columns"]),
        ("a,b\n0,1\n\0,1\n", {}, ["line 3: a NUL byte"]),
        (b"a,b\n0,1\n\xe9,1\n", {}, ["not text in UTF-8"]),
        ("a,b\n" + "x" * 10**6 + ",1\n", {}, ["line 2: field larger than field limit"]),
        (
            f"i,b\n{'x' * 300},1\n",
            {"id_column": "i"},
            ["line 2: the id xxxxxxxxxxxxxxxxxxxx... has 300 characters"],
        ),
    ],
)
def test_what_is_no_feature_is_told_with_the_remedy(load, content, settings, parts):
    fails(load, content, *parts, **settings)


def test_many_rows_are_read_in_chunks(load):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (9001, 3))
    lines = [f"r{i}," + ",".join(map(str, row)) for i, row in enumerate(x)]
    survey = load("\n".join(["id,a,b,c", *lines]), id_column="id")
    np.testing.assert_array_equal(survey.x, x)
    assert survey.row_ids[[0, 4095, 4096, 9000]].tolist() == ["r0", "r4095", "r4096", "r9000"]
    fails(load, "\n".join(["id,a,b,c", *lines]), "set id_column: id")
    lines[8000] = "r8000,0,1,?"
    fails(load, "\n".join(["id,a,b,c", *lines]), "'?' (line 8002)", id_column="id")


# New rows ----------------------------------------------------------------------------------------


def test_new_rows_are_read_as_those_before(load, tmp_path):
    survey = load(SURVEY, id_column="respondent", label_column="group", ones={"Sex": "f"})
    file = tmp_path / "new.csv"
    file.write_text("age,exercises,Sex,respondent,smokes\n31,1,m,b-1,\n57,0,m,b-2,NO\n")
    rows = new_rows(file, survey)
    np.testing.assert_array_equal(rows.values, [[np.nan, 0, 1], [0, 0, 0]])
    assert rows.row_ids.tolist() == ["b-1", "b-2"]
    assert (rows.feature_names, rows.levels) == (survey.feature_names, survey.levels)
    file.write_text("1,0\n")
    assert new_rows(file, load("0,1\n1,0\n")).x.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("respondent,smokes,Sex\nb,no,f\n", "has no column exercises; its columns are smokes, Sex"),
        ("smokes,Sex,exercises\nno,f,1\n", "no column 'respondent'"),
        ("respondent,smokes,Sex,exercises\nb,no,w,1\n", "line 2: 'w' in column Sex, which had"),
    ],
)
def test_new_rows_that_do_not_fit(load, tmp_path, content, part):
    survey = load(SURVEY, id_column="respondent", label_column="group", ones={"Sex": "f"})
    file = tmp_path / "new.csv"
    file.write_text(content)
    with pytest.raises(DataError, match=part):
        new_rows(file, survey)


# DataFrames --------------------------------------------------------------------------------------


def frame():
    return pd.DataFrame(
        {
            "bool": [True, False, True, True],
            "boolean": pd.array([True, None, False, True], "boolean"),
            "Int64": pd.array([1, 0, None, 1], "Int64"),
            "float": [1.0, np.nan, 0.0, 1.0],
            "object": [True, None, False, pd.NA],
            "text": ["yes", "no", None, "NA"],
            "category": pd.Categorical(["no", "yes", None, "no"]),
        }
    )


FRAME = np.array(
    [
        [1, 1, 1, 1, 1, 1, 0],
        [0, np.nan, 0, np.nan, np.nan, 0, 1],
        [1, 0, np.nan, 0, 0, np.nan, np.nan],
        [1, 1, 1, 1, np.nan, np.nan, 0],
    ]
)


def test_every_kind_of_column_of_pandas():
    dataset = from_frame(frame())
    np.testing.assert_array_equal(dataset.values, FRAME)
    assert dataset.feature_names == tuple(frame().columns)
    assert dataset.row_ids is None


def test_sample_takes_a_table_of_pandas():
    of_frame = bitmix.sample_chain(frame(), 0, sweeps=2, progress=False)
    of_array = bitmix.sample_chain(FRAME, 0, sweeps=2, progress=False)
    np.testing.assert_array_equal(of_frame.assignments, of_array.assignments)
    assert of_frame.data_sha256 == of_array.data_sha256
    np.testing.assert_array_equal(
        bitmix.responsibilities(of_frame, frame()), bitmix.responsibilities(of_array, FRAME)
    )


def test_ids_and_labels_of_a_table_of_pandas():
    table = frame().assign(who=["a", "b", "c", "d"], kind=[1, 2, 1, 2])
    dataset = from_frame(table, id_column="who", label_column="kind")
    assert (dataset.row_ids.tolist(), dataset.id_name) == (list("abcd"), "who")
    assert (dataset.labels.tolist(), dataset.label_name) == ([1, 2, 1, 2], "kind")
    indexed = from_frame(table.set_index("who"), label_column="kind")
    assert (indexed.row_ids.tolist(), indexed.id_name) == (list("abcd"), "who")
    assert indexed.sha256 == dataset.sha256


def test_a_table_of_pandas_that_cannot_be_read():
    table = frame().assign(sex=[1, 2, 2, 1])
    with pytest.raises(ValueError, match=r"column sex has the levels .*from_frame.*ones=\[2\]"):
        bitmix.sample(table)
    assert from_frame(table, ones=[1]).x[:, -1].tolist() == [1, 0, 0, 1]
    with pytest.raises(ValueError, match="column age has 3 levels"):
        bitmix.sample(frame().assign(age=[1, 2, 3, 1]))
    with pytest.raises(ValueError, match=r"shape \(N, D\)"):
        bitmix.sample(frame().iloc[:0])
    with pytest.raises(DataError, match="no column 'x', it has bool"):
        from_frame(frame(), id_column="x")
    with pytest.raises(DataError, match="row 1: there is no label"):
        from_frame(frame(), label_column="boolean")


def test_of_two_words_the_second_in_the_alphabet_is_1(caplog):
    table = pd.DataFrame({"sex": ["m", "F", None, "m"], "home": ["town", "land", "town", "land"]})
    caplog.set_level("INFO", "bitmix")
    dataset = from_frame(table)
    assert dataset.levels == (("F", "m"), ("land", "town"))
    np.testing.assert_array_equal(dataset.values, [[1, 1], [0, 0], [np.nan, 1], [1, 0]])
    assert "m is 1 and F is 0 in sex" in caplog.text
    assert from_frame(table, ones={"sex": "F"}).levels == (("m", "F"), ("land", "town"))
