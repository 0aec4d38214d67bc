"""The worked example of a new notebook in CONTRIBUTING.md. tests/docs runs the other examples."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_new_notebook_runs(finished, tmp_path, monkeypatch):
    page = (ROOT / "CONTRIBUTING.md").read_text()
    (example,) = re.findall(r"^```python\n(import nbformat\n.*?)^```", page, re.M | re.S)
    (rule,) = re.findall(r"^```text\n(rule .*?)^```", page, re.M | re.S)
    workflow = finished.copy(tmp_path / "copy")
    monkeypatch.chdir(workflow.folder / "notebooks")
    exec(compile(example, "CONTRIBUTING.md", "exec"), {})
    with (workflow.folder / "rules/predictions.smk").open("a") as file:
        file.write(f"\n\n{rule}")
    target = "results/small/notebooks/20-features.ipynb"
    result = workflow.snakemake(target)
    assert result.returncode == 0, result.stdout
    cells = json.loads((workflow.folder / target).read_text())["cells"]
    assert "array(" in "".join(cells[-1]["outputs"][0]["data"]["text/plain"])
