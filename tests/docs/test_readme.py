"""The numbers of README.md and of docs/performance.md are those that programs wrote.

tests/expected/tutorial.json has the study, docs/numbers.json what was measured.
"""

import json
import re
from pathlib import Path

import pytest

from bitmix.workflow.numbers import models_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
#: What others published, or what is so by definition.
GIVEN = {"2015", "3.11", "11", "156", "30", "95", "512", "784", "392", "8", "5", "2", "3"}


@pytest.fixture(scope="module")
def study():
    return json.loads((ROOT / "tests/expected/tutorial.json").read_text())


@pytest.fixture(scope="module")
def measured():
    return json.loads((ROOT / "docs/numbers.json").read_text())


def model(measured, name, members=1):
    (row,) = [
        row
        for row in measured["models"]
        if row["model"] == name and row.get("members", 1) == members
    ]
    return row


def test_the_last_lines_of_a_run(study):
    rows, features = study["data"]["shape"]
    chains = study["chains"]
    assert f"{rows:,} images of {features} pixels" in README
    assert "  ".join(str(chain["clusters"]) for chain in chains) in README
    assert "  ".join(f"{chain['log_joint']:,.1f}" for chain in chains) in README
    assert f"The {chains[0]['clusters']} clusters of chain 0" in README


def test_the_table(measured):
    many, other = model(measured, "bitmix", 120), model(measured, "StepMix, 200 clusters")
    for text in (
        f"five chains in {measured['study_seconds']:.1f} CPU seconds",
        f"{many['missing']:.1f} nats, 120 chains averaged; StepMix {other['missing']:.1f}",
        f"{many['held_out']:.1f} nats a digit after {many['cpu_seconds']:.0f} CPU seconds",
        f"StepMix {other['held_out']:.1f} after {other['cpu_seconds']:.0f}",
        f"{measured['rows']['held_out']:,} digits held out",
    ):
        assert text in README


def test_no_other_number_is_in_the_readme():
    """A number that is new in the README needs a test above."""
    tables = [line for line in README.splitlines() if line.startswith("| ")]
    numbers = set(re.findall(r"(?<![\w.])\d[\d,.]*\d|(?<![\w.])\d(?![\w.])", " ".join(tables)))
    known = GIVEN | set(re.findall(r"\d[\d,.]*\d", _tested()))
    assert numbers <= known


def _tested():
    measured = json.loads((ROOT / "docs/numbers.json").read_text())
    rows = [*measured["models"], {"seconds": measured["study_seconds"]}]
    forms = (".0f", ".1f")
    numbers = [
        f"{abs(x):{form}}" for row in rows for x in row.values() if x != str(x) for form in forms
    ]
    return " ".join([*numbers, "120"])


def test_the_table_of_models(measured):
    assert models_table(measured) in (ROOT / "docs/performance.md").read_text()


def test_the_readme_is_short():
    assert len(README.splitlines()) < 100
