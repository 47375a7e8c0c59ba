"""The worked example of a new claim runs and says what it says it does."""

import re
from pathlib import Path

from analysis.claims import CLAIMS

CONTRIBUTING = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()


def test_the_worked_example_of_a_new_claim_gives_the_verdict_that_it_tells(sample_study, capsys, monkeypatch):
    monkeypatch.setattr("analysis.claims.claim.CLAIMS", dict(CLAIMS))
    section = CONTRIBUTING.split("## A new claim")[1].split("\n## ")[0]
    (example,) = re.findall(r"```python\n(.*?)```", section, flags=re.S)
    (told,) = re.findall(r"# On the CDNOW sample: (.*)", example)
    exec(compile(example, "CONTRIBUTING.md", "exec"), {"study": sample_study("cdnow")})
    assert capsys.readouterr().out.strip() == told
