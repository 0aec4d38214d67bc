"""The pickles of latents: what is saved is loaded again, and nothing else is accepted.

The golden file tests/expected/latent-schema-3.pkl holds `golden_latent()` without its times. It was
written by the first version with this schema. latent-schema-2.pkl holds the times too, and no
checksum. latent-schema-1.pkl holds the part that schema 1 had. The files stay the same as long as
their schema can be read. A new schema gets a new file:
``save_latents("tests/expected/latent-schema-N.pkl", golden_latent())``.
"""

import os
import pickle
import struct
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from damage import flipped
from latent_files import (
    assert_same,
    assert_same_latent,
    golden_latent,
    golden_latent_of_schema_1,
    refuse,
    refuse_file,
    seal,
    without_times,
)

from bitmix.chains import Latent, load_latents, save_latents
from bitmix.io import SEAL_SIZE

EXPECTED = Path(__file__).parents[1] / "expected"


# Round trips -------------------------------------------------------------------------------------


def test_round_trip(latent, path):
    save_latents(path, latent)
    assert_same_latent(load_latents(path), latent)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [(1, golden_latent_of_schema_1()), (2, golden_latent()), (3, without_times(golden_latent()))],
)
def test_golden_file(schema, expected):
    assert_same_latent(load_latents(EXPECTED / f"latent-schema-{schema}.pkl"), expected)


def test_times_are_not_saved(path):
    save_latents(path, golden_latent())
    first = path.read_bytes()
    slower = golden_latent().trace | {"seconds": np.array([9.0, 9.0])}
    save_latents(path, replace(golden_latent(), trace=slower))
    assert path.read_bytes() == first == (EXPECTED / "latent-schema-3.pkl").read_bytes()
    assert_same_latent(load_latents(path), without_times(golden_latent()))


def test_plain_pickle_reads_builtins_and_arrays(content, latent):
    assert content.pop("schema") == 3
    assert set(content) == {field.name for field in fields(Latent)} - {"observed"}
    for name, value in content.items():
        assert_same(value, getattr(latent, name))


def test_repr_is_short(latent):
    assert "5 rows of 3 features in 2 clusters after 2 sweeps" in repr(latent)
    assert len(repr(latent)) < 120


def test_missing_features(latent, path):
    observed = np.array([[3, 2, 1], [0, 2, 2]], dtype=np.int32)
    holed = replace(latent, observed=observed)
    save_latents(path, holed)
    assert_same_latent(load_latents(path), holed)
    np.testing.assert_array_equal(holed.tails, [[0, 2, 0], [0, 0, 1]])
    for wrong in (observed + 1, observed - 1, observed[:1], observed.astype(float)):
        with pytest.raises(ValueError, match="observed"):
            replace(latent, observed=wrong)


def test_arrays_in_other_memory_orders(latent, path):
    counts = np.asfortranarray(latent.counts)
    sizes = np.repeat(latent.sizes, 2)[::2]
    sizes.flags.writeable = False
    save_latents(path, replace(latent, counts=counts, sizes=sizes))
    assert_same_latent(load_latents(path), latent)


def test_arrays_larger_than_a_frame_of_pickle(latent, path):
    pixels = 100_000
    large = replace(
        latent,
        counts=np.ones((2, pixels), dtype=np.int32),
        alpha=np.linspace(1, 2, pixels),
        beta=np.ones(pixels),
        samples=None,
    )
    save_latents(path, large)
    assert_same_latent(load_latents(path), large)


def test_no_sweeps_yet(latent, path):
    empty = {name: values[:0] for name, values in latent.trace.items()}
    save_latents(path, replace(latent, trace=empty, samples=None))
    assert load_latents(path).trace["moved"].shape == (0,)


def test_file_from_a_machine_of_the_other_byte_order(content, latent, path):
    for items in (content, content["trace"], content["samples"]):
        for name, value in items.items():
            if isinstance(value, np.ndarray):
                items[name] = value.astype(value.dtype.newbyteorder("S"))
    seal(path, pickle.dumps(content, protocol=5))
    assert_same_latent(load_latents(path), latent)


def test_file_from_numpy_1(latent, path):
    save_latents(path, latent)
    new = b"\x8c\x13numpy._core.numeric"
    data = path.read_bytes()[:-SEAL_SIZE]
    # The length of the frame follows PROTO (2 bytes) and FRAME (1). Each name is one byte shorter.
    (frame,) = struct.unpack_from("<Q", data, 3)
    frame -= data.count(new)
    data = data.replace(new, b"\x8c\x12numpy.core.numeric")
    seal(path, data[:3] + struct.pack("<Q", frame) + data[11:])
    assert_same_latent(load_latents(path), latent)


# Consistency -------------------------------------------------------------------------------------

GOLDEN = golden_latent()
INCONSISTENT = [
    ("assignments", np.array([0, 1, 0, 0, 1]), "array of int32"),
    ("assignments", np.array([0, 1, 0, 0, 2], np.int32), "from 0 to 1"),
    ("assignments", np.array([0, 1, 0, 0, -1], np.int32), "from 0 to 1"),
    ("assignments", np.array([0, 1, 0, 1, 1], np.int32), "sizes must be"),
    ("assignments", np.zeros(0, np.int32), "not be empty"),
    ("assignments", [0, 1, 0, 0, 1], "type ndarray, not list"),
    ("sizes", np.array([3, 2], np.int32), "array of int64"),
    ("sizes", np.array([5]), r"shape \(2,\)"),
    ("counts", np.array([3, 0], np.int32), "2 dimension"),
    ("counts", np.array([[4, 0, 1], [0, 2, 1]], np.int32), "counts must be from 0"),
    ("counts", np.array([[3, -1, 1], [0, 2, 1]], np.int32), "counts must be from 0"),
    ("alpha", np.ones(2), r"shape \(3,\)"),
    ("alpha", np.array([1, 0, 1.0]), "positive and finite"),
    ("beta", np.array([1, np.nan, 1]), "positive and finite"),
    ("beta", np.array([1, np.inf, 1]), "positive and finite"),
    ("concentration", 0.0, "positive and finite"),
    ("concentration", float("nan"), "positive and finite"),
    ("concentration", 1, "type float, not int"),
    ("trace", {}, "trace must have"),
    ("trace", None, "type dict"),
    ("trace", GOLDEN.trace | {1: GOLDEN.trace["moved"]}, "key of trace"),
    ("trace", GOLDEN.trace | {"largest": np.array([2.0, 3.0])}, r"trace\['largest'\]"),
    ("trace", GOLDEN.trace | {"splits": np.array([1])}, r"trace\['splits'\]"),
    ("trace", GOLDEN.trace | {"splits": np.array([1, 2], np.int32)}, r"trace\['splits'\]"),
    ("samples", {}, "samples must have"),
    *(
        ("samples", GOLDEN.samples | {name: value}, message)
        for name, value, message in [
            ("sweep", np.array([2, 1]), "ascending sweeps"),
            ("sweep", np.array([2, 3]), "from 1 to 2"),
            ("sweep", np.array([0, 1]), "from 1 to 2"),
            ("sweep", np.array([1]), r"samples\['assignments'\]"),
            ("assignments", np.zeros((2, 4), np.int32), r"shape \(2, 5\)"),
            ("assignments", np.full((2, 5), 1, np.int32), "every number from 0"),
            ("assignments", np.full((2, 5), -1, np.int32), "every number from 0"),
            ("assignments", np.full((2, 5), 2**30, np.int32), "every number from 0"),
            ("alpha", np.zeros((2, 3)), "alpha of the samples must be positive"),
            ("beta", np.full((2, 3), np.nan), "beta of the samples must be positive"),
            ("concentration", np.ones((2, 1)), r"samples\['concentration'\]"),
            ("concentration", np.array([1, np.inf]), "concentration of the samples"),
        ]
    ),
    ("config", {"sweeps": np.arange(3)}, "made of builtins"),
    ("config", {"moves": [{"a": b"bytes"}]}, "made of builtins, found bytes"),
    ("config", {1: 2}, "key of config"),
    ("generator", [], "type dict, not list"),
    ("seed", True, "type int, not bool"),
    ("chain", "1", "type int, not str"),
    ("data_sha256", None, "type str"),
    ("code_sha256", None, "type str"),
]


@pytest.mark.parametrize(("name", "value", "message"), INCONSISTENT)
def test_inconsistent_items(latent, content, path, name, value, message):
    with pytest.raises(ValueError, match=message):
        replace(latent, **{name: value})
    refuse(path, pickle.dumps(content | {name: value}, protocol=5), message)


def test_empty_cluster(content, path):
    content["sizes"] = np.array([3, 2, 0])
    content["counts"] = np.vstack([content["counts"], np.zeros((1, 3), np.int32)])
    refuse(path, pickle.dumps(content, protocol=5), "no cluster may be empty")


def test_trace_of_unequal_lengths(content, path):
    content["trace"]["moved"] = np.array([1])
    refuse(path, pickle.dumps(content, protocol=5), r"trace\['moved'\]")


def test_save_refuses_what_load_would_refuse(latent, path):
    latent.sizes[0] = 4
    with pytest.raises(ValueError, match="sizes must be"):
        save_latents(path, latent)
    assert not path.exists()


@pytest.mark.parametrize(
    ("schema", "message"),
    [(4, "schema 4.*update bitmix"), (0, "sample the chain again"), (True, "True"), (None, "None")],
)
def test_unknown_schema(content, path, schema, message):
    refuse(path, pickle.dumps(content | {"schema": schema}, protocol=5), message)


def test_missing_and_extra_keys(content, path):
    refuse(path, pickle.dumps(content | {"extra": 1}, protocol=5), "unknown items: extra")
    del content["beta"]
    refuse(path, pickle.dumps(content, protocol=5), "lacks.*: beta")
    refuse(path, pickle.dumps([], protocol=5), "type dict, not list")


def test_missing_file(path):
    with pytest.raises(FileNotFoundError, match=path.name):
        load_latents(path)


def test_truncated_at_any_length(latent, path):
    save_latents(path, latent)
    whole = path.read_bytes()
    for content in (*(whole[:length] for length in range(len(whole))), whole + b"\0"):
        path.write_bytes(content)
        refuse_file(path, "damaged.*; delete it and sample the chain again")


def test_any_flipped_bit_is_seen(latent, path):
    save_latents(path, latent)
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        path.write_bytes(flipped(whole, bit))
        refuse_file(path, "damaged.*; delete it and sample the chain again")


def test_a_file_without_its_checksum(latent, path, content):
    for data in (pickle.dumps(content, 5), pickle.dumps({"schema": 3, "latents": [content]}, 5)):
        path.write_bytes(data)
        refuse_file(path, "has no checksum; delete it and sample the chain again")
        refuse(path, data + b"N.", "bytes after its end")
    del content["schema"]
    path.write_bytes(pickle.dumps({"schema": 2} | content, 5))
    assert_same_latent(load_latents(path), latent)
