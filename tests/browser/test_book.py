"""The book from disk in Chromium, without a network. `make book` builds it with all chapters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import v4

from bitmix.figures.style import Figure, described
from bitmix.workflow import book

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
TEXT = "# A chapter\n\n$$\\begin{aligned} x &\\sim y \\\\ z &= 1 \\end{aligned}$$"
THEME = ("[PST]", "Got invalid theme mode")  # what the theme writes into the console


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the folder of a book with one small chapter, built without a warning."""
    folder = tmp_path_factory.mktemp("book")
    data, metadata = described(Figure(figsize=(1, 1)), "A square.")._repr_mimebundle_()
    cell = v4.new_code_cell(
        "figure", outputs=[v4.new_output("display_data", data, metadata=metadata)]
    )
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell(TEXT), cell])
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    names = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
    for name in names:  # the pages have links to them
        (folder / name).write_text(json.dumps(notebook))
    book.assemble(folder / "sources", [folder / name for name in names], ROOT)
    command = [sys.executable, "-m", "sphinx", "-W", "-q", folder / "sources", folder / "html"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder / "html"


@pytest.fixture
def open_page(browser, built):
    """Return a function that opens a page of the book; nothing may go wrong meanwhile."""
    context, wrong = browser.new_context(offline=True), []

    def open_page(name):
        page = context.new_page()
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))
        page.goto(f"{built.as_uri()}/{name}")
        return page

    yield open_page
    context.close()
    assert [text for text in wrong if not text.startswith(THEME)] == []


def test_pages_need_no_network(open_page, built):
    for name in ("index.html", "chapters/01-data.html", "api/bitmix.sample.html", "guides.html"):
        page = open_page(name)
        assert page.locator("h1").count() == 1
        sources = page.eval_on_selector_all(
            "[src], link[href]", "all => all.map(e => e.src || e.href)"
        )
        assert sources
        assert all(source.startswith(("file:", "data:")) for source in sources)


def test_formulas_and_figures_are_drawn(open_page):
    page = open_page("chapters/01-data.html")
    box = page.locator("math mtd").first.bounding_box()
    assert box["width"] > 5
    assert page.locator("math").text_content().count("\\") == 0
    image = page.locator("img[alt='A square.']")
    assert image.evaluate("image => image.naturalWidth") == 200
    assert image.bounding_box()["width"] < 130  # half of its pixels, and a margin


def test_search_finds_a_function(open_page):
    page = open_page("search.html?q=responsibilities")
    page.locator("#search-results a", has_text="bitmix.responsibilities").first.wait_for()
