"""The figures of the study.

Each function returns a matplotlib figure with a title and an alt text (`figure.alt`). `save` writes
it.
"""

from bitmix.figures.chains import clusters, traces
from bitmix.figures.consensus import agreement, certainty, coclustering, consensus
from bitmix.figures.data import binary, example
from bitmix.figures.density import densities
from bitmix.figures.evaluation import reliability, scores
from bitmix.figures.mixing import autocorrelations, diagnosis_traces, ranks
from bitmix.figures.predictions import completions, predictions
from bitmix.figures.style import save

__all__ = [
    "agreement",
    "autocorrelations",
    "binary",
    "certainty",
    "clusters",
    "coclustering",
    "completions",
    "consensus",
    "densities",
    "diagnosis_traces",
    "example",
    "predictions",
    "ranks",
    "reliability",
    "save",
    "scores",
    "traces",
]
