"""The style of all figures, and saving them."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import figure as mpl_figure

from bitmix.io import atomic_write

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures look the same everywhere
    "font.size": 9,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.dpi": 200,
    "svg.hashsalt": "bitmix",  # equal figures give equal SVG files
    "image.composite_image": False,  # many images are slow to merge into one
}
# Okabe and Ito's colours, which colour-blind readers can tell apart. In grey print, dashes and
# markers tell lines apart. 5 colours and 4 dashes make 20 different lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v")
INK = mpl.colormaps["binary"].with_extremes(bad="#cfe0ee")
PIXELS = {"cmap": INK, "vmin": 0, "vmax": 1, "interpolation": "nearest"}


class Figure(mpl_figure.Figure):
    """A matplotlib figure with an alt text, for people who cannot see it. Notebooks show both."""

    alt: str = ""

    def png(self) -> bytes:
        """Return the figure as a PNG file, which contains the alt text."""
        file = io.BytesIO()
        with mpl.rc_context(STYLE):
            self._lay_out()
            self.savefig(file, format="png", metadata={"Description": self.alt})
        return file.getvalue()

    def _lay_out(self) -> None:
        """Place everything. Each `savefig` would draw the figure once more to do it again."""
        engine = self.get_layout_engine()
        if engine is not None:
            engine.execute(self)
            self.set_layout_engine(None)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return _bundle(self, self.png())


def _bundle(figure: Figure, png: bytes) -> tuple[dict, dict]:
    """Return what a notebook shows, and how wide: half of the pixels, which is sharp everywhere."""
    width = round(figure.get_figwidth() * STYLE["figure.dpi"])
    data = {"image/png": base64.b64encode(png).decode(), "text/plain": figure.alt}
    return data, {"image/png": {"width": width, "alt": figure.alt}}


def described(figure: Figure, alt: str) -> Figure:
    """Give a figure its alt text; return the figure."""
    figure.alt = alt
    return figure


def show(figure: Figure, folder: str | os.PathLike[str] = "", name: str = "") -> None:
    """Show a figure in a notebook, and save it if there is a folder; see `save`."""
    from IPython.display import display

    png = figure.png()
    if folder:
        _write(figure, png, Path(folder, name))
    data, metadata = _bundle(figure, png)
    display(data, metadata=metadata, raw=True)


def save(figure: Figure, folder: str | os.PathLike[str], name: str) -> None:
    """Write a figure as `name`.png and `name`.svg, and its alt text as `name`.alt.txt.

    Parameters
    ----------
    figure : Figure
        A figure with an alt text. Both images contain the alt text too.
    folder : path-like
        The folder to write to.
    name : str
        The name of the files without suffix. It may start with a subfolder.
    """
    _write(figure, figure.png(), Path(folder, name))


def _write(figure: Figure, png: bytes, stem: Path) -> None:
    with atomic_write(f"{stem}.png") as file:
        file.write(png)
    with mpl.rc_context(STYLE), atomic_write(f"{stem}.svg") as file:
        figure.savefig(file, format="svg", metadata={"Description": figure.alt, "Date": None})
    with atomic_write(f"{stem}.alt.txt") as file:
        file.write(f"{figure.alt}\n".encode())
