"""Every Python example on a page runs, and every configuration is valid."""

import re
from pathlib import Path

import pytest
import yaml

from bitmix.data.sources import SOURCES
from bitmix.sampling.moves import MOVES
from bitmix.workflow import runs

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples(page, language="python"):
    """Return the blocks of a page in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def registries():
    """Take back the moves and sources that an example adds."""
    before = [(table, dict(table)) for table in (MOVES, SOURCES)]
    yield
    for table, entries in before:
        table.clear()
        table.update(entries)


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if examples(page)], ids=lambda page: page.name
)
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    names = {}
    for example in examples(page):
        exec(compile(example, str(page), "exec"), names)


def test_configurations_are_valid():
    configurations = [text for page in PAGES for text in examples(page, "yaml")]
    assert len(configurations) >= 2
    for text in configurations:
        assert runs.read_runs(yaml.safe_load(text), ROOT / "config/schema.yaml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    targets = re.findall(r"\]\(([^)#]+)|src=\"([^\"]+)\"", page.read_text())
    for target in ("".join(pair) for pair in targets):
        assert (page.parent / target).exists(), target
