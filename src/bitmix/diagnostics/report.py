"""Tables and files of a diagnosis."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bitmix.diagnostics.diagnosis import Diagnosis
from bitmix.diagnostics.statistics import FEWEST_DRAWS
from bitmix.diagnostics.tree import QUANTITIES
from bitmix.diagnostics.verdict import LEAST_ESS, MOST_R_HAT
from bitmix.io import atomic_write, finite, write_sealed_json

_WRITTEN = ("quantities", "left_out", "pairs", "proposals")


def table(diagnosis: Diagnosis, ids: Sequence[str] | None = None) -> str:
    """Return the statistics of all quantities and pairs as a Markdown table.

    Parameters
    ----------
    diagnosis : Diagnosis
    ids : sequence of str, of length N, optional
        The ids of the rows. Without them, pairs have the numbers of the rows.
    """
    rows = {QUANTITIES[name]: found for name, found in diagnosis.quantities.items()}
    for pair in diagnosis.pairs:
        places = int(pair["first"]), int(pair["second"])
        first, second = (f"{place:,}" if ids is None else ids[place] for place in places)
        rows[f"rows {first} and {second} together"] = pair
    return _markdown(
        ["quantity", "mean", "sd", "Monte Carlo error", "R-hat", "ESS, bulk", "ESS, tail"],
        [[words, *_statistics(found)] for words, found in rows.items()],
    )


def _statistics(found: Mapping[str, float]) -> list[str]:
    """Return the cells of one row. A mean is rounded like its standard deviation."""
    mean, sd, error = found["mean"], found["sd"], found["mcse_mean"]
    return [
        _rounded(mean, sd, 3),
        _rounded(sd, sd, 3),
        _rounded(error, error, 2),
        "never vary, differ" if math.isinf(found["r_hat"]) else _cell(found["r_hat"], ".3f"),
        _cell(found["ess_bulk"], ",.0f"),
        _cell(found["ess_tail"], ",.0f"),
    ]


def moves_table(diagnosis: Diagnosis) -> str:
    """Return the seconds of each move and the acceptance of proposals as Markdown tables.

    A table without content is left out. Chains that were read from files have no times.
    """
    tables = []
    known = {move: x for move, x in diagnosis.seconds.items() if not math.isnan(x)}
    if known:
        seconds = [[move, f"{x:.3g}"] for move, x in known.items()]
        tables.append(_markdown(["move", "seconds a sweep"], seconds))
    if diagnosis.proposals:
        proposals = [
            [kind, f"{found['proposed']:,}", f"{found['accepted']:,}", _cell(found["rate"], ".2%")]
            for kind, found in diagnosis.proposals.items()
        ]
        tables.append(_markdown(["proposals", "proposed", "accepted", "rate"], proposals))
    return "\n\n".join(tables)


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text as a Markdown table. All columns but the first are right-aligned."""
    from pandas import DataFrame  # slow to import

    alignment = ["left"] + ["right"] * (len(headings) - 1)
    table = DataFrame(rows, columns=headings)
    return table.to_markdown(index=False, disable_numparse=True, colalign=alignment)


def _rounded(value: float, scale: float, digits: int) -> str:
    """Return a value rounded to a digit of `scale`; in full if `scale` is 0 or nan."""
    if not scale > 0:
        return _cell(value, ",.10g")
    places = digits - 1 - math.floor(math.log10(scale))
    return f"{round(value, places):,.{max(places, 0)}f}"


def _cell(value: float, form: str) -> str:
    return "" if math.isnan(value) else f"{value:{form}}"


def write_diagnosis(path: str | os.PathLike[str], diagnosis: Diagnosis) -> None:
    """Write a diagnosis as JSON, and the draws beside it as NetCDF.

    Parameters
    ----------
    path : path-like
        The JSON file. The NetCDF file beside it has the suffix .nc, and `xarray.open_datatree`
        reads it. If the path is empty, nothing is written.
    diagnosis : Diagnosis
        nan and infinite numbers become null in the JSON file.
    """
    if not path:
        return
    origin = diagnosis.tree.attrs
    content: dict[str, Any] = {
        "mixed": diagnosis.mixed,
        "verdict": diagnosis.verdict,
        "thresholds": {"r_hat": MOST_R_HAT, "ess_per_chain": LEAST_ESS, "draws": FEWEST_DRAWS},
        **{name: getattr(diagnosis, name) for name in _WRITTEN},
        "draws": dict(diagnosis.tree["posterior"].sizes),
        **origin,
        "settings": json.loads(origin["settings"]),
    }
    write_sealed_json(path, finite(content))
    with atomic_write(Path(path).with_suffix(".nc")) as file:
        file.write(diagnosis.tree.to_netcdf(engine="h5netcdf"))
