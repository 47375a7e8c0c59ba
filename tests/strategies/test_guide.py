import re
from pathlib import Path

import matplotlib as mpl

GUIDE = Path(__file__).parents[2] / "docs" / "strategies.md"


def test_the_example_of_the_guide_runs():
    mpl.use("agg")
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.S)
    names = {}
    exec(compile(block, str(GUIDE), "exec"), names)
    assert names["compared"].to_frame()["strategy"].tolist() == ["better", "club", "nothing"]
