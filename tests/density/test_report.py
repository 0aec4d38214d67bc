"""The file of all sets, its table, and who wins."""

import pytest

from bitmix.data.debd import SHA256
from bitmix.density import PUBLISHED, results_table, verdict, write_density
from bitmix.io import read_sealed_json, write_sealed_json


def result(independent, trees):
    return {
        "averages": {
            name: {"test": test, "leaves": leaves, "seconds": 12.3}
            for name, test, leaves in (("independent", independent, 1), ("trees", trees, 16))
        },
        "best": "trees",
    }


@pytest.fixture
def density(tmp_path):
    files = []
    for name, found in {"plants": result(-12.8, -12.1), "dna": result(-77.0, -80.0)}.items():
        files.append(tmp_path / f"{name}.json")
        write_sealed_json(files[-1], found)
    written = write_density(tmp_path / "density.json", files)
    assert read_sealed_json(tmp_path / "density.json") == written
    return written


def test_published_figures_are_of_the_sets():
    assert len(PUBLISHED) == 4
    for figures in PUBLISHED.values():
        assert figures.keys() == SHA256.keys()


def test_table(density):
    lines = [[cell.strip() for cell in line.split("|")[1:-1]]
             for line in results_table(density).splitlines()]  # fmt: skip
    assert lines[0] == ["mean test log density, nats", "plants", "dna"]
    table = {line[0]: line[1:] for line in lines[2:]}
    assert table["bitmix, decision trees"] == ["-12.100", "-80.000"]
    assert table["ID-SPN"] == ["-12.54", "-81.21"]
    assert table["leaves of a tree, at most"] == ["16", "16"]
    assert table["CPU seconds, trees"] == ["12", "12"]


def test_verdict_is_that_of_the_average_that_validation_chose(density):
    """Of dna, the test rows prefer the other average."""
    assert verdict(density).splitlines() == [
        "Ahead of every published figure on 1 of 2 sets: plants.",
        "Behind the best published figure on 1 of 2 sets: dna (HCLT: -79.06).",
    ]


def test_equal_to_two_decimals_is_level(density):
    density["sets"] = {"plants": result(-12.8, -12.5351)}
    assert verdict(density).splitlines() == [
        "Ahead of every published figure on 0 of 1 sets.",
        "Level with the best published figure on 1 of 1 sets: plants (ID-SPN: -12.54).",
    ]
