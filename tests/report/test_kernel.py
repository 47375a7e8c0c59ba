"""The kernel of a notebook in a run, forked or in an interpreter of its own."""

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from analysis.processes import pool
from analysis.report import notebooks
from analysis.report.notebooks import execute, kernel_environment, socket_folder
from analysis.report.run import EARLY

ROOT = Path(__file__).parents[2]
WORKERS = Path(__file__).parent / "workers"
TELLS = """
import json, multiprocessing, os, sys, time
import matplotlib
import numpy as np
from threadpoolctl import threadpool_info

path = [entry for entry in sys.path if not entry or entry == os.getcwd()]
told = {"hash": hash("customer"), "number": np.random.random(), "backend": matplotlib.get_backend(), "path": path}
told |= {"threads": {one["num_threads"] for one in threadpool_info()}, "parent": os.environ.get("PARENT")}
told |= {"process": os.getpid(), "folder": os.path.basename(os.getcwd())}
process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
process.start()
process.terminate()
process.join()
multiprocessing.set_start_method("spawn")
told |= {"ended": process.exitcode, "starts": multiprocessing.get_start_method()}
print(json.dumps(told, default=list))
"""

HAS_NOTEBOOKS = """
import nbclient
from nbformat.v4 import new_code_cell, new_notebook

inner = nbclient.execute(new_notebook(cells=[new_code_cell("1 + 1")]))
print(inner.cells[0].outputs[0].data["text/plain"])
"""


OPTIONS = "import json, sys; print(json.dumps([sys.warnoptions, sys.flags.optimize, hash('customer')]))"


def told_by_kernels(cell, folder, kernels=1):
    """What a cell prints as JSON in each of some kernels of one worker."""
    there, found = folder / "tells.ipynb", []
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(cell)], metadata=spec), there)
    with socket_folder() as sockets, pool(1, kernel_environment(sockets), preload=EARLY) as workers:
        for number in range(kernels):
            done = folder / f"{number}.ipynb"
            workers.submit(execute, there, done, {}, folder / "log").result()
            found.append(json.loads(nbformat.read(done, as_version=4).cells[0].outputs[0].text))
    return found


def test_a_kernel_whose_worker_was_gone_before_it_began_ends(tmp_path):
    code = "import sys; from analysis.report.kernel import run; run(['-f', sys.argv[1]], worker=1 << 30)"
    began = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "connection.json")], stderr=subprocess.DEVNULL)
    assert began.wait(timeout=30) == 128 + signal.SIGTERM


def hash_of_seed_0():
    hashed = [sys.executable, "-c", "print(hash('customer'))"]
    return int(subprocess.run(hashed, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True).stdout)


def test_a_kernel_begins_as_a_new_interpreter_with_what_a_run_fixes(tmp_path, monkeypatch):
    monkeypatch.setenv("PARENT", "of today")
    forked = told_by_kernels(TELLS, tmp_path, kernels=2)
    monkeypatch.setattr(notebooks, "FORKS", False)
    told = [*forked, *told_by_kernels(TELLS, tmp_path)]
    assert len({one.pop("process") for one in told}) == len({one.pop("number") for one in told}) == 3
    one = told[0]
    assert told == [one] * 3
    assert (one["threads"], one["path"], one["parent"], one["folder"]) == ([1], [], "of today", tmp_path.name)
    assert "inline" in one["backend"]
    assert one["hash"] == hash_of_seed_0()  # so that a set has one order in every run
    assert (one["ended"], one["starts"]) == (-signal.SIGTERM, "spawn")  # as anywhere, and as the notebook chooses


def test_a_notebook_executes_notebooks(tmp_path):
    assert told_by_kernels(HAS_NOTEBOOKS, tmp_path) == [2]


@pytest.mark.parametrize(("options", "before"), [
    (["-b"], ""), ([], "multiprocessing.get_context('forkserver').Process(target=abs, args=(1,)).start()"),
], ids=["of its own", "of a server that was there"])  # fmt: skip
def test_a_kernel_takes_no_options_from_the_program_that_asks_for_a_report(tmp_path, options, before):
    code = f"""
import multiprocessing
from pathlib import Path
import made_up
from tests.report import test_kernel
test_kernel.EARLY = "made_up", "papermill", "analysis.report.kernel"
{before}
print(test_kernel.told_by_kernels(test_kernel.OPTIONS, Path({str(tmp_path)!r})))
"""
    begun = [sys.executable, *options, "-c", code]
    (tmp_path / "home").write_text("a file, in which nothing can be written")
    paths = {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "src", WORKERS))), "HOME": str(tmp_path / "home")}
    environment = {**os.environ, **paths, "PYTHONHASHSEED": "5"}
    told = subprocess.run(begun, env=environment, capture_output=True, text=True, check=True)
    assert ast.literal_eval(told.stdout) == [[[], 0, hash_of_seed_0()]]
    assert told.stderr == ""
