import pytest

from analysis.pipeline import Study, open_study


@pytest.fixture(scope="session")
def sample_study(tmp_path_factory):
    """The study of an embedded sample with its own configuration, made once: what claims are tested on."""
    known = {}

    def study(name: str) -> Study:
        if name not in known:
            known[name] = open_study(sample=name, store=tmp_path_factory.mktemp(name))
        return known[name]

    return study
