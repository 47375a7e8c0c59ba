import pytest
from tests.conftest import refuses

from analysis.errors import InputRefused

COLUMNS = {"customer": "klant", "date": "datum", "amount": "bedrag"}


def with_amounts(*amounts, currencies=None):
    """Every amount four times, of two customers and on days of their own; currencies where they are given."""
    lines = ["klant;datum;bedrag;munt"]
    for number, amount in enumerate(amounts * 4):
        currency = currencies[number % len(amounts)] if currencies else ""
        lines.append(f"{'ab'[number % 2]};2024-01-{number + 1:02d};{amount};{currency}")
    return "\n".join(lines)


@pytest.mark.parametrize(("amounts", "configured", "currency"), [
    (["€ 1,50", "2,50"], None, "EUR"), (["€ 1,50", "EUR 2,50", "3,50 EUR"], None, "EUR"), (["€ 1,50"], "EUR", "EUR"),
    (["$1.50"], None, "USD"), (["$1.50"], "CAD", "CAD"), (["$1.50", "USD 2.50"], "USD", "USD"),
    (["£1.50"], None, "GBP"), (["¥150"], "CNY", "CNY"), (["1.50"], "CHF", "CHF"), (["1.50"], None, None),
    (["US$ 1.50", "2.50"], None, "USD"), (["A$1.50"], None, "AUD"), (["R$ 1,50"], None, "BRL"),
    (["Rs. 1,00,000.50", "Rs 2.50"], None, "INR"), (["kr. 1,50"], "DKK", "DKK"), (["1,50 Kč"], None, "CZK"),
])  # fmt: skip
def test_a_sign_or_code_beside_the_amounts_is_their_currency(load_file, amounts, configured, currency):
    economics = {"currency": configured} if configured else {}
    assert load_file("a.csv", with_amounts(*amounts), columns=COLUMNS, economics=economics).currency == currency


@pytest.mark.parametrize(("name", "currency"), [
    ("bedrag (EUR)", "EUR"), ("Bedrag in €", "EUR"), ("amount_usd", "USD"), ("Total CHF incl. VAT", "CHF"),
    ("Total in euros", None),
])  # fmt: skip
def test_a_currency_in_the_name_of_the_amounts_is_theirs(load_file, name, currency):
    lines, columns = with_amounts("1.50").replace("bedrag", name), {**COLUMNS, "amount": name}
    assert load_file("a.csv", lines, columns=columns).currency == currency
    if currency:
        with refuses(f"amounts in {currency} in 4 rows, but economics.currency == 'GBP'", 3):
            load_file("b.csv", lines, columns=columns, economics={"currency": "GBP"})


@pytest.mark.parametrize(("amounts", "currencies", "currency"), [
    (["1", "2"], ["€", "EUR"], "EUR"), (["€ 1", "2"], ["EUR", "€"], "EUR"), (["$ 1", "2"], ["cad", "CAD"], "CAD"),
    (["1", "2"], ["$", "AUD"], "AUD"), (["1", "2"], ["$", ""], "USD"),
])  # fmt: skip
def test_signs_and_codes_of_one_currency_agree(load_file, amounts, currencies, currency):
    columns = {**COLUMNS, "currency": "munt"}
    text = with_amounts(*amounts, currencies=currencies)
    assert load_file("a.csv", text, columns=columns).currency == currency


@pytest.mark.parametrize(("amounts", "currencies", "configured", "message"), [
    (["€ 1,50"], None, "USD", r"amounts in EUR in 4 rows, but economics.currency == 'USD'"),
    (["12,50 EUR"], None, "CHF", "amounts in EUR in 4 rows, but economics.currency == 'CHF'"),
    (["$ 1,50"], None, "EUR", "amounts in USD in 4 rows, but economics.currency == 'EUR'"),
    (["€ 1,50"], ["USD"], None, "amounts in EUR in 4 rows, but column 'munt' says 'USD'"),
    (["1", "2"], ["€", "$"], None, r"2 currencies \(EUR in 4 rows, USD in 4 rows\)"),
    (["1", "2"], ["CAD", "AUD"], None, "2 currencies"),
    (["$ 1", "USD 2"], None, "CAD", "amounts in USD in 8 rows, but economics.currency == 'CAD'"),
])  # fmt: skip
def test_signs_that_contradict_the_column_or_the_configuration_are_mixed_currencies(
    load_file, amounts, currencies, configured, message
):
    columns = {**COLUMNS, "currency": "munt"} if currencies else COLUMNS
    text = with_amounts(*amounts, currencies=currencies)
    with refuses(message, 3):
        load_file("a.csv", text, columns=columns, economics={"currency": configured} if configured else {})


def test_a_discount_in_another_currency_than_the_amount_is_refused(load_file):
    text = "klant;datum;bedrag;korting\na;2024-01-01;€ 5;$ 1\na;2024-01-02;€ 5;$ 1\nb;2024-01-02;€ 5;\n"
    with pytest.raises(InputRefused, match="amounts in EUR in 3 rows, USD in 2 rows; one currency"):
        load_file("a.csv", text, columns={**COLUMNS, "discount": "korting"})
