"""Python as on another machine: one core, folders that list their files in another order, a clock
that is 400 days ahead. Each Python that has this folder in PYTHONPATH runs this file first.

libfaketime cannot be used: it breaks the waits of ipykernel.
"""

import os
import time

AHEAD = 400 * 24 * 3600

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

_listdir, _scandir, _time, _time_ns = os.listdir, os.scandir, time.time, time.time_ns
_localtime, _gmtime = time.localtime, time.gmtime


class _Reversed:
    def __init__(self, *path):
        with _scandir(*path) as entries:
            self._entries = iter(sorted(entries, key=lambda entry: entry.name, reverse=True))

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    close = __exit__


os.listdir = lambda *path: sorted(_listdir(*path), reverse=True)
os.scandir = _Reversed
time.time = lambda: _time() + AHEAD
time.time_ns = lambda: _time_ns() + AHEAD * 10**9
time.localtime = lambda seconds=None: _localtime(time.time() if seconds is None else seconds)
time.gmtime = lambda seconds=None: _gmtime(time.time() if seconds is None else seconds)
