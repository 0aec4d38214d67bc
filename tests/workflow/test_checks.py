"""The summary of a run, and its comparison with expected values."""

import copy
import json
import os
import re
import time

import numpy as np
import pytest
from PIL import Image

import bitmix
from bitmix.data import Dataset, save_dataset
from bitmix.io import read_json, read_sealed_json, write_json, write_sealed_json
from bitmix.workflow import checks, crate, messages, summary, times

HERE = {"commit": "abc", "system": "Linux", "package numpy": "2.4"}
CRATE = {
    "@graph": [
        {"@id": "#environment/commit", "@type": "PropertyValue", "name": "commit", "value": "abc"},
        {
            "@id": "#environment/system",
            "@type": "PropertyValue",
            "name": "system",
            "value": "Linux",
        },
        {
            "@id": "pkg:pypi/numpy@2.4",
            "@type": "SoftwareApplication",
            "name": "numpy",
            "softwareVersion": "2.4",
        },
    ]
}
CONFIGURATION = {"data": {"labels": [0, 1], "folder": "/somewhere"}, "sweeps": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Make the files of a tiny run; return its summary."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    x = (rng.random((40, 6)) < np.where(labels[:, None] == 1, 0.8, 0.2)).astype(np.uint8)
    save_dataset(folder / "data.npz", Dataset(x, labels, (2, 3)))
    latents = bitmix.sample(x, chains=2, sweeps=2, initial_clusters=3, progress=False)
    files = [folder / f"{latent.chain}.pkl" for latent in latents]
    for file, latent in zip(files, latents, strict=True):
        bitmix.save_latents(file, latent)
        times.write_times(folder / f"benchmarks/chain-{latent.chain}.json", latent)
    pixels = np.zeros((5, 8), np.uint8)
    pixels[2, 3] = 255
    (folder / "figures/sub").mkdir(parents=True)
    Image.fromarray(pixels).save(folder / "figures/sub/dot.png")
    out = folder / "summary.json"
    summary.write_summary(out, CONFIGURATION, folder / "data.npz", files, folder / "figures")
    write_json(folder / crate.NAME, CRATE)
    return folder, latents


@pytest.fixture
def found(run):
    return read_sealed_json(run[0] / "summary.json")


@pytest.fixture
def expected(found):
    return {**copy.deepcopy(summary.expected_values(found)), "environment": dict(HERE)}


def test_summary(run, found):
    _, latents = run
    assert found["data"]["shape"] == [40, 6]
    assert sum(found["data"]["labels"].values()) == 40
    assert found["configuration"] == {"data": {"labels": [0, 1]}, "sweeps": 2}
    assert found["figures"] == {"sub/dot.png": {"width": 8, "height": 5, "blank": False}}
    for chain, latent in zip(found["chains"], latents, strict=True):
        assert sum(chain["sizes"]) == 40
        assert chain["sizes"] == sorted(latent.sizes.tolist(), reverse=True)
        assert float.fromhex(chain["log_joint_hex"]) == chain["log_joint"] == latent.log_joint()


def test_expected_values(found):
    left_out = found.keys() - summary.expected_values(found).keys()
    assert left_out == {"image_shape", "levels", "versions"}


def test_results_table(run, found):
    lines = messages.results_table(run[0] / "summary.json").splitlines()
    assert len(lines) == 4
    cells = [cell.strip() for cell in lines[2].split("|")]
    assert cells[1:3] == ["0", str(found["chains"][0]["clusters"])]


def diagnostics(mixed, draws, warmup=0):
    sizes = {"chain": 2, "draw": draws}
    return {"mixed": mixed, "warmup": warmup, "draws": sizes, "thresholds": {"draws": 4}}


CONSENSUS = {"partitions": 1000, "sizes": [443, 224, 133]}


def write_run(folder, latents, found, told):
    """Write the files of a run from which its last lines are made."""
    write_sealed_json(folder / "summary.json", found)
    write_sealed_json(folder / "diagnostics.json", told)
    write_sealed_json(folder / "consensus.json", CONSENSUS)
    for latent in latents:
        times.write_times(folder / f"benchmarks/chain-{latent.chain}.json", latent)


@pytest.fixture
def lines(run, tmp_path):
    """Return the closing lines of a run."""

    def lines(found, mixed=True, draws=50, warmup=0):
        write_run(tmp_path, run[1], found, diagnostics(mixed, draws, warmup))
        return messages.closing_lines(tmp_path, total_seconds=12.34).splitlines()

    return lines


def test_closing_lines(lines, found, tmp_path):
    assert lines(found)[0] == f"Results: {tmp_path}"
    assert len(lines(found)) == 8
    assert lines(found)[1].endswith("40 images of 6 pixels")
    assert lines(found)[4].endswith("established (see diagnostics.json)")
    assert lines(found)[5].endswith(f"{tmp_path}/explore.html, for your browser")
    assert re.search(r"  \d+\.\d s in 2 chains$", lines(found)[6])
    assert lines(found)[7].endswith("12.3 s")
    assert lines(found, False)[4].endswith("  not established (see diagnostics.json)")
    few = "not established (5 sweeps are too few; see diagnostics.json)"
    assert lines(found, False, 3, warmup=2)[4].endswith(few)
    found["image_shape"] = None
    assert lines(found)[1].endswith("40 rows of 6 features")


def test_closing_lines_of_a_run_until_mixing(lines, found):
    found["configuration"]["sweeps"] = "auto"
    told = lines(found, draws=2000, warmup=2000)
    assert len(told) == 7
    assert told[2].endswith("consensus   3 of 443, 224, 133 rows (clusters of 1,000 states)")
    assert told[3].endswith("established after 4,000 sweeps (see diagnostics.json)")
    limit = "not established (4,000 sweeps are the limit of this run; see diagnostics.json)"
    assert lines(found, False, 2000, warmup=2000)[3].endswith(limit)


@pytest.mark.parametrize(
    ("sizes", "told"), [((422, 227), "2 of 422, 227 rows"), ((9,) * 9, "9 of 9,"), ((), "none")]
)
def test_closing_lines_of_a_table(lines, found, tmp_path, sizes, told):
    table = ["class,size,share", *(f"{k},{size},0.1" for k, size in enumerate(sizes, 1))]
    (tmp_path / "classes.csv").write_text("\n".join(table))
    assert lines(found)[2].startswith(f"  classes     {told}")
    assert lines(found)[2].endswith(f" (see {tmp_path}/classes.md)")
    assert ("..." in lines(found)[2]) == (len(sizes) > 8)


def test_times_of_chains(tmp_path, run):
    _, (latent, _) = run
    times.write_times(tmp_path / "benchmarks/chain-0.json", latent)
    assert times.read_seconds(tmp_path, 0) == pytest.approx(latent.trace["seconds"].sum())
    assert read_sealed_json(tmp_path / "benchmarks/chain-0.json").keys() == {
        "seconds", "assign_seconds", "pixel_priors_seconds"
    }  # fmt: skip


def test_times_of_chains_that_continued_are_not_known(tmp_path, run, found):
    folder, _ = run
    loaded = [bitmix.load_latents(folder / f"{chain}.pkl") for chain in (0, 1)]
    write_run(tmp_path, loaded, found, diagnostics(True, 9))
    assert np.isnan(times.read_seconds(tmp_path, 0))
    assert "continued, time not known in 2 chains" in messages.closing_lines(
        tmp_path, total_seconds=1.0
    )
    assert "nan" not in messages.results_table(tmp_path / "summary.json")


def test_only_new_runs_are_told(tmp_path, run, found):
    for name in ("old", "new"):
        write_run(tmp_path / name, run[1], found, diagnostics(True, 9))
    os.utime(tmp_path / "old/summary.json", (1, 1))
    told = messages.closing(["old", "new", "absent"], since=time.time() - 5, results=tmp_path)
    assert re.findall("Results: (.*)", told) == [f"{tmp_path}/new"]


def test_the_same_holds(expected, found):
    text, holds = checks.report("tiny", expected, found, HERE)
    assert holds
    assert "0 differences" in text
    assert "DIFFERS" not in text


def set_in(values, path, value):
    *parents, last = path
    for key in parents:
        values = values[key]
    values[last] = value


@pytest.mark.parametrize(
    ("path", "value", "row", "advice"),
    [
        (("configuration", "sweeps"), 3, "sweeps", "config/config.yaml"),
        (("data", "sha256"), "0" * 64, "data sha256", "src/bitmix/data"),
        (("data", "shape"), [41, 6], "data shape", "src/bitmix/data"),
        (("data", "labels", "0"), 1, "data labels", "src/bitmix/data"),
        (("chains", 1, "clusters"), 99, "chain 1 clusters", "src/bitmix/kernel"),
        (("chains", 0, "sizes"), [40], "chain 0 sizes", "src/bitmix/kernel"),
        (("chains", 0, "log_joint_hex"), "0x1p+0", "chain 0 log joint", "src/bitmix/kernel"),
        (("figures", "sub/dot.png", "width"), 9, "sub/dot.png", "src/bitmix/figures"),
        (
            ("figures", "new.png"),
            {"width": 1, "height": 1, "blank": False},
            "new.png",
            "src/bitmix/figures",
        ),
    ],
)
def test_a_difference_is_shown_and_explained(expected, found, path, value, row, advice):
    set_in(expected, path, value)
    text, holds = checks.report("tiny", expected, found, HERE)
    assert not holds
    (line,) = [line for line in text.splitlines() if line.endswith("DIFFERS")]
    assert line.startswith(f"{row} ")
    assert advice in text
    assert "make expected RUN=tiny" in text


def test_a_log_joint_differs_in_its_last_bit(expected, found):
    value = np.nextafter(found["chains"][0]["log_joint"], np.inf)
    expected["chains"][0]["log_joint_hex"] = float(value).hex()
    assert not checks.report("tiny", expected, found, HERE)[1]


def test_an_absent_chain_differs(expected, found):
    del found["chains"][1]
    text, holds = checks.report("tiny", expected, found, HERE)
    assert not holds
    assert "number of chains" in text


def test_a_blank_figure_is_seen(tmp_path):
    Image.new("L", (8, 5), 255).save(tmp_path / "blank.png")
    figures = {"blank.png": tmp_path / "blank.png"}
    told = summary.summarise(CONFIGURATION, Dataset(np.ones((1, 1), np.uint8)), [], figures)
    assert told["figures"] == {"blank.png": {"width": 8, "height": 5, "blank": True}}


def test_a_blank_figure_is_never_right(expected, found):
    expected["figures"]["sub/dot.png"]["blank"] = True
    found["figures"]["sub/dot.png"]["blank"] = True
    assert not checks.report("tiny", expected, found, HERE)[1]


def test_other_chains_of_other_data_are_not_blamed_on_the_code(expected, found):
    expected["data"]["sha256"] = "0" * 64
    expected["chains"][0]["assignments_sha256"] = "0" * 64
    text, _ = checks.report("tiny", expected, found, HERE)
    assert "may follow from the data" in text
    assert "src/bitmix/kernel" not in text


def test_long_values_show_the_place_where_they_differ(expected, found):
    expected["chains"][0]["sizes"] = list(range(100))
    found["chains"][0]["sizes"] = [*range(99), 1234]
    text, _ = checks.report("tiny", expected, found, HERE)
    assert "1234" in text


def test_check_prints_writes_and_raises(run, expected, tmp_path, capsys):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    write_json(good, expected)
    expected["data"]["shape"] = [1, 1]
    write_json(bad, expected)
    out, table = run[0] / "summary.json", tmp_path / "table.txt"
    checks.check([good], [out], table)
    assert "Everything is as expected." in table.read_text()
    assert "Everything is as expected." in capsys.readouterr().out
    with pytest.raises(checks.CheckError):
        checks.check([good, bad], [out, out], table)
    assert "NOT as expected." in table.read_text()


def test_nothing_to_check_is_an_error(tmp_path):
    with pytest.raises(checks.CheckError, match="no run has expected values"):
        checks.check([], [], tmp_path / "table.txt")


def test_results_become_the_expected_values(tmp_path, monkeypatch, found):
    monkeypatch.chdir(tmp_path)
    write_sealed_json("results/tiny/summary.json", found)
    write_json("results/tiny/ro-crate-metadata.json", CRATE)
    path = checks.accept("tiny")
    assert str(path) == "tests/expected/tiny.json"
    values = json.loads(json.dumps(summary.expected_values(found)))
    assert read_json(path) == {**values, "environment": HERE}
    assert checks.report("tiny", read_json(path), found, HERE)[1]


def test_other_machines_and_packages_are_told_if_values_differ(expected, found):
    elsewhere = {**HERE, "package numpy": "1.0", "package six": "1.0"}
    assert "numpy" not in checks.report("tiny", expected, found, elsewhere)[0]
    expected["chains"][1]["clusters"] = 99
    text, _ = checks.report("tiny", expected, found, elsewhere)
    assert re.search(r"^environment +expected +here$", text, re.MULTILINE)
    assert re.search(r"^package numpy +2\.4 +1\.0$", text, re.MULTILINE)
    assert "system" not in text and "six" not in text
    text, _ = checks.report("tiny", expected, found, HERE)
    assert "Code, machine and packages are those of the expected values." in text
