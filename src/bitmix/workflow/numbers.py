"""The measured numbers in README.md and docs/performance.md, in docs/numbers.json.

    python -m bitmix.workflow.numbers

takes the scores from the evaluation of the run `tutorial` (`make evaluation`) and measures how long
the study's chains take.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitmix import study
from bitmix.data import Dataset
from bitmix.io import read_sealed_json, write_json

FILE = Path("docs/numbers.json")
#: The numbers of each model in the texts.
_KEPT = ("model", "members", "cpu_seconds", "held_out", "missing", "brier", "brier_equal")


def numbers(evaluation: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Return the numbers of the texts.

    Parameters
    ----------
    evaluation : mapping
        From `bitmix.evaluation.write_evaluation`.
    seconds : float
        The CPU seconds of the study's five chains.
    """
    rows = [{key: row[key] for key in _KEPT if key in row} for row in evaluation["models"]]
    return {
        "study_seconds": round(seconds, 2),
        "rows": {name: data["shape"][0] for name, data in evaluation["data"].items()},
        "models": rows,
    }


def study_seconds(repetitions: int = 5) -> float:
    """Return the CPU seconds that the study's chains take, at best."""
    dataset = study.open_dataset()
    return min(_seconds(dataset) for _ in range(repetitions))


def _seconds(dataset: Dataset) -> float:
    start = time.process_time()
    study.open_chains([], dataset)
    return time.process_time() - start


if __name__ == "__main__":
    evaluation = read_sealed_json("results/tutorial/evaluation.json")
    write_json(FILE, numbers(evaluation, study_seconds()))
