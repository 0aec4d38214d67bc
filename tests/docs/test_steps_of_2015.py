"""Each step of the 2015 notebook has its place in ours, by name and in the same order."""

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]
TABLE = re.compile(r"^\| ([^|]+) \|[^|]+\|[^|]+\| \[?(\d)\]?[^|,]*, ([^|]+) \|$", re.MULTILINE)


def headings():
    """Return the headings of all chapters in reading order, [(chapter, heading), ...]."""
    found = []
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        cells = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown"]
        titles = re.findall(r"^#+ (?:\d+\. )?(.+)$", "\n".join(cells), re.MULTILINE)
        found += [(path.name[1], title) for title in titles]
    return found


def test_every_step_is_under_its_heading_in_order():
    steps = TABLE.findall((ROOT / "docs/datamicroscopes.md").read_text())
    assert len(steps) == 13
    places = [headings().index((chapter, heading)) for _, chapter, heading in steps]
    assert places == sorted(places)
