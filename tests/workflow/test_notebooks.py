"""The committed notebooks, and each of them run alone."""

import re
from pathlib import Path

import nbformat
import papermill
import pytest
import yaml

from bitmix import study

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST_CELL = 15


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == [
        "01-data",
        "02-model",
        "03-clusters",
        "04-mixing",
        "05-consensus",
        "06-predictions",
        "07-evaluation",
        "08-classes",
        "explore",
    ]


def test_committed_without_outputs(notebook):
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert set(cell.metadata) <= {"tags"}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata.language_info) == {"name"}


def test_cells_are_short_and_define_nothing(notebook):
    for cell in code_cells(notebook):
        lines = [line for line in cell.source.splitlines() if not line.startswith("# ")]
        assert len(lines) <= LONGEST_CELL
        assert not re.search(r"^\s*(def|class|async def) |\blambda\b", cell.source, re.MULTILINE)


def test_has_no_plumbing(notebook):
    """Notebooks set no titles, alt texts or settings: figures and parameters have them."""
    for cell in code_cells(notebook):
        assert not re.search(r"\balt\b|\bsettings = |\bconfiguration = ", cell.source)
        assert not re.search(r"\bfor_notebook\b|figures\.save\(|%matplotlib", cell.source)
        assert cell.source.count("figures.show(") <= 1


def test_starts_with_prose_under_a_heading(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert len(first.source.split()) > 20


def test_every_parameter_has_a_type_and_a_comment(notebook):
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    for line in cell.source.splitlines():
        if line.startswith("# "):  # the name of a group
            continue
        assert re.fullmatch(r"\w+: (str|int|float|list|dict) = .+  # .+", line), line


def defaults(schema):
    return {key: rule.get("default") for key, rule in schema["properties"].items()}


def test_defaults_are_those_of_the_configuration():
    """A parameter that a run may set has the default of the configuration or of the study."""
    run = yaml.safe_load((ROOT / "config/schema.yaml").read_text())
    run = run["properties"]["runs"]["additionalProperties"]
    allowed = defaults(run) | defaults(run["properties"]["data"])
    allowed |= defaults(run["properties"]["predictions"])
    study_values = {"seed": study.SEED, "data": {"source": "mnist", "labels": [2, 3]}}
    compared = 0
    for path in NOTEBOOKS:
        if path.stem == "07-evaluation":  # it has smaller defaults, for a quick look
            continue
        for name, parameter in papermill.inspect_notebook(path).items():
            if name in allowed:
                default = yaml.safe_load(parameter["default"].replace("None", "null"))
                assert default == study_values.get(name, allowed[name]), (path.stem, name)
                compared += 1
    assert compared > 7


def test_runs_alone_and_writes_nothing(path, tmp_path, mnist):
    folder = tmp_path / "empty"
    folder.mkdir()
    papermill.execute_notebook(
        path, tmp_path / "out.ipynb", cwd=folder, kernel_name="python3", progress_bar=False
    )
    assert list(folder.iterdir()) == []
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert all(cell.execution_count for cell in code_cells(executed))
