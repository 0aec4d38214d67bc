"""Atomic files and JSON."""

import hashlib
import json
import math

import pytest
from damage import flipped

from bitmix.io import (
    atomic_write,
    finite,
    is_whole,
    read_json,
    read_sealed_json,
    remove_temporaries,
    write_json,
    write_sealed_json,
)


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


def test_sealed_json_reads_as_json(tmp_path):
    path, value = tmp_path / "a.json", {"a": [1, 2, 3], "b": {"c": None}, "ö": "é"}
    write_sealed_json(path, value)
    assert read_sealed_json(path) == value
    assert is_whole(path)
    told = json.loads(path.read_bytes())
    assert list(told) == ["a", "b", "ö", "seal"]
    text = path.read_bytes()
    sealed = text[: text.rindex(b"sha256")]
    assert told["seal"] == f"sha256 {hashlib.sha256(sealed).hexdigest()}"


def test_every_flipped_bit_of_sealed_json_is_named(tmp_path):
    path = tmp_path / "a.json"
    write_sealed_json(path, {"numbers": [1, 2], "text": "ö"})
    good = path.read_bytes()
    for place in range(8 * len(good)):
        path.write_bytes(flipped(good, place))
        assert not is_whole(path)
        with pytest.raises(ValueError, match=r"a\.json is damaged .*; delete it and make it again"):
            read_sealed_json(path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"a": 1}'])
def test_json_without_a_seal_is_damaged(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json is damaged"):
        read_sealed_json(tmp_path / "a.json")
