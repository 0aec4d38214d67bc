"""The readers that get hostile files, and good files to start from."""

import io
import json
import pickle
import shlex
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from fuzz import mutations as m
from latent_files import golden_latent
from PIL import Image
from scipy import sparse

from bitmix.chains import LatentError, load_latents, save_latents
from bitmix.data import DataError, Dataset, downloads, load_dataset, save_dataset, sources
from bitmix.data.gzipped import uncompressed
from bitmix.data.images import grey_of
from bitmix.data.labels import read_labels
from bitmix.io import read_sealed_json, write_sealed_json
from bitmix.sampling.checkpoints import Checkpoint
from bitmix.workflow import jobs, runs
from bitmix.workflow.config import ConfigError

SCHEMA = Path(__file__).parents[2] / "config/schema.yaml"


@dataclass(frozen=True)
class Target:
    """A reader.

    Parameters
    ----------
    make : function
        Returns the bytes of a hostile file, given a random generator.
    read : function
        Reads the file at a path.
    share : int
        How many of all files it gets, in thousandths.
    errors : tuple of exceptions
        How it may refuse a file.
    names_file : bool
        Whether its errors name the file.
    lines : int
        The most lines of an error.
    """

    make: Callable
    read: Callable
    share: int
    errors: tuple = (DataError,)
    names_file: bool = True
    lines: int = 2


def written(write):
    """Return the bytes that a function writes to a file or its name."""
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def saved(folder, write):
    write(folder / "seed")
    return (folder / "seed").read_bytes()


# Latents -----------------------------------------------------------------------------------------

PICKLE_TOKENS = (
    *(b"cos\nsystem\n", b"(S'touch x'\ntR", b"\x8c\x02os\x8c\x06system\x93\x8c\x07touch x\x85R"),
    *(b"\x8c\x08builtins\x8c\x04eval\x93", b"\x95", b"P1\n", b"\x82\x01", b"j\xff\xff\xff\xff"),
    *(b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x96\xff\xff\xff\xff\0\0\0\0", b"h\0"),
    *(bytes([code]) for code in b"Rb\x81\x92}](tu\x88N02r"),
)


class Calls:
    """An object whose pickle calls os.system."""

    def __reduce__(self):
        import os

        return os.system, ("touch executed",)


def latent_seeds(folder):
    latent = golden_latent()
    some = saved(folder, lambda path: save_latents(path, [latent, replace(latent, chain=0)]))
    one = saved(folder, lambda path: save_latents(path, latent))
    content = pickle.loads(one)
    hostile = pickle.dumps({**content, "config": Calls()}, 5)
    return [*(file[: -len(m.sealed(b"", None))] for file in (one, some)), hostile]


def read_latents(path):
    latents = load_latents(path)
    for latent in latents if isinstance(latents, list) else [latents]:
        latent.log_joint()


def read_checkpoint(path):
    latent = golden_latent()
    names = ("data_sha256", "seed", "chain", "config", "code_sha256")
    found = Checkpoint(path, 1.0).read({name: getattr(latent, name) for name in names})
    if found is not None:
        found.log_joint()


# Data --------------------------------------------------------------------------------------------

X = np.array(
    [[0, 1, 1, 0, 1, 0], [1, 1, 0, 0, 0, 1], [0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 0]], np.uint8
)
IDX = b"\0\0\x08\x03\0\0\0\x04\0\0\0\x02\0\0\0\x03" + bytes(range(24))
NPY_TOKENS = (
    *(b"|O", b"<f8", b"|u1", b"<U200", b"(1000000000000,)", b"(-1,)", b"(0,)", b"True", b"(" * 90),
    *(b"-" * 200, b"[('a','<f8')]", b"{", b"}", b"'descr'", b"__import__('os').system('touch x')"),
)
CSV_TOKENS = (
    *(b"\0", b'"', b'""', b"\r", b"\n", b"\r\n", b",", b";", b"\t", b"NA", b"nan", b"yes", b" "),
    *(
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xe9",
        b"\xc3\xb6",
        b"\xe2\x80\xa8",
        b"\xd9\xa1",
        b"\x1f\x8b",
    ),
    *(b"=cmd()", b"9" * 5000, b"x" * 4000, b"0," * 3000, b"1e999", b"-0", b"+1", b"1_0"),
)
CSVS = [
    b"a,b,c\n0,1,1\n1,0,\n1,1,0\n",
    b'id;sex;"has, car";y\r\nr1;female;no;1\r\nr2;male;yes;0\r\nr3;female;;1\r\n',
    b"0,1\n1,1\n0,0\n",
    "id\tklasse\tja\nä\tox\t1\nö\tcow\t0\n".encode(),
    b"id,a\r1,0\r2,1\r",
]


def dataset_seeds(folder):
    named = Dataset(
        X,
        np.array(["ox", "cow", "ox", "ox"]),
        (2, 3),
        X == X,
        tuple("abcdef"),
        levels=(("no", "yes"),) * 6,
        row_ids=np.array(["1", "2", "3", "4"]),
        id_name="id",
    )
    missing = Dataset(
        X * (X > 0), observed=np.tile([True, True, False, True, True, True], (4, 1)) | (X == 1)
    )
    files = [saved(folder, lambda path, d=d: save_dataset(path, d)) for d in (named, missing)]
    seal = len(m.sealed(b"", None))
    return [file[: -seal - 2] + b"\0\0" for file in files]


def npz_seeds():
    matrix = sparse.csr_array(X)
    return [
        written(lambda file: np.savez(file, x=X, labels=np.arange(4), row_ids=list("abcd"))),
        written(lambda file: np.savez_compressed(file, x=np.where(X, 1.0, np.nan))),
        *(written(lambda f, form=form: sparse.save_npz(f, matrix.asformat(form), compressed=False))
          for form in ("csr", "csc", "coo", "bsr", "dia")),
    ]  # fmt: skip


def npy_seeds():
    arrays = (X, X.astype(bool), X.astype(">f4"), X.reshape(4, 2, 3), np.asfortranarray(X))
    return [written(lambda file, x=x: np.save(file, x)) for x in arrays]


def load(source, **settings):
    return lambda path: sources.load(source, file=path, **settings)


# Images ------------------------------------------------------------------------------------------

IMAGE_TOKENS = (
    *(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\xff\xe1Exif\0\0", b"\xff\xd8"),
    *(b"IHDR", b"acTL", b"eXIf", b"iCCP", b"zTXt", b"IDAT", b"IEND", b"\xff\xc0", b"WEBPVP8X"),
    *(b"P5 99999 99999 255\n", b"P4 4096 4096\n", b"P6 4097 4097 255\n", b"GIF89a", b"II*\0"),
)


def image_seeds():
    grey = Image.fromarray((X * 90).reshape(4, 6))
    colour = Image.merge("RGB", [grey, grey.rotate(90, expand=False), grey])
    made = [(grey, form) for form in ("PNG", "GIF", "BMP", "PPM", "TIFF")]
    made += [(colour, form) for form in ("PNG", "JPEG", "WEBP", "TIFF", "BMP")]
    made += [(grey.convert("1"), "PNG"), (grey.convert("P"), "GIF")]
    return [written(lambda file, i=image, f=form: i.save(file, f)) for image, form in made]


# The archive of npm ------------------------------------------------------------------------------

TAR_TOKENS = (
    *(b"../../../../tmp/x", b"/etc/passwd", b"package/data/", b"ustar\x0000", b"ustar  \0"),
    *(b"77777777777", b"\x80\0\0\0\0\0\0\x7f\xff\xff\xff\xff", b"\xff" * 12),
    *(b"30 size=9999999999999999999\n", b"22 GNU.sparse.major=1\n", b"0 path=x\n"),
    *(bytes([kind]) for kind in b"LKSxg125"),
)


def tar_seed():
    """Return an archive with a plain file, links to themselves and elsewhere, and a folder."""

    def write(file):
        with tarfile.open(fileobj=file, mode="w:") as archive:
            for name, kind, link, content in (
                ("train-images-idx3-ubyte", tarfile.REGTYPE, "", IDX),
                ("train-labels-idx1-ubyte", tarfile.SYMTYPE, "train-labels-idx1-ubyte", b""),
                ("t10k-images-idx3-ubyte", tarfile.SYMTYPE, "../../../../etc/passwd", b""),
                (
                    "t10k-labels-idx1-ubyte",
                    tarfile.LNKTYPE,
                    "package/data/t10k-labels-idx1-ubyte",
                    b"",
                ),
                ("../../x" + "y" * 120, tarfile.DIRTYPE, "", b""),
            ):
                member = tarfile.TarInfo(f"package/data/{name}")
                member.type, member.linkname, member.size = kind, link, len(content)
                archive.addfile(member, io.BytesIO(content))

    return written(write)


def read_archive(path):
    content = uncompressed(path.read_bytes(), path.name, 1 << 20)
    refused = None
    for name in downloads.SHA256:
        try:
            downloads.member(content, name)
        except DataError as error:
            refused = error
    if refused:
        raise refused


# Configurations ----------------------------------------------------------------------------------

HOSTILE = (
    *("$(touch executed)", "`touch executed`", "'; touch executed; '", '"; touch executed; "'),
    *(
        "a\nb",
        "-x",
        "--help",
        " ",
        "  a  ",
        "a b",
        "ä€😀",
        "\u2028",
        "\x7f",
        "\x85",
        "\u200f",
        "\t",
    ),
    *(
        "{wildcards}",
        "{run}",
        "{{",
        "}",
        "%s",
        "\\",
        "\\n",
        "~",
        "~root",
        "$HOME",
        "*",
        "*.csv",
        "?",
    ),
    *("null", "true", "NaN", "1e5", "[1]", '{"a": 1}', "5", "-0", "&a [*a]", "a #b", "a: b", "!!x"),
    *("@", "!", "#", "'", '"', "../../x"),
)
YAML_TOKENS = tuple(
    text.encode()
    for text in (
        *HOSTILE,
        *("!!python/object/apply:os.system [touch executed]", "!!binary aGk=", "!!set {a}"),
        *("&a ", "*a", "&a [*a]", "<<: *a", "? ", "- ", ": ", "{", "}", "[", "]", "|\n", ">\n"),
        *("%YAML 9.9\n", "---\n", "2001-01-01", "0x1f", "1:30", ".inf", "1_000", "\ufeff"),
        *('"\\0"', '"\\ud800"'),
    )
)
YAMLS = [
    b"runs:\n  a: {seed: 5, chains: 2, sweeps: 3, moves: [assign, pixel_priors]}\n",
    b"runs:\n  b:\n    data: {source: csv, file: x.csv, id_column: i}\n    sweeps: 3\n",
    b"runs: {c: {data: {labels: [2, 3], threshold: 5, limit: 9}}}\ndensity: {dna: {chains: 2}}\n",
    b"x: &x [1, 2, 3]\ny: &y [*x, *x, *x]\nz: &z [*y, *y, *y]\nruns: {d: {data: {labels: *z}}}\n",
]


def read_config(path):
    config = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if not isinstance(config, dict):
        return  # which Snakemake refuses
    for run in runs.read_runs(config, SCHEMA).values():
        same_on_a_command_line({"data": run["data"], "seed": run["seed"]})


def same_on_a_command_line(values):
    """Check that jobs and notebooks get the values that a configuration has."""
    for name, value in values.items():
        (argument,) = shlex.split(runs.for_job(name, value))
        assert jobs.parameter(argument) == (name, value)
    option, text = shlex.split(runs.for_notebook("values", values))
    assert option == "-y" and yaml.safe_load(text) == {"values": values}


def texts(random):
    """Return a hostile text as JSON."""
    text = "".join(random.choice(HOSTILE) for _ in range(random.randrange(1, 5)))
    return json.dumps(text[random.randrange(len(text)) :]).encode()


def read_texts(path):
    text = json.loads(path.read_bytes())
    same_on_a_command_line({"file": text, "ones": {text: [text]}})


_DATA, _VALUE, _CONFIG = (DataError,), (ValueError,), (ConfigError, yaml.YAMLError, ValueError)


def targets(folder):
    """Return all targets by name; `folder` is for their seeds."""
    latents, sets, npz, npy = latent_seeds(folder), dataset_seeds(folder), npz_seeds(), npy_seeds()
    result = {"chains": [1, 2], "ö": {"a": None}}
    results = [saved(folder, lambda path: write_sealed_json(path, result))]
    forms = (m.plain, m.gzipped)
    tables = m.from_bytes(CSVS, CSV_TOKENS, forms)
    pickles = m.from_bytes(latents, PICKLE_TOKENS, (m.sealed, m.sealed, m.plain))
    pictures = m.from_bytes(image_seeds(), IMAGE_TOKENS, (m.plain, m.with_checksums_of_png))
    archives = (m.with_checksums_of_tar, lambda c, r: m.gzipped(m.with_checksums_of_tar(c, r), r))
    packages = m.from_bytes([tar_seed()], TAR_TOKENS, archives)
    told = m.from_bytes(results, CSV_TOKENS, (m.sealed_json, m.plain))
    labels = [b"1\n2\n3\n4\n", "ox\nkuh\nöx\nz\n".encode(), IDX, npy[0]]
    read = {
        "latents": (pickles, read_latents, 150, (LatentError,)),
        "checkpoints": (pickles, read_checkpoint, 30, ()),
        "data.npz": (m.from_zips(sets, NPY_TOKENS, (m.sealed_zip,)), load_dataset, 15),
        "idx": (m.from_bytes([IDX], NPY_TOKENS, forms), load("idx"), 150),
        "npy": (m.from_bytes(npy, NPY_TOKENS, forms), load("array"), 80),
        "npz": (m.from_zips(npz, NPY_TOKENS), load("array"), 20),
        "csv": (tables, load("csv"), 60),
        "csv with ids": (tables, load("csv", id_column="id", ones=["female"]), 120),
        "labels": (m.from_bytes(labels, CSV_TOKENS, forms), lambda path: read_labels(path, 4), 80),
        "images": (pictures, lambda path: grey_of(path, (2, 2)), 120),
        "archives": (packages, read_archive, 10, _DATA, False),
        "json": (told, read_sealed_json, 150, _VALUE),
        "configurations": (m.from_bytes(YAMLS, YAML_TOKENS), read_config, 5, _CONFIG, False, 99),
        "command lines": (texts, read_texts, 10, ()),
    }  # fmt: skip
    return {name: Target(*arguments) for name, arguments in read.items()}
