"""The measured numbers in README.md and docs/performance.md, in docs/numbers.json.

    python -m bitmix.workflow.numbers

takes them from the results of the run `tutorial`, after `make` and `make evaluation`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitmix.io import read_json, write_json

FILE = Path("docs/numbers.json")
#: The scores in the texts.
_SCORES = ("cpu_seconds", "scoring_seconds", "held_out", "missing", "brier", "brier_equal")


def numbers(summary: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the seconds of the chains, and the scores of each model, by name and members."""
    return {
        "seconds": summary["seconds"],
        "shape": evaluation["data"],
        "models": [
            {key: row[key] for key in ("model", "members", *_SCORES) if key in row}
            for row in evaluation["models"]
        ],
    }


if __name__ == "__main__":
    run = Path("results/tutorial")
    write_json(FILE, numbers(read_json(run / "summary.json"), read_json(run / "evaluation.json")))
