"""The command of the rules that runs a notebook, see `bitmix.workflow.execution`.

    python -P src/bitmix/workflow/notebook.py in.ipynb out.ipynb --engine bitmix -p seed 1

If Snakemake has started a fork server, the notebook runs in a fork of it, with this command's
standard streams, folder and environment. Otherwise it runs in this process. This file is run as a
script and imports the standard library only: importing bitmix or papermill is what it saves. With
-P, the modules beside it do not hide those of the library.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence

#: The environment variable with the path of the fork server's socket.
ADDRESS = "BITMIX_FORKSERVER"
#: What the fork server's child sends when it begins. Then comes its exit code, one byte.
BEGUN = b"+"
# The exit code of a process that SIGKILL ended, as shells give it.
_KILLED = 137


def main(arguments: Sequence[str]) -> int:
    """Run a notebook with papermill's arguments; return the exit code."""
    code = _ask(os.environ.get(ADDRESS, ""), arguments)
    if code is None:
        command = [sys.executable, "-m", "bitmix.workflow.execution", *arguments]
        os.execv(sys.executable, command)
    return code


def _ask(address: str, arguments: Sequence[str]) -> int | None:
    """Let the fork server run a notebook; return its exit code, or None if there is no server."""
    request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(address)
            socket.send_fds(connection, [b"+"], [0, 1, 2])
            connection.sendall(json.dumps(request).encode() + b"\n")
            if connection.recv(1) != BEGUN:
                return None
        except OSError:
            return None
        code = connection.recv(1)
    return code[0] if code else _KILLED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
