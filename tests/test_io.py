"""Atomic files and JSON."""

import json
import math

import pytest

from bitmix.io import atomic_write, finite, read_json, remove_temporaries, write_json


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "sub/file"
    with atomic_write(path) as file:
        file.write(b"old")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"new")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_temporaries_of_one_file_are_removed(tmp_path):
    mine, other = tmp_path / ".a.12.tmp", tmp_path / ".b.12.tmp"
    mine.touch()
    other.touch()
    remove_temporaries(tmp_path / "a")
    assert list(tmp_path.iterdir()) == [other]


def test_json(tmp_path):
    value = {"numbers": [1, 2, 3], "text": "é", "nested": {"none": None}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "[1, 2, 3]" in (tmp_path / "a.json").read_text()


def test_damaged_json_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json is not JSON .*delete it"):
        read_json(tmp_path / "a.json")


def test_finite():
    value = {"a": [math.nan, 1.0], "b": {"c": math.inf, "d": "x"}}
    assert finite(value) == {"a": [None, 1.0], "b": {"c": None, "d": "x"}}
    json.dumps(finite(value), allow_nan=False)
