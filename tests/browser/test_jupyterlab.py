"""Every notebook in JupyterLab, opened from the file browser and run from top to bottom.

Set BITMIX_SCREENSHOTS to a folder to keep pictures of them, in the light and in the dark theme.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: The number of figures in each notebook.
FIGURES = {
    "01-data": 2,
    "02-model": 0,
    "03-clusters": 12,
    "04-mixing": 3,
    "05-consensus": 4,
    "06-predictions": 3,
    "07-evaluation": 3,
    "08-classes": 2,
    "explore": 0,
}
# All cells are in the page, also those out of sight, and nobody asks about news.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
RUNNING = "document.body.innerText.includes('[*]:')"
RUN_ALL = """async () => {
    const { commands, shell } = window.jupyterapp;
    await shell.currentWidget.context.ready;
    await shell.currentWidget.sessionContext.ready;
    commands.execute('notebook:run-all-cells');
}"""
LONGEST = 900_000  # ms, on a busy machine


@pytest.fixture(scope="session")
def lab(tmp_path_factory, mnist):
    """Start JupyterLab in a folder with copies of the notebooks; return its address."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    for name, settings in SETTINGS.items():
        file = folder / f"settings/@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "IdentityProvider.token": "",
        "ServerApp.port": port,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.root_dir": folder / "notebooks",
        "LabApp.user_settings_dir": folder / "settings",
        "LabApp.workspaces_dir": folder / "workspaces",
        "LabApp.expose_app_in_browser": True,
    }
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *(f"--{k}={v}" for k, v in options.items())],
            stdout=log,
            stderr=log,
            env={**os.environ, "JUPYTER_CONFIG_DIR": str(folder / "config")},
        )
    address = f"http://127.0.0.1:{port}"
    wait_for(f"{address}/api", server)
    yield address
    server.terminate()
    server.wait(30)


def wait_for(address, server):
    while server.poll() is None:
        try:
            return urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("JupyterLab ended")


def opened(browser, lab, name):
    """Return a page of JupyterLab in which a notebook was opened by a double click."""
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(LONGEST)
    page.goto(f"{lab}/lab?reset")
    page.locator(f".jp-DirListing-item[title*='{name}']").dblclick()
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    return page


def run_all(page):
    page.evaluate(RUN_ALL)
    page.wait_for_function(RUNNING)


def picture(page, name):
    """Save pictures of the whole notebook in both themes, if a folder for them is given."""
    if not (folder := os.environ.get("BITMIX_SCREENSHOTS")):
        return
    height = page.evaluate("document.querySelector('.jp-WindowedPanel-inner').scrollHeight")
    page.set_viewport_size({"width": 1300, "height": min(height + 150, 16_000)})
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate(
            f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})"
        )
        page.wait_for_function(f"document.body.dataset.jpThemeName == '{theme}'")
        page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTo(0, 0)")
        page.wait_for_timeout(500)  # until it is drawn
        page.screenshot(path=Path(folder, f"{name}-{theme.split()[1].lower()}.png"))


@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])
def test_runs_from_top_to_bottom(browser, lab, name):
    page = opened(browser, lab, name)
    run_all(page)
    page.wait_for_function(f"!{RUNNING}")
    if name == "explore":
        page.locator(".bitmix-explorer[data-milliseconds]").wait_for()  # it has answered
    picture(page, name)
    mimes = [
        output.get_attribute("data-mime-type")
        for output in page.locator(".jp-OutputArea-output[data-mime-type]").all()
    ]
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    page.close()
    assert "application/vnd.jupyter.error" not in mimes
    assert "application/vnd.jupyter.stderr" not in mimes  # a red box
    assert prompts == [f"[{i}]:" for i in range(1, len(prompts) + 1)]
    assert mimes.count("image/png") == FIGURES.get(name, mimes.count("image/png"))


def test_progress_is_a_bar_that_moves(browser, lab):
    """The chains of chapter 4 take seconds."""
    page = opened(browser, lab, "04-mixing")
    run_all(page)
    bar = page.locator(".jp-OutputArea-output .progress-bar")
    bar.wait_for(state="attached")
    widths = {bar.get_attribute("style")}
    while page.evaluate(RUNNING):
        widths.add(bar.get_attribute("style"))
        time.sleep(0.1)
    assert len(widths) > 3
    assert "100%" in bar.get_attribute("style")
    page.close()
