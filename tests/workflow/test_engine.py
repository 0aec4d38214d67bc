"""The papermill engine: kernels that start at the same time must not compete for ports."""

import shutil
import tempfile
from pathlib import Path

import nbformat
import papermill
import pytest
from nbformat import v4

TRANSPORT = """
import json
from ipykernel.connect import get_connection_info
print(json.loads(get_connection_info())["transport"])
"""


@pytest.mark.parametrize(("folder", "transport"), [("short", "ipc"), ("l" * 90, "tcp")])
def test_transport(tmp_path, monkeypatch, folder, transport):
    """Kernels use Unix sockets unless their paths are too long. The folder is removed."""
    with tempfile.TemporaryDirectory() as short:
        temporary = Path(short) / folder
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        notebook = v4.new_notebook(cells=[v4.new_code_cell(TRANSPORT)])
        nbformat.write(notebook, tmp_path / "in.ipynb")
        executed = papermill.execute_notebook(
            tmp_path / "in.ipynb",
            None,
            engine_name="bitmix",
            kernel_name="python3",
            progress_bar=False,
        )
        assert executed.cells[0].outputs[0].text.strip() == transport
        assert not list(temporary.glob("bitmix-*"))


@pytest.mark.parametrize(
    ("engine", "left"), [("bitmix", ["a", "b", "c"]), ("bitmix-table", ["a", "c"])]
)
def test_tables_get_no_cells_about_the_study(tmp_path, engine, left):
    cells = [v4.new_markdown_cell(text) for text in "abc"]
    cells[0].metadata.tags, cells[1].metadata.tags = ["other"], ["study"]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "in.ipynb")
    executed = papermill.execute_notebook(
        tmp_path / "in.ipynb",
        None,
        engine_name=engine,
        kernel_name="python3",
        progress_bar=False,
    )
    assert [cell.source for cell in executed.cells] == left


def test_two_executions_give_the_same_bytes(tmp_path):
    """Neither times, nor paths, nor the random id of papermill's cell are in the notebook."""
    cells = [v4.new_code_cell("seed = 0"), v4.new_code_cell("print(seed)\nseed")]
    cells[0].metadata.tags = ["parameters"]
    metadata = {"language_info": {"name": "python"}}
    nbformat.write(v4.new_notebook(cells=cells, metadata=metadata), tmp_path / "in.ipynb")
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "in.ipynb", tmp_path / "other/in.ipynb")
    executed = []
    for folder in (tmp_path, tmp_path / "other"):
        papermill.execute_notebook(
            folder / "in.ipynb",
            folder / "out.ipynb",
            {"seed": 5},
            engine_name="bitmix",
            kernel_name="python3",
            progress_bar=False,
        )
        executed.append((folder / "out.ipynb").read_text())
    assert executed[0] == executed[1]
    assert '"seed": 5' in executed[0] and '"5\\n"' in executed[0]
