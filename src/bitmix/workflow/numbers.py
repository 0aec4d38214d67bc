"""The measured numbers in README.md and docs/performance.md, in docs/numbers.json.

    python -m bitmix.workflow.numbers

takes the scores from the evaluation of the run `tutorial` (`make evaluation`), measures how long
the study's chains take, and prints the table of docs/performance.md.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitmix import evaluation, study
from bitmix.data import Dataset
from bitmix.io import read_sealed_json, write_json

FILE = Path("docs/numbers.json")
#: The columns of the table of models.
_COLUMNS = (
    *("members", "cpu_seconds", "scoring_seconds"),
    *("held_out", "missing", "brier", "brier_equal"),
)


def numbers(found: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Return the numbers of the texts.

    Parameters
    ----------
    found : mapping
        From `bitmix.evaluation.write_evaluation`.
    seconds : float
        The CPU seconds of the study's five chains.
    """
    kept = ("model", *_COLUMNS)
    rows = [{key: row[key] for key in kept if key in row} for row in found["models"]]
    return {
        "study_seconds": round(seconds, 2),
        "rows": {name: data["shape"][0] for name, data in found["data"].items()},
        "models": rows,
    }


def models_table(numbers: Mapping[str, Any]) -> str:
    """Return the table of models in docs/performance.md, from `numbers`."""
    return evaluation.rows_table(numbers["models"], _COLUMNS)


def study_seconds(repetitions: int = 5) -> float:
    """Return the CPU seconds that the study's chains take, at best."""
    dataset = study.open_dataset()
    return min(_seconds(dataset) for _ in range(repetitions))


def _seconds(dataset: Dataset) -> float:
    start = time.process_time()
    study.open_chains([], dataset)
    return time.process_time() - start


if __name__ == "__main__":
    measured = numbers(read_sealed_json("results/tutorial/evaluation.json"), study_seconds())
    write_json(FILE, measured)
    print(models_table(measured))
