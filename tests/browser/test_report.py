"""Snakemake's report of a small run in Chromium, without a network, as a page and an archive."""

import zipfile

import pytest
from workflow.conftest import finished  # noqa: F401

pytestmark = pytest.mark.browser

SECTIONS = ("1 data", "2 chains", "3 clusters", "4 mixing", "5 consensus", "6 predictions")


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):  # noqa: F811
    """Return the folder of a workflow with its report as a page and, unpacked, as an archive."""
    workflow = finished.copy(tmp_path_factory.mktemp("report") / "copy")
    for name in ("report.html", "report.zip"):
        result = workflow.snakemake("--report", name)
        assert result.returncode == 0, result.stdout
    with zipfile.ZipFile(workflow.folder / "report.zip") as archive:
        archive.extractall(workflow.folder / "unpacked")
    return workflow.folder


@pytest.fixture(params=["report.html", "unpacked/report/report.html"])
def page(browser, folder, request):
    """Open the report; nothing may go wrong meanwhile."""
    context, wrong = browser.new_context(offline=True), []
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.goto((folder / request.param).as_uri())
    page.get_by_text("Start with").wait_for()  # the landing page
    yield page
    context.close()
    assert wrong == []


def choose(page, *names):
    for name in names:
        page.get_by_text(name, exact=True).first.click()


def test_it_shows_figures_with_their_descriptions(page, folder):
    choose(page, "Results", "small", "6 predictions")
    page.get_by_text("half-hidden rows, completed").wait_for()
    page.locator("[iconname=information-circle]").first.click()
    alt = (folder / "results/small/figures/predictions.alt.txt").read_text().strip()
    page.get_by_text(alt).wait_for()


def test_it_has_every_section(page):
    choose(page, "Results", "small")
    for section in SECTIONS:
        page.get_by_text(section, exact=True).first.wait_for()


def test_the_archive_has_every_result(folder):
    names = [path.name for path in (folder / "unpacked").rglob("*")]
    assert sum(name.endswith(".png") for name in names) > 15
    assert sum(name.endswith(".ipynb") for name in names) >= 6
