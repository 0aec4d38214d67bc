"""Plant faults in the kernel and in predictions, one at a time, and see which the tests notice.

    python tests/mutants/run.py [--only FILE_OR_NUMBER ...]

The tests are those of moves, kernel and predictions, without the golden chains and the expected
values of the study. The exit code is 1 if a fault survives them.
"""

import argparse
import os
import resource
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutants.faults import FAULTS
from mutants.plant import ROOT, Fault, build

FOLDER = ROOT / "build/mutants"
#: Quick tests first, as most faults fail one of them.
TESTS = (
    "tests/kernel/test_small_inputs.py",
    "tests/kernel/test_kernel.py",
    "tests/kernel/test_finite.py",
    "tests/predict",
    "tests/statistics",
    "tests/sampling",
    "tests/kernel/test_vecmath.py",
)
NONE = Fault(0, "no fault", "", "", "")
MEMORY = 8 << 30  # bytes
AT_LEAST = 60  # seconds of CPU time


@dataclass(frozen=True)
class Outcome:
    """What became of a fault: the test that failed, or the signal that ended the tests."""

    fault: Fault
    failed: str
    seconds: float  # of CPU time

    def __str__(self):
        verdict = f"killed by {self.failed}" if self.failed else "SURVIVES"
        fault = self.fault
        return f"{fault.number:4} {self.seconds:5.0f} s  {fault.file}: {fault.effect}: {verdict}"


def tests_of(fault):
    """Return the tests, those of the folder of the fault first."""
    folder = f"tests/{fault.file.split('/')[0]}"
    return sorted(TESTS, key=lambda test: not test.startswith(folder))


def start(fault, output, seconds):
    """Fork a process that runs the tests with one fault, for so many seconds of CPU time.

    Return its number. The process has imported bitmix already, which takes longer than most faults
    live.
    """
    os.environ["BITMIX_MUTANT"] = str(fault.number)
    process = os.fork()
    if process:
        return process
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    if seconds:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--tb=no", *tests_of(fault)])
    sys.stdout.flush()
    os._exit(code)


def outcomes(faults, seconds, processes):
    """Yield what becomes of each fault, in the order in which they end."""
    faults, running = list(reversed(faults)), {}
    while faults or running:
        while faults and len(running) < processes:
            fault = faults.pop()
            output = tempfile.TemporaryFile("w+")  # noqa: SIM115
            running[start(fault, output, seconds)] = fault, output
        process, status, usage = os.wait4(-1, 0)
        fault, output = running.pop(process)
        with output:
            output.seek(0)
            failed = why(os.waitstatus_to_exitcode(status), output.read())
        yield Outcome(fault, failed, usage.ru_utime + usage.ru_stime)


def why(code, output):
    """Return what ended the tests, or nothing if they passed."""
    if code == 0:
        return ""
    if code == -signal.SIGXCPU:
        return "the limit of CPU time"
    if code < 0:
        return signal.Signals(-code).name
    for line in output.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split()[1]
    raise RuntimeError(f"pytest ended with {code}:\n{output}")


def chosen(only):
    """Return the faults with one of these numbers, or with one of these texts in their file."""
    if not only:
        return FAULTS
    return [f for f in FAULTS if any(o == str(f.number) or o in f.file for o in only)]


def report(found):
    """Print how many faults were killed, by what, and which survive."""
    survivors = [outcome for outcome in found if not outcome.failed]
    by = Counter(outcome.failed.split("::")[0] for outcome in found if outcome.failed)
    print(f"{len(found)} faults, {len(found) - len(survivors)} killed")
    for test, number in by.most_common():
        print(f"{number:5} by {test}")
    print(f"{len(survivors)} survive")
    for outcome in survivors:
        fault = outcome.fault
        print(f"{outcome}\n        {fault.original!r}\n     -> {fault.mutant!r}")
    return survivors


def use(site):
    """Import bitmix from the build, and what takes long to import, for all forks."""
    os.chdir(ROOT)
    os.environ |= {"PYTHONPATH": str(site), "BITMIX_MUTANT": "0"}
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # Forks would lack other threads.
    sys.path.insert(0, str(site))
    for name in ("bitmix.predict.intervals", "bitmix.sampling", "scipy.stats", "sklearn.metrics"):
        module = import_module(name)
        assert not name.startswith("bitmix") or module.__file__.startswith(str(site)), name


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], help="numbers of faults, parts of files")
    parser.add_argument("--built", action="store_true", help="use the last build")
    options = parser.parse_args()
    faults = chosen(options.only)
    site = FOLDER / "site" if options.built else build(FOLDER, FAULTS)
    use(site)
    (healthy,) = outcomes([NONE], None, 1)
    if healthy.failed:
        sys.exit(f"without a fault, {healthy.failed} fails")
    print(f"without a fault the tests pass in {healthy.seconds:.0f} s of CPU time", flush=True)
    found = []
    for outcome in outcomes(faults, AT_LEAST + round(3 * healthy.seconds), os.cpu_count()):
        found.append(outcome)
        print(outcome, flush=True)
    sys.exit(1 if report(found) else 0)


if __name__ == "__main__":
    main()
