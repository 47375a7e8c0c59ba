"""CDNOW's published window, and small invented customer bases."""

import datetime as dt

import pytest

from analysis.config import Config, ModelConfig
from analysis.data import load_transactions
from analysis.models import purchase_result, spend_result


@pytest.fixture(scope="session")
def cdnow_config():
    return Config(name="cdnow", data={"transactions": {"sample": "cdnow"}})


@pytest.fixture(scope="session")
def cdnow_39_weeks(cdnow_config, tmp_path_factory):
    """The 2,357 customers as of 1997-09-30."""
    workdir = tmp_path_factory.mktemp("cdnow39")
    return load_transactions(cdnow_config, workdir=workdir, as_of=dt.date(1997, 9, 30)).summary


@pytest.fixture(scope="session")
def cdnow_purchase(cdnow_39_weeks):
    return purchase_result(cdnow_39_weeks, ModelConfig())


@pytest.fixture(scope="session")
def cdnow_spend(cdnow_39_weeks):
    return spend_result(cdnow_39_weeks, ModelConfig())
