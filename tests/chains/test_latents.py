"""The pickles of latents: what is saved is loaded again, and nothing else is accepted.

The golden file tests/expected/latent-schema-3.pkl holds `golden_latent()` without its times. It was
written by the first version with this schema. latent-schema-2.pkl holds the times too, and no
checksum. latent-schema-1.pkl holds the part that schema 1 had. The files stay the same as long as
their schema can be read. A new schema gets a new file:
``save_latents("tests/expected/latent-schema-N.pkl", golden_latent())``.
"""

import copyreg
import os
import pickle
import struct
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from damage import flipped

from bitmix.chains import Latent, LatentError, load_latents, save_latents
from bitmix.io import SEAL_SIZE, sealed_write

EXPECTED = Path(__file__).parents[1] / "expected"


def golden_latent():
    """Return five rows of three features in two clusters after two sweeps."""
    return Latent(
        assignments=np.array([0, 1, 0, 0, 1], dtype=np.int32),
        sizes=np.array([3, 2], dtype=np.int64),
        counts=np.array([[3, 0, 1], [0, 2, 1]], dtype=np.int32),
        alpha=np.array([0.5, 1.0, 1e-12]),
        beta=np.array([2.0, 1.0, 3e5]),
        concentration=1.5,
        trace={
            "log_joint": np.array([-15.25, -13.5]),
            "clusters": np.array([3, 2]),
            "moved": np.array([5, 1]),
            "seconds": np.array([0.25, 0.125]),
            "concentration": np.array([1.5, 1.5]),
            "largest": np.array([2, 3]),
            "entropy": np.array([1.0549201679861442, 0.6730116670092565]),
            "assign_seconds": np.array([0.25, 0.125]),
            "splits_proposed": np.array([100, 100]),
        },
        config={
            "chains": 2,
            "sweeps": 2,
            "initial_clusters": 3,
            "concentration": 1.5,
            "hyperprior": "exponential",
            "moves": ["assign", "pixel_priors"],
        },
        seed=2**80,
        chain=1,
        data_sha256="0f" * 32,
        generator=np.random.PCG64(7).state,
        samples={
            "sweep": np.array([1, 2]),
            "assignments": np.array([[0, 1, 0, 2, 1], [0, 1, 0, 0, 1]], dtype=np.int32),
            "alpha": np.array([[0.5, 1.5, 1e-12], [0.5, 1.0, 1e-12]]),
            "beta": np.array([[2.0, 0.5, 3e5], [2.0, 1.0, 3e5]]),
            "concentration": np.array([1.5, 1.5]),
        },
        code_sha256="1e" * 32,
    )


def without_times(latent):
    """Return a latent as a file gives it back."""
    unknown = np.full(latent.sweeps, np.nan)
    times = {name: unknown for name in latent.trace if name.endswith("seconds")}
    return replace(latent, trace=latent.trace | times)


def golden_latent_of_schema_1():
    """Return the part of `golden_latent` that schema 1 kept."""
    latent = golden_latent()
    known = ("log_joint", "clusters", "moved", "seconds", "concentration")
    trace = {name: latent.trace[name] for name in known}
    trace |= {"largest": np.array([0, 0]), "entropy": np.array([np.nan, np.nan])}
    return replace(latent, trace=trace, samples=None, code_sha256="")


@pytest.fixture
def latent():
    return without_times(golden_latent())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "chain.pkl"


@pytest.fixture
def content(latent, path):
    """Return the dict in a file of latents, read by the pickle module."""
    save_latents(path, latent)
    return pickle.loads(path.read_bytes())


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()
        assert found.flags.writeable
    else:
        assert found == expected


def assert_same_latent(found, expected):
    for field in fields(Latent):
        assert_same(getattr(found, field.name), getattr(expected, field.name))


def refuse(path, data, message=None):
    """Check that `load_latents` refuses a pickle whose checksum is right."""
    seal(path, data)
    refuse_file(path, message)


def seal(path, data):
    with sealed_write(path) as file:
        file.write(data)


def refuse_file(path, message=None):
    """Check that `load_latents` refuses a file, with its path and `message`."""
    with pytest.raises(LatentError, match=message) as error:
        load_latents(path)
    assert str(path) in str(error.value)


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
    refuse(path, pickle.dumps(content | {"extra": 1}, protocol=5), "in excess: extra")
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


# Hostile pickles: if one is executed, it creates a file or records a call -----------


class Calls:
    """An object that pickle restores by calling `function`."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __reduce__(self):
        return self.reduced


@pytest.fixture
def mark(tmp_path):
    """Return the path that hostile code creates. It must not exist at the end."""
    mark = tmp_path / "executed"
    yield mark
    assert not mark.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("where", ["alone", "config", "key", "assignments", "after_schema"])
def test_calls_by_reduce(content, path, mark, protocol, where):
    hostile = Calls(os.mkdir, str(mark))
    if where == "alone":
        content = hostile
    elif where == "key":
        content = {hostile: 1} | content
    elif where == "after_schema":
        content = {"schema": 3, "extra": hostile}
    else:
        content[where] = hostile
    refuse(path, pickle.dumps(content, protocol), "do not trust|damaged")


@pytest.mark.parametrize(
    "code",
    [
        b"cos\nmkdir\n(V%s\ntR.",  # GLOBAL, REDUCE
        b"(V%s\nios\nmkdir\n.",  # INST
        b"(cos\nmkdir\nV%s\no.",  # OBJ
        b"cos\nmkdir\n(V%s\nt\x81.",  # NEWOBJ
        b"cos\nmkdir\n(V%s\nt}\x92.",  # NEWOBJ_EX
        b"cbuiltins\neval\n(V__import__('os').mkdir('%s')\ntR.",
        b"cbuiltins\n__import__\n(Vos\ntR(dVx\nV%s\nsb.",  # BUILD
        b"cnumpy\nload\n(V%s\ntR.",
        b"cnumpy._core.numeric\nsave\n(V%s\nI1\ntR.",
        b"cnumpy.testing._private.utils\nrunstring\n(V__import__('os').mkdir('%s')\n}tR.",
        b"cbitmix.files\natomic_write\n(V%s\ntR.",
    ],
)
def test_calls_by_handwritten_opcodes(path, mark, code):
    refuse(path, code % str(mark).encode(), "do not trust")


def stack_global(module, name):
    return (
        b"".join(b"\x8c" + bytes([len(word)]) + word for word in (module.encode(), name.encode()))
        + b"\x93"
    )


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "mkdir"),
        ("posix", "system"),
        ("builtins", "getattr"),
        ("builtins", "bytearray"),
        ("numpy", "dtype.__reduce__"),
        ("numpy", "ndarray"),
        ("numpy", "fromfile"),
        ("numpy._core.numeric", "_frombuffer.__globals__"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("bitmix.chains", "Latent"),
    ],
)
def test_names_that_are_not_on_the_list(path, mark, module, name):
    call = b"(\x8c" + bytes([len(str(mark))]) + str(mark).encode() + b"tR."
    refuse(path, b"\x80\x05" + stack_global(module, name) + call, f"'{module}.{name}'")


def test_extension_registry_even_with_a_warm_cache(path, mark):
    copyreg.add_extension("os", "mkdir", 240)
    try:
        assert pickle.loads(b"\x82\xf0.") is os.mkdir  # now the registry's cache has it
        refuse(path, b"\x82\xf0(V%s\ntR." % str(mark).encode(), "EXT1")
    finally:
        copyreg.remove_extension("os", "mkdir", 240)


@pytest.mark.parametrize("code", [b"Pname\n.", b"\x8c\x04nameQ.", b"\x97.", b"\x80\x05\x97\x98."])
def test_persistent_ids_and_outside_buffers(path, code):
    refuse(path, code, "do not trust")


class Builds:
    """An object whose pickle calls BUILD with `state` on the result of `function(*args)`."""

    def __init__(self, function, args, state):
        self.reduced = function, args, state

    def __reduce__(self):
        return self.reduced


def array_pickle(buffer, dtype, shape, order="C"):
    """Return an object whose pickle makes an array with NumPy's _frombuffer."""
    return Calls(np.zeros(0).__reduce_ex__(5)[0], buffer, dtype, shape, order)


def test_array_helper_makes_what_numpy_makes(content, path, latent):
    """The tests below would prove nothing if every array made this way were refused."""
    content["sizes"] = array_pickle(latent.sizes.tobytes(), np.dtype("<i8"), (2,))
    seal(path, pickle.dumps(content, protocol=5))
    assert_same_latent(load_latents(path), latent)


SIZES = np.array([3, 2]).tobytes()  # correct: below, only the pickle around it is wrong
DTYPE = (np.dtype, ("i8", False, True))
PLAIN = (3, "<", None, None, None, -1, -1, 0)


@pytest.mark.parametrize(
    "sizes",
    [
        array_pickle(SIZES, np.dtype(object), (2,)),
        array_pickle(SIZES, np.dtype("V8"), (2,)),
        array_pickle(SIZES, np.dtype("S8"), (2,)),
        array_pickle(SIZES, np.dtype("M8[s]"), (2,)),
        array_pickle(SIZES, np.dtype([("a", "i8")]), (2,)),
        array_pickle(SIZES, np.dtype("c8"), (2,)),
        array_pickle(SIZES, "i8", (2,)),
        array_pickle(SIZES, None, (2,)),
        array_pickle(SIZES[:-1], np.dtype("<i8"), (2,)),
        array_pickle(SIZES + bytes(8), np.dtype("<i8"), (2,)),
        array_pickle(SIZES, np.dtype("<i8"), (2**62,)),
        array_pickle(SIZES, np.dtype("<i8"), (-1,)),
        array_pickle(SIZES, np.dtype("<i8"), (2.0,)),
        array_pickle(SIZES, np.dtype("<i8"), 2),
        array_pickle(SIZES, np.dtype("<i8"), [2]),
        array_pickle(SIZES, np.dtype("<i8"), (2,), "F"),
        array_pickle("text", np.dtype("<i8"), (2,)),
        array_pickle([3, 2], np.dtype("<i8"), (2,)),
        np.array([print, 1], dtype=object),
        np.float64(1.0),
        # Types with an unusual state.
        array_pickle(SIZES, Builds(*DTYPE, ()), (2,)),
        array_pickle(SIZES, Builds(*DTYPE, None), (2,)),
        array_pickle(SIZES, Builds(*DTYPE, (3, "|", None, None, None, 8, 1, 63)), (2,)),
        array_pickle(SIZES, Builds(*DTYPE, (3, "<", None, ("a",), {}, 8, 1, 0)), (2,)),
        array_pickle(SIZES, Builds(*DTYPE, (*PLAIN, {"x": 1})), (2,)),
        array_pickle(SIZES, Builds(np.dtype, ("O", False, True), PLAIN), (2,)),
        array_pickle(SIZES, Builds(np.dtype, ([("a", "O")], 0, 0), PLAIN), (2,)),
        # A state for the array, for the dtype class and for the function.
        Builds(*array_pickle(SIZES, np.dtype("<i8"), (2,)).reduced, (1, (2,), 0, 0, b"")),
        Builds(*array_pickle(SIZES, np.dtype("<i8"), (2,)).reduced, {"args": ()}),
        np.dtype,
        np.zeros(0).__reduce_ex__(5)[0],
        np.dtype("<i8"),
    ],
)
def test_arrays_that_are_not_plain(content, path, sizes):
    refuse(path, pickle.dumps(content | {"sizes": sizes}, protocol=5))


@pytest.mark.parametrize("state", [b"}\x8c\x07__new__Nsb", b"N}\x8c\x05buildNs\x86b"])
def test_the_answers_to_names_cannot_be_changed(path, latent, state):
    """BUILD sets attributes of any object on the stack that can be changed."""
    save_latents(path, latent)
    whole = path.read_bytes()
    for name in (("numpy", "dtype"), ("numpy._core.numeric", "_frombuffer")):
        refuse(path, b"\x80\x05" + stack_global(*name) + state + b".")
    path.write_bytes(whole)
    assert_same_latent(load_latents(path), latent)


def test_memory_and_stack_cannot_be_exhausted(path):
    refuse(path, b"\x80\x05r\xff\xff\xff\x7f.", "do not trust")  # LONG_BINPUT, a huge memo
    refuse(path, b"\x80\x05\x96" + b"\xff" * 7 + b"\x7f.", "damaged")  # BYTEARRAY8, 2**63 bytes
    nested = b"\x80\x05}" + b")" + b"\x85" * 1_000_000 + b"Ns."  # a tuple in a tuple in a ...
    refuse(path, nested, "do not trust")
