"""What a page shows in a real JupyterLab: money is not typeset as mathematics, text columns are on the left."""

import contextlib
import os
import socket
import subprocess
import sys
import time

import nbformat
import pytest
from tests.report.browser import launched
from tests.report.sample import executed

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(tmp_path):
    """Address of a JupyterLab in a folder of its own, with the executed sample in it, which it trusts."""
    nbformat.write(executed(), tmp_path / "sample.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    subprocess.run(
        [sys.executable, "-m", "jupyter", "trust", str(tmp_path / "sample.ipynb")], env=os.environ | own, check=True
    )
    settings = {
        "ServerApp.port": port, "ServerApp.port_retries": 0, "ServerApp.password": "", "ServerApp.root_dir": tmp_path,
        "IdentityProvider.token": "", "LabApp.news_url": "",
    }  # fmt: skip
    options = ["--allow-root", "--no-browser", *(f"--{name}={value}" for name, value in settings.items())]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)
    try:
        for _ in range(120):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/lab/tree/sample.ipynb?reset"
    finally:
        server.terminate()
        server.wait()


def test_jupyterlab_shows_what_the_page_shows(lab):
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 6000})
        page.set_default_timeout(120_000)
        page.goto(lab)
        page.wait_for_function("document.querySelectorAll('.rl-table').length == 5")
        page.wait_for_selector(".jp-MarkdownOutput mjx-container")
        page.wait_for_timeout(2000)  # whatever else might be typeset
        typeset = page.evaluate("document.querySelectorAll('.jp-OutputArea-output mjx-container').length")
        formulas = page.evaluate("document.querySelectorAll('.jp-MarkdownOutput mjx-container').length")
        sides = page.evaluate(
            """[...document.querySelectorAll('.rl-table .rl-text, .rl-table .rl-number')]
            .map(cell => `${cell.className} ${getComputedStyle(cell).textAlign}`)"""
        )
        cards = page.evaluate(
            "new Set([...document.querySelectorAll('.rl-cards > div')].map(one => one.offsetTop)).size"
        )
        said = page.inner_text(".jp-Notebook")
    assert typeset == 0
    assert formulas == 2
    assert set(sides) == {"rl-text left", "rl-number right"}
    assert cards == 1
    assert "US$43,053 to US$53,122" in said
