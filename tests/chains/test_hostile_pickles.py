"""Hostile pickles: each would leave a file or a call behind if it were executed."""

import copyreg
import os
import pickle

import numpy as np
import pytest
from latent_files import (
    assert_same_latent,
    refuse,
    seal,
)

from bitmix.chains import load_latents, save_latents


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
