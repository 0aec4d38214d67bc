"""A study in miniature, run again and again with one fault after the other.

    LD_PRELOAD=shim.so python harness.py SHIM FOLDER STEPS KINDS

Each fault strikes a process of its own, forked from this one. A second process then runs the study
to its end, as the same command of Snakemake would: it repairs, makes again what was being made, and
leaves what was finished. Its files must be those of an undisturbed study. The last line of the
output has the counts as JSON.
"""

import ctypes
import hashlib
import json
import logging
import os
import shutil
import signal
import sys
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

from bitmix import chains, data
from bitmix.data.published import Published
from bitmix.io import write_sealed_json
from bitmix.workflow import jobs
from bitmix.workflow.repair import repair

#: The faults, numbered as in shim.c, and the calls that they can strike.
KINDS = {
    "none": "",
    "kill": "owsr",
    "ENOSPC": "owsr",
    "EIO": "owsr",
    "short write": "w",
    "lost fsync": "s",
    "full disk": "ow",
}
WORK = Path(sys.argv[2], "work").resolve()
RUN = WORK / "results/tiny"
DENSITY = RUN.parent / "density"
CHAINS = [RUN / f"chains/{chain}.pkl" for chain in (0, 1)]
SWEEPS = 4 if sys.argv[3] == "quick" else 16  # each ends in a checkpoint
QUICK = ("cache", "data", "chain 0", "summary", "table")


def job(*arguments):
    """Run a job as a rule does."""
    if jobs.main([str(argument) for argument in arguments]):
        raise SystemExit(1)


def make_cache():
    content = b"digits" * 1000
    published = Published(
        title="MNIST",
        sha256={"digits": hashlib.sha256(content).hexdigest()},
        downloads={"here": lambda _, names: [(name, content) for name in names]},
    )
    assert published.read(None, WORK / "cache")["digits"] == content


def make_data():
    job("data", f"data_file={RUN}/data.npz", "source=csv", "file=own.csv", "seed=1", "limit=20")


def make_chain(chain):
    job(
        *("chain", f"data_file={RUN}/data.npz", f"chain_file={CHAINS[chain]}", f"chain={chain}"),
        *(
            f"times_file={RUN}/benchmarks/chain-{chain}.json",
            f"checkpoint_folder={RUN}/checkpoints",
        ),
        *("seed=1", f"sweeps={SWEEPS}", "thin=1", "initial_clusters=3", "checkpoint_every=1e-9"),
    )


def latents():
    return [chains.load_latents(file) for file in CHAINS]


def make_diagnosis():
    from bitmix import diagnostics  # the quick study does without these

    x = data.load_dataset(RUN / "data.npz").x
    diagnostics.write_diagnosis(
        RUN / "diagnostics.json", diagnostics.diagnose(latents(), x, pairs=2)
    )


def make_consensus():
    from bitmix import partitions

    samples = np.concatenate([latent.samples["assignments"] for latent in latents()])
    found = partitions.consensus(samples)
    partitions.write_consensus(RUN / "consensus.json", found, {})


def make_figure():
    # Made by hand, as those of the package take a second each.
    from bitmix import figures

    figure = figures.style.Figure(figsize=(1, 1))
    figure.subplots().plot(latents()[0].trace["log_joint"])
    figures.save(figures.style.described(figure, "a line"), RUN / "figures", "line")


def make_classes():
    from pandas import DataFrame

    from bitmix import classes

    classes.write_table(RUN / "classes.csv", DataFrame({"class": latents()[0].assignments}))


def make_explorer():
    job(
        *("explore", f"data_file={RUN}/data.npz", f"explorer_file={RUN}/explore.html"),
        f"chain_files={json.dumps(list(map(str, CHAINS)))}",
    )


def make_densities():
    from bitmix import density

    write_sealed_json(DENSITY / "dna.json", {"test": -79.5})
    density.write_density(RUN.parent / "density.json", [DENSITY / "dna.json"])


def make_summary():
    files = [file for file in CHAINS if file.exists()]
    job(
        *("summary", f"summary_file={RUN}/summary.json", 'configuration={"data": {}, "sweeps": 1}'),
        *(f"data_file={RUN}/data.npz", f"chain_files={json.dumps(list(map(str, files)))}"),
        f"figures_folder={RUN}/figures",
    )


def make_table():
    job("table", f'files=["{RUN}/summary.json"]', f"table_file={RUN}/table.md")


STEPS = {
    "cache": (make_cache, []),
    "data": (make_data, ["data.npz"]),
    "chain 0": (lambda: make_chain(0), ["chains/0.pkl", "benchmarks/chain-0.json"]),
    "chain 1": (lambda: make_chain(1), ["chains/1.pkl", "benchmarks/chain-1.json"]),
    "diagnosis": (make_diagnosis, ["diagnostics.json", "diagnostics.nc"]),
    "consensus": (make_consensus, ["consensus.json", "consensus.csv"]),
    "figure": (make_figure, [f"figures/line.{suffix}" for suffix in ("png", "svg", "alt.txt")]),
    "classes": (make_classes, ["classes.csv"]),
    "explorer": (make_explorer, ["explore.html"]),
    "densities": (make_densities, ["../density/dna.json", "../density.json"]),
    "summary": (make_summary, ["summary.json"]),
    "table": (make_table, ["table.md"]),
}


def study(names, done, finished):
    """Make the study like Snakemake: leave the steps that are done and whose files are there."""
    for name in names:
        make, outputs = STEPS[name]
        files = [RUN / output for output in outputs]
        if name in done and files and all(file.exists() for file in files):
            continue
        for file in files:
            file.unlink(missing_ok=True)
        make()
        finished(name)


def forked(shim, names, done, at, kind, output):
    """Run the study in a process of its own; return its exit code, its finished steps, counts."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        logging.getLogger().handlers.clear()
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        code = 1
        try:
            shim.fault_arm(f"{WORK}/".encode(), at, kind)
            study(names, done, lambda name: os.write(writing, f"{name}\n".encode()))
            code = 0
        except SystemExit:
            pass
        except OSError as error:  # what the notebooks would show
            print(f"failed: {error}")
        except BaseException:
            traceback.print_exc()
            code = 3
        finally:
            sys.stdout.flush()
            os.write(writing, b"calls " + shim.fault_calls() + b"\n")
            os._exit(code)
    os.close(writing)
    with open(reading) as pipe:
        lines = pipe.read().splitlines()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    calls = [line[6:] for line in lines if line.startswith("calls ")]
    return code, {line for line in lines if line in STEPS}, "".join(calls)


def hashes():
    """Return the hash of each file that is neither unfinished nor there for times or owners."""
    files = [file for file in WORK.rglob("*") if file.is_file()]
    return {
        str(file.relative_to(WORK)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files)
        if file.suffix not in (".owner", ".tmp")
        and "benchmarks" not in file.parts
        and file.name != "table.md"
    }


def clear():
    shutil.rmtree(WORK, ignore_errors=True)


def strike(shim, names, at, kind, expected):
    """Inject one fault and run the study again; return what went wrong, or an empty string."""
    clear()
    code, done, _ = forked(shim, names, set(), at, kind, "first.txt")
    said = Path("first.txt").read_text()
    if code == 3:
        return f"an unforeseen error: {said}"
    if code == 1 and "failed: " not in said:
        return f"no reason given: {said}"
    if code == -signal.SIGKILL:
        repair(RUN.parent)
    code, _, _ = forked(shim, names, done, 0, 0, "second.txt")
    if code:
        return f"the rerun failed: {Path('second.txt').read_text()}"
    found = hashes()
    if found != expected:
        return f"these differ: {sorted({name for name, _ in found.items() ^ expected.items()})}"
    return ""


def main(shim_file, folder, steps, kinds):
    os.chdir(folder)
    rows = np.random.default_rng(0).integers(0, 2, (30, 6))
    np.savetxt("own.csv", rows, "%d", ",")
    shim = ctypes.CDLL(shim_file)
    shim.fault_calls.restype = ctypes.c_char_p
    names = list(STEPS if steps == "all" else QUICK)
    study(names, set(), lambda name: None)  # imports what is imported late, once for all forks
    clear()
    code, done, calls = forked(shim, names, set(), 0, 0, "undisturbed.txt")
    assert code == 0 and done == set(names), Path("undisturbed.txt").read_text()
    expected = hashes()
    counts, wrong = Counter(), []
    for kind in kinds.split(","):
        for at, call in enumerate(calls, 1):
            if call in KINDS[kind]:
                counts[kind] += 1
                found = strike(shim, names, at, list(KINDS).index(kind), expected)
                wrong += [f"{kind} at {at}, {call}: {found}"] if found else []
        print(f"{kind}: {counts[kind]} faults, {len(wrong)} wrong so far", flush=True)
    print(json.dumps({"calls": Counter(calls), "faults": counts, "wrong": wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
