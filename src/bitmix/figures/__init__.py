"""The figures of the study.

Each function returns a matplotlib figure with a title and an alt text (`figure.alt`). `show` shows
it in a notebook and saves it.
"""

from bitmix.figures.chains import clusters, traces
from bitmix.figures.classes import class_profiles, number_of_classes
from bitmix.figures.consensus import agreement, certainty, coclustering, consensus
from bitmix.figures.data import binary, example
from bitmix.figures.density import densities
from bitmix.figures.evaluation import reliability, scores
from bitmix.figures.mixing import autocorrelations, diagnosis_traces, ranks
from bitmix.figures.predictions import completions, predictions, responsible
from bitmix.figures.style import Figure, save, show

__all__ = [
    "Figure",
    "agreement",
    "autocorrelations",
    "binary",
    "certainty",
    "class_profiles",
    "clusters",
    "coclustering",
    "completions",
    "consensus",
    "densities",
    "diagnosis_traces",
    "example",
    "number_of_classes",
    "predictions",
    "ranks",
    "reliability",
    "responsible",
    "save",
    "scores",
    "show",
    "traces",
]
