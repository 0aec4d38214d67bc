"""Give hostile files to all readers, and count what they do with them.

    python tests/fuzz/run.py [--files 1000000] [--first 0] [--only TARGET ...]

File number n of a target is the same on every machine. Each target has processes of its own, with
little memory, so that a crash is counted and the next process goes on behind it. The exit code is 1
if a reader crashed, executed something, took too much memory or time, or raised anything but the
error that it is said to raise.
"""

import argparse
import json
import logging
import mmap
import os
import resource
import signal
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections import Counter
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.targets import targets
from fuzz.watch import SLACK, watched

MEMORY = 256 << 20  # bytes that a process may take beside what it has at its start
SECONDS = 20  # of CPU time, for one file
TRACED = 20  # one of so many files is read while allocations are traced, which takes time


class TooLong(BaseException):
    """A file took too long."""


def strike(name, target, number, folder):
    """Make one file and read it; return what became of it, and what is wrong, if anything is."""
    content = target.make(Random(f"{name} {number}"))
    path = Path(folder, "file")
    path.write_bytes(content)
    try:
        watched(target.read, path)
    except target.errors as error:
        said = str(error)
        if target.names_file and str(path) not in said:
            return "refused", f"an error that does not name the file: {said!r}"
        if not said or len(said.splitlines()) > target.lines:
            return "refused", f"an error of {len(said.splitlines())} lines: {said!r}"
        allowed = 10 * len(content) + SLACK
        if watched.peak > allowed:
            return "refused", f"took {watched.peak:,} bytes for a file of {len(content):,}"
        return "refused", None
    except BaseException as error:
        return "wrong", f"{type(error).__name__}: {error}"[:500]
    return "accepted", None


def work(name, target, numbers, folder, at):
    """Read files in this process; write the number to `at` before each, print what is wrong."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGVTALRM, too_long)
    counts = Counter()
    for number in numbers:
        at[:8] = number.to_bytes(8, "little")
        if number % TRACED == 0:
            tracemalloc.start()
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        outcome, wrong = strike(name, target, number, folder)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        tracemalloc.stop()
        counts[outcome] += 1
        if wrong:
            counts["findings"] += 1
            print(f"  {name} {number}: {wrong}", flush=True)
    return counts


def too_long(*_):
    raise TooLong(f"over {SECONDS} s")


def run(name, target, first, files, folder):
    """Read files in processes of their own; return the counts."""
    at, counts = mmap.mmap(-1, 8), Counter()
    last = first + files
    while first < last:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries in C talk
            found = work(name, target, range(first, last), folder, at)
            os.write(writing, json.dumps(found).encode())
            os._exit(0)
        os.close(writing)
        with open(reading) as pipe:
            found = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == 0:
            return counts + Counter(json.loads(found))
        number = int.from_bytes(at[:8], "little")
        print(f"  {name} {number}: the process ended with {code}", flush=True)
        counts.update({"crashes": 1, "findings": 1, "unknown": number - first})
        first = number + 1
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    counts = Counter()
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder:
        os.chdir(folder)
        for name, target in targets(Path(folder)).items():
            if arguments.only and name not in arguments.only:
                continue
            files = arguments.files * target.share // 1000
            start = time.process_time() + children()
            found = run(name, target, arguments.first, files, folder)
            seconds = time.process_time() + children() - start
            print(f"{name}: {files:,} files, {dict(found)}, {seconds:.0f} CPU s", flush=True)
            counts += Counter({**found, "files": files})
        executed = list(Path(folder).rglob("executed*"))
    findings = counts["findings"] + len(executed)
    told = [f"{counts[name]:,} {name}" for name in ("files", "refused", "accepted", "crashes")]
    print(", ".join([*told, f"{len(executed)} executed", f"{findings} findings"]))
    return bool(findings)


def children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
