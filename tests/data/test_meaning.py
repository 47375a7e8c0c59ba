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


@pytest.mark.parametrize(("name", "settings"), [
    ("email_case_and_blanks.csv", PLAIN | {"customer": "email"}),
    ("ids_2022.csv ids_2023.csv", PLAIN), ("discount_share.csv", PLAIN | {"discount": "discount"}),
    ("discount_per_cent.csv", PLAIN | {"discount": "discount %"}),
    ("title_rows_and_total.csv", PLAIN | {"skip_rows": 2}),
    ("title_rows.xlsx",
     {"customer": "Klantnr", "date": "Factuurdatum", "amount": "Bedrag", "skip_rows": 1, "sheet": "Data"}),
    ("date_epoch.csv", PLAIN), ("date_excel_serial.csv", PLAIN),
    ("months_german.csv", {"customer": "Kundennummer", "date": "Datum", "amount": "Betrag"}),
    ("one_row_of_1970.csv", PLAIN | {"observation_start": "2000-01-01"}),
    ("total_on_every_line.csv", PLAIN | {"amount": "order_total", "order": "order_id", "amount_of": "order"}),
])  # fmt: skip
def test_the_same_shop_is_found_in_every_export(name, settings):
    assert sums(read(name, **settings)) == (300, 1068, 68130.24)


def test_only_named_statuses_count_and_each_other_one_is_a_line_of_the_ledger():
    settings = {"customer": "Customer", "date": "Date", "amount": "N. Revenue", "status": "Status"}
    orders = read("woo_status.csv", **settings, count_status=COUNTED)
    assert sums(orders) == (285, 920, 58493.99)
    found = lines(orders)
    assert {name: found[name] for name in ("cancelled", "failed", "pending", "refunded")} == {
        "cancelled": (59, 3686.21), "failed": (42, 2973.51), "pending": (15, 1058.27), "refunded": (36, 1918.26),
    }  # fmt: skip
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


def test_a_column_of_refunds_is_taken_off_the_order_of_its_row():
    frame = shop(back=[10.0, 4.0] + [0.0] * 98)
    orders = rl.read_orders(frame, **NAMED, refunded="back")
    assert sums(orders) == (20, 100, 986.0)
    assert lines(orders)["refund_in_column"] == (0, 14.0)
    assert orders.ledger["amount"].sum() == 1000.0
    negative = rl.read_orders(frame.assign(back=-frame["back"]), **NAMED, refunded="back")
    assert sums(negative) == sums(orders)


def test_addresses_in_two_spellings_are_one_customer_and_comes_back_as_first_seen():
    orders = read("woo_guest_zero.csv", customer="billing_email", **WOO, count_status=COUNTED)
    assert sums(orders) == (285, 920, 58493.99)
    apart = read("email_case_and_blanks.csv", **PLAIN | {"customer": "email"}, ids={"case": "keep", "strip": False})
    assert apart.customers > 400
    frame = shop(customer=["A@x.nl", "a@x.nl ", "b@x.nl", "B@x.nl"] * 25)
    assert rl.read_orders(frame, **NAMED).summary().index.tolist() == ["A@x.nl", "b@x.nl"]


def test_an_id_that_stands_for_nobody_is_taken_out():
    orders = read("woo_guest_zero.csv", customer="customer_id", **WOO, count_status=COUNTED)
    assert lines(orders)["anonymous"][0] == 396
    guest = read("guest.csv", **PLAIN)
    assert guest.customers <= 300
    assert "Guest" not in guest.summary().index


def test_a_number_that_few_rows_have_is_the_id_of_any_customer():
    rows = 30_000
    frame = pd.DataFrame({"customer": [0, 0, *(i % 29_000 + 1 for i in range(rows - 2))], "amount": 1.0})
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.index % 300, unit="D")
    orders = rl.read_orders(frame, **NAMED)
    assert orders.customers == 29_001
    assert not any("nobody" in str(note) for note in orders.notes)


def test_an_order_s_total_on_each_of_its_lines_is_asked_about():
    settings = PLAIN | {"amount": "order_total"}
    with pytest.raises(InputRefused, match=r"same on all lines of 809 of 809 orders.*`amount_of`.*`order`"):
        read("total_on_every_line.csv", **settings)
    lines_added = read("total_on_every_line.csv", **settings, order="order_id", amount_of="line")
    assert round(lines_added.histories.table["spent"].sum()) == 170631


@pytest.mark.parametrize("scale", [1, 100])
def test_a_discount_is_turned_into_money_where_its_values_are_certain(scale):
    off = pd.Series([0.2, 0.5, 0, 0.05] * 25) * scale
    frame = shop(**{"off %" if scale == 100 else "off": off})
    orders = rl.read_orders(frame, **NAMED, discount=frame.columns[-1])
    days = pd.read_parquet(orders.occasions)
    assert days.sort_values("day")["discount"].head(4).round(2).tolist() == [2.5, 10.0, 0.0, 0.53]


def test_of_what_a_column_of_refunds_takes_off_the_discount_goes_too_however_it_is_written():
    frame = shop(back=[10.0, 4.0] + [0.0] * 98, share=0.2, money=2.5)
    for kind in ("share", "money"):
        orders = rl.read_orders(frame, **NAMED, refunded="back", discount=kind, discount_is=kind)
        days = pd.read_parquet(orders.occasions).sort_values("day")
        assert days["discount"].head(3).tolist() == [0.0, 1.5, 2.5]


@pytest.mark.parametrize(("off", "each"), [
    ([3.0] * 4, 3.0), ([3.0, 2.0, 1.0, None], 3.0), ([2.0, 1.0, 3.0, None], 3.0), ([-2.0, -1.0, -3.0, 0.0], -3.0),
    ([3.0, 4.0, 2.0, 0.5], 9.5), ([0.0, 3.0, 3.0, None], 6.0), ([0.0, 0.0, 4.5, 0.0], 4.5),
])  # fmt: skip
def test_a_discount_beside_an_order_s_total_counts_once_where_it_is_of_the_order(off, each):
    orders = rl.read_orders(shop(**BONS, off=off * 25), **NAMED, order="bon", amount_of="order", discount="off")
    assert pd.read_parquet(orders.occasions)["discount"].unique().tolist() == [each]


def test_the_total_of_an_order_that_does_not_count_stands_in_the_ledger_once():
    frame = shop(**BONS, status=["paid"] * 60 + ["cancelled"] * 40)
    settings = {"order": "bon", "amount_of": "order", "status": "status", "count_status": ["paid"]}
    ledger = rl.read_orders(frame, **NAMED, **settings).ledger
    assert ledger.groupby("outcome")["amount"].sum()[["used", "dropped"]].tolist() == [15 * 15, 10 * 15]


def test_a_discount_is_read_as_it_is_said_to_be():
    frame = shop(discount=[20.0, 50.0, 0.0, 10.0] * 25)
    for kind, first in (("money", 20.0), ("per_cent", 2.5)):
        orders = rl.read_orders(frame, **NAMED, discount="discount", discount_is=kind)
        assert pd.read_parquet(orders.occasions).sort_values("day")["discount"].iloc[0] == first


@pytest.mark.parametrize("vat", [0.25, "tax"])
def test_a_discount_off_a_price_with_tax_loses_the_tax_as_the_amount_does(vat):
    frame = shop(off=[2.5, 0.0] * 50, tax=2.0, free=0.0)
    orders = rl.read_orders(frame, **NAMED, discount="off", amount_includes={"vat": vat, "shipping": "free"})
    days = pd.read_parquet(orders.occasions)
    assert days[["amount", "discount"]].drop_duplicates().sort_values("discount").values.tolist() == [[8, 0], [8, 2]]


@pytest.mark.parametrize("vat", [0.25, "tax"])
def test_a_refund_in_the_row_does_not_change_what_part_of_a_discount_is_tax(vat):
    frame, included = shop(off=2.5, tax=2.0, free=0.0, back=5.0), {"vat": vat, "shipping": "free"}
    orders = rl.read_orders(frame, **NAMED, discount="off", refunded="back", amount_includes=included)
    assert pd.read_parquet(orders.occasions)[["amount", "discount"]].drop_duplicates().values.tolist() == [[4, 1]]


@pytest.mark.parametrize(("column", "included", "is_told"), [
    ("Bedrag (incl. BTW)", None, True), ("Total incl 21% VAT", {"shipping": "free"}, True), ("Prix TTC", None, True),
    ("Bedrag (incl. BTW)", {"vat": 0.21}, False), ("Omzet excl. btw", None, False), ("Including taxi", None, False),
])  # fmt: skip
def test_a_column_that_says_that_tax_is_in_it_is_told_where_none_is_taken_off(column, included, is_told):
    frame = shop().rename(columns={"amount": column})
    orders = rl.read_orders(frame.assign(free=0.0), **NAMED | {"amount": column}, amount_includes=included)
    assert any("says that tax is in its amounts" in str(note) for note in orders.notes) == is_told


def test_money_that_nobody_named_is_asked_about_and_profit_is_no_turnover():
    notes = read("profit_column.csv", customer="customer_id", date="order_date").notes
    assert any("Is it 'profit'?" in str(note) for note in notes)
    notes = read("profit_column.csv", **PLAIN | {"amount": "profit"}).notes
    assert any("An amount must be turnover" in str(note) for note in notes)


def test_orders_that_a_later_row_says_were_cancelled_are_asked_about():
    frame = shop(order=[f"o{n}" for n in range(100)])
    steps = ["pending"] * 100, ["paid"] * 100, ["cancelled"] * 7 + ["shipped"] * 93
    frame = pd.concat(
        frame.assign(status=step, date=frame["date"] + pd.Timedelta(days=n)) for n, step in enumerate(steps)
    )
    settings = {**NAMED, "order": "order", "status": "status", "count_status": ["paid"]}
    with refuses("a row of 7 orders counts, and a later one says cancelled; keep the last row of each order$", 3):
        rl.read_orders(frame, **settings)
    kept = frame[~frame["order"].isin([f"o{n}" for n in range(7)])]
    assert rl.read_orders(kept, **settings).orders == 93


def with_refunds_of_their_own(**columns):
    """The shop with seven orders paid back in full, and three in part."""
    frame = shop(order=[f"o{n}" for n in range(100)], status=["refunded"] * 7 + ["completed"] * 93)
    frame["amount"] += frame.index
    back = frame.head(10).assign(amount=[*-frame["amount"][:7], -4.0, -4.0, -4.0], status="completed", **columns)
    back = back.assign(order=[f"r{n}" for n in range(10)], date=back["date"] + pd.Timedelta(days=9))
    return pd.concat([frame, back], ignore_index=True)


def test_refunds_of_their_own_beside_orders_that_say_refunded_are_taken_off_once():
    settings = {**NAMED, "order": "order", "status": "status"}
    asked = "7 refunds are of the customer and the amount of an order whose status is refunded.*`count_status`"
    with refuses(asked, 3):
        rl.read_orders(with_refunds_of_their_own(), **settings, count_status=["completed"])
    orders = rl.read_orders(with_refunds_of_their_own(), **settings, count_status=["completed", "refunded"])
    assert sums(orders) == (20, 100, sum(range(17, 110)) - 12)
    assert not any("counts in full" in str(note) for note in orders.notes)
    alone = with_refunds_of_their_own().drop(index=100)  # the refund of one of the seven
    notes = rl.read_orders(alone, **settings, count_status=["completed", "refunded"]).notes
    assert any(
        "1 order whose status is 'refunded' has no refund of its amount, so it counts in full" in str(note)
        for note in notes
    )
    dropped = rl.read_orders(with_refunds_of_their_own(), **settings, count_status=["completed"], refunds="drop")
    assert sums(dropped) == (20, 93, sum(range(17, 110)))


def test_refunds_that_name_no_customer_are_asked_about_where_orders_do():
    settings = {**NAMED, "order": "order", "status": "status", "count_status": ["completed"]}
    with refuses("none of the 10 refunds has a customer id.*`refunds` to 'drop'", 3):
        rl.read_orders(with_refunds_of_their_own(customer=None), **settings)
    assert sums(rl.read_orders(with_refunds_of_their_own(customer=None), **settings, refunds="drop"))[1] == 93


def test_a_line_with_neither_customer_nor_amount_is_a_further_line_of_an_order():
    frame = shop()
    further = frame.assign(customer=None, amount=None)
    assert lines(rl.read_orders(pd.concat([frame, further, further]), **NAMED))["missing_amount"] == (200, 0)


FLAGS = [
    ("Geannuleerd", "nee", "ja"), ("is_cancelled", "0", "1"), ("Cancelled at", None, "2024-02-03 10:00"),
    ("Captured", "true", "false"), ("Completed", "Yes", "No"), ("Document type", "Invoice", "Credit note"),
    ("Af Bij", "bij", "af"), ("Storno", None, "X"), ("No-show", "nee", "ja"), ("Cancelled on", None, "3 Feb 2024"),
    ("Cancel reason", None, "Changed my mind"), ("Anulowane", "nie", "tak"), ("Refunded?", "No", "Yes"),
    ("Fully refunded", "0", "1"), ("Documentsoort", "Factuur", "Offerte"), ("FkArt", "F2", "G2"),
    ("Tipo documento", "Fattura", "Nota di credito"), ("Tipo", "Factura", "Factura rectificativa"),
    ("Type de pièce", "Facture", "Avoir"), ("Belegart", "Rechnung", "Rechnungskorrektur"), ("Kind", "Sale", "Return"),
    ("is_return", "N", "Y"), ("Billable", "Yes", "No"), ("Gift Type", "Cash", "Pledge"),
    ("Order Type", "Order", "Return"), ("fulfilment", "delivered", "returned"), ("Order cancelled", "No", "Yes"),
    ("BON_STORNO", "0", "1"), ("void_ind", "N", "Y"), ("rtn_ind", "N", "Y"), ("Soort bon", "Verkoop", "Trainingsbon"),
    ("Tipo doc.", "Fattura", "Doc. di trasporto"), ("Annullo", "No", "Sì"),
    ("Rodzaj dokumentu", "Faktura VAT", "Proforma"), ("Dokumentart", "Rechnung", "Auftragsbestätigung"),
    ("Creditfactuur", "N", "J"), ("test_mode", "false", "true"), ("Record Type", "Settled", "Authorised"),
    ("Opération", "Vente", "Annulation"), ("Buchungstyp", "Verkauf", "Rückzahlung"),
    ("Typ dokumentu", "Faktura", "Korekta"), ("Refunded at", None, "3 Feb 2024"), ("Retourdatum", None, "03-02-2024"),
    ("Return reason", None, "Too small"), ("Chargeback date", None, "3 Feb 2024"), ("success", "true", "false"),
    ("failure_code", None, "card_declined"), ("Approved", "Y", "N"), ("Result", "SUCCESS", "FAIL"),
    ("Payment type", "Balance", "Deposit refund"), ("event_name", "purchase", "refund"),
    ("Entry type", "Website Payment", "General Authorization"), ("Soort", "Verkoop", "Retour van klant"),
    ("Makulerad", "Nej", "Ja"), ("Payment Method", "Shopify Payments", "Bogus Gateway"),
]  # fmt: skip
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
        "Stage": ["Main stage", "Open air"], "Rate type": ["Non refundable", "Free cancellation"],
        "Cancellation cover": ["Yes", "No"], "Subscription status": ["active", "cancelled"],
        "Delivery status": ["delivered", "pending"], "Payment captured": ["Yes", "Yes"],
        "Ticket type": ["Single", "Return"], "Card type": ["Credit", "Debit"], "Payment method": ["Credit", "Debit"],
        "Type kaartje": ["Enkele reis", "Retour"], "type": ["shoe", "training"], "Preorder?": ["0", "1"],
        "Test group": ["A", "B"], "Avoid contact": ["yes", "no"], "Void fill": ["1", "0"],
        "Refund policy": ["Refund within 30 days", "No refund"], "Payment type": ["Credit card", "Debit card"],
        "Approved by": ["Kim", "Sam"], "Return date": ["2024-02-03", "2024-02-04"], "Refund days": [14, 30],
        "Decline cookies": ["yes", "no"], "Household type": ["Household", "Single"], "Email success": ["yes", "no"],
        "Returning customer": ["Yes", "No"], "Paid": ["2024-02-03", "2024-02-04"], "Captured": ["10.00", "26.44"],
        "Voided": ["0.00", "0.00"],
    }  # fmt: skip
    columns = {name: values * 50 for name, values in of_something_else.items()}
    assert rl.read_orders(shop(**columns), **NAMED).orders == 100


def test_whole_amounts_that_may_be_cents_are_told_and_how_to_say_so():
    notes = [str(note) for note in rl.read_orders(shop(amount=1250), **NAMED).notes]
    assert any("If they are cents, give the column a name that says so, such as amount_cents." in one for one in notes)
    for amount, currency in ((1250, "JPY"), (120, None), (1250.5, None)):
        assert "cents" not in str(rl.read_orders(shop(amount=amount), **NAMED, currency=currency).notes)
    of_its_own = rl.read_orders(shop(amount_cents=12.5), **NAMED | {"amount": "amount_cents"})
    assert sums(of_its_own)[2] == 1250  # no hundredths: it has cents of its own


def test_neither_a_part_nor_a_month_need_hold_every_status_that_counts():
    frame = shop(state=["paid", *["done"] * 99], country=["BE", *["NL"] * 99])
    columns = {"status": "state", "split": "country"}
    found = rl.read_orders(frame, **NAMED, **columns, part="NL", count_status=["paid", "done"])
    assert found.orders == 99
    assert "Statuses that count and that no row has: paid." in map(str, found.notes)
    known = rl.read_orders(frame, **NAMED, status="state", count_status=["paid", "done", "processing", "refunded"])
    assert "Statuses that count and that no row has: processing and refunded." in map(str, known.notes)
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


def test_a_line_of_totals_is_told_beside_a_status_and_by_the_column_of_orders():
    frame = shop(bon=range(100), state="paid").astype({"bon": str, "date": str})
    frame.loc[100] = {"bon": "Totaal", "amount": 1000.0}
    orders = rl.read_orders(frame, **NAMED, order="bon", status="state", count_status=["paid"])
    assert lines(orders) == {"order": (100, 1000.0), "total_row": (1, 1000.0)}
    orders = rl.read_orders(frame.drop(columns="bon"), **NAMED, status="state", count_status=["paid"])
    assert lines(orders) == {"order": (100, 1000.0), "missing_customer": (1, 1000.0)}


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


def test_orders_whose_rows_lie_on_several_days_are_told():
    frame = shop(bon=[f"b{i // 40}-{i % 20}" for i in range(100)])
    for amount_of in ("line", "order"):
        notes = rl.read_orders(frame, **NAMED, order="bon", amount_of=amount_of).notes
        assert [note.values.get("orders") for note in notes if "several days" in str(note)] == [60]
    notes = rl.read_orders(shop(bon=range(100)), **NAMED, order="bon").notes
    assert not any("several days" in str(note) or note.code == "data.ids_alike" for note in notes)


ZEROS = [0] * 50 + list(range(1, 51))
KINDS = {"Type": ["Invoice"] * 90 + ["Credit note"] * 10, "amount": [10.0] * 95 + [-10.0] * 5}
SIDES = {"Bedrag debet": [10.0] * 90 + [None] * 10, "Bedrag credit": [None] * 90 + [10.0] * 10}
CARDS = {"amount": 16.95, "ship": 4.85, "tax": 2.10}
PAID = {"amount": 121.0, "tax": 21.0, "back": [121.0, 60.5] + [0.0] * 98}
BACK = [4.0, *[0.0] * 99]
BONS = {"customer": [f"c{i // 4}" for i in range(100)], "bon": [f"b{i // 4}" for i in range(100)],
        "date": pd.Timestamp("2024-01-01"), "amount": [15.0, 10.0, 5.0, None] * 25}  # fmt: skip
CURRENCIES = {"Currency Code": ["EUR", "GBP"] * 50}
ALL = 20, 100, 1000
READ = {
    "capitals are kept where ids are no addresses": ({"customer": ["A1", "a1"] * 50}, {}, (2, 100, 1000)),
    "capitals say nothing": ({"customer": ["A1", "a1"] * 50}, {"ids": {"case": "lower"}}, (1, 100, 1000)),
    "half of the rows are nobody's": ({"customer": ZEROS}, {}, (50, 50, 500)),
    "nobody is nobody": ({"customer": ZEROS}, {"ids": {"anonymous": []}}, (51, 100, 1000)),
    "two are nobody": ({"customer": ZEROS}, {"ids": {"anonymous": ["0", "7"]}}, (49, 49, 490)),
    "an error of a spreadsheet is no id": (
        {"customer": ["#REF!", "#N/A", "#NAME?", *(f"#{i % 20}" for i in range(97))]}, {}, (20, 97, 970)),
    "a mark that nobody sees is no id": (
        {"customer": [f"c{i % 20}" if i % 3 else INVISIBLE[i % 8] for i in range(100)]}, {}, (20, 66, 660)),
    "ids with marks that nobody sees": (
        {"customer": [f"{INVISIBLE[i % 8]}c{i % 20}{INVISIBLE[i % 8]}" for i in range(100)]}, {}, ALL),
    "ids in two forms of Unicode": (
        {"customer": [("Jos\u00e9" if i % 3 else "Jose\u0301") + str(i % 20) for i in range(100)]}, {}, ALL),
    "ids with a comma and zero": ({"customer": [f"{i % 20}{',0' * (i % 3 > 0)}" for i in range(100)]}, {}, ALL),
    "no tax is in them": (CARDS, {"amount_includes": {"vat": 0}}, (20, 100, 1695)),
    "tax at a rate and shipping are taken out": (CARDS, {"amount_includes": {"shipping": "ship", "vat": 0.21}}, ALL),
    "tax that is nothing anywhere is taken out": (
        {"amount": [float(row) for row in range(1, 101)], "tax": 0.0}, {"amount_includes": {"vat": "tax"}},
        (20, 100, 5050)),
    "tax in a column is taken out": (CARDS, {"amount_includes": {"shipping": "ship", "vat": "tax"}}, ALL),
    "what was paid back is freed of tax at a rate": (
        PAID, {"refunded": "back", "amount_includes": {"vat": 0.21}}, (20, 100, 9850)),
    "what was paid back is freed of tax in a column": (
        PAID, {"refunded": "back", "amount_includes": {"vat": "tax"}}, (20, 100, 9850)),
    "kinds of rows whose refunds are negative": (
        {"Type": ["Payment"] * 80 + ["Refund"] * 20, "amount": [10.0] * 80 + [-5.0] * 20}, {}, (20, 80, 700)),
    "credit notes are taken off where they are named": (
        KINDS, {"status": "Type", "count_status": ["invoice", "credit note"]}, (20, 90, 800)),
    "the other side of a ledger is taken off": (
        SIDES, {"amount": "Bedrag debet", "refunded": "Bedrag credit"}, (20, 90, 800)),
    "the other side of a ledger is left": (SIDES, {"amount": "Bedrag debet", "refunds": "drop"}, (20, 90, 900)),
    "pieces that came back turn the amount beside them": (
        {"pieces": [1] * 90 + [-1] * 9 + [-2], "amount": [10.0] * 98 + [-10.0, 0.0]},
        {"quantity": "pieces"}, (20, 90, 810)),
    "how much was paid back beside when": (
        {"Refunded at": ["2024-02-03", *[None] * 99], "back": BACK}, {"refunded": "back"}, (20, 100, 996)),
    "how much was paid back beside whether": (
        {"Refunded": ["yes", *["no"] * 99], "back": BACK}, {"refunded": "back"}, (20, 100, 996)),
    "statuses as WooCommerce stores them": (
        {"state": ["wc-completed", "wc-refunded"] * 50},
        {"status": "state", "count_status": ["wc-completed", "wc-refunded"]}, (20, 100, 500)),
    "an order's total beside its lines": (BONS, {"order": "bon", "amount_of": "order"}, (25, 25, 375)),
    "cents": ({"amount_cents": 1250, "back_cents": [200, 0] * 50},
              {"amount": "amount_cents", "refunded": "back_cents"}, (20, 100, 1150)),
    "minor units": ({"Amount (minor units)": 1250}, {"amount": "Amount (minor units)"}, (20, 100, 1250)),
    "centen": ({"bedrag_in_centen": 1250}, {"amount": "bedrag_in_centen"}, (20, 100, 1250)),
    "cents with cents of their own": ({"amount_cents": 12.5}, {"amount": "amount_cents"}, (20, 100, 1250)),
}  # fmt: skip
"""What rows mean -> columns, settings, and the customers, orders and money that are found."""


@pytest.mark.parametrize("meaning", READ)
def test_rows_are_read_by_what_they_mean(meaning):
    columns, settings, expected = READ[meaning]
    assert sums(rl.read_orders(shop(**columns), **NAMED | settings)) == expected


REFUSED = {
    "a refund above its order": ({"back": [11.0] + [0.0] * 99}, {"refunded": "back"}, "above its order: .11.0. / .10"),
    "refunds of two signs": ({"back": [1.0, -1.0] * 50}, {"refunded": "back"}, "all must have one sign"),
    "refunds that nobody named": ({"Refunded Amount": BACK}, {}, "'Refunded Amount' says of 1 row.*`refunded`"),
    "refunds of another name": ({"Partial Refunds": BACK}, {}, "'Partial Refunds' says of 1 row"),
    "statuses to count of no column": ({}, {"count_status": ["paid"]}, "count_status needs status"),
    "totals of no order": ({}, {"amount_of": "order"}, "amount_of == 'order' needs order"),
    "a discount of unknown kind": ({"off": [20.0, 0] * 50}, {"discount": "off"}, "money or per cent off.*discount_is"),
    "shares above one": (
        {"off": [20.0, 0] * 50}, {"discount": "off", "discount_is": "share"}, "50 values are outside 0 to 1"),
    "shipping that is not there": (CARDS, {"amount_includes": {"shipping": "shp"}}, "no column 'shp'.*mean 'ship'"),
    "rates of tax": (
        {"amount": [100.0 + row for row in range(100)], "btw": [9, 21] * 50}, {"amount_includes": {"vat": "btw"}},
        "'btw' .*holds rates of tax.*`amount_includes`, or one rate such as 0.21"),
    "a tax of 2100 per cent": (CARDS, {"amount_includes": {"vat": 21}}, "vat == 21, must be a rate below 1"),
    "kinds of rows that take back": ({"Type": ["Payment"] * 80 + ["Refund"] * 20}, {}, "statuses, among them 'refund'"),
    "credit notes that nobody named": ({"Kind": KINDS["Type"]}, {}, "Name 'credit note' there too .* then taken off"),
    "the other side of a ledger": (SIDES, {"amount": "Bedrag debet"}, "'Bedrag credit' says of 10 rows that money was"),
    "an order's total among its lines": (BONS, {"order": "bon"}, "on one of them the sum .* such as 'b0'.*`amount_of`"),
    "currencies that nobody named": (CURRENCIES, {}, "in 2 currencies .EUR in 50 rows, GBP in 50 rows.*`currency`"),
    "a second column of statuses": (
        {"Order state": ["Done"] * 100, "Zahlungsstatus": ["Komplett bezahlt"] * 90 + ["Offen"] * 10},
        {"status": "Order state", "count_status": ["done"]}, "'Zahlungsstatus' says 'offen' of 10 rows"),
    "a second column of yes and no": (
        {"Status": ["Paid"] * 90 + ["Failed"] * 10, "Captured": [True] * 80 + [False] * 20},
        {"status": "Status", "count_status": ["paid"]}, "'Captured' says 'false' of 10 rows .*`split`.*`part`"),
    "amounts below nothing": ({"amount": ([-10.0] * 9 + [10.0]) * 10}, {}, "come to .*written as negative.*both sides"),
    "amounts of nothing": ({"amount": [10, -5, -5.0, 10, -10] * 20}, {}, "come to .*written as negative.*both sides"),
}  # fmt: skip
"""Sentences of what cannot be or may be read two ways -> columns, settings, and what is said."""


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_be_read_two_ways_is_asked_about(case):
    columns, settings, told = REFUSED[case]
    with pytest.raises(InputRefused, match=told):
        rl.read_orders(shop(**columns), **NAMED | settings)


@pytest.mark.parametrize(("columns", "settings", "told"), [
    ({"customer": ["unknown"] * 5 + ["a", "b", "c", "d", "e"] * 19}, {}, "each counted as one customer: 'unknown'."),
    ({"customer": ["shop"] * 20 + [f"c{i}" for i in range(80)]}, {}, "'shop'"),
    ({"customer": ["a", "b"] * 47 + ["a"] + ["x"] * 5, "amount": [10.0] * 95 + [-10.0] * 5}, {}, "without any order"),
    (KINDS, {"status": "Type", "count_status": ["invoice", "credit note"]}, "amounts, are taken for refunds: 5"),
    (CURRENCIES, {"currency": "EUR"}, "though 'Currency Code' names several: EUR in 50 rows, GBP in 50 rows"),
    ({"amount_cents": 1250}, {"amount": "amount_cents"}, "'amount_cents' are in hundredths"),
])  # fmt: skip
def test_what_is_taken_for_something_is_told(columns, settings, told):
    assert told in " ".join(map(str, rl.read_orders(shop(**columns), **NAMED | settings).notes))


def till(**settings):
    """Read receipts of 40 with a discount of 4 and a tip of 2 now and then; ``Paid`` is what was handed over."""
    frame = shop(price=40.0).drop(columns="amount")
    frame["off"], frame["tip"] = [4.0 * (i % 5 == 1) for i in frame.index], [2.0 * (i % 4 == 1) for i in frame.index]
    frame["net total"] = frame["price"] - frame["off"]
    frame["Paid"] = (frame["net total"] + frame["tip"]).map("{:.2f}".format)
    return rl.read_orders(frame, **NOT_PAID, **settings)


@pytest.mark.parametrize(("settings", "asked"), [
    ({"amount": "price", "discount": "off"}, "less 'off' is 'net total' in 20 of 20 rows"),
    ({"amount": "Paid"}, "less 'tip' is 'net total' in 25 of 25 rows"),
])  # fmt: skip
def test_an_amount_before_its_discount_or_with_a_tip_in_it_is_asked_about(settings, asked):
    with pytest.raises(InputRefused, match=asked):
        till(**settings)


@pytest.mark.parametrize("included", [{"tip": "tip"}, {"tip": 0}])
def test_a_tip_is_taken_off_or_is_turnover_as_configured(included):
    spent = till(amount="Paid", discount="off", amount_includes=included).histories.table["spent"].sum()
    assert spent == 100 * 40 - 20 * 4 + (0 if included["tip"] else 25 * 2)
    assert till(amount="price").histories.table["spent"].sum() == 100 * 40
