"""Have the chains mixed? Several chains of one run compared, through ArviZ.

Chains that have forgotten their starts agree on everything, whatever they call their clusters. What
is compared is therefore free of such names: the quantities of the trace, by sweep, and for the
states that were kept, whether pairs of vectors share a cluster.

The criteria are those of Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), "Rank-
normalization, folding, and localization: an improved R-hat for assessing convergence of MCMC".
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from bitmix.arguments import check_integer
from bitmix.chains import Latent, common
from bitmix.data import as_binary
from bitmix.io import atomic_write, finite, write_json
from bitmix.kernel import permutation
from bitmix.streams import stream

#: The quantities of the trace by which chains are compared, in words.
QUANTITIES = {
    "log_joint": "log joint",
    "clusters": "number of clusters",
    "concentration": "concentration",
    "largest": "largest cluster",
    "entropy": "entropy of the sizes",
}
#: R-hat must be at most this (Vehtari et al. 2021, section 4).
MOST_R_HAT = 1.01
#: The effective sample sizes must be at least this for each chain (Vehtari et al. 2021, section 4).
LEAST_ESS = 100
#: Fewer draws than this have neither.
_FEWEST_DRAWS = 4
_PER_CHAIN = {"chain_axis": 0, "draw_axis": 1}


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was found about chains.

    Parameters
    ----------
    mixed : bool
        Whether all criteria are met. Chains may meet them and still have missed a part of the
        posterior that none of them has seen.
    verdict : str
        The same in words: what fails, and what to do about it.
    quantities : dict of dict
        By the name of the quantity its `statistics`.
    left_out : dict of str
        The names of quantities that are not judged, of "pairs" if these are not, and why.
    pairs : list of dict
        The `statistics` of how often two vectors share a cluster, and which these are: `first` and
        `second`. Empty where no states were kept.
    seconds : dict of float
        By move, its seconds a sweep, on average after the warmup.
    proposals : dict of dict
        By kind ("splits"), over all chains after the warmup, how many were `proposed` and
        `accepted`, and the `rate`, nan if none was proposed.
    tree : xarray.DataTree
        The draws, as ArviZ reads them. The groups `posterior` and `sample_stats` have what the
        trace has after the warmup, of dimensions chain and draw; `warmup_posterior` and
        `warmup_sample_stats` what it has before. The group `coclustering` has `together`, of
        dimensions chain, draw and pair: whether the vectors `first` and `second` of the pair share
        a cluster. Draws are named by their sweeps.
    """

    mixed: bool
    verdict: str
    quantities: dict[str, dict[str, float]]
    left_out: dict[str, str]
    pairs: list[dict[str, float]]
    seconds: dict[str, float]
    proposals: dict[str, dict[str, float]]
    tree: xr.DataTree

    @property
    def warmup(self) -> int:
        """How many sweeps of each chain were left out."""
        return self.tree.attrs["warmup"]

    def draws(self) -> dict[str, np.ndarray]:
        """Return the draws of the quantities that are judged, each (chains, draws), by its words.

        Draws are those after the warmup.
        """
        posterior = self.tree["posterior"]
        return {QUANTITIES[name]: posterior[name].to_numpy() for name in self.quantities}


def diagnose(
    latents: Sequence[Latent],
    x: np.ndarray,
    observed: np.ndarray | None = None,
    *,
    warmup: int | None = None,
    pairs: int = 20,
) -> Diagnosis:
    """Judge whether chains have mixed.

    A quantity that is the same in all draws is left out. Pairs of vectors are judged if the chains
    kept enough states.

    Parameters
    ----------
    latents : sequence of Latent
        Chains of one run; one alone can be described, but not compared.
    x : array, shape (N, D)
        The vectors that they were sampled from.
    observed : array of bool, shape (N, D), optional
        Their mask, if pixels are missing.
    warmup : int, optional
        Sweeps to leave out; half of them unless given.
    pairs : int, default 20
        How many pairs of vectors to follow, see `choose_pairs`.

    Returns
    -------
    diagnosis : Diagnosis

    Raises
    ------
    ValueError
        If the chains are not different chains of one run, or were sampled from other vectors, or
        `warmup` leaves nothing of them.
    """
    _check_one_run(latents)
    latent = latents[0]
    x, observed = latent.own_data(x, observed)
    chosen = choose_pairs(x, observed, pairs, seed=latent.seed)
    tree = _tree(latents, latent.warmup(warmup), chosen)
    traced = {name: tree["posterior"][name].to_numpy() for name in QUANTITIES}
    left_out = {name: reason for name in QUANTITIES if (reason := _unfit(traced[name]))}
    quantities = {name: statistics(draws) for name, draws in traced.items() if name not in left_out}
    together = tree["coclustering"]["together"].to_numpy()
    described = _describe_pairs(together, chosen)
    judged = {QUANTITIES[name]: found for name, found in quantities.items()}
    if reason := _unfit_pairs(together):
        left_out["pairs"] = reason
    else:
        judged[_WORDS["pairs"]] = _worst(described)
    mixed, verdict = _verdict(judged, tree["posterior"].sizes, latent.config)
    return Diagnosis(
        mixed=mixed,
        verdict=" ".join([verdict, *_notes(left_out)]),
        quantities=quantities,
        left_out=left_out,
        pairs=described,
        seconds=_seconds(tree["sample_stats"]),
        proposals=_proposals(tree["sample_stats"]),
        tree=tree,
    )


def statistics(draws: np.ndarray) -> dict[str, float]:
    """Describe draws of a quantity by several chains, and how far they can be trusted.

    Parameters
    ----------
    draws : array, shape (chains, draws)

    Returns
    -------
    statistics : dict of float
        `mean` and `sd` of all draws; `mcse_mean`, the Monte Carlo standard error of the mean;
        `r_hat`, the larger of the rank-normalised split R-hat and that of the draws folded about
        their median (Vehtari et al. 2021, section 4), infinite if the chains stand still apart from
        each other; `ess_bulk` and `ess_tail`, the effective sample size of the rank-normalised
        draws and the smaller one of their 5% and 95% quantiles (the same section). All but the
        first two need 4 draws, and `r_hat` 2 chains; without these they are nan.
    """
    draws = np.asarray(draws, float)
    found = {
        "mean": draws.mean(),
        "sd": draws.std(ddof=1) if draws.size > 1 else math.nan,
        "mcse_mean": array_stats.mcse(draws, method="mean", **_PER_CHAIN),
        "r_hat": _r_hat(draws),
        "ess_bulk": array_stats.ess(draws, method="bulk", **_PER_CHAIN),
        "ess_tail": array_stats.ess(draws, method="tail", prob=(0.05, 0.95), **_PER_CHAIN),
    }
    return {name: float(value) for name, value in found.items()}


def _r_hat(draws: np.ndarray) -> float:
    chains, length = draws.shape
    still = (draws == draws[:, :1]).all() and not (draws == draws[0]).all()
    if still and chains > 1 and length >= _FEWEST_DRAWS:
        return math.inf  # but for rounding errors, which ArviZ would divide by
    with np.errstate(divide="ignore", invalid="ignore"):  # folded draws may stand still, too
        return array_stats.rhat(draws, method="rank", **_PER_CHAIN)


def autocorrelation(draws: np.ndarray, lags: int = 100) -> np.ndarray:
    """Return the autocorrelation of each chain by lag, (chains, at most lags + 1), from lag 0.

    Nan for a chain that stands still.
    """
    return array_stats.autocorr(np.asarray(draws, float), axis=1)[:, : lags + 1]


def choose_pairs(
    x: np.ndarray, observed: np.ndarray | None = None, number: int = 20, *, seed: int = 0
) -> np.ndarray:
    """Choose pairs of vectors, from the nearest neighbours to fairly distant ones.

    The first of each pair are different vectors drawn at random. The second is the r-th nearest of
    the others, by the share of pixels in which they differ; r grows from 1 to a tenth of the
    vectors in equal ratios. So some pairs nearly always share a cluster, some rarely do, and with
    most it is uncertain; and the choice depends on nothing but data and seed.

    Parameters
    ----------
    x : array, shape (N, D)
    observed : array of bool, shape (N, D), optional
        Where pixels are missing, those that both have are compared.
    number : int, default 20
        At most N pairs are chosen; none if there is only one vector.
    seed : int, default 0

    Returns
    -------
    pairs : ndarray of int64, shape (number, 2)
        Rows of `x`.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    x, observed = as_binary(x, observed)
    vectors = len(x)
    number = min(check_integer("pairs", number), vectors) if vectors > 1 else 0
    first = permutation(stream(seed, "pairs"), vectors)[:number]
    nearness = np.geomspace(1, max(1, vectors // 10), number).round().astype(int)
    second = [
        np.argsort(_differences(x, observed, row), kind="stable")[rank]
        for row, rank in zip(first, nearness, strict=True)
    ]
    return np.array([first, second], np.int64).T.reshape(number, 2)


def _differences(x: np.ndarray, observed: np.ndarray | None, row: int) -> np.ndarray:
    """In which share of the pixels vectors differ from that in `row`, (N,), which itself is first.

    1 where they have no pixel in common.
    """
    differ = x != x[row]
    if observed is None:
        share = differ.mean(axis=1)
    else:
        both = observed & observed[row]
        share = np.ones(len(x))
        np.divide((differ & both).sum(axis=1), both.sum(axis=1), out=share, where=both.any(axis=1))
    share[row] = -1
    return share


# The draws --------------------------------------------------------------------------------------


def _check_one_run(latents: Sequence[Latent]) -> None:
    common(latents, "sweeps", lambda latent: latent.sweeps)
    first, *others = latents
    for what, of in {
        "data": lambda latent: latent.data_sha256,
        "settings": lambda latent: latent.config,
        "quantities in the trace": lambda latent: set(latent.trace),
    }.items():
        for other in others:
            if of(other) != of(first):
                raise ValueError(
                    f"chains {first.chain} and {other.chain} differ in their {what}: "
                    "only chains of one run can be compared"
                )
    if len({(latent.seed, latent.chain) for latent in latents}) < len(latents):
        raise ValueError("the same chain is there twice: give each chain of the run once")


def _tree(latents: Sequence[Latent], warmup: int, pairs: np.ndarray) -> xr.DataTree:
    """`Diagnosis.tree` of chains of one run."""
    latent = latents[0]
    chains = np.arange(len(latents))

    def traced(names: Sequence[str], sweeps: slice) -> xr.Dataset:
        values = {name: np.stack([one.trace[name][sweeps] for one in latents]) for name in names}
        return xr.Dataset(
            {name: (("chain", "draw"), draws) for name, draws in values.items()},
            {"chain": chains, "draw": np.arange(1, latent.sweeps + 1)[sweeps]},
        )

    others = [name for name in latent.trace if name not in QUANTITIES]
    before, after = slice(warmup), slice(warmup, None)
    kept = latent.after_warmup(warmup)
    together = np.stack([_together(one.samples["assignments"][kept], pairs) for one in latents])
    coclustering = xr.Dataset(
        {"together": (("chain", "draw", "pair"), together)},
        {
            "chain": chains,
            "draw": latent.samples["sweep"][kept],
            "first": ("pair", pairs[:, 0]),
            "second": ("pair", pairs[:, 1]),
        },
    )
    groups = {
        "/": xr.Dataset(attrs=_origin(latents, warmup)),
        "posterior": traced(list(QUANTITIES), after),
        "sample_stats": traced(others, after),
        "warmup_posterior": traced(list(QUANTITIES), before),
        "warmup_sample_stats": traced(others, before),
        "coclustering": coclustering,
    }
    return xr.DataTree.from_dict(groups)


def _together(assignments: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Whether pairs share a cluster in partitions (S, N): int8, shape (S, pairs)."""
    return (assignments[:, pairs[:, 0]] == assignments[:, pairs[:, 1]]).astype(np.int8)


def _origin(latents: Sequence[Latent], warmup: int) -> dict[str, Any]:
    """Where draws come from, as attributes of a NetCDF file."""
    latent = latents[0]
    return {
        "inference_library": "bitmix",
        "inference_library_version": version("bitmix"),
        "data_sha256": latent.data_sha256,
        "seeds": [one.seed for one in latents],
        "chains": [one.chain for one in latents],
        "warmup": warmup,
        "settings": json.dumps(latent.config),
    }


def _describe_pairs(together: np.ndarray, pairs: np.ndarray) -> list[dict[str, float]]:
    """`Diagnosis.pairs`, given whether they are together: (chains, draws, pairs)."""
    if together.shape[1] == 0:
        return []
    return [
        {"first": int(first), "second": int(second), **statistics(together[:, :, i])}
        for i, (first, second) in enumerate(pairs)
    ]


def _seconds(stats: xr.DataTree) -> dict[str, float]:
    return {move: float(stats[f"{move}_seconds"].mean()) for move in _ending(stats, "_seconds")}


def _proposals(stats: xr.DataTree) -> dict[str, dict[str, float]]:
    found = {}
    for kind in _ending(stats, "_proposed"):
        proposed, accepted = (int(stats[f"{kind}_{x}"].sum()) for x in ("proposed", "accepted"))
        rate = accepted / proposed if proposed else math.nan
        found[kind] = {"proposed": proposed, "accepted": accepted, "rate": rate}
    return found


def _ending(stats: xr.DataTree, suffix: str) -> list[str]:
    """What the names in the trace that end in `suffix` begin with."""
    names = map(str, stats.data_vars)
    return [name.removesuffix(suffix) for name in names if name.endswith(suffix)]


# The verdict ------------------------------------------------------------------------------------

_WORDS = QUANTITIES | {"pairs": "pairs sharing a cluster"}


def _unfit(draws: np.ndarray) -> str:
    """Why a quantity cannot be judged; "" if it can."""
    # What `Latent` has for not known is nan, or 0 where no quantity is.
    if not np.isfinite(draws).all() or not draws.any():
        return "not known: an older version sampled these chains"
    if (draws == draws.flat[0]).all():
        return f"always {draws.flat[0]:,.6g}"
    return ""


def _unfit_pairs(together: np.ndarray) -> str:
    """Why pairs cannot be judged, given whether they are together; "" if they can."""
    kept = together.shape[1]
    if kept < LEAST_ESS:
        return f"{kept} states a chain kept after the warmup, below {LEAST_ESS}: keep more by thin"
    if (together == together[:1, :1]).all():
        return "each always or never does"
    return ""


def _worst(pairs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The worst statistics of the pairs that are not always the same; nan is worse than all."""
    varying = [pair for pair in pairs if pair["sd"] > 0]
    worst = {"r_hat": np.max, "ess_bulk": np.min, "ess_tail": np.min}
    return {name: float(of([pair[name] for pair in varying])) for name, of in worst.items()}


def _verdict(
    judged: Mapping[str, Mapping[str, float]],
    sizes: Mapping[str, int],
    settings: Mapping[str, Any],
) -> tuple[bool, str]:
    """Whether chains have mixed, and that in words, given statistics by words."""
    chains, draws = sizes["chain"], sizes["draw"]
    after = f"{draws:,} sweep{'s' * (draws > 1)} after the warmup"
    few = f"{after} {'are' if draws > 1 else 'is'} too few"
    remedies = f"What to do: {', '.join(_remedies(chains, settings))}."
    if chains == 1:
        return False, f"One chain cannot show that it has mixed. {remedies}"
    if draws < _FEWEST_DRAWS:
        return False, f"Whether these chains have mixed cannot be told: {few}. {remedies}"
    if not judged:
        return False, f"These chains cannot be compared: nothing varies in {after}."
    r_hats = {words: found["r_hat"] for words, found in judged.items()}
    sizes = {words: min(found["ess_bulk"], found["ess_tail"]) for words, found in judged.items()}
    least = LEAST_ESS * chains
    # As negations, so that nan fails.
    apart = [f"{words} {x:.3f}" for words, x in r_hats.items() if not x <= MOST_R_HAT]
    small = [f"{words} {x:,.0f}" for words, x in sizes.items() if not x >= least]
    if not apart and not small:
        return True, (
            f"These chains have mixed, as far as {after} can tell: R-hat is at most "
            f"{max(r_hats.values()):.3f} (allowed: {MOST_R_HAT}), the effective sample size at "
            f"least {min(sizes.values()):,.0f} (needed: {least:,})."
        )
    faults = []
    if apart:
        faults.append(f"R-hat of {', '.join(apart)} (above {MOST_R_HAT})")
    if small:
        needed = f"{least:,}, {LEAST_ESS} a chain"
        faults.append(f"effective sample size of {', '.join(small)} (below {needed})")
    return False, f"These chains have not mixed: {'; '.join(faults)}. {remedies}"


def _remedies(chains: int, settings: Mapping[str, Any]) -> list[str]:
    """What helps chains that have not mixed, of what was not tried yet."""
    tried = {
        "more chains": chains > 1,
        "more sweeps": False,
        "add split_merge to the moves": "split_merge" in settings.get("moves", ()),
        "start from seeds (initial: seeded)": settings.get("initial") == "seeded",
    }
    return [remedy for remedy, done in tried.items() if not done]


def _notes(left_out: Mapping[str, str]) -> list[str]:
    if not left_out:
        return []
    reasons = "; ".join(f"{_WORDS[name]} ({reason})" for name, reason in left_out.items())
    return [f"Not judged: {reasons}."]


# Tables and files -------------------------------------------------------------------------------


def table(diagnosis: Diagnosis) -> str:
    """Return the statistics of all quantities and pairs as a Markdown table."""
    rows = {QUANTITIES[name]: found for name, found in diagnosis.quantities.items()}
    for pair in diagnosis.pairs:
        rows[f"rows {pair['first']:,} and {pair['second']:,} together"] = pair
    lines = [
        "| quantity | mean | sd | Monte Carlo error | R-hat | ESS, bulk | ESS, tail |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    forms = {"r_hat": ".3f", "ess_bulk": ",.0f", "ess_tail": ",.0f"}
    for words, found in rows.items():
        mean, sd, error = found["mean"], found["sd"], found["mcse_mean"]
        # A mean is told as precisely as its standard deviation; none has an exponent.
        cells = [_rounded(mean, sd, 3), _rounded(sd, sd, 3), _rounded(error, error, 2)]
        cells += [_cell(found[name], form) for name, form in forms.items()]
        lines.append(f"| {' | '.join([words, *cells])} |")
    return "\n".join(lines)


def moves_table(diagnosis: Diagnosis) -> str:
    """Return the seconds of each move, and what became of proposals, as Markdown tables."""
    lines = ["| move | seconds a sweep |", "|---|---:|"]
    lines += [f"| {move} | {_cell(x, '.3g')} |" for move, x in diagnosis.seconds.items()]
    if diagnosis.proposals:
        lines += ["", "| proposals | proposed | accepted | rate |", "|---|---:|---:|---:|"]
    for kind, found in diagnosis.proposals.items():
        counts = f"{found['proposed']:,} | {found['accepted']:,}"
        lines.append(f"| {kind} | {counts} | {_cell(found['rate'], '.2%')} |")
    return "\n".join(lines)


def _rounded(value: float, scale: float, digits: int) -> str:
    """Return a value to the place of the given digit of `scale`; in full if that is 0 or nan."""
    if not scale > 0:
        return _cell(value, ",.10g")
    places = digits - 1 - math.floor(math.log10(scale))
    return f"{round(value, places):,.{max(places, 0)}f}"


def _cell(value: float, form: str) -> str:
    return "" if math.isnan(value) else f"{value:{form}}"


def write_diagnosis(path: str | os.PathLike[str], diagnosis: Diagnosis) -> None:
    """Write what was found as JSON, and the draws beside it as NetCDF.

    Parameters
    ----------
    path : path-like
        Of the JSON file; that of the NetCDF file, which `xarray.open_datatree` reads, has the
        suffix .nc. Empty: nothing is written.
    diagnosis : Diagnosis
        What is nan or infinite becomes null in the JSON file.
    """
    if not path:
        return
    origin = diagnosis.tree.attrs
    content = {
        "mixed": diagnosis.mixed,
        "verdict": diagnosis.verdict,
        "thresholds": {"r_hat": MOST_R_HAT, "ess_per_chain": LEAST_ESS, "draws": _FEWEST_DRAWS},
        **{name: getattr(diagnosis, name) for name in _TOLD},
        "draws": dict(diagnosis.tree["posterior"].sizes),
        **origin,
        "settings": json.loads(origin["settings"]),
    }
    write_json(path, finite(content))
    with atomic_write(Path(path).with_suffix(".nc")) as file:
        file.write(diagnosis.tree.to_netcdf(engine="h5netcdf"))


_TOLD = ("quantities", "left_out", "pairs", "seconds", "proposals")
