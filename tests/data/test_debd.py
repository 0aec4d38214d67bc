"""The sets of DEBD (a local HTTP server stands in for the repository)."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from bitmix.data import DataError, debd, load_debd, sources

CONTENT = b"0,1,1\n1,0,0\n"
X = [[0, 1, 1], [1, 0, 0]]
SHARED = Path(__file__).parents[3] / "shared/debd"


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Replace the set dna with one whose splits have the same two rows; return a folder for it."""
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setattr(debd, "SHA256", {"dna": (sha256,) * 3})
    monkeypatch.setattr(debd, "URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("BITMIX_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BITMIX_DATA", raising=False)
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ["dna.valid.data", "dna.valid.data.gz"])
def test_own_files(tiny, monkeypatch, name):
    (tiny / name).write_bytes(gzip.compress(CONTENT) if name.endswith(".gz") else CONTENT)
    assert load_debd("dna", "valid", folder=tiny).x.tolist() == X
    monkeypatch.setenv("BITMIX_DATA", str(tiny))
    dataset, grey = sources.load("debd", name="dna", split="valid")
    assert dataset.x.tolist() == X
    assert grey is None


def test_own_file_with_other_contents(tiny):
    (tiny / "dna.train.data").write_bytes(b"0,1,1\n1,0,1\n")
    with pytest.raises(DataError, match=r"dna\.train\.data is not the .* of DEBD: expected sha256"):
        load_debd("dna", folder=tiny)


def test_download_is_kept_in_the_cache(tiny, serve, monkeypatch, tmp_path):
    """The folder of the repository has a folder for each set."""
    (tmp_path / "web/dna").mkdir(parents=True)
    (tmp_path / "web/dna/dna.test.data").write_bytes(CONTENT)
    server = serve(tmp_path / "web")
    monkeypatch.setattr(debd, "URL", f"http://127.0.0.1:{server.server_port}/")
    for _ in range(2):
        assert load_debd("dna", "test").x.tolist() == X
    assert server.requests == ["/dna/dna.test.data"]
    assert (tmp_path / "cache/dna.test.data").read_bytes() == CONTENT


def test_no_source_at_all(tiny):
    with pytest.raises(DataError) as error:
        load_debd("dna", folder=tiny)
    for part in ("dna.train.data of DEBD", f"not in {tiny}", "cannot download", "BITMIX_DATA"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("dns",), "name is 'dns', did you mean 'dna'"), (("dna", "dev"), "split is 'dev'; allowed")],
)
def test_unknown_set_or_split(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_debd(*arguments)


@pytest.mark.skipif(not SHARED.exists(), reason=f"no {SHARED}")
@pytest.mark.parametrize("name", debd.SHA256)
def test_real_sets(name):
    shapes = [load_debd(name, split, folder=SHARED).x.shape for split in debd.SPLITS]
    assert len({features for _, features in shapes}) == 1
    assert np.prod(shapes[0]) > 10_000
