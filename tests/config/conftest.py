"""What tests of configurations share: a file of one, read or refused."""

import pytest

from analysis.config import ConfigurationRefused, load_config
from analysis.errors import USAGE


@pytest.fixture
def written(tmp_path):
    """A file that holds such a configuration."""

    def written(text):
        (tmp_path / "shop.yml").write_text(text)
        return tmp_path / "shop.yml"

    return written


@pytest.fixture
def refused(written):
    """The refusal of a configuration."""

    def refused(text) -> ConfigurationRefused:
        with pytest.raises(ConfigurationRefused) as found:
            load_config(written(text))
        assert found.value.exit_code == USAGE
        return found.value

    return refused
