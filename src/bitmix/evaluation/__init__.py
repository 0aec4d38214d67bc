"""How well bitmix and other methods predict held-out rows.

All models but two (`neighbours`, `logistic_regression`) are mixtures of independent features.
Several mixtures may be averaged. `evaluate` scores all of them in the same way.
"""

from bitmix.evaluation.completers import logistic_regression, neighbours
from bitmix.evaluation.models import (
    chains,
    expectation_maximisation,
    independent_features,
    stepmix,
)
from bitmix.evaluation.report import SCORES, results_table, rows_table, write_evaluation
from bitmix.evaluation.scores import (
    Average,
    brier,
    evaluate,
    evaluate_completions,
    reliability,
)
from bitmix.evaluation.task import Task, hold_out, split, unshuffle

__all__ = [
    "SCORES",
    "Average",
    "Task",
    "brier",
    "chains",
    "evaluate",
    "evaluate_completions",
    "expectation_maximisation",
    "hold_out",
    "independent_features",
    "logistic_regression",
    "neighbours",
    "reliability",
    "results_table",
    "rows_table",
    "split",
    "stepmix",
    "unshuffle",
    "write_evaluation",
]
