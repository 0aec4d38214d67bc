"""Kernels that are forks of papermill's process.

A fork has what its parent has imported, so it starts in milliseconds. It is made before papermill
starts threads and event loops, which a fork would not survive. Then it waits until papermill wants
a kernel.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Any

from jupyter_client.manager import AsyncKernelManager

_waiting: list[WaitingKernel] = []


class WaitingKernel(ForkProcess):
    """A process that becomes a kernel. Jupyter's provisioners treat it as a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self) -> None:
        self._receiver, self._sender = get_context("fork").Pipe(duplex=False)
        super().__init__(target=_serve, args=(self._receiver, self._sender))
        self.start()
        self._receiver.close()

    def begin(self, arguments: Sequence[str], environment: dict[str, str]) -> None:
        """Become a kernel, given the arguments of ipykernel and the environment variables."""
        self._sender.send((arguments, environment))

    def end(self) -> None:
        """End the process if it still waits."""
        self._sender.close()

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self) -> int | None:
        self.join()
        return self.exitcode

    def send_signal(self, number: int) -> None:
        if self.pid and self.is_alive():
            os.kill(self.pid, number)


def _serve(receiver: Connection, sender: Connection) -> None:
    """Wait for the arguments of a kernel, and be this kernel."""
    sender.close()  # so that the wait ends if papermill ends
    try:
        arguments, environment = receiver.recv()
    except EOFError:
        return
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["ipykernel_launcher", *arguments]

    from ipykernel.kernelapp import IPKernelApp

    # The kernel ends if the process with this id ends.
    IPKernelApp.launch_instance([*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])


class ForkManager(AsyncKernelManager):
    """Jupyter's manager of a kernel, which takes the waiting kernel if there is one."""

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        if not _waiting:
            await super()._async_launch_kernel(kernel_cmd, **kw)
            return
        kernel = _waiting.pop()
        kernel.begin(kernel_cmd[kernel_cmd.index("-f") :], kw.get("env", dict(os.environ)))
        provisioner: Any = self.provisioner  # which wants a Popen
        provisioner.process, provisioner.pid = kernel, kernel.pid


@contextmanager
def waiting_kernel() -> Iterator[None]:
    """Have a kernel ready for one notebook. macOS does not let its libraries survive a fork."""
    kernel = WaitingKernel() if sys.platform == "linux" else None
    if kernel:
        _waiting.append(kernel)
    try:
        yield
    finally:
        _waiting.clear()
        if kernel:
            kernel.end()
