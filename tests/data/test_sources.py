"""The sources of data: every kind of file, and every kind of error in it."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import sparse

from bitmix.data import DataError, sources
from bitmix.data.files import read_arrays

X = np.array([[0, 1, 1, 0, 1, 0], [1, 1, 0, 0, 0, 1], [0, 0, 0, 1, 1, 1]], np.uint8)
GREY = np.arange(24, dtype=np.uint8).reshape(4, 2, 3) * 10


def idx(array):
    header = np.array([0x0800 + array.ndim, *array.shape], dtype=">u4")
    return header.tobytes() + array.tobytes()


@pytest.fixture
def write(tmp_path):
    """Return a function that writes bytes, text or arrays to a file."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, dict):
            np.savez(path, **content)
        else:
            np.save(path, content)
        return path

    return write


def image(path, levels, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(levels)).convert(mode).save(path)
    return path


def fails(error, *parts, **settings):
    """Check that loading fails with a message that has these parts."""
    with pytest.raises(error) as caught:
        sources.load(**settings)
    for part in parts:
        assert str(part) in str(caught.value)


# Settings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": "cvs"}, "source 'cvs' is not known; allowed: mnist, idx, array, csv, images"),
        ({"source": "csv"}, "file: missing, the source csv needs it"),
        ({"source": "images", "folder": None}, "folder: missing, the source images needs it"),
        (
            {"source": "csv", "file": "a", "threshold": 9},
            "threshold: not for the source csv, wh",
        ),
        ({"source": "mnist", "file": "a"}, "file: not for the source mnist, which takes labels, "),
    ],
)
def test_settings_that_do_not_go_together(settings, message):
    fails(ValueError, message, **settings)


def test_none_counts_as_not_given():
    assert sources.check_settings("csv", file="a", folder=None, threshold=None) == {"file": "a"}


def test_files_are_those_of_the_users(tmp_path):
    assert sources.files("mnist", labels=[1], folder="own") == []
    named = sources.files("csv", file="a.csv", labels_file="b.txt", image_shape=None)
    assert list(map(str, named)) == ["a.csv", "b.txt"]
    path = image(tmp_path / "b" / "a.png", GREY[0])
    assert sources.files("images", folder=str(tmp_path)) == [path]
    assert sources.files("images", folder="absent") == [Path("absent")]  # Snakemake reports it


def test_mnist_is_what_load_mnist_gives(mnist):
    dataset, grey = sources.load(labels=[2, 3], threshold=None, folder=None)
    assert sorted(dataset.labels) == sorted(mnist.labels)
    assert grey.shape == (14131, 28, 28)
    assert np.array_equal((grey > 0).reshape(len(grey), -1), dataset.x)


# IDX ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_idx_pair(write, pack):
    file = write("images", pack(idx(GREY)))
    labels = write("labels", pack(idx(np.array([9, 4, 9, 5], np.uint8))))
    dataset, grey = sources.load("idx", file=file, labels_file=labels, threshold=100, labels=[9])
    assert np.array_equal(grey, GREY[[0, 2]])
    assert dataset.x.tolist() == (GREY[[0, 2]] > 100).reshape(2, -1).tolist()
    assert dataset.labels.tolist() == [9, 9]
    assert dataset.image_shape == (2, 3)


def test_an_idx_file_of_rows_without_labels(write):
    dataset, grey = sources.load("idx", file=write("vectors", idx(X)))
    assert grey is None
    assert (dataset.labels, dataset.image_shape) == (None, None)
    assert np.array_equal(dataset.x, X)


def test_bad_idx(write):
    file, labels = write("images", idx(GREY)), write("labels", idx(np.zeros(3, np.uint8)))
    fails(DataError, labels, "is it the labels_file?", source="idx", file=labels)
    fails(DataError, labels, "(3,)", "4 rows", source="idx", file=file, labels_file=labels)
    cut = write("cut", idx(GREY)[:-1])
    fails(DataError, cut, "header says", source="idx", file=cut)
    fails(DataError, "missing", "No such file", "Snakefile", source="idx", file="missing")


# .npy and .npz -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, float])
def test_an_array_of_any_numbers(write, dtype):
    dataset, grey = sources.load("array", file=write("x.npy", X.astype(dtype)))
    assert grey is None
    assert np.array_equal(dataset.x, X)
    assert (dataset.labels, dataset.image_shape, dataset.observed) == (None, None, None)


def test_nan_in_an_array_is_missing(write):
    values = X.astype(float)
    values[1, 4] = values[2, 5] = np.nan
    dataset, _ = sources.load("array", file=write("x.npy", values))
    assert np.array_equal(dataset.values, values, equal_nan=True)
    assert np.array_equal(dataset.observed, ~np.isnan(values))


def test_the_shape_of_images(write):
    flat, images = write("x.npy", X), write("y.npy", X.reshape(3, 2, 3))
    assert sources.load("array", file=flat, image_shape=[3, 2])[0].image_shape == (3, 2)
    assert sources.load("array", file=images)[0].image_shape == (2, 3)
    assert np.array_equal(sources.load("array", file=images)[0].x, X)
    fails(DataError, flat, "6 features", "[2, 2]", source="array", file=flat, image_shape=[2, 2])
    fails(DataError, images, "(2, 3)", source="array", file=images, image_shape=[3, 2])


def test_labels_of_an_array(write):
    file = write("x.npz", {"x": X, "labels": np.array(["b", "a", "b"])})
    dataset, _ = sources.load("array", file=file, labels=["b"])
    assert np.array_equal(dataset.x, X[[0, 2]])
    other = write("labels.npy", np.array([3.0, 1.0, 2.0]))
    assert sources.load("array", file=file, labels_file=other)[0].labels.tolist() == [3, 1, 2]
    text = write("labels.txt", "3\n1\n2\n")
    assert sources.load("array", file=file, labels_file=text)[0].labels.tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (X * 3, ["row 0: 3 in column 1", "x > threshold"]),
        (np.where(X == 1, np.inf, 0), ["row 0: inf in column 1"]),
        (X.astype(float) / 2, ["row 0: 0.5 in column 1"]),
        (X[0], ["(6,)", "(N, D)"]),
        (X[:0], ["(0, 6)", "at least 1"]),
        (X.astype(str), ["<U", "save it as numbers"]),
        (np.array([X, None], dtype=object), ["not a whole .npy", "numpy.save"]),
        (b"\x93NUMPY\x01\x00", ["not a whole .npy", "numpy.save"]),
        (b"PK\x03\x04 cut", ["not a whole .npy", "numpy.save"]),
    ],
)
def test_bad_array(write, content, parts):
    file = write("x.npy", content)
    fails(DataError, file, *parts, source="array", file=file)


def test_bad_npz_and_labels(write):
    file = write("x.npz", {"data": X, "kinds": X})
    fails(DataError, file, "data, kinds", "call the data x", source="array", file=file)
    file = write("x.npz", {"x": X, "labels": np.arange(4)})
    fails(DataError, file, "(4,)", "3 rows", source="array", file=file)
    for labels, part in (
        (np.array([1, np.nan, 2]), "row 1: the label nan"),
        (1j * X[:, 0], "complex"),
    ):
        file = write("x.npz", {"x": X, "labels": labels})
        fails(DataError, file, part, "whole numbers", source="array", file=file)
    file = write("x.npy", X)
    blank = write("labels.txt", "a\n\nb\n")
    fails(
        DataError, blank, "line 2: there is no label", source="array", file=file, labels_file=blank
    )


# CSV ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "0,1,1,0,1,0\n1,1,0,0,0,1\n0,0,0,1,1,1\n",
        "a,b,c,d,e,f\n0,1,1,0,1,0\n1,1,0,0,0,1\n0,0,0,1,1,1",  # a header, no end of line
        "0,1,2,3,4,5\n0,1,1,0,1,0\n1,1,0,0,0,1\n0,0,0,1,1,1\n",  # a header of numbers
        "\ufeff0;1;1;0;1;0\r\n1;1;0;0;0;1\r\n\r\n0;0;0;1;1;1\r\n",  # as spreadsheets save it
        '0\t 1\t1.0\t0\t"1"\t0\n1\t1\t0\t0\t0\t1\n0\t0\t0\t1\t1\t1\n',
    ],
)
def test_csv(write, text):
    dataset, grey = sources.load("csv", file=write("x.csv", text), image_shape=[2, 3])
    assert grey is None
    assert np.array_equal(dataset.x, X)
    assert dataset.image_shape == (2, 3)
    assert dataset.observed is None


def test_empty_cells_are_missing(write):
    dataset, _ = sources.load("csv", file=write("x.csv", "0,,1\nNaN,1,\n1, na ,0\n"))
    expected = [[0, np.nan, 1], [np.nan, 1, np.nan], [1, np.nan, 0]]
    assert np.array_equal(dataset.values, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("labels", "expected"), [("ox,cow,ox", ["ox", "cow", "ox"]), ("7,-2,7", [7, -2, 7]),
                             ("07,2,7", ["07", "2", "7"])]
)  # fmt: skip
def test_a_column_of_labels(write, labels, expected):
    rows = "".join(f"0,{label},1\n" for label in labels.split(","))
    file = write("x.csv", f"a,kind,b\n{rows}")
    dataset, _ = sources.load("csv", file=file, label_column="kind")
    assert dataset.labels.tolist() == expected
    assert dataset.x.tolist() == [[0, 1]] * 3
    chosen, _ = sources.load("csv", file=file, label_column="kind", labels=expected[:1])
    assert set(chosen.labels.tolist()) == {expected[0]}


@pytest.mark.parametrize(
    ("content", "settings", "parts"),
    [
        ("a,b,c\n0,1,1\n0,1\n", {}, ["line 3: 2 cells, but line 1 has 3"]),
        ("0,1\n\n0,2\n", {}, ["column 2 has the levels '1' (line 1), '2' (line 3)", "ones: [2]"]),
        ("a,b\n0,1\n1,x\n", {}, ["column b has the levels '1' (line 2), 'x' (line 3)", "ones"]),
        (
            "0,1,0,7\n0,1,0,1\n",
            {},
            ["column 4 has the levels '1' (line 2), '7' (line 1)"],
        ),  # no header: 0 is there twice
        ("", {}, ["is empty"]),
        ("a,b\n", {}, ["header only"]),
        ('0,1\n0,"1\n', {}, ["line 2", "save it as CSV"]),
        (b"\xff\xfe0\x00", {}, ["UTF-8"]),
        ("a,b\n0,1\n", {"label_column": "c"}, ["no column 'c'", "a, b"]),
        ("a,b\n0,1\n,1\n", {"label_column": "a"}, ["line 3: there is no label"]),
        ("a\n0\n", {"label_column": "a"}, ["no column beside a"]),
        ("0,1\n", {"labels": [1]}, ["no labels to select 1 by"]),
        (
            "a,b\n0,1\n5,1\n",
            {"label_column": "a", "labels": [5, 6]},
            ["nothing labelled 6", "0, 5"],
        ),
        ("0,1\n", {"image_shape": [2, 2]}, ["2 features", "[2, 2]"]),
    ],
)
def test_bad_csv(write, content, settings, parts):
    file = write("x.csv", content)
    fails(DataError, file, *parts, source="csv", file=file, **settings)


# Folders of images -------------------------------------------------------------------------------


def test_images_in_the_order_of_their_names(tmp_path):
    for name, levels in (("b.png", GREY[1]), ("a.PNG", GREY[0]), ("c.bmp", GREY[2])):
        image(tmp_path / name, levels)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image")
    dataset, grey = sources.load("images", folder=tmp_path, threshold=50)
    assert np.array_equal(grey, GREY[:3])
    assert dataset.x.tolist() == (GREY[:3] > 50).reshape(3, -1).tolist()
    assert dataset.labels is None
    assert dataset.image_shape == (2, 3)


def test_subfolders_are_labels(tmp_path):
    for name, levels in (("ox/1.png", GREY[1]), ("cow/x/9.png", GREY[0]), ("ox/0.png", GREY[2])):
        image(tmp_path / name, levels)
    dataset, grey = sources.load("images", folder=tmp_path)
    assert dataset.labels.tolist() == ["cow", "ox", "ox"]
    assert np.array_equal(grey, GREY[[0, 2, 1]])
    dataset, grey = sources.load("images", folder=tmp_path, labels=["ox"])
    assert np.array_equal(grey, GREY[[2, 1]])
    image(tmp_path / "stray.png", GREY[3])
    fails(DataError, tmp_path, "stray.png", "move", source="images", folder=tmp_path)


def test_images_are_scaled_and_made_grey(tmp_path):
    levels = np.kron(GREY[0], np.ones((3, 2), np.uint8))
    image(tmp_path / "colour.png", np.stack([levels] * 3, axis=-1))
    image(tmp_path / "large.png", levels)
    image(tmp_path / "small.png", GREY[0])
    dataset, grey = sources.load("images", folder=tmp_path, image_shape=[2, 3], threshold=20)
    assert np.array_equal(grey, [GREY[0]] * 3)
    assert dataset.image_shape == (2, 3)
    parts = (tmp_path / "small.png", "(2, 3)", "(6, 6)", "set image_shape")
    fails(DataError, *parts, source="images", folder=tmp_path)


def test_images_are_turned_as_they_are_shown(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # EXIF: turn the image by 90 degrees
    Image.fromarray(GREY[0]).save(tmp_path / "a.png", exif=turned)
    _, grey = sources.load("images", folder=tmp_path)
    assert np.array_equal(grey[0], np.rot90(GREY[0], -1))


def test_images_that_cannot_be_used(tmp_path):
    path = tmp_path / "a.png"
    fails(DataError, "not a folder", "Snakefile", source="images", folder=path)
    fails(DataError, tmp_path, "no images", ".png", source="images", folder=tmp_path)
    whole = image(path, np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)).read_bytes()
    for content in (b"no image", whole[: len(whole) // 2]):
        path.write_bytes(content)
        fails(DataError, path, "not an image", source="images", folder=tmp_path)
    image(path, GREY[0].astype(np.uint16))
    fails(DataError, path, "8 bits", source="images", folder=tmp_path)
    image(path, np.dstack([GREY[0]] * 4))
    fails(DataError, path, "transparent", source="images", folder=tmp_path)


def test_mnist_in_another_shape():
    whole, grey = sources.load("mnist", labels=[2], threshold=63)
    small, levels = sources.load("mnist", labels=[2], threshold=63, image_shape=[7, 7])
    assert small.image_shape == (7, 7) and small.x.shape == (len(whole.x), 49)
    areas = grey.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4))
    assert np.abs(levels - areas).max() <= 1  # rounded twice, by rows and by columns
    np.testing.assert_array_equal(small.values, (levels > 63).reshape(-1, 49))
    same = sources.load("mnist", labels=[2], threshold=63, image_shape=[28, 28])[0]
    assert same.sha256 == whole.sha256


# Memory-mapped and sparse ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_a_npy_is_memory_mapped(write, dtype):
    arrays = read_arrays(write("x.npy", X.astype(dtype)))
    assert isinstance(arrays["x"], np.memmap)
    dataset, _ = sources.load("array", file=write("x.npy", X.astype(dtype)))
    np.testing.assert_array_equal(dataset.x, X)


@pytest.mark.parametrize("dtype", [bool, np.uint8, float])
@pytest.mark.parametrize("form", ["bsr", "coo", "csc", "csr", "dia"])
def test_a_file_of_a_sparse_matrix(tmp_path, dtype, form):
    file = tmp_path / "x.npz"
    sparse.save_npz(file, sparse.csr_array(X.astype(dtype)).asformat(form))
    dataset, _ = sources.load("array", file=file)
    assert dataset.x.dtype == np.uint8
    np.testing.assert_array_equal(dataset.x, X)


def test_a_file_of_a_sparse_matrix_may_miss_features(tmp_path):
    values = X.astype(float)
    values[1, 2] = np.nan
    sparse.save_npz(tmp_path / "x.npz", sparse.csr_array(values))
    dataset, _ = sources.load("array", file=tmp_path / "x.npz")
    np.testing.assert_array_equal(dataset.values, values)


def test_a_file_of_a_wrong_sparse_matrix(tmp_path):
    file = tmp_path / "x.npz"
    sparse.save_npz(file, sparse.csr_array(X * 2.0))
    fails(DataError, file, "row 0: 2.0 in column 1", source="array", file=file)
    np.savez(file, data=np.ones(3), format="csr", shape=np.array([2, 2]))
    fails(DataError, file, "is not a whole .npy or .npz", source="array", file=file)
