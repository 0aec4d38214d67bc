"""Make a run again with everything around it different, and compare all bytes."""

import shutil
import subprocess
from pathlib import Path

import platformdirs

from bitmix.workflow.provenance import is_of_one_run

ELSEWHERE = {
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "PYTHONHASHSEED": "7",
    "OMP_NUM_THREADS": "1",
    "BITMIX_CACHE": platformdirs.user_cache_dir("bitmix"),
}


def run_elsewhere(workflow, folder, run):
    """Make a run again: other folder, locale, zone, umask, clock, cores, order of files and home.

    Returns
    -------
    results : Path
        The folder of the new run.
    """
    (folder / "home").mkdir()
    again = workflow.copy(folder / "a-longer-path" / "here")
    shutil.rmtree(again.folder / "results")
    shutil.rmtree(again.folder / ".snakemake")
    process = again.start(
        run,
        cores=1,
        python_path=Path(__file__).parent / "elsewhere",
        environment={**ELSEWHERE, "HOME": str(folder / "home")},
        umask=0o077,
    )
    output, _ = process.communicate(timeout=3000)
    assert process.returncode == 0, output
    return again.folder / f"results/{run}"


def files(folder):
    """Return the files of a run that must be the same in every run."""
    names = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    return {name for name in names if not is_of_one_run(name)}


def assert_same(one, other):
    """Compare two runs. Where diffoscope is installed, it says how the first file differs."""
    names = files(one)
    assert names == files(other)
    differ = sorted(n for n in names if (one / n).read_bytes() != (other / n).read_bytes())
    assert not differ, "\n".join([*differ, _told(one / differ[0], other / differ[0])])


def _told(one, other):
    if not shutil.which("diffoscope"):
        return f"install diffoscope to see how {one} and {other} differ"
    command = ["diffoscope", "--max-text-report-size", "10000", str(one), str(other)]
    return subprocess.run(command, capture_output=True, text=True).stdout
