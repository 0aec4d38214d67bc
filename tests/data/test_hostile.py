"""Files that claim much, link elsewhere, or would make a library write where it must not."""

import gzip
import io
import os
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy import sparse

from bitmix.data import DataError, downloads, sources
from bitmix.data.gzipped import uncompressed
from bitmix.data.images import grey_of, image_files
from bitmix.data.labels import read_labels

MEGA = 1 << 20


@pytest.fixture
def refused(tmp_path):
    """Return a function that reads a hostile file and checks the error, and what reading took."""

    def refused(content, words, source="array", most=8 * MEGA, **settings):
        path = tmp_path / "hostile"
        path.write_bytes(content)
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match=words) as error:
                sources.load(source, file=path, **settings)
            assert tracemalloc.get_traced_memory()[1] < most
        finally:
            tracemalloc.stop()
        assert str(path) in str(error.value)
        assert len(str(error.value).splitlines()) <= 2

    return refused


def npy(shape, values=b"", descr="|u1"):
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + values


def npz(kind=zipfile.ZIP_STORED, **members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize("shape", ["(1000000000000, 8)", "(-1,)", "(-2, -2)", "(2, 2)"])
@pytest.mark.parametrize("form", [bytes, gzip.compress, lambda content: npz(x=content)])
def test_an_array_that_claims_more_than_it_has(refused, shape, form):
    refused(form(npy(shape, b"\1\0\1")), "3 bytes of values, but its header says|not a whole")


def test_an_idx_file_that_claims_terabytes(refused):
    header = b"\0\0\x08\x03" + b"\xff\xff\xff\0" * 3
    for form in (bytes, gzip.compress):
        refused(form(header + b"1"), "17 bytes, but its header says", "idx")
    refused(b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"1", "255 dimensions", "idx")
    refused(b"\0\0\x08\x02\0\0\0\0\xff\xff\xff\xff", "no values", "idx")


def test_bombs_are_not_kept_in_memory(refused, tmp_path):
    bomb = gzip.compress(bytes(200 * MEGA), 1)
    refused(gzip.compress(b"\0\0\x08\x02\0\0\0\1\0\0\0\1\1") + bomb, "header says 13", "idx")
    refused(gzip.compress(npy("(1, 1)", b"\1")) + bomb, "header says 1")
    refused(npz(zipfile.ZIP_DEFLATED, x=npy("(1, 1)", bytes(50 * MEGA))), "header says 1")
    refused(gzip.compress(b"a,b\n0,1\n") + bomb, "line 3: longer than", "csv", 16 * MEGA)
    refused(gzip.compress(npz(x=npy("(1, 1)", b"\1"))), "uncompress it first")
    with pytest.raises(DataError, match="more than 1,000,000 bytes; do not trust"):
        uncompressed(bomb, "bomb", 1_000_000)
    labels = tmp_path / "labels"
    labels.write_bytes(gzip.compress(b"1\n" * 10 * MEGA))
    with pytest.raises(DataError, match="more labels than the 2 rows"):
        read_labels(labels, 2)


def test_a_long_field_and_a_long_line(refused):
    refused(b'a,b\n0,1\n1,"' + b"x" * 200_000 + b'"\n', "line 3: field larger", "csv")
    refused(b"0," * 3 * MEGA, "line 1: longer than 4,194,304 bytes", "csv", 32 * MEGA)


def test_a_line_may_end_in_any_way(tmp_path):
    for end in ("\n", "\r", "\r\n"):
        path = tmp_path / "x.csv"
        path.write_bytes(end.join(["a,b", "0,1", '"1",0', ""]).encode())
        dataset, _ = sources.load("csv", file=path)
        assert dataset.x.tolist() == [[0, 1], [1, 0]] and dataset.feature_names == ("a", "b")


@pytest.mark.parametrize("form", ["csr", "csc", "bsr"])
@pytest.mark.parametrize("index", [-1, 99, 2**31 - 1])
def test_a_sparse_matrix_whose_indices_are_outside(refused, form, index):
    """SciPy would write there."""
    matrix = sparse.csr_array(np.eye(4, dtype=np.uint8)).asformat(form)
    matrix.indices[1] = index
    buffer = io.BytesIO()
    sparse.save_npz(buffer, matrix)
    refused(buffer.getvalue(), "no sparse matrix")


@pytest.mark.parametrize("form", ["csr", "csc", "bsr"])
def test_a_sparse_matrix_that_hides_its_cells(refused, form):
    """SciPy checks no index if the last of `indptr` is zero, and then reads beyond the arrays."""
    matrix = sparse.csr_array(np.eye(4, dtype=np.uint8)).asformat(form)
    matrix.indptr[-1] = 0
    buffer = io.BytesIO()
    sparse.save_npz(buffer, matrix)
    refused(buffer.getvalue(), "no sparse matrix")


def test_an_array_of_objects_or_of_wrong_booleans(refused, tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.array([[Mark(tmp_path / "executed")]], object))
    refused(buffer.getvalue(), "Python objects")
    assert not (tmp_path / "executed").exists()
    refused(npy("(1, 2)", b"\1\7", "|b1"), "row 0: 7 in column 1")


@pytest.mark.parametrize("order", "<>")
def test_a_text_of_characters_that_do_not_exist(refused, order):
    """Python would end with an error of its own, or crash."""
    rows = npy("(2, 2)", b"\0\1\1\0", "|u1")
    ids = np.array([ord("a"), 0x110000], f"{order}u4").tobytes()
    refused(npz(x=rows, row_ids=npy("(2,)", ids, f"{order}U1")), "characters that do not exist")


def test_an_array_of_records(refused):
    refused(npy("(1,)", b"\1\1", "[('a', '|u1'), ('b', '|u1')]"), "records")


class Mark:
    """An object whose pickle makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_members_in_other_compressions(refused):
    """LZMA allocates what its header says."""
    refused(npz(zipfile.ZIP_LZMA, x=npy("(1, 1)", b"\1")), "another way than NumPy's")


# Images ------------------------------------------------------------------------------------------


def test_an_image_with_too_many_pixels(tmp_path):
    path = tmp_path / "a.png"
    Image.new("1", (4097, 4096)).save(path)
    with pytest.raises(
        DataError, match="4096 x 4097 pixels, more than 16,777,216; make it smaller"
    ):
        grey_of(path, (2, 2))


def test_postscript_is_no_image(tmp_path, monkeypatch):
    """Pillow would run Ghostscript."""
    path, called = tmp_path / "a.png", tmp_path / "called"
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {called}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match="not an image"):
        grey_of(path, None)
    assert not called.exists()


def test_links_in_a_folder_of_images(tmp_path):
    folder, other = tmp_path / "images", tmp_path / "other"
    for place in (folder, other):
        place.mkdir()
        Image.new("L", (2, 2)).save(place / "a.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "device.png").symlink_to("/dev/zero")
    (folder / "absent.png").symlink_to("nothing")
    (folder / "above").symlink_to(tmp_path)
    assert image_files(folder) == [folder / "a.png"]


# The archive of npm ------------------------------------------------------------------------------

NAME = next(iter(downloads.SHA256))


def archive(*members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:") as file:
        for name, kind, link, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, link, len(content)
            file.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_a_member_of_an_archive():
    path = f"package/data/{NAME}"
    assert downloads.member(archive((path, tarfile.REGTYPE, "", b"yes")), NAME) == b"yes"
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        for link in (path, "/etc/passwd", "../../../etc/passwd"):
            with pytest.raises(DataError, match="not a plain file"):
                downloads.member(archive((path, kind, link, b"")), NAME)
    for name in (f"../{path}", f"/{path}", f"{path}/"):
        with pytest.raises(DataError, match="cannot read the archive"):
            downloads.member(archive((name, tarfile.REGTYPE, "", b"no")), NAME)


def test_a_sparse_member_that_claims_terabytes():
    content = bytearray(archive((f"package/data/{NAME}", tarfile.REGTYPE, "", b"x" * 512)))
    content[156:157] = tarfile.GNUTYPE_SPARSE
    content[257:265] = b"ustar  \0"
    content[483:495] = b"%011o\0" % 2**32
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    with pytest.raises(DataError, match="not a plain file"):
        downloads.member(bytes(content), NAME)
