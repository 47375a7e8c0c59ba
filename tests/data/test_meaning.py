"""What rows of real exports mean: an invented shop of 300 customers with 1,081 orders of 68,130.24 on 1,068 days."""

import re
from pathlib import Path

import pandas as pd
import pytest
from tests.conftest import refuses

import analysis as rl
from analysis.errors import InputRefused

CASES = Path(__file__).parents[1] / "cases"
PLAIN = {"customer": "customer_id", "date": "order_date", "amount": "amount"}
WOO = {"date": "order_date", "amount": "order_total", "status": "status", "refunded": "refunded_total"}
COUNTED = ["completed", "processing"]


def read(name, **settings):
    names = [CASES / one for one in name.split()]
    return rl.read_orders(names if len(names) > 1 else names[0], **settings)


def sums(orders):
    return orders.customers, orders.orders, round(orders.histories.table["spent"].sum(), 2)


def lines(orders):
    return {row.reason.rsplit(".", 1)[-1]: (row.rows, round(row.amount, 2)) for row in orders.ledger.itertuples()}


def shop(**columns):
    """Twenty customers with five orders of 10 each."""
    frame = pd.DataFrame({"customer": [f"c{i % 20}" for i in range(100)], "amount": 10.0})
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.index, unit="D")
    return frame.assign(**columns)


INVISIBLE = ["", "\xa0", "\u200b", "\ufeff", "\xad", "\u2060", "\u202f", "\u3000"]
NAMED = {name: name for name in ("customer", "date", "amount")}
NOT_PAID = {name: name for name in ("customer", "date")}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("email_case_and_blanks.csv", PLAIN | {"customer": "email"}),
        ("ids_2022.csv ids_2023.csv", PLAIN),
        ("discount_share.csv", PLAIN | {"discount": "discount"}),
        ("discount_per_cent.csv", PLAIN | {"discount": "discount %"}),
        ("title_rows_and_total.csv", PLAIN | {"skip_rows": 2}),
        (
            "title_rows.xlsx",
            {"customer": "Klantnr", "date": "Factuurdatum", "amount": "Bedrag", "skip_rows": 1, "sheet": "Data"},
        ),
        ("date_epoch.csv", PLAIN),
        ("date_excel_serial.csv", PLAIN),
        ("months_german.csv", {"customer": "Kundennummer", "date": "Datum", "amount": "Betrag"}),
        ("one_row_of_1970.csv", PLAIN | {"observation_start": "2000-01-01"}),
        ("total_on_every_line.csv", PLAIN | {"amount": "order_total", "order": "order_id", "amount_of": "order"}),
    ],
)
def test_the_same_shop_is_found_in_every_export(name, settings):
    assert sums(read(name, **settings)) == (300, 1068, 68130.24)


def test_only_named_statuses_count_and_each_other_one_is_a_line_of_the_ledger():
    settings = {"customer": "Customer", "date": "Date", "amount": "N. Revenue", "status": "Status"}
    orders = read("woo_status.csv", **settings, count_status=COUNTED)
    assert sums(orders) == (285, 920, 58493.99)
    found = lines(orders)
    assert {name: found[name] for name in ("cancelled", "failed", "pending", "refunded")} == {
        "cancelled": (59, 3686.21),
        "failed": (42, 2973.51),
        "pending": (15, 1058.27),
        "refunded": (36, 1918.26),
    }
    assert "Status on-hold" not in orders._repr_html_()
    assert "Status cancelled, which does not count" in orders._repr_html_()
    worth_nothing = read("woo_status.csv", **settings, count_status=[*COUNTED, "refunded"])
    assert sums(worth_nothing) == (291, 955, 58493.99)


def test_statuses_that_nobody_chose_are_asked_about():
    settings = {"customer": "Customer", "date": "Date", "amount": "N. Revenue"}
    with pytest.raises(InputRefused, match=r"'Status' holds statuses.*name it with the key `status`.*`count_status`"):
        read("woo_status.csv", **settings)
    with pytest.raises(InputRefused, match=r"which statuses count.*'completed', 'processing'"):
        read("woo_status.csv", **settings, status="Status")
    with refuses("no row has the status 'complete'; the statuses are 'completed'", 2):
        read("woo_status.csv", **settings, status="Status", count_status=["complete"])
    for frame in (shop(), shop(Status="done")):
        with pytest.raises(InputRefused, match="count_status needs status"):
            rl.read_orders(frame, **NAMED, count_status=["paid"])


def test_a_column_of_refunds_is_taken_off_the_order_of_its_row():
    frame = shop(back=[10.0, 4.0] + [0.0] * 98)
    orders = rl.read_orders(frame, **NAMED, refunded="back")
    assert sums(orders) == (20, 100, 986.0)
    assert lines(orders)["refund_in_column"] == (0, 14.0)
    assert orders.ledger["amount"].sum() == 1000.0
    negative = rl.read_orders(frame.assign(back=-frame["back"]), **NAMED, refunded="back")
    assert sums(negative) == sums(orders)


def test_refunds_that_cannot_be_are_refused_and_those_that_nobody_named_are_asked_about():
    with pytest.raises(InputRefused, match=r"1 refund is above its order: '11\.0' / '10\.0'"):
        rl.read_orders(shop(back=[11.0] + [0.0] * 99), **NAMED, refunded="back")
    with pytest.raises(InputRefused, match="all must have one sign"):
        rl.read_orders(shop(back=[1.0, -1.0] + [0.0] * 98), **NAMED, refunded="back")
    frame = shop(**{"Refunded Amount": [5.0] + [0.0] * 99})
    with pytest.raises(InputRefused, match=r"'Refunded Amount' says of 1 row.*`refunded`"):
        rl.read_orders(frame, **NAMED)
    assert sums(rl.read_orders(frame, **NAMED, refunds="drop"))[2] == 1000.0
    with refuses("'Partial Refunds' says of 1 row", 3):
        rl.read_orders(frame.rename(columns={"Refunded Amount": "Partial Refunds"}), **NAMED)
    assert rl.read_orders(shop(**{"Refunded Amount": [1e15] + [0.0] * 99}), **NAMED).orders == 100


def test_addresses_in_two_spellings_are_one_customer_and_comes_back_as_first_seen():
    orders = read("woo_guest_zero.csv", customer="billing_email", **WOO, count_status=COUNTED)
    assert sums(orders) == (285, 920, 58493.99)
    apart = read("email_case_and_blanks.csv", **PLAIN | {"customer": "email"}, ids={"case": "keep", "strip": False})
    assert apart.customers > 400
    frame = shop(customer=["A@x.nl", "a@x.nl ", "b@x.nl", "B@x.nl"] * 25)
    assert rl.read_orders(frame, **NAMED).summary().index.tolist() == ["A@x.nl", "b@x.nl"]


def test_capitals_are_kept_where_ids_are_no_addresses():
    frame = shop(customer=["A1", "a1"] * 50)
    assert rl.read_orders(frame, **NAMED).customers == 2
    assert rl.read_orders(frame, **NAMED, ids={"case": "lower"}).customers == 1


def test_an_id_that_stands_for_nobody_is_taken_out():
    orders = read("woo_guest_zero.csv", customer="customer_id", **WOO, count_status=COUNTED)
    assert lines(orders)["anonymous"][0] == 396
    guest = read("guest.csv", **PLAIN)
    assert guest.customers <= 300
    assert "Guest" not in guest.summary().index
    numbers = shop(customer=[0] * 50 + list(range(1, 51)))
    assert rl.read_orders(numbers, **NAMED).customers == 50
    assert rl.read_orders(numbers, **NAMED, ids={"anonymous": []}).customers == 51
    assert rl.read_orders(numbers, **NAMED, ids={"anonymous": ["0", "7"]}).customers == 49


def test_a_number_that_few_rows_have_is_the_id_of_any_customer():
    rows = 30_000
    frame = pd.DataFrame({"customer": [0, 0, *(i % 29_000 + 1 for i in range(rows - 2))], "amount": 1.0})
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.index % 300, unit="D")
    orders = rl.read_orders(frame, **NAMED)
    assert orders.customers == 29_001
    assert not any("nobody" in str(note) for note in orders.notes)


def test_an_id_that_may_stand_for_nobody_counts_and_is_asked_about():
    orders = rl.read_orders(shop(customer=["unknown"] * 5 + [f"c{i % 19}" for i in range(95)]), **NAMED)
    assert orders.customers == 20
    assert any("may stand for nobody, each counted as one customer: 'unknown'." in str(note) for note in orders.notes)


def test_an_order_s_total_on_each_of_its_lines_is_asked_about():
    settings = PLAIN | {"amount": "order_total"}
    with pytest.raises(InputRefused, match=r"same on all lines of 809 of 809 orders.*`amount_of`.*`order`"):
        read("total_on_every_line.csv", **settings)
    lines_added = read("total_on_every_line.csv", **settings, order="order_id", amount_of="line")
    assert round(lines_added.histories.table["spent"].sum()) == 170631
    with pytest.raises(InputRefused, match="amount_of == 'order' needs order"):
        rl.read_orders(shop(), **NAMED, amount_of="order")


@pytest.mark.parametrize("order", [(15.0, 10.0, 5.0, None), (10.0, 5.0, 15.0, None), (15.0, None, 15.0, None)])
def test_an_order_s_total_beside_its_lines_is_asked_about(order):
    frame = shop(amount=[*order] * 25, bon=[f"b{i // 4}" for i in range(100)])
    frame = frame.assign(customer=frame["bon"].str.replace("b", "c"), date=frame["date"][0])
    with refuses("on one of them the sum of the others, such as 'b0'.*`amount_of`", 3):
        rl.read_orders(frame, **NAMED, order="bon")
    assert sums(rl.read_orders(frame, **NAMED, order="bon", amount_of="order")) == (25, 25, 375)


@pytest.mark.parametrize("scale", [1, 100])
def test_a_discount_is_turned_into_money_where_its_values_are_certain(scale):
    off = pd.Series([0.2, 0.5, 0, 0.05] * 25) * scale
    frame = shop(**{"off %" if scale == 100 else "off": off})
    orders = rl.read_orders(frame, **NAMED, discount=frame.columns[-1])
    days = pd.read_parquet(orders.occasions)
    assert days.sort_values("day")["discount"].head(4).round(2).tolist() == [2.5, 10.0, 0.0, 0.53]


def test_a_discount_that_may_be_money_or_per_cent_is_asked_about():
    frame = shop(discount=[20.0, 50.0, 0.0, 10.0] * 25)
    with pytest.raises(InputRefused, match=r"money or per cent off.*`discount_is`"):
        rl.read_orders(frame, **NAMED, discount="discount")
    for kind, first in (("money", 20.0), ("per_cent", 2.5)):
        orders = rl.read_orders(frame, **NAMED, discount="discount", discount_is=kind)
        assert pd.read_parquet(orders.occasions).sort_values("day")["discount"].iloc[0] == first
    with pytest.raises(InputRefused, match="75 values are outside 0 to 1"):
        rl.read_orders(frame, **NAMED, discount="discount", discount_is="share")


def test_a_date_decades_from_all_others_is_refused():
    with pytest.raises(InputRefused, match=r"1 row lies years from all others.*'1970-01-01' in line 2"):
        read("one_row_of_1970.csv", **PLAIN)


def test_money_that_nobody_named_is_asked_about_and_profit_is_no_turnover():
    notes = read("profit_column.csv", customer="customer_id", date="order_date").notes
    assert any("Is it 'profit'?" in str(note) for note in notes)
    notes = read("profit_column.csv", **PLAIN | {"amount": "profit"}).notes
    assert any("An amount must be turnover" in str(note) for note in notes)


def test_tax_and_shipping_are_taken_out_of_the_amount():
    frame = shop(amount=16.95, ship=4.85, tax=2.10)
    assert sums(rl.read_orders(frame, **NAMED, amount_includes={"shipping": "ship", "vat": 0.21}))[2] == 1000.0
    assert sums(rl.read_orders(frame, **NAMED, amount_includes={"shipping": "ship", "vat": "tax"}))[2] == 1000.0
    with pytest.raises(InputRefused, match=r"no column 'shp'.*did you mean 'ship'"):
        rl.read_orders(frame, **NAMED, amount_includes={"shipping": "shp"})
    with refuses("amount_includes.vat == 21, must be a rate below 1, such as 0.21, or the name of a column", 2):
        rl.read_orders(frame, **NAMED, amount_includes={"vat": 21})


@pytest.mark.parametrize("vat", [0.21, "tax"])
def test_what_was_paid_back_is_freed_of_tax_and_shipping_as_what_was_paid_is(vat):
    paid = shop(amount=121.0, tax=21.0, back=0.0)
    paid.loc[[3, 7], "back"] = 121.0, 60.5
    found = rl.read_orders(paid, **NAMED, refunded="back", amount_includes={"vat": vat})
    assert sums(found)[2] == 100 * 100 - 100 - 50


def test_a_kind_of_row_that_takes_back_is_asked_about_where_its_amounts_are_positive():
    kinds = {"Type": ["Payment"] * 80 + ["Refund"] * 20}
    with refuses("column 'Type' holds statuses, among them 'refund', and every row would count", 3):
        rl.read_orders(shop(**kinds), **NAMED)
    assert sums(rl.read_orders(shop(**kinds, amount=[10.0] * 80 + [-5.0] * 20), **NAMED))[2] == 700


def test_a_kind_of_row_that_takes_back_is_taken_off_where_it_is_named_among_those_that_count():
    frame = shop(Type=["Invoice"] * 90 + ["Credit note"] * 10, amount=[10.0] * 95 + [-10.0] * 5)
    orders = rl.read_orders(frame, **NAMED, status="Type", count_status=["invoice", "credit note"])
    assert (orders.orders, sums(orders)[2]) == (90, 800)
    assert any("'credit note', with positive amounts, are taken for refunds: 5" in str(note) for note in orders.notes)
    with refuses("Name 'credit note' there too .* they are then taken off", 3):
        rl.read_orders(frame.rename(columns={"Type": "Kind"}), **NAMED)


def test_orders_that_a_later_row_says_were_cancelled_are_asked_about():
    frame = shop(order=[f"o{n}" for n in range(100)])
    steps = ["pending"] * 100, ["paid"] * 100, ["cancelled"] * 7 + ["shipped"] * 93
    frame = pd.concat(
        frame.assign(status=step, date=frame["date"] + pd.Timedelta(days=n)) for n, step in enumerate(steps)
    )
    settings = {**NAMED, "order": "order", "status": "status", "count_status": ["paid"]}
    with refuses("a row of 7 orders counts, and a later one says cancelled", 3):
        rl.read_orders(frame, **settings)
    kept = frame[~frame["order"].isin([f"o{n}" for n in range(7)])]
    assert rl.read_orders(kept, **settings).orders == 93


def test_the_other_side_of_a_ledger_is_asked_about_and_is_taken_off_where_it_is_named():
    frame = shop(**{"Bedrag debet": [10.0] * 90 + [None] * 10, "Bedrag credit": [None] * 90 + [10.0] * 10})
    settings = NOT_PAID | {"amount": "Bedrag debet"}
    with refuses("'Bedrag credit' says of 10 rows that money was paid back", 3):
        rl.read_orders(frame, **settings)
    orders = rl.read_orders(frame, **settings, refunded="Bedrag credit")
    assert (orders.orders, sums(orders)[2]) == (90, 800)
    assert sums(rl.read_orders(frame, **settings, refunds="drop"))[2] == 900
    unknown = shop(amount=[10.0] * 90 + [None] * 10, back=[0.0] * 90 + [10.0] * 10)
    assert sums(rl.read_orders(unknown, **NAMED, refunded="back"))[2] == 900


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#NAME?"])
def test_an_id_that_a_spreadsheet_could_not_work_out_names_nobody(error):
    orders = rl.read_orders(shop(customer=[error, error, *(f"#{i % 20}" for i in range(98))]), **NAMED)
    assert (orders.customers, lines(orders)["missing_customer"][0]) == (20, 2)


def test_pieces_that_came_back_turn_the_amount_beside_them():
    frame = shop(pieces=[1] * 90 + [-1] * 9 + [-2], amount=[10.0] * 98 + [-10.0, 0.0])
    orders = rl.read_orders(frame, **NAMED, quantity="pieces")
    assert (orders.orders, sums(orders)[2]) == (90, 810)


FLAGS = [
    *(("Geannuleerd", "nee", "ja"), ("is_cancelled", "0", "1"), ("Cancelled at", None, "2024-02-03 10:00")),
    *(("Captured", "true", "false"), ("Completed", "Yes", "No"), ("Document type", "Invoice", "Credit note")),
    *(("Af Bij", "bij", "af"), ("Storno", None, "X"), ("No-show", "nee", "ja"), ("Cancelled on", None, "3 Feb 2024")),
    *(("Cancel reason", None, "Changed my mind"), ("Anulowane", "nie", "tak"), ("Refunded?", "No", "Yes")),
    *(("Fully refunded", "0", "1"), ("Documentsoort", "Factuur", "Offerte"), ("FkArt", "F2", "G2")),
    *(("Tipo documento", "Fattura", "Nota di credito"), ("Tipo", "Factura", "Factura rectificativa")),
    *(("Type de pièce", "Facture", "Avoir"), ("Belegart", "Rechnung", "Rechnungskorrektur")),
    *(("Kind", "Sale", "Return"), ("is_return", "N", "Y"), ("Billable", "Yes", "No")),
    *(("Gift Type", "Cash", "Pledge"), ("Order Type", "Order", "Return"), ("fulfilment", "delivered", "returned")),
    *(("Order cancelled", "No", "Yes"), ("BON_STORNO", "0", "1"), ("void_ind", "N", "Y"), ("rtn_ind", "N", "Y")),
    *(("Soort bon", "Verkoop", "Trainingsbon"), ("Tipo doc.", "Fattura", "Doc. di trasporto"), ("Annullo", "No", "Sì")),
    *(("Rodzaj dokumentu", "Faktura VAT", "Proforma"), ("Dokumentart", "Rechnung", "Auftragsbestätigung")),
    *(("Creditfactuur", "N", "J"), ("test_mode", "false", "true"), ("Record Type", "Settled", "Authorised")),
    *(("Opération", "Vente", "Annulation"), ("Buchungstyp", "Verkauf", "Rückzahlung")),
    *(
        ("Typ dokumentu", "Faktura", "Korekta"),
        ("Refunded at", None, "3 Feb 2024"),
        ("Retourdatum", None, "03-02-2024"),
    ),
    *(("Return reason", None, "Too small"), ("Chargeback date", None, "3 Feb 2024"), ("success", "true", "false")),
    *(("failure_code", None, "card_declined"), ("Approved", "Y", "N"), ("Result", "SUCCESS", "FAIL")),
    *(("Payment type", "Balance", "Deposit refund"), ("event_name", "purchase", "refund")),
    ("Entry type", "Website Payment", "General Authorization"),
    *(("Soort", "Verkoop", "Retour van klant"), ("Makulerad", "Nej", "Ja")),
]
STATUSES = [
    *(("Orderstatus", "Bevestigd", "Geannuleerd door gast"), ("Order outcome", "Completed", "Cancelled by customer")),
    *(("invoice_state", "paid", "failed"), ("statut", "Success", "Annulé"), ("État", "Success", "annulée")),
    *(("Estado", "Success", "cancelado"), ("charge_status", "Success", "Queued"), ("osname", "Success", "Queued")),
    *(("Status of the order", "Success", "Queued"), ("Transaction Type", "Earn", "Redeem")),
    *(("Statut du paiement", "Autorisé", "Refusé"), ("Transaction status", "Settled", "processor_declined")),
    ("Trans type", "Sale", "Return w/ receipt"),
]
"""Columns, with what they hold of rows that count and of those that do not."""


@pytest.mark.parametrize("flags", [FLAGS[:13], FLAGS[13:26], FLAGS[26:33], FLAGS[33:42], FLAGS[42:]])
def test_all_columns_that_say_that_rows_do_not_count_are_asked_about_at_once(flags):
    columns = {name: [good] * 7 * n + [bad] * 7 + [good] * (93 - 7 * n) for n, (name, good, bad) in enumerate(flags)}
    for named, told in ((NAMED, " of 7 rows with a positive amount"), (NOT_PAID, " of 7 rows")):
        with pytest.raises(InputRefused) as refused:
            rl.read_orders(shop(**columns), **named)
        *asked, together = [problem.message for problem in refused.value.problems]
        for (name, _, bad), message in zip(flags, asked, strict=True):
            says = f"column '{name}' says '{bad.lower()}'{told}, and they would count; name it with the key `status`"
            assert says in message
        assert f"of these {len(flags)} columns one can be named" in together
    agreeing = {"Cancelled": ["yes", *["no"] * 99], "Cancelled at": ["2024-01-02", *[None] * 99]}
    with refuses("column 'Cancelled' says", 3) as refused:
        rl.read_orders(shop(**agreeing), **NAMED)
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize(("column", "good", "bad"), [*STATUSES, *(FLAGS[place] for place in (0, 2, 12))])
def test_a_column_that_says_that_rows_do_not_count_settles_it_where_it_is_named(column, good, bad):
    flagged = shop(**{column: [good] * 80 + [bad] * 20})
    with refuses(f"column '{re.escape(column)}' .*{bad.lower()}.*(count|rows with a positive amount).*`status`", 3):
        rl.read_orders(flagged, **NAMED)
    assert rl.read_orders(flagged, **NAMED, status=column, count_status=[(good or "(empty)").lower()]).orders == 80


def test_columns_that_say_nothing_against_their_rows_are_left_alone():
    assert (
        rl.read_orders(shop(**{name: [good or "no"] * 100 for name, good, _ in FLAGS + STATUSES}), **NAMED).orders
        == 100
    )
    of_something_else = {
        "Stage": ["Main stage", "Open air"],
        "Rate type": ["Non refundable", "Free cancellation"],
        "Cancellation cover": ["Yes", "No"],
        "Subscription status": ["active", "cancelled"],
        "Delivery status": ["delivered", "pending"],
        "Payment captured": ["Yes", "Yes"],
        "Ticket type": ["Single", "Return"],
        "Card type": ["Credit", "Debit"],
        "Type kaartje": ["Enkele reis", "Retour"],
        "type": ["shoe", "training"],
        "Preorder?": ["0", "1"],
        "Test group": ["A", "B"],
        "Avoid contact": ["yes", "no"],
        "Void fill": ["1", "0"],
        "Refund policy": ["Refund within 30 days", "No refund"],
        "Payment type": ["Credit card", "Debit card"],
        "Approved by": ["Kim", "Sam"],
        "Return date": ["2024-02-03", "2024-02-04"],
        "Refund days": [14, 30],
        "Decline cookies": ["yes", "no"],
        "Household type": ["Household", "Single"],
        "Email success": ["yes", "no"],
        "Returning customer": ["Yes", "No"],
        "Paid": ["2024-02-03", "2024-02-04"],
        "Captured": ["10.00", "26.44"],
        "Voided": ["0.00", "0.00"],
    }
    columns = {name: values * 50 for name, values in of_something_else.items()}
    assert rl.read_orders(shop(**columns), **NAMED).orders == 100


def test_whether_something_was_paid_back_is_told_by_how_much_where_that_is_named():
    dated = shop(**{"Refunded at": ["2024-02-03", *[None] * 99]}, back=[4.0, *[0.0] * 99])
    assert sums(rl.read_orders(dated, **NAMED, refunded="back"))[2] == 996
    frame = shop(Refunded=["yes", *["no"] * 99], back=[4.0, *[0.0] * 99])
    assert sums(rl.read_orders(frame, **NAMED, refunded="back"))[2] == 996


@pytest.mark.parametrize("amounts", [[-10.0] * 9 + [10.0], [-10.0] * 8 + [5.0] * 2, [10, -5, -5.0, 10, -10] * 2])
def test_amounts_that_come_to_nothing_or_less_are_no_turnover(amounts):
    told = "the amounts of all rows that count come to .*written as negative.*both sides of every entry"
    with refuses(told, 3):
        rl.read_orders(shop(amount=amounts * 10), **NAMED)
    with refuses(told, 3):
        rl.read_orders(shop(amount=amounts * 10)[:30], **NAMED)


def test_what_a_second_column_says_of_rows_whose_status_counts_is_asked_about():
    frame = shop(Bestellstatus="abgeschlossen", Zahlungsstatus=["Komplett bezahlt"] * 90 + ["Offen"] * 10)
    with refuses("'Zahlungsstatus' says 'offen' of 10 rows", 3):
        rl.read_orders(frame, **NAMED, status="Bestellstatus", count_status=["abgeschlossen"])
    frame = shop(Status=["Paid"] * 90 + ["Failed"] * 10, Captured=[True] * 80 + [False] * 20)
    settings = NAMED | {"status": "Status", "count_status": ["paid"]}
    with refuses("'Captured' says 'false' of 10 rows .*`split`.*`part`", 3):
        rl.read_orders(frame, **settings)
    assert rl.read_orders(frame, **settings, split="Captured", part="true").orders == 80


@pytest.mark.parametrize("column", ["amount_cents", "AmountMinor", "Amount (minor units)", "bedrag_in_centen"])
def test_an_amount_in_cents_by_its_name_is_turned_into_money_and_told(column):
    named = NAMED | {"amount": column}
    orders = rl.read_orders(shop(**{column: 1250, "back_cents": [200, 0] * 50}), **named, refunded="back_cents")
    assert sums(orders)[2] == 100 * 12.5 - 50 * 2
    assert f"'{column}', 'back_cents' are in hundredths" in str(orders.notes[0])


def test_whole_amounts_that_may_be_cents_are_told_and_how_to_say_so():
    notes = [str(note) for note in rl.read_orders(shop(amount=1250), **NAMED).notes]
    assert any("If they are cents, give the column a name that says so, such as amount_cents." in one for one in notes)
    for amount, currency in ((1250, "JPY"), (120, None), (1250.5, None)):
        assert "cents" not in str(rl.read_orders(shop(amount=amount), **NAMED, currency=currency).notes)
    of_its_own = rl.read_orders(shop(amount_cents=12.5), **NAMED | {"amount": "amount_cents"})
    assert sums(of_its_own)[2] == 1250  # no hundredths: it has cents of its own


def test_a_column_of_currencies_that_nobody_named_is_asked_about():
    mixed = shop(**{"Currency Code": ["EUR", "GBP"] * 50})
    with refuses("in 2 currencies .EUR in 50 rows, GBP in 50 rows.*in one of them, name that with `currency`", 3):
        rl.read_orders(mixed, **NAMED)
    orders = rl.read_orders(mixed, **NAMED, currency="EUR")
    assert "though 'Currency Code' names several: EUR in 50 rows, GBP in 50 rows" in str(orders.notes[0])
    assert rl.read_orders(shop(moneda=["EUR", "Moneda 2"] * 50), **NAMED).currency is None


def test_statuses_as_woocommerce_stores_them_are_those_of_its_export():
    frame = shop(state=["wc-completed", "wc-refunded"] * 50)
    found = rl.read_orders(frame, **NAMED, status="state", count_status=["wc-completed", "wc-refunded"])
    assert sums(found) == (20, 100, 500.0)


def test_a_part_need_not_hold_every_status_that_counts():
    frame = shop(state=["paid", *["done"] * 99], country=["BE", *["NL"] * 99])
    columns = {"status": "state", "split": "country"}
    found = rl.read_orders(frame, **NAMED, **columns, part="NL", count_status=["paid", "done"])
    assert found.orders == 99
    assert "Statuses that count and that no row of this part has: paid." in map(str, found.notes)
    with pytest.raises(InputRefused, match="no row has the status 'sent'"):
        rl.read_orders(frame, **NAMED, status="state", count_status=["paid", "done", "sent"])


def test_a_header_under_title_rows_is_pointed_at():
    with pytest.raises(InputRefused, match=r"these columns stand in line 3; set the key `skip_rows` to 2"):
        read("title_rows_and_total.csv", **PLAIN)
    columns = {"customer": "Klantnr", "date": "Factuurdatum", "amount": "Bedrag"}
    with pytest.raises(InputRefused, match=r"these columns stand in row 4; set the key `skip_rows` to 3"):
        read("title_rows.xlsx", **columns, sheet="Data")


def test_a_header_of_one_column_asks_what_separates_columns(tmp_path):
    (tmp_path / "a.csv").write_text("customer^date^amount\nc1^2024-01-02^3.50\n")
    with refuses("its header is one column, 'customer.*'; name what separates columns with the key .delimiter", 2):
        rl.read_orders(tmp_path / "a.csv", **NAMED)
    assert rl.read_orders(tmp_path / "a.csv", **NAMED, delimiter="^").customers == 1


def test_one_customer_with_a_tenth_of_all_orders_is_told():
    frame = shop(customer=["shop"] * 20 + [f"c{i}" for i in range(80)])
    assert any("'shop'" in str(note) for note in rl.read_orders(frame, **NAMED).notes)


def test_totals_of_months_and_customers_inside_a_file_are_no_orders(tmp_path):
    rows = ["k1;2024-01-05;10", "k1;2024-02-05;20", "k1 Totaal;;30", "k2;2024-01-09;5", "Subtotal k2:;;5", "Total;;35"]
    (tmp_path / "a.csv").write_text("\n".join(["c;d;a", *rows]))
    orders = rl.read_orders(tmp_path / "a.csv", customer="c", date="d", amount="a")
    ledger = orders.ledger.set_index("reason")
    assert ledger.loc["ledger.reason.total_row", ["rows", "amount"]].tolist() == [3, 70.0]
    assert orders.customers == 2


def test_totals_in_the_place_of_dates_are_refused_with_their_lines(tmp_path):
    rows = ["k1;05-01-2024;10", "k1;25-02-2024;20", ";Totaal januari;30", "k2;soon;1", ";Grand total:;35"]
    (tmp_path / "a.csv").write_text("\n".join(["c;d;a", *rows]))
    shown = "'Totaal januari' in line 4, 'soon' in line 5, 'Grand total:' in line 6"
    with refuses(f"3 values are not dates that can be recognised: {shown}; .*take lines of totals out", 3):
        rl.read_orders(tmp_path / "a.csv", customer="c", date="d", amount="a")


def test_totals_that_have_a_day_are_asked_about():
    frame = shop()
    total = pd.DataFrame({"customer": ["Totaal:"], "amount": [1000.0], "date": [frame["date"].max()]})
    frame = pd.concat([frame, total], ignore_index=True)
    with refuses("1 row looks like a total of the others and has a date: 'Totaal:' in row 101; .* `ids`", 3):
        rl.read_orders(frame, **NAMED)
    assert rl.read_orders(frame, **NAMED, ids={"anonymous": ["totaal:"]}).customers == 20
    assert rl.read_orders(frame, **NAMED, ids={"anonymous": []}).customers == 21
    assert rl.read_orders(frame.replace(1000.0, 10.0), **NAMED).customers == 21  # a firm of that name


@pytest.mark.parametrize("other", ["000{}", "'{}", '="{}"', "#{}", " {}  b", "K{}"])
def test_ids_that_are_nearly_alike_are_told(other):
    frame = shop(customer=[(other if i % 3 else other.strip("0'#=\"").lower().replace("  ", " ")).format(i % 20 + 1)
                           for i in range(100)])  # fmt: skip
    orders = rl.read_orders(frame, **NAMED)
    assert orders.customers == 40
    assert [note.values["n"] for note in orders.notes if note.code == "data.ids_alike"] == [40]


def test_refunds_to_somebody_without_an_order_are_told_where_they_matter():
    frame = shop(
        customer=[f"c{i % 20}" if i < 95 else "the shop" for i in range(100)], amount=[10.0] * 95 + [-10.0] * 5
    )
    told = [note.values["n"] for note in rl.read_orders(frame, **NAMED).notes if "without any order" in str(note)]
    assert told == [5]


def test_orders_whose_rows_lie_on_several_days_are_told():
    frame = shop(bon=[f"b{i // 40}-{i % 20}" for i in range(100)])
    for amount_of in ("line", "order"):
        notes = rl.read_orders(frame, **NAMED, order="bon", amount_of=amount_of).notes
        assert [note.values.get("orders") for note in notes if "several days" in str(note)] == [60]
    notes = rl.read_orders(shop(bon=range(100)), **NAMED, order="bon").notes
    assert not any("several days" in str(note) or note.code == "data.ids_alike" for note in notes)


@pytest.mark.parametrize(
    "written",
    [
        lambda i: f"{INVISIBLE[i % 8]}c{i % 20}{INVISIBLE[i % 8]}",
        lambda i: ("Jos\u00e9" if i % 3 else "Jose\u0301") + str(i % 20),
        lambda i: f"{i % 20},0" if i % 3 else f"{i % 20}",
    ],
    ids=["marks that nobody sees", "two forms of Unicode", "a comma and zero of a spreadsheet"],
)
def test_ids_that_differ_in_how_they_are_written_are_one_customer(written):
    assert rl.read_orders(shop(customer=[written(i) for i in range(100)]), **NAMED).customers == 20


def test_an_id_of_marks_that_nobody_sees_is_missing():
    frame = shop(customer=[f"c{i % 20}" if i % 3 else INVISIBLE[i % 8] for i in range(100)])
    assert lines(rl.read_orders(frame, **NAMED))["missing_customer"][0] == 34
