"""Notebooks run in forks of a server, or on their own, with the same results."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat import v4

from bitmix.workflow import forkserver, notebook

SCRIPT = notebook.__file__
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no server elsewhere")


@contextmanager
def serving():
    """Serve as Snakemake's server does, and return its address and process."""
    folder = tempfile.mkdtemp(prefix="bitmix-")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(f"{folder}/socket")
        listener.listen()
        number = listener.fileno()
        command = [sys.executable, "-m", forkserver.__name__, str(number), folder]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[number])
    try:
        yield f"{folder}/socket", server
    finally:
        server.stdin.close()
        assert server.wait(60) == 0
        assert not Path(folder).exists()


@pytest.fixture(scope="module")
def server():
    with serving() as (address, process):
        yield address, process.pid


@pytest.fixture
def served(server):
    return {**os.environ, notebook.ADDRESS: server[0]}


@pytest.fixture(params=["served", "no server"])
def environment(request, served, tmp_path):
    """The environment of a command, with a server or the address of one that has ended."""
    address = served if request.param == "served" else {notebook.ADDRESS: str(tmp_path / "none")}
    return {**os.environ, **address, "GREETING": "good day"}


def command(folder, *cells):
    cells = [v4.new_code_cell(cell) for cell in cells]
    cells[0].metadata.tags = ["parameters"]
    metadata = {"language_info": {"name": "python"}}
    nbformat.write(v4.new_notebook(cells=cells, metadata=metadata), folder / "in.ipynb")
    options = ["--engine", "bitmix", "--kernel", "python3", "--no-progress-bar"]
    return [sys.executable, "-P", SCRIPT, "in.ipynb", "out.ipynb", *options, "-p", "a", "2"]


def run(folder, environment, *cells):
    return subprocess.run(
        command(folder, *cells), cwd=folder, env=environment, capture_output=True, text=True
    )


def test_a_notebook_runs_in_the_folder_and_environment_of_its_command(tmp_path, environment):
    cell = "import os, sys; print(os.getcwd(), os.environ['GREETING'], a, sys.argv[0] != '-m')"
    result = run(tmp_path, environment, "a = 1", cell)
    assert result.returncode == 0, result.stderr
    executed = nbformat.read(tmp_path / "out.ipynb", 4)
    assert executed.cells[-1].outputs[0].text.split() == [
        str(tmp_path), "good", "day", "2", "True"
    ]  # fmt: skip
    assert not result.stdout


def test_a_notebook_that_fails_has_an_exit_code_and_says_why(tmp_path, environment):
    result = run(tmp_path, environment, "a = 1", "1 / 0")
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
    assert "ZeroDivisionError" in (tmp_path / "out.ipynb").read_text()


def test_wrong_arguments_have_papermills_exit_code(tmp_path, environment):
    arguments = [sys.executable, "-P", SCRIPT, "--no-such-option"]
    result = subprocess.run(arguments, env=environment, cwd=tmp_path, capture_output=True)
    assert result.returncode == 2
    assert b"No such option" in result.stderr


def test_a_notebook_that_is_killed_has_an_exit_code(tmp_path, served):
    cell = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    assert run(tmp_path, served, "a = 1", cell).returncode == 137


def test_a_notebook_ends_with_its_command(tmp_path, served, server):
    cell = "import pathlib, time; pathlib.Path('begun').touch(); time.sleep(1000)"
    client = subprocess.Popen(command(tmp_path, "a = 1", cell), cwd=tmp_path, env=served)
    while not (tmp_path / "begun").exists():
        assert client.poll() is None
        time.sleep(0.05)
    forks = psutil.Process(server[1]).children(recursive=True)
    assert len(forks) == 2  # papermill and the kernel
    client.kill()
    client.wait()
    _, alive = psutil.wait_procs(forks, timeout=60)
    assert not alive


def test_kernels_of_one_server_do_not_share_random_numbers(tmp_path, served):
    drawn = set()
    for _ in range(2):
        cell = "import random, uuid; print(random.random(), uuid.uuid4())"
        assert run(tmp_path, served, "a = 1", cell).returncode == 0
        drawn |= set(nbformat.read(tmp_path / "out.ipynb", 4).cells[-1].outputs[0].text.split())
    assert len(drawn) == 4


def test_the_server_ends_when_it_is_asked_to():
    with serving() as (address, server):
        served = {**os.environ, notebook.ADDRESS: address}
        subprocess.run([sys.executable, "-P", SCRIPT, "--help"], env=served, capture_output=True)
        server.send_signal(signal.SIGTERM)


def test_the_client_imports_the_standard_library_only():
    """It starts in milliseconds."""
    code = f"import json, runpy, sys; runpy.run_path({SCRIPT!r}); print(json.dumps([*sys.modules]))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"bitmix", "numpy", "papermill", "asyncio"} & set(json.loads(shown.stdout))
