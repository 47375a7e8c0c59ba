"""The kernel of a notebook in a run, forked or in an interpreter of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from analysis.processes import pool
from analysis.report import notebooks
from analysis.report.notebooks import Job, execute, kernel_environment, socket_folder
from analysis.report.run import EARLY

TELLS = """
import json, os, sys
import matplotlib
import numpy as np
from threadpoolctl import threadpool_info

path = [entry for entry in sys.path if not entry or entry == os.getcwd()]
told = {"hash": hash("customer"), "number": np.random.random(), "backend": matplotlib.get_backend(), "path": path}
told |= {"threads": {one["num_threads"] for one in threadpool_info()}, "parent": os.environ.get("PARENT")}
told |= {"process": os.getpid(), "folder": os.path.basename(os.getcwd())}
print(json.dumps(told, default=list))
"""

HAS_PROCESSES = """
import json, multiprocessing, time

process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
process.start()
process.terminate()
process.join()
multiprocessing.set_start_method("spawn")
print(json.dumps([process.exitcode, multiprocessing.get_start_method()]))
"""

HAS_NOTEBOOKS = """
import json, subprocess, sys
import nbclient, nbformat
from nbformat.v4 import new_code_cell, new_notebook

inner = new_notebook(cells=[new_code_cell("1 + 1")])
nbformat.write(inner, "inner.ipynb")
nbclient.execute(inner)
code = "import nbclient, nbformat; nbclient.execute(nbformat.read('inner.ipynb', 4))"
ended = subprocess.run([sys.executable, "-c", code])
print(json.dumps([inner.cells[0].outputs[0].data["text/plain"], ended.returncode]))
"""


@pytest.fixture(params=[True, False], ids=["forked", "of its own"])
def told(request, tmp_path, monkeypatch):
    """What a cell prints as JSON in two kernels of one worker."""
    monkeypatch.setattr(notebooks, "FORKS", request.param)
    monkeypatch.setenv("PARENT", "of today")

    def told(cell):
        there, found = tmp_path / "tells.ipynb", []
        spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(new_notebook(cells=[new_code_cell(cell)], metadata=spec), there)
        with socket_folder() as sockets, pool(1, kernel_environment(sockets), preload=EARLY) as workers:
            for number in range(2):
                done = tmp_path / f"{number}.ipynb"
                workers.submit(execute, Job(there, done, {}, tmp_path / "log")).result()
                found.append(json.loads(nbformat.read(done, as_version=4).cells[0].outputs[0].text))
        return found

    return told


def test_a_kernel_begins_as_a_new_interpreter_with_what_a_run_fixes(told, tmp_path):
    one, other = told(TELLS)
    alone = {"process", "number"}
    assert one.keys() - alone == other.keys() - alone
    assert {key: one[key] for key in one.keys() - alone} == {key: other[key] for key in other.keys() - alone}
    assert all(one[key] != other[key] for key in alone)
    assert (one["threads"], one["path"], one["parent"], one["folder"]) == ([1], [], "of today", tmp_path.name)
    assert "inline" in one["backend"]
    hashed = [sys.executable, "-c", "print(hash('customer'))"]
    alone = subprocess.run(hashed, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True)
    assert one["hash"] == int(alone.stdout)  # so that a set has one order in every run


def test_a_notebook_ends_its_processes_as_anywhere_and_chooses_how_they_start(told):
    assert told(HAS_PROCESSES) == [[-signal.SIGTERM, "spawn"]] * 2


def test_a_notebook_executes_notebooks(told):
    assert told(HAS_NOTEBOOKS) == [["2", 0]] * 2
