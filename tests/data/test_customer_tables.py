"""Tables of a customer database: what fits is joined, what does not is counted with examples and kept out."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

import analysis as rl
from analysis.config import LOT, Config
from analysis.data.tables import KEPT, CustomerTables, expiring_points, load_customer_tables, load_lots
from analysis.errors import InputRefused, Unavailable
from analysis.value.ladder import _names

ORDERS = """who,day,eur
K1,2025-01-05,10
K1,2025-02-05,10
K2,2025-01-06,20
K3,2025-03-01,30
007,2025-03-31,5
"""
COLUMNS = {
    "customers": {"customer": "who"},
    "acquisition": {"date": "day", "spend": "eur"},
    "contacts": {"customer": "who", "date": "day"},
    "exits": {"customer": "who", "date": "day", "reason": "why"},
    "points": {"customer": "who", "date": "day", "earned": "plus", "redeemed": "minus"},
}


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """Orders of four customers."""
    (file := tmp_path_factory.mktemp("shop") / "orders.csv").write_text(ORDERS)
    return rl.read_orders(file, customer="who", date="day", amount="eur")


@pytest.fixture
def load(tmp_path, orders):
    """Tables of a shop with these orders, each table from the text of its file."""

    def load(*, columns=None, part=None, avoidable=(), earned=(), **texts):
        sections = {}
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_text(text)
            more = {"exits": {"avoidable": avoidable}, "customers": {"earned": earned}}.get(name, {})
            sections[name] = {"file": f"{name}.csv", "columns": COLUMNS[name] | (columns or {}), **more}
        roles = {"customer": "who", "date": "day", "amount": "eur"} | ({"split": "part"} if part else {})
        data = {"transactions": "orders.csv", "columns": roles, "part": part, **sections}
        config = Config(name="shop", folder=tmp_path, data=data)
        return load_customer_tables(config, orders, workdir=tmp_path / "work"), orders

    return load


def told(tables: CustomerTables) -> dict[str, tuple[int, str]]:
    return {row.reason: (row.rows, row.examples) for row in tables.ledger.itertuples()}


def test_columns_of_customers_reach_values_by_the_orders_own_ids(load):
    text = "who,via,land,mail\nK2,web,NL,ja\nK1,shop,BE,nee\nx,web,NL,\nK3,web,NL,1\n"
    columns = {"channel": "via", "groups": ["land"], "opt_in": "mail"}
    tables, orders = load(customers=text, columns=columns)
    found = tables.attributes(orders)
    assert found.loc["K1"].tolist() == ["shop", "BE"]
    assert found.loc["007"].isna().all()
    assert tables.of(orders, "opt_in")["opt_in"].eq(True).to_dict() == {
        "007": False, "K1": False, "K2": True, "K3": True,
    }  # fmt: skip
    assert told(tables) == {"fits": (4, "")}


def test_ids_in_another_spelling_are_taken_as_the_same_or_left_out_and_told(load):
    tables, _ = load(customers="who\nk1\n K2 \nK3.0\n7\nnew\n")
    assert tables.customers["customer"].tolist() == ["K2", "K3", "K1", "new"]
    assert told(tables)["spelled"] == (3, "' K2 ', 'K3.0', 'k1'")
    assert told(tables)["zeros"] == (1, "'7'")


def test_a_customer_with_two_channels_has_none_and_equal_rows_count_once(load):
    tables, orders = load(customers="who,via\nK1,web\nK1,shop\nK2,web\nK2,web\n", columns={"channel": "via"})
    assert tables.attributes(orders)["channel"].dropna().to_dict() == {"K2": "web"}
    assert told(tables)["several"] == (2, "'K1'")
    assert sum(rows for reason, (rows, _) in told(tables).items() if reason not in KEPT) == 4


def test_a_referral_is_a_name_or_a_channel_that_counts_as_one(load):
    columns = {"channel": "via", "referred_by": "by"}
    tables, orders = load(
        customers="who,via,by\nK1,friends,\nK2,web,K1\nK3,web,\n", columns=columns, earned=["friends"]
    )
    assert tables.earned(orders).dropna().to_dict() == {"K1": True, "K2": True, "K3": False}
    for columns in ({"channel": "via"}, {}):
        tables, orders = load(customers="who,via\nK1,friends\n", columns=columns)
        with pytest.raises(Unavailable, match="by whom they were referred"):
            tables.earned(orders)


def test_whoever_asked_is_a_day_or_a_yes_and_an_empty_cell_contradicts_nothing(load):
    text = "who,asked\na,2025-01-01\nb,nee\nc,\nK1,ja\nK1,\n"
    tables, orders = load(customers=text, columns={"enquired": "asked"})
    assert tables.customers.set_index("customer")["enquired"].eq(True).to_dict() == {
        "K1": True, "a": True, "b": False, "c": False,
    }  # fmt: skip
    assert set(told(tables)) == {"fits", "repeated"}
    rungs = _names(tables.names(orders), orders)["rung"]
    assert rungs[["a", "b", "c"]].tolist() == ["prospect", "suspect", "suspect"]


def test_referrals_by_oneself_in_a_circle_or_by_nobody_known_do_not_count(load):
    text = "who,by\nK1,K1\nK2,K3\nK3,a\na,K2\nb,K1\nc,ghost\n"
    tables, _ = load(customers=text, columns={"referred_by": "by"})
    assert tables.customers.set_index("customer")["referred_by"].dropna().to_dict() == {"b": "K1"}
    assert told(tables)["self"][0] == 4
    assert told(tables)["stranger"] == (1, "'c'")


def test_what_cannot_have_been_is_left_out_with_examples(load):
    exits = "who,day,why\nK1,2025-03-01,price\nK3,2025-01-06,moved\nnobody,2025-02-01,moved\nK2,2031-01-01,price\n"
    tables, _ = load(exits=exits, avoidable=["price"])
    assert tables.exits[["customer", "avoidable"]].values.tolist() == [["K1", True]]
    assert told(tables) == {
        "fits": (1, ""), "unknown": (1, "'nobody'"), "outside": (1, "'2031-01-01'"), "early": (1, "'K3'"),
    }  # fmt: skip
    points = "who,day,plus,minus\nK1,2025-01-05,10,\nK1,2025-01-07,,20\nK1,2025-01-08,20,0\nK2,2025-01-08,-5,0\n"
    tables, _ = load(points=points.replace("07,,20", "07,0,20"))
    assert tables.points["earned"].tolist() == [10, 20]
    assert {name: rows for name, (rows, _) in told(tables).items()} == {"fits": 2, "negative": 1, "unearned": 1}
    signed = "who,day,plus\nK1,2025-01-05,10\nK1,2025-01-07,-4\nK2,2025-01-07,-1\n"
    tables, _ = load(points=signed, columns={"redeemed": None})
    assert tables.points[["earned", "redeemed"]].values.tolist() == [[10, 0], [0, 4]]
    assert told(tables) == {"fits": (2, ""), "unearned": (1, "'K2'")}


def test_whoever_left_or_was_contacted_may_be_a_name_without_an_order(load):
    tables, _ = load(customers="who\nnew\n", contacts="who,day\nnew,2025-02-01\nghost,2025-02-01\n")
    assert tables.contacts["customer"].tolist() == ["new"]


def test_a_table_of_which_nothing_is_left_is_refused_with_what_was_wrong_and_all_at_once(load):
    with pytest.raises(InputRefused) as refused:
        load(contacts="who,day\nx,2025-02-01\ny,2025-02-01\n", exits="who,day,why\nK1,2019-02-01,price\n")
    contacts, exits = (problem.message for problem in refused.value.problems)
    assert contacts.startswith("data.contacts: contacts.csv: none of its 2 rows fits the orders (2: a customer whom")
    assert "'x', 'y'" in contacts
    assert "a day outside the data" in exits
    with pytest.raises(InputRefused, match="no column 'wo'"):
        load(customers="who\nK1\n", columns={"customer": "wo"})


def test_the_top_score_is_that_of_the_scale_and_names_of_other_parts_are_nobodys_prospects(load):
    tables, orders = load(customers="who\nK1\nnew\n")
    scores = pd.DataFrame({"customer": ["K1", "K2", "x"], "score": [9.0, 10.0, 10.0], "date": dt.date(2025, 1, 5)})
    top = tables.names(orders, scores).set_index("customer")["top_score"]
    assert top.to_dict() == {"K1": False, "new": False, "K2": True}  # who has ordered, in the table or not
    assert CustomerTables().names(orders, scores)["customer"].tolist() == ["K2"]
    tables, _ = load(customers="who\nK1\nnew\n", part="NL")
    assert tables.customers["customer"].tolist() == ["K1"]


@pytest.mark.parametrize(("row", "what"), [
    ("K2,contact,2025-04-01,2025-04-28,.4,1,-100,2", "a cost or the incentive is below 0 in 1 row"),
    ("K2,contact,2025-04-01,2025-04-28,30,1,.5,2", "gross_margin is not above 0 and at most 1"),
    ("K2,sent,2025-04-01,2025-04-28,.4,1,.5,2", "arm is neither contact nor none"),
    ("K1,contact,2025-04-01,2025-04-28,.4,1,.5,2", "a customer stands twice in a lot in 2 rows"),
    ("K2,contact,2025-04-01,2025-03-28,.4,1,.5,2", "end lies before start"),
    ("K2,contact,2025-04-01,2025-04-28,.5,1,.5,2", "are not the same in the whole lot"),
])  # fmt: skip
def test_lots_that_nobody_could_have_drawn_are_refused(tmp_path, row, what):
    lines = ["list,customer,arm,start,end,gross_margin,cost_per_order,cost_per_contact,incentive"]
    lines += ["win_back,K1,none,2025-04-01,2025-04-28,.4,1,.5,2", f"win_back,{row}"]
    (tmp_path / "lot.csv").write_text("\n".join(lines))
    data = {"transactions": {"sample": "cdnow"}, "lots": {"file": "lot.csv", "columns": {name: name for name in LOT}}}
    with pytest.raises(InputRefused, match=what):
        load_lots(Config(name="shop", folder=tmp_path, data=data), workdir=tmp_path / "work")


def test_lots_come_back_with_ids_that_look_like_formulas(tmp_path):
    lot = "list,customer,arm,start,end,gross_margin,cost_per_order,cost_per_contact,incentive\n"
    rows = (
        "win_back,'=1+1,contact,2025-04-01,2025-04-28,0.3,0,0.5,2\nwin_back,K2,none,2025-04-01,2025-04-28,0.3,0,0.5,2\n"
    )
    (tmp_path / "win_back-2025-03-31.csv").write_text(lot + rows)
    data = {"transactions": {"sample": "cdnow"}, "lots": {"file": "*.csv", "columns": {name: name for name in LOT}}}
    config = Config(name="shop", folder=tmp_path, data=data)
    found = load_lots(config, workdir=tmp_path / "work")
    assert found.lots["customer"].tolist() == ["=1+1", "K2"]
    assert found.lots["end"].iloc[0] == pd.Timestamp("2025-04-28")
    config = Config(name="shop", data={"transactions": {"sample": "cdnow"}})
    assert load_lots(config, workdir=Path(tmp_path)).lots is None


def test_points_are_redeemed_the_oldest_first_and_never_after_they_lapsed():
    rows = [
        ("a", "2025-01-01", 50, 0, "2025-03-01"),
        ("a", "2025-04-01", 30, 10, "2025-09-01"),  # the first fifty had lapsed
        ("b", "2025-01-01", 50, 0, "2025-09-01"),
        ("b", "2025-02-01", 40, 60, "2025-09-10"),
        ("c", "2025-01-01", 50, 0, "2026-01-01"),
    ]
    points = pd.DataFrame(rows, columns=["customer", "date", "earned", "redeemed", "expires"])
    points = points.astype({"date": "datetime64[s]", "expires": "datetime64[s]"})
    found = expiring_points(points, dt.date(2025, 8, 20), 28)
    assert found["points"].to_dict() == {"a": 20, "b": 30}
    assert found["expires"].dt.day.to_dict() == {"a": 1, "b": 10}
    assert expiring_points(None, dt.date(2025, 8, 20), 28) is None


def test_yes_and_no_are_known_in_every_language_of_the_reader(load):
    text = "who,asked,mail\nK1,nein,oui\nK2,non,sí\nK3,no,nein\n007,oui,falsch\n"
    names = load(customers=text, columns={"enquired": "asked", "opt_in": "mail"})[0].customers.set_index("customer")
    assert names["enquired"].eq(True).to_dict() == {"007": True, "K1": False, "K2": False, "K3": False}
    assert names["opt_in"].eq(True).to_dict() == {"007": False, "K1": True, "K2": True, "K3": False}


def test_the_words_of_mail_tools_say_who_may_be_written_to(load):
    text = "who,mail\nK1,subscribed\nK2,unsubscribed\nK3,cleaned\n007,NEVER_SUBSCRIBED\n"
    tables, _ = load(customers=text, columns={"opt_in": "mail"})
    assert tables.customers.set_index("customer")["opt_in"].to_dict() == {
        "007": False, "K1": True, "K2": False, "K3": False,
    }  # fmt: skip
    assert told(tables) == {"fits": (4, "")}


def test_spend_is_of_its_month_and_never_negative(load):
    tables, _ = load(acquisition="day,eur\n2025-01-01,100\n2025-02-01,-5\n2024-12-01,50\n")
    assert tables.acquisition["spend"].tolist() == [100]
    assert set(told(tables)) == {"fits", "outside", "negative"}
    tables, _ = load(acquisition="day,eur\n2025-01,100\n2025-02,50\nTotaal,150\n")
    assert tables.acquisition["date"].dt.strftime("%F").tolist() == ["2025-01-01", "2025-02-01"]
