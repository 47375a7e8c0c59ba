"""The notebooks open with their question, are parameterised, free of outputs, and say what can be translated."""

import ast
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml

from analysis.config import Config, load_config, parameter_keys
from analysis.data import simulate_transactions
from analysis.words import reader

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
COMMON = {"config": "str", "as_of": "str", "store": "str", "previous": "str"}
LINE = re.compile(r"^(?P<name>[a-z_]+): (?P<type>str|int|float|bool) = (?P<literal>\S+)  # (?P<help>[^=]+)$")


@pytest.fixture(params=NAMES)
def book(request):
    return nbformat.read(NOTEBOOKS / f"{request.param}.ipynb", as_version=4)


def code_of(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def test_a_notebook_is_valid_without_outputs_and_has_its_parameters_in_the_first_code_cell_alone(book):
    nbformat.validate(book)
    assert all(not cell.outputs and cell.execution_count is None for cell in code_of(book))
    tags = [cell.metadata.get("tags", []) for cell in code_of(book)]
    assert tags[0] == ["parameters"]
    assert all(tag in ([], ["lab"]) for tag in tags[1:])


def test_every_parameter_has_a_help_text_and_is_common_or_a_configuration_key_of_its_type(book):
    for line in code_of(book)[0].source.splitlines():
        name, kind = LINE.match(line).group("name", "type")
        if name in COMMON:
            assert kind == COMMON[name]
            continue
        allowed = str(Config.fields()[parameter_keys()[name]].annotation)
        assert kind in allowed or (kind == "str" and "Literal" in allowed), (name, allowed)


def test_the_notebook_on_the_claim_takes_every_key_of_its_reading_and_its_money():
    (book,) = [nbformat.read(path, as_version=4) for path in NOTEBOOKS.glob("04-*.ipynb")]
    given = {LINE.match(line).group("name") for line in code_of(book)[0].source.splitlines()}
    keys = (key.partition(".") for key in Config.fields())
    asked = {leaf for section, _, leaf in keys if section in ("retention", "economics") and leaf}
    assert asked - {"currency"} <= given


@pytest.mark.parametrize("name", NAMES[1:])
def test_evidence_shows_its_method_with_an_equation_and_has_cells_to_try_things_in(name):
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    shown = [cell for cell in book.cells if "lab" not in cell.metadata.get("tags", [])]
    assert any("$" in cell.source for cell in shown if cell.cell_type == "markdown")
    assert any(cell not in shown for cell in code_of(book))


def test_no_section_needs_what_another_one_computed_since_that_may_be_unavailable(book):
    outside, inside = set(), {}
    for cell in code_of(book):
        for block in ast.parse(cell.source).body:
            names = [node for node in ast.walk(block) if isinstance(node, ast.Name)]
            stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
            stored |= {each.arg for each in ast.walk(block) if isinstance(each, ast.arg)}
            needed = {node.id for node in names} - stored - outside
            assert not needed & set(inside), {name: inside[name] for name in needed & set(inside)}
            if "page.section(" in ast.unparse(block):
                inside |= dict.fromkeys(stored, ast.unparse(block)[:60])
            else:
                outside |= stored


def test_every_configuration_that_comes_along_is_valid():
    names = {path.stem: load_config(path).name for path in (NOTEBOOKS / "parameters").glob("*.yml")}
    assert names == {
        name: name for name in ("cdnow", "cdnow-full", "complete-journey", "simulated", "simulated-shop", "quick")
    }


def run_cells(config, store, *, lab, names=NAMES, **given):
    """Run notebooks from top to bottom, as JupyterLab does, with or without the cells tagged lab."""
    from IPython.core.interactiveshell import InteractiveShell

    given |= {"config": str(config), "store": str(store)}
    for name in names:
        shell = InteractiveShell()
        parameters, *others = code_of(nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4))
        chosen = [cell.source for cell in others if lab or "lab" not in cell.metadata.get("tags", [])]
        with reader("en"):  # a notebook sets the language and the currency of all that follows
            for source in (parameters.source, f"globals().update({given!r})", *chosen):
                assert shell.run_cell(source).success, f"{name}: {source}"


def test_every_cell_runs_those_to_try_things_in_too(every_step_of_cdnow, monkeypatch, capsys):
    monkeypatch.chdir(NOTEBOOKS)
    run_cells("parameters/cdnow.yml", every_step_of_cdnow, lab=True)


def run_on_orders(folder, orders, more=""):
    """Run all notebooks in a folder on orders whose columns are called by their roles."""
    orders.to_csv(folder / "orders.csv", index=False)
    columns = ", ".join(f"{role}: {role}" for role in orders)
    data = f"data: {{transactions: orders.csv, columns: {{{columns}}}}}\n"
    (folder / "shop.yml").write_text(f"name: shop\n{data}{more}")
    run_cells(folder / "shop.yml", folder / "store", lab=False)


POOR = {
    "two customers": [("a", "2024-01-01", 10), ("a", "2024-01-10", 12), ("b", "2024-01-04", 5)],
    "regulars whom nothing tells apart": [
        (f"c{who}", f"2024-{month:02d}-{1 + who % 28:02d}", 20) for who in range(60) for month in range(1, 13)
    ],
    "no amounts": [(f"c{n % 50}", f"2024-{1 + n * 7 % 12:02d}-{1 + n * 5 % 28:02d}") for n in range(150)],
}


@pytest.mark.slow
@pytest.mark.parametrize("rows", POOR.values(), ids=POOR)
def test_every_notebook_ends_where_the_data_tell_little(tmp_path, monkeypatch, capsys, rows):
    monkeypatch.chdir(tmp_path)
    roles = ["customer", "date", "amount"][: len(rows[0])]
    run_on_orders(tmp_path, pd.DataFrame(rows, columns=roles))
    if "amount" not in roles:
        told = capsys.readouterr().out
        section = told.split("Does keeping more customers pay?")[-1].split("How far to trust it")[0]
        assert "no amounts of money" in section
        assert "send-" not in told


@pytest.mark.slow
def test_every_notebook_ends_with_a_model_that_was_named_in_which_nobody_leaves(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame = simulate_transactions(200, seed=1)
    frame["channel"] = np.where(frame["customer"].str[-1].isin(list("02468")), "web", "shop")
    run_on_orders(tmp_path, frame, "model: {primary: NBD, covariates: [channel]}\n")
    assert "in NBD nobody leaves" in capsys.readouterr().out


@pytest.mark.slow
def test_the_summary_calls_no_list_too_short_that_a_lot_showed_to_work(tmp_path, capsys):
    orders = simulate_transactions(600, seed=1)
    start, end = (orders["date"].max() - pd.Timedelta(days=days) for days in (120, 33))
    lot = pd.DataFrame({"customer": orders.loc[orders["date"] < start, "customer"].unique()[:300], "list": "win_back"})
    lot = lot.assign(arm=np.where(lot.index % 2, "contact", "none"), start=start, end=end, gross_margin=0.3)
    lot = lot.assign(cost_per_order=0, cost_per_contact=0.1, incentive=1).set_index("customer")
    sent = lot[lot["arm"] == "contact"].rename(columns={"start": "date"})[["date"]]
    tables = {"lots": lot, "contacts": sent, "orders": pd.concat([orders, sent.reset_index().assign(amount=50)])}
    for name, table in tables.items():
        table.reset_index().to_csv(tmp_path / f"{name}.csv", index=False)
    columns = {"lots": ["customer", *lot], "contacts": ["customer", "date"]}
    data = {name: {"file": f"{name}.csv", "columns": {role: role for role in roles}} for name, roles in columns.items()}
    data |= {"transactions": "orders.csv", "columns": {role: role for role in orders}}
    config = {"name": "shop", "data": data, "contacts": {"cost_per_contact": 0.1, "incentive": 1}}
    (tmp_path / "shop.yml").write_text(yaml.safe_dump(config))
    run_cells(tmp_path / "shop.yml", tmp_path / "store", lab=False, names=["00-summary"])
    assert "leaving some out by lot" in capsys.readouterr().out


@pytest.mark.slow
def test_values_are_shown_without_those_who_came_before_where_there_may_be_such(tmp_path, capsys):
    config = tmp_path / "early.yml"
    config.write_text("name: early\ndata:\n  transactions: {sample: cdnow}\n  first_orders: unknown\n")
    run_cells(config, tmp_path / "store", lab=False, names=["03-customer-value"])
    later = re.search(r"What the ([\d,]+) customers who came later will bring", capsys.readouterr().out)
    assert 0 < int(later[1].replace(",", "")) < 2_357
