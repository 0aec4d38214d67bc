"""Snakemake's report of a small run in Chromium, without a network."""

import zipfile

import pytest
from workflow.conftest import finished  # noqa: F401

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(finished, tmp_path_factory):  # noqa: F811
    """Return a workflow with report.html and report.zip of its runs."""
    workflow = finished.copy(tmp_path_factory.mktemp("report") / "copy")
    for name in ("report.html", "report.zip"):
        result = workflow.snakemake("--report", name)
        assert result.returncode == 0, result.stdout
    return workflow.folder


def test_it_opens_and_shows_figures_with_their_descriptions(browser, report):
    context, wrong = browser.new_context(offline=True), []
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.goto((report / "report.html").as_uri())
    page.get_by_text("Start with").wait_for()  # the landing page
    for name in ("Results", "small", "6 predictions"):
        page.get_by_text(name, exact=True).first.click()
    page.get_by_text("half-hidden rows, completed").wait_for()
    page.locator("[iconname=information-circle]").first.click()
    alt = (report / "results/small/figures/predictions.alt.txt").read_text().strip()
    page.get_by_text(alt).wait_for()
    context.close()
    assert wrong == []


def test_the_zip_has_every_result(report):
    with zipfile.ZipFile(report / "report.zip") as archive:
        names = archive.namelist()
    assert any(name.endswith("report.html") for name in names)
    assert sum(name.endswith(".png") for name in names) > 15
    assert sum(name.endswith(".ipynb") for name in names) >= 6
