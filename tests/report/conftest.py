"""What tests of reports share: small runs on made-up results, and a browser."""

import sys
from pathlib import Path

import pytest
from tests.report.browser import launched
from tests.report.small import folder_with, small_config, use_made_up_results

sys.path.append(str(Path(__file__).parent / "workers"))


@pytest.fixture
def small(monkeypatch):
    use_made_up_results(monkeypatch)


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture
def make(small, tmp_path, monkeypatch):
    """Make a report of some of the tiny notebooks on made-up results, below the working folder."""
    from analysis.report.run import run_report

    monkeypatch.chdir(tmp_path)

    def make(*names, config=None, **options):
        notebooks = folder_with(tmp_path, *names)
        return run_report(config or small_config(), out=tmp_path / "out", notebooks=notebooks, **options)

    return make
