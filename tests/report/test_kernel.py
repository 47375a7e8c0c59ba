"""The kernel of a notebook in a run, forked or in an interpreter of its own."""

from __future__ import annotations

import json
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


@pytest.fixture(params=[True, False], ids=["forked", "of its own"])
def two_kernels(request, tmp_path, monkeypatch):
    """What two kernels of one worker told of themselves."""
    monkeypatch.setattr(notebooks, "FORKS", request.param)
    monkeypatch.setenv("PARENT", "of today")
    there = tmp_path / "tells.ipynb"
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(TELLS)], metadata=spec), there)
    told = []
    with socket_folder() as sockets, pool(1, kernel_environment(sockets), preload=EARLY) as workers:
        for number in range(2):
            done = tmp_path / f"{number}.ipynb"
            workers.submit(execute, Job(there, done, {}, tmp_path / "log")).result()
            told.append(json.loads(nbformat.read(done, as_version=4).cells[0].outputs[0].text))
    return told


def test_a_kernel_begins_as_a_new_interpreter_with_what_a_run_fixes(two_kernels, tmp_path):
    one, other = two_kernels
    alone = {"process", "number"}
    assert one.keys() - alone == other.keys() - alone
    assert {key: one[key] for key in one.keys() - alone} == {key: other[key] for key in other.keys() - alone}
    assert all(one[key] != other[key] for key in alone)
    assert (one["threads"], one["path"], one["parent"], one["folder"]) == ([1], [], "of today", tmp_path.name)
    assert "inline" in one["backend"]
    hashed = [sys.executable, "-c", "print(hash('customer'))"]
    alone = subprocess.run(hashed, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True)
    assert one["hash"] == int(alone.stdout)  # so that a set has one order in every run
