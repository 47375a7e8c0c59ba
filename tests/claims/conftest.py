from pathlib import Path

import pytest

from analysis.claims import Evidence
from analysis.config import load_config
from analysis.study import Study
from analysis.value.lift import retention_lift, why_no_lift
from analysis.value.readings import named_choice

PARAMETERS = Path(__file__).parents[2] / "notebooks" / "parameters"


@pytest.fixture(scope="session")
def sample_evidence(tmp_path_factory):
    """The evidence of an embedded sample with its own configuration, made once; of the lift the named reading alone."""
    known = {}

    def evidence(name: str) -> Evidence:
        if name not in known:
            study = Study(load_config(PARAMETERS / f"{name}.yml"), store=tmp_path_factory.mktemp(name))
            known[name] = Evidence(
                transactions=study.transactions,
                split=study.split,
                purchase=study.purchase,
                spend=study.spend,
                lift=why_no_lift(study.transactions, study.retention) or named_lift(study),
                growth=study.growth,
                config=study.config,
            )
        return known[name]

    return evidence


def named_lift(study: Study):
    choices, summary = [named_choice(study.config)], study.transactions.summary
    return retention_lift(summary, study.purchase, study.spend, study.config, choices=choices)
