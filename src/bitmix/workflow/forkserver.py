"""A process that has imported what notebooks need, and forks for each of them.

Without it, each notebook of a run starts two processes, which import the same libraries for
seconds. Snakemake starts it if it runs several notebooks on this machine:

    python -m bitmix.workflow.forkserver FILE_DESCRIPTOR FOLDER

The file descriptor is that of a listening socket, whose path is in the folder. The server ends when
its standard input ends, which is when Snakemake ends, and removes the folder. Its clients are the
commands of the rules, `bitmix.workflow.notebook`.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from bitmix.workflow.notebook import ADDRESS, BEGUN

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

#: What notebooks and papermill import.
PRELOADED = (
    *("bitmix.workflow.execution", "bitmix.workflow.engine", "ipykernel.kernelapp"),
    *("bitmix.study", "bitmix.figures", "bitmix.partitions", "bitmix.diagnostics"),
    *("bitmix.classes", "pandas", "seaborn", "h5netcdf", "tabulate"),
)
# With fewer notebooks, the imports for all of them take longer than their own.
_FEWEST = 2


def start(workflow: Workflow) -> None:
    """Start a fork server if Snakemake is about to run several notebooks on this Linux machine."""
    notebooks = [job for job in workflow.dag.needrun_jobs() if hasattr(job.input, "notebook")]
    # A container or an environment of conda has other libraries.
    elsewhere = not workflow.local_exec or workflow.deployment_settings.deployment_method
    if len(notebooks) < _FEWEST or elsewhere or sys.platform != "linux":
        return
    folder = tempfile.mkdtemp(prefix="bitmix-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = f"{folder}/socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(address)
        except OSError:  # the path is too long
            return
        listener.listen()
        number = listener.fileno()
        command = [sys.executable, "-m", __name__, str(number), folder]
        subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[number])
    os.environ[ADDRESS] = address


def serve(listener: socket.socket) -> None:
    """Fork for each client until the standard input ends."""
    for name in PRELOADED:
        import_module(name)
    gc.freeze()  # so that collections in the forks do not copy these objects
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        with connection:
            if os.fork() == 0:
                listener.close()
                _run(connection)


def _run(connection: socket.socket) -> NoReturn:
    """Run the notebook of a client in this process, and tell the client the exit code."""
    code = 1
    try:
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.register_at_fork(after_in_child=connection.close)  # the kernel is no end of it
        code = _execute(connection)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.send(bytes([code]))
        os._exit(code)


def _execute(connection: socket.socket) -> int:
    from bitmix.workflow.execution import execute

    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    lines = connection.makefile("rb")
    request = json.loads(lines.readline())
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    connection.send(BEGUN)

    def watch() -> None:
        lines.read()  # until the client ends
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        execute(request["arguments"], threading.Thread(target=watch, daemon=True).start)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def main(number: str, folder: str) -> None:
    # Ctrl-C reaches the server too. It ends with Snakemake.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets its children
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = os.getpid()
    try:
        serve(socket.socket(fileno=int(number)))
    finally:
        if os.getpid() == server:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
