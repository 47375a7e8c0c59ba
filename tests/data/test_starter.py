import errno
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.conftest import refuses
from tests.data.shop import COLUMNS, write_shop_export

from analysis.config import load_config
from analysis.data import load_orders
from analysis.data.starter import draft_of, write_starter
from analysis.errors import InputRefused

CASES = Path(__file__).parents[1] / "cases"
RIGHT = {
    "Shopify": ("export_shopify.csv", (2, 3, 29.0)), "Magento": ("export_magento.csv", (2, 3, 27.5)),
    "Stripe": ("export_stripe.csv", (2, 3, 30.0)), "Mollie": ("export_mollie.csv", (2, 3, 30.0)),
    "Square": ("export_square.csv", (2, 3, 27.0)), "Lightspeed": ("export_lightspeed.csv", (2, 3, 33.0)),
    "Exact Online": ("export_exact_online.csv", (2, 3, 1019.0)),
    "the UCI retail layout": ("export_uci_retail.csv", (2, 3, 30.0)),
}  # fmt: skip
"""System -> a small export of it, made up; its customers, customer-days and money."""


def proposed(path):
    yaml = draft_of(path)
    target = path.with_suffix(".yml")
    target.write_text(yaml, encoding="utf-8")
    return yaml, load_config(target)


def test_a_dutch_export_gets_a_configuration_that_reads_it(tmp_path):
    path, truth = write_shop_export(tmp_path / "bestellingen.csv", 300)
    _, config = proposed(path)
    assert config.data.columns.mapped() == COLUMNS
    assert (config.data.delimiter, config.data.decimal, config.data.encoding) == (";", ",", "cp1252")
    assert load_orders(config, workdir=tmp_path / "work").rows_read == truth["rows"]


@pytest.mark.parametrize("system", RIGHT)
def test_exports_of_shop_systems_are_told_by_their_headers_and_read_right(tmp_path, system):
    name, right = RIGHT[system]
    path = tmp_path / name
    shutil.copy(CASES / name, path)
    yaml, config = proposed(path)
    assert f"Taken for an export of {system}, by its header" in yaml
    orders = load_orders(config, workdir=tmp_path / "work")
    assert (orders.customers, orders.orders, orders.histories.table["spent"].sum()) == pytest.approx(right)


@pytest.mark.parametrize("name", ["woo_status.csv", "woo_guest_zero.csv"])
def test_an_export_of_woocommerce_needs_no_editing(tmp_path, name):
    shutil.copy(CASES / name, tmp_path / name)
    yaml, config = proposed(tmp_path / name)
    assert config.data.count_status == ["completed", "processing"]
    orders = load_orders(config, workdir=tmp_path / "work")
    assert (orders.customers, orders.orders) == (285, 920)
    assert ("amount_includes: {vat" in yaml) == (name == "woo_guest_zero.csv")


def test_tax_is_proposed_as_the_column_of_its_amounts_and_not_of_its_rates(tmp_path):
    lines = [f"c{n % 9};2024-0{1 + n % 9}-11;{n + 5};{[9, 21][n % 2]};1.{n:02}" for n in range(60)]
    (tmp_path / "o.csv").write_text("\n".join(["client;date;amount;BTW %;Waarvan BTW", *lines]))
    assert '# amount_includes: {vat: "Waarvan BTW"}' in proposed(tmp_path / "o.csv")[0]


@pytest.mark.parametrize(("column", "good", "bad"), [("Type", "Sale", "Void"), ("État", "Livré", "Annulé")])
def test_statuses_are_told_by_other_names_too_and_a_type_of_something_else_is_none(tmp_path, column, good, bad):
    lines = [f"c{n % 9};2024-0{1 + n % 9}-11;{n + 5};{bad if n % 5 == 1 else good}" for n in range(60)]
    (tmp_path / "o.csv").write_text("\n".join([f"client;date;montant;{column}", *lines]))
    (tmp_path / "p.csv").write_text(
        "\n".join(["client;date;montant;Type", *(x.replace(bad, "hat").replace(good, "shoe") for x in lines)])
    )
    drafts = [yaml.safe_load(draft_of(tmp_path / name))["data"] for name in ("o.csv", "p.csv")]
    assert (drafts[0]["columns"]["status"], drafts[0]["count_status"]) == (column, [good.lower()])
    assert "status" not in drafts[1]["columns"]


def test_rows_above_the_header_and_the_sheet_are_proposed(tmp_path):
    for name, sheet, rows in (("title_rows_and_total.csv", None, 2), ("title_rows.xlsx", "Data", 3)):
        shutil.copy(CASES / name, tmp_path / name)
        draft = draft_of(tmp_path / name, sheet)
        assert f"skip_rows: {rows}" in draft
        assert ('sheet: "Data"' in draft) == bool(sheet)


def test_rows_above_a_header_of_unknown_names_are_proposed_also_where_a_spreadsheet_filled_them_up(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Sales report;;;\nPeriod: 2024;;;\n\nWho;Paper;On;Worth\nA;1;2024-01-02;3,50\nB;2;2024-01-03;4,5\n")
    _, config = proposed(path)
    assert config.data.skip_rows == 3
    assert config.data.columns.date == "On"
    title, merged = ["Turnover", *[None] * 4], ["Customer", None, "Order", None, None]
    sheet = [title, merged, ["No", "Name", "Ref", "Date", "Amount"]]
    pd.DataFrame([*sheet, *([n, "x", n, "2024-01-02", 3.5] for n in range(9))]).to_excel(
        tmp_path / "b.xlsx", index=False, header=False
    )
    assert "skip_rows: 2" in draft_of(tmp_path / "b.xlsx")


def test_a_name_in_the_header_may_have_several_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('Report\nCustomer,Date,"Amount\n(EUR)",Note\n' + "a,2024-01-02,3.50,x\n" * 3)
    _, config = proposed(path)
    assert (config.data.columns.amount, config.data.skip_rows) == ("Amount\n(EUR)", 1)


def test_a_date_and_a_customer_are_told_by_their_contents(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("wie,moment,profit\na@x.nl,2024-01-02,1\nb@x.nl,2024-02-02,2\n")
    yaml, config = proposed(path)
    assert config.data.columns.mapped() == {"customer": "wie", "date": "moment", "amount": "CHANGE_ME_AMOUNT"}
    assert "FIVE QUESTIONS" in yaml


def test_money_and_months_in_words_are_told_by_their_contents_and_a_line_of_totals_is_no_order(tmp_path):
    path = tmp_path / "ventes.csv"
    lines = [f"C{number % 40};{number % 28 + 1} février 2024;{number + 10},50 €" for number in range(120)]
    path.write_text("\n".join(["Client;Moment;Somme versée", *lines, ";Somme;8400,00 €"]), encoding="utf-8")
    draft, config = proposed(path)
    assert 'amount: "Somme versée"  # CHECK' in draft
    orders = load_orders(config, workdir=tmp_path)
    assert (orders.customers, orders.currency) == (40, "EUR")
    assert orders.ledger.set_index("outcome").loc["dropped", ["rows", "amount"]].tolist() == [1, 8400.0]


def test_what_is_ambiguous_is_asked(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("customer_id,order_date,total\n1,01/02/2024,1.234\n2,03/04/2024,5.678\n")
    yaml, config = proposed(path)
    assert config.data.date_format is None
    assert config.data.decimal is None
    assert yaml.count("# QUESTION") == 3


@pytest.mark.parametrize("header", ["a,b,c", 'x: #1,"y\tz",=1+1', "klant,,datum", "是,否,或"])
def test_any_header_gives_a_configuration_that_loads(tmp_path, header):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1,2,3\n", encoding="utf-8")
    yaml, config = proposed(path)
    assert config.data.columns.customer
    assert "CHECK" in yaml


def test_parquet_and_workbooks_are_inspected_too(tmp_path):
    frame = pd.DataFrame(
        {"Customer ID": [1], "InvoiceDate": [pd.Timestamp("2024-01-01")], "Amount": [2.5], "valuta": ["EUR"]}
    )
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_excel(tmp_path / "b.xlsx", index=False)
    for name in ("a.parquet", "b.xlsx"):
        _, config = proposed(tmp_path / name)
        roles = config.data.columns.mapped()
        assert roles == {"customer": "Customer ID", "date": "InvoiceDate", "amount": "Amount", "currency": "valuta"}


def test_a_folder_in_which_nothing_may_be_written_is_told(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("customer_id,order_date,amount\na,2024-01-02,1.50\n")
    opened = Path.open

    def refusing(self, mode="r", *settings, **named):
        if mode == "x":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(self, mode, *settings, **named)

    monkeypatch.setattr(Path, "open", refusing)
    with refuses("a.yml: cannot be written .Permission denied.; copy a.csv to a folder of your own first", 2):
        write_starter(path)


def test_a_file_that_cannot_be_inspected_says_why(tmp_path):
    with refuses("there is no file", 2):
        write_starter(tmp_path / "nothing.csv")
    (tmp_path / "a.csv").write_bytes(b"PAR1xxxxPAR1")
    with pytest.raises(InputRefused, match="a Parquet file"):
        draft_of(tmp_path / "a.csv")
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"x" * 30 + b"PAR1")
    with pytest.raises(InputRefused, match="cannot be read as Parquet"):
        draft_of(tmp_path / "a.parquet")


def written(path, header, *rows):
    """A file of forty rows made of some patterns, in which ``{n}`` is the number of the row."""
    rows = [rows[number % len(rows)].format(n=number, day=f"{number % 28 + 1:02d}") for number in range(40)]
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


@pytest.mark.parametrize(("header", "row", "columns"), [
    ("Date;Customer;Debit;Credit", "2024-01-{day};c{n};1,50;", "Debit"),
    ("Datum;Kunde;Soll;Haben", "{day}.01.2024;c{n};;1,50", "Haben"),
    ("Fecha;Cliente;Coste;Servicio", "{day}/01/2024;c{n};1,50;2,50", "Coste, Servicio"),
    ("Date;Customer;Profit", "2024-01-{day};c{n};1,50", "Profit"),
])  # fmt: skip
def test_a_column_that_may_be_money_is_asked_about(tmp_path, header, row, columns):
    draft, config = proposed(written(tmp_path / "a.csv", header, row))
    assert f"or take this line out to count orders only; or is it {columns}" in draft
    with refuses("there is no column 'CHANGE_ME_AMOUNT'", 2):
        load_orders(config, workdir=tmp_path)


def test_what_is_the_same_on_all_rows_of_a_customer_is_no_status_of_orders(tmp_path):
    rows = [f"c{n % 30},2024-01-{n % 28 + 1:02d},{['Gold', 'Silver', 'Bronze'][n % 3]},1.50" for n in range(90)]
    (tmp_path / "a.csv").write_text("\n".join(["Customer,Date,Status,Total", *rows]))
    (tmp_path / "b.csv").write_text("\n".join(["Customer,Date,Status,Total", *rows, "c0,2024-02-01,Silver,1.50"]))
    _, of_customers = proposed(tmp_path / "a.csv")
    _, of_orders = proposed(tmp_path / "b.csv")
    assert (of_customers.data.columns.status, of_orders.data.columns.status) == (None, "Status")


def test_what_is_not_delivered_yet_is_asked_about_and_never_left_out_by_a_guess(tmp_path):
    rows = [f"c{n % 30},2024-01-{n % 28 + 1:02d},1.50,{['Pending', 'Shipped'][n % 2]}" for n in range(90)]
    (tmp_path / "a.csv").write_text("\n".join(["Customer,Date,Total,Delivery status", *rows]))
    draft, config = proposed(tmp_path / "a.csv")
    assert config.data.columns.status is None
    assert "QUESTION: a.csv: column 'Delivery status' holds statuses" in draft


def test_refunds_beside_a_net_amount_are_asked_about(tmp_path):
    rows = "c{n},2024-01-{day},10.00,0.00,10.00", "c{n},2024-02-{day},10.00,3.00,7.00"
    draft, config = proposed(written(tmp_path / "a.csv", "Customer,Date,Gross sales,Refunds,Net sales", *rows))
    assert config.data.columns.refunded is None
    assert "'Refunds' says of 20 rows that money was paid back, and nothing is taken off" in draft


GUEST, GUEST_ROW = "customer_id,customer_email,created_at,total", "1{n},a{n}@x.nl,2024-01-{day},{n}.50"
AFFIRMED = ["a{n}@x.nl,2024-01-{day},1.50,0,0", "b{n}@x.nl,2024-01-{day},1.50,1,1"]
POLISH = ["{n};{day} stycznia 2024;k{n};1,50 zł;PLN;Wysłane", "{n};{day} lutego 2024;k{n};1,50 zł;PLN;Anulowane"]
SHIPPED = ["{n};{day}-01-2024;k{n};1,50;Bezorgd", "{n};{day}-02-2024;k{n};1,50;Geannuleerd"]
STATES = ["{n};{day}/01/2024;c{n};Jalisco;1,50", "{n};{day}/02/2024;c{n};Puebla;1,50"]
TOOK_BACK = ["c{n},2024-01-{day},2,1.50", "c{n},2024-01-{day},-2,0"]
GUESSES = [
    ("client;when;eur", "c{n};{day}-01-2024;12,50", "client|when|eur"),
    ("cust;when;eur", "c{n};{day}-01-2024;12,50", "cust|when|eur"),
    *(
        (f"klant;dag;{name};Total refunded", "a{n};2024-01-{day};1.5;0.5", f"klant|dag|{name}|refunded=Total refunded")
        for name in ("Amount (EUR)", "Bedrag in €", "amount_usd", "Total EUR incl. VAT", "Omzet excl. btw")
    ),
    ("Klantgroep,Koper,Datum,Omzet", "a,b{n},2024-01-{day},1.50", "Koper|Datum|Omzet"),
    ("Customer type,Customer name,Date,Total value", "a,b{n},2024-01-{day},1.50", "Customer name|Date|Total value"),
    ("Klant,Datum,Totaal aantal,Waarde", "k{n},2024-01-{day},2,1.50", "Klant|Datum|Waarde"),
    ("Customer,Date,Total items,Total tax", "c{n},2024-01-{day},2,1.50", "Customer|Date"),
    ("Customer,Date of birth,Day,Sales", "c{n},1980-01-{day},2024-01-{day},1.50", "Customer|Day|Sales"),
    ("klant;datum;gewicht", "c{n};{day}-02-2024;1,50", "klant|datum"),
    ("nr,customer_id,order_ts,total,qty", "{n},c{n},2024-01-{day} 10:00:00,{n}.50,2", "customer_id|order_ts|total"),
    ("Customer,Date,Quantity,Total", "c{n},2024-01-{day},2,1.50", "Customer|Date|Total"),
    ("Customer,Date,Quantity,Total", TOOK_BACK, "Customer|Date|Total|quantity=Quantity"),
    ("Lidnummer;Datum;Betaald", "k{n};{day}-01-2024;1,50", "Lidnummer|Datum|Betaald"),
    ("Kunde;Datum;Bezahlt am;Gesamtpreis", "k{n};{day}.01.2024;{day}.01.2024;1,50", "Kunde|Datum|Gesamtpreis"),
    ("Codice cliente;Data;Articolo;Importo", "k{n};{day}/01/2024;mela;1,50", "Codice cliente|Data|Importo"),
    ("Kunde;WKZ Umsatz;Datum;Umsatz (netto)", "k{n};EUR;{day}.01.2024;1,50", "Kunde|Datum|Umsatz (netto)"),
    (GUEST, [GUEST_ROW, ",a{n}@x.nl,2024-01-{day},{n}.50"], "customer_email|created_at|total"),
    (GUEST, [GUEST_ROW, "0,a{n}@x.nl,2024-01-{day},{n}.50"], "customer_email|created_at|total"),
    (GUEST, [GUEST_ROW, "9,a{n}@x.nl,2024-01-{day},{n}.50"], "customer_id|created_at|total"),
    ("Klant;Datum;Valuta;Bedrag;Munt", "k{n};{day}-01-2024;{day}-01-2024;1,50;EUR", "Klant|Datum|Bedrag|currency=Munt"),
    ("Buyer email,Purchase date,Price,Preorder?,Refunded?", AFFIRMED, "Buyer email|Purchase date|Price"),
    ("Datum bestelling;Datum levering;Nieuwe klant;Klant;Totaal", "{day}-01-2024;{day}-02-2024;ja;k{n};1,50",
     "Klant|Datum bestelling|Totaal"),
    ("Sales Doc.;Created on;Sold-to;Net value", "100{n};{day}.01.2024;k{n};1,50", "Sold-to|Created on|Net value"),
    ("Receipt;Date;User;Loyalty card;Total", "{n};2024-01-{day};kim;K{n};1.50", "Loyalty card|Date|Total"),
    ("Nr zamówienia;Data zakupu;Kupujący;Kwota;Waluta;Status zamówienia", POLISH,
     "Kupujący|Data zakupu|Kwota|order=Nr zamówienia|currency=Waluta|status=Status zamówienia"),
    ("Ordernr;Datum;Klant;Totaal;Afhandeling", SHIPPED, "Klant|Datum|Totaal|order=Ordernr|status=Afhandeling"),
    ("Pedido;Fecha;Cliente;Estado;Importe", STATES, "Cliente|Fecha|Importe|order=Pedido"),
]  # fmt: skip
"""Header, patterns of rows, and the columns of customer, date and amount, and of further roles by name."""


@pytest.mark.parametrize(("header", "rows", "columns"), GUESSES)
def test_columns_are_told_by_their_names_and_by_what_they_hold(tmp_path, header, rows, columns):
    path = written(tmp_path / "a.csv", header, *([rows] if isinstance(rows, str) else rows))
    named = ("customer", "date", "amount")
    expected = [part.split("=") if "=" in part else (named[n], part) for n, part in enumerate(columns.split("|"))]
    assert yaml.safe_load(draft_of(path))["data"]["columns"] == dict(expected)


@pytest.mark.parametrize(
    ("header", "rows", "told"),
    [
        ("Customer ID,Order Date,Grand Total (ex tax),Grand Total (inc tax)", ["c{n},2024-01-{day},1.50,2.00"],
         "or is it Grand Total (inc tax)?"),
        *((f"Customer,{months},Total", ["c{n},1.50,,2.50,4.00"], "columns of months go below each other") for months in
          ("Jan 2024,Feb 2024,Mar 2024", "2024-01,2024-02,2024-03", "jan/24,feb/24,mrt/24", "Januar,Februar,März")),
        (",Date,Amount", ["Anna,,", ",2024-01-{day},1.50"], "fill down a customer that stands once above several rows"),
        ("Customer,Arrival,Leaving,Total", ["c{n},2024-01-{day},2024-02-{day},1.50"],
         'date: "Arrival"  # CHECK: a guess; when; the resolution is the day; or is it Leaving?'),
        ("klant;datum;gewicht", ["c{n};{day}-02-2024;1,50"], "money was not recognised"),
    ],
)  # fmt: skip
def test_what_a_guess_leaves_open_is_said(tmp_path, header, rows, told):
    assert told in draft_of(written(tmp_path / "a.csv", header, *rows))


@pytest.mark.parametrize(("header", "value", "is_asked"), [
    ("amount", "5.00", True), ("amount (EUR)", "5.00", False), ("amount", "€ 5.00", False),
])  # fmt: skip
def test_the_currency_is_asked_for_where_the_file_does_not_tell_it(tmp_path, header, value, is_asked):
    lines = [f"c{n % 9};2024-0{1 + n % 9}-11;{value}" for n in range(60)]
    (tmp_path / "o.csv").write_text("\n".join([f"client;date;{header}", *lines]))
    assert ("# QUESTION: in which currency are the amounts?" in proposed(tmp_path / "o.csv")[0]) == is_asked
