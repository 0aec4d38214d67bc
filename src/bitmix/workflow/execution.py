"""Run a notebook: papermill, with a kernel that starts at once.

    python -m bitmix.workflow.execution in.ipynb out.ipynb --engine bitmix -p seed 1

The arguments are papermill's.
"""

import sys
from collections.abc import Callable, Sequence

from papermill.cli import papermill

from bitmix.workflow.kernels import waiting_kernel


def execute(arguments: Sequence[str], forked: Callable[[], None] = lambda: None) -> None:
    """Run papermill with some arguments. It raises SystemExit, or the error of a cell.

    `forked` is called after the fork of the kernel: a fork has no threads, so they start then.
    """
    with waiting_kernel():
        forked()
        papermill(list(arguments), prog_name="papermill")


if __name__ == "__main__":
    execute(sys.argv[1:])
