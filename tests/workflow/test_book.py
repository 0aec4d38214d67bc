"""The sources of the book."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbformat import v4

import bitmix
from bitmix.workflow import book

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Return the folder of a book with one chapter, put together twice."""
    folder = tmp_path_factory.mktemp("book")
    injected = v4.new_code_cell("data_file = 'a'")
    injected.metadata.tags = ["injected-parameters"]
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# A chapter"), injected])
    (folder / "01-chapter.ipynb").write_text(json.dumps(notebook))
    for _ in range(2):
        book.assemble(folder / "sources", [folder / "01-chapter.ipynb"], ROOT)
    return folder / "sources"


def test_pages_and_chapters_are_there(sources):
    for name in ("conf.py", "index.md", "CONTRIBUTING.md", "api.rst", "images/clusters.png"):
        assert (sources / name).exists()
    assert "A chapter" in (sources / "chapters/01-chapter.ipynb").read_text()


def test_links_lead_to_chapters_and_pages(sources):
    page = (sources / "datamicroscopes.md").read_text()
    assert "](chapters/01-data.ipynb)" in page
    assert "../notebooks" not in page
    assert "](glossary.md)" in (sources / "CONTRIBUTING.md").read_text()


def test_parameters_of_a_run_are_left_out(sources):
    cells = json.loads((sources / "chapters/01-chapter.ipynb").read_text())["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown"]


def test_every_page_is_in_a_table_of_contents(sources):
    listed = " ".join((sources / f"{name}.md").read_text() for name in ("index", "study", "guides"))
    for page in {path.stem for path in sources.glob("*.md")} - {"index"}:
        assert f"\n{page}\n" in listed, page


def test_the_reference_lists_every_public_name_once():
    sections = re.split(r"^\.\. currentmodule:: (.+)\n", book.reference(), flags=re.MULTILINE)
    names = {
        package: re.findall(r"^   (\w+)$", section, re.MULTILINE)
        for package, section in zip(sections[1::2], sections[2::2], strict=True)
    }
    assert names["bitmix"] == bitmix.__all__
    assert "open_run" in names["bitmix.study"]
    assert "DIGITS" not in names["bitmix.study"]  # a tuple
    assert "Dataset" not in names["bitmix.data"]  # it is in bitmix already


def test_figures_have_the_alt_texts_of_their_notebooks():
    def shown(mime_type, alt):
        data = SimpleNamespace(mime_type=mime_type, output_metadata={"image/png": alt})
        return book.Figures.handle_mime(SimpleNamespace(render_image=lambda _: [{}]), data, False)

    assert shown("image/png", {"alt": "Two digits."}) == [{"alt": "Two digits."}]
    assert shown("image/png", {}) is None
    assert shown("text/plain", {"alt": "Two digits."}) is None
