"""Runs that cost next to nothing: made-up results and notebooks of four cells."""

from pathlib import Path

from analysis.config import Config
from analysis.pipeline.store import UNFINISHED
from analysis.report.folders import WORK_PREFIX
from analysis.report.progress import Progress

PARAMETERS = 'config: str = ""\nas_of: str = None\nstore: str = None'
OPENING = 'from IPython.display import HTML, display\nHTML("<h1>Does it run?</h1><p>It runs.</p>")'
END = """
import json, pathlib
stamp = json.loads((pathlib.Path(store) / "identity.json").read_text())
display({"application/vnd.retention-lab+json": {"notebook": "tiny", "stamp": stamp}}, raw=True)
"""
WHERE = """
import pathlib, sys, warnings
place = "/".join(["", "secret", "place"])
warnings.warn(f"seen in {place}", stacklevel=1)
print(f"said in {place}", file=sys.stderr)
HTML(f"<p>here: {pathlib.Path.cwd().name}</p>")
"""
OTHER_STAMP = """
import json, pathlib
file = pathlib.Path(store) / "identity.json"
file.write_text(json.dumps({**json.loads(file.read_text()), "data_hash": "other"}))
"""
DIES = """
import os, pathlib, signal, subprocess
pathlib.Path("orphan").write_text(str(subprocess.Popen(["sleep", "600"], start_new_session=True).pid))
os.kill(os.getpid(), signal.SIGKILL)
"""
HAS_CHILDREN = """
import os, pathlib, subprocess, time
near, far = (subprocess.Popen(["sleep", "600"], start_new_session=is_far) for is_far in (False, True))
pathlib.Path(os.environ["CHILDREN"]).write_text(f"{os.getpid()} {near.pid} {far.pid}")
time.sleep(600)
"""
CELLS = {
    "good": "", "where": WHERE, "cell_error": 'raise ValueError("no <b>such</b> luck")', "dies": DIES,
    "full_disk": "import errno, os\nraise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))",
    "leaves_early": "raise SystemExit(0)", "no_sentinel": "", "other_stamp": OTHER_STAMP,
    "tells_secret": 'import os\nHTML("<p>" + os.environ["SHOP_DB"] + "</p>")',
    "sleeps": "import time\ntime.sleep(60)", "has_children": HAS_CHILDREN,
}  # fmt: skip
"""What the notebooks do between their first cell and their last."""


def folder_with(folder: Path, *names: str) -> Path:
    """A folder with some of the tiny notebooks; each has a cell to try things in, which costs no report."""
    import nbformat  # only here: it takes a second, and many runs are begun
    from nbformat.v4 import new_code_cell, new_notebook

    folder = folder / "-".join(names) / "chosen notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cells = [OPENING, CELLS[name], *([] if name == "no_sentinel" else [END])]
        cells = [new_code_cell(cell, id=f"cell-{number}") for number, cell in enumerate(cells)]
        first = new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]})
        last = new_code_cell('raise ValueError("tried")', id="lab", metadata={"tags": ["lab"]})
        nbformat.write(new_notebook(cells=[first, *cells, last]), folder / f"{name}.ipynb")
    return folder


def small_config(**data) -> Config:
    return Config(name="shop", data={"transactions": {"sample": "cdnow"}, **data})


def use_made_up_results(monkeypatch) -> None:
    """Let runs be on made-up results for the rest of a test."""
    import made_up

    from analysis.report import run

    monkeypatch.setattr(run, "read_study", made_up.read)
    monkeypatch.setattr(run, "write_artefacts", made_up.write)
    monkeypatch.setattr(run, "lot_of", made_up.lot)


def leftovers(folder: Path) -> list[Path]:
    """Working folders and unfinished files below a folder."""
    return [path for path in folder.rglob(".*") if path.name.startswith((WORK_PREFIX, UNFINISHED))]


class Heard(Progress):
    """Remembers what is said."""

    def __init__(self):
        self.lines = []

    def say(self, message):
        self.lines.append(message)
