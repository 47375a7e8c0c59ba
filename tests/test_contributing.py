"""The examples of CONTRIBUTING run: figure, step, claim and purchase model really are added and reported on."""

import re
from pathlib import Path
from unittest.mock import patch

from tests.conftest import FEW, FEW_DRAWS, constants
from tests.test_notebooks import run_cells

import analysis as rl
from analysis.claims import CLAIMS
from analysis.models import registry
from analysis.pipeline.step import STEPS
from analysis.report.page import Page

CONTRIBUTING = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example(heading):
    section = CONTRIBUTING.split(f"## {heading}")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```python\n(.*?)```", section, flags=re.S))


def test_a_figure_and_a_sentence_are_one_cell(sample_study):
    study, shown = sample_study("cdnow"), []
    page = Page(study)
    page._show = lambda html, plain, role, **more: shown.append(plain)
    exec(example("A figure or a sentence"), {"study": study, "page": page})
    assert re.fullmatch(r"\d+ regular customers? (has|have) probably gone quiet", shown[0])
    assert "in all" in shown[1]


def test_a_new_claim_gives_the_verdict_that_it_tells(sample_study, capsys, monkeypatch):
    monkeypatch.setattr("analysis.claims.claim.CLAIMS", dict(CLAIMS))
    exec(compile(example("A new claim"), "CONTRIBUTING.md", "exec"), {"study": sample_study("cdnow")})
    assert capsys.readouterr().out.strip() == example("A new claim").split("# On the CDNOW sample: ")[1].strip()


def test_a_step_is_a_function_whose_parameters_are_its_inputs(sample_study, capsys):
    study = sample_study("cdnow")
    try:
        exec(example("A step, and a key of the configuration"), {"study": study, "__name__": "example"})
        fewer = study.with_(active_window_days=90).quiet_customers
        assert len(fewer) > int(capsys.readouterr().out)
        assert "active_window_days" in study.with_(active_window_days=30).why("quiet_customers")
    finally:
        STEPS.pop("quiet_customers", None)


def test_a_purchase_model_is_fitted_valued_back_tested_lifted_and_on_the_pages(tmp_path, capsys):
    names = {"__name__": "example"}
    exec(example("A purchase model"), names)
    model = names["UniformBGNBD"]()
    few = {name: registry.MODELS[name] for name in ("BG/NBD", "NBD")} | {model.name: model}  # others take their time
    with patch.dict(registry.MODELS, few, clear=True), constants(FEW | FEW_DRAWS):
        study = rl.open_study(sample="cdnow", store=tmp_path, primary=model.name)
        assert study.fit.model == study.fits.names[0] == model.name
        assert study.fit.parameters.keys() == {"r", "alpha"}
        assert model.name in study.value.by_model
        assert model.name in study.backtest.scores.index
        assert model.name in set(study.lift.to_frame()["model"])
        assert 0 < study.value.total.lower < study.value.total.upper
        run_cells("parameters/cdnow.yml", tmp_path, lab=False, names=["02-purchase-model"], primary=model.name)
    assert model.name in capsys.readouterr().out
