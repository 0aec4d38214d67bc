"""What a reader does with a file: whether it executes, leaves or takes what it must not."""

import sys
import tracemalloc

# What nothing in a file may cause. Modules that are imported late are code of the installation.
_FORBIDDEN = (
    "os.",
    "subprocess.",
    "socket.",
    "shutil.",
    "pty.",
    "ctypes.",
    "urllib.",
)
_HARMLESS = ("os.listdir", "os.scandir", "os.putenv", "os.unsetenv", "os.fwalk", "os.walk")
#: The bytes that a reader may take beside ten times the size of its file: a line.
SLACK = 16 << 20

_armed = False


class Executed(BaseException):
    """A file caused something that it must not."""


def _hook(event, arguments):
    if not _armed:
        return
    if event == "open":
        mode, flags = arguments[1:]
        if flags & 3 or (mode or "r").strip("rbtU"):
            raise Executed(f"{event} {arguments}")
    elif event == "exec":
        name = arguments[0].co_filename
        if name.startswith("<") and not name.startswith("<frozen"):
            raise Executed(f"{event} {name}")
    elif event.startswith(_FORBIDDEN) and event not in _HARMLESS:
        raise Executed(f"{event} {arguments}")


sys.addaudithook(_hook)


def watched(read, path):
    """Read a file; return the bytes that were allocated at most, if they are traced.

    Raises
    ------
    Executed
        If the file made the reader execute or write something.
    """
    global _armed
    before = 0
    if tracemalloc.is_tracing():
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
    try:
        _armed = True
        read(path)
    finally:
        _armed = False
        watched.peak = tracemalloc.get_traced_memory()[1] - before if before else 0


watched.peak = 0
