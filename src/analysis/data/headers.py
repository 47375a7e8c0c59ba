"""What columns are called: the nearest names for messages, and guesses at roles from English and Dutch headers."""

from __future__ import annotations

import difflib
import re

ROLE_WORDS = {
    "customer": (
        "customerid customernumber customerno customer customercode custid clientid client userid user memberid "
        "householdid shopperid buyerid accountid contactid klantnummer klantnr klantid klant klantcode debiteur "
        "debiteurnummer debiteurnr relatienummer relatie gebruiker lidnummer customeremail email emailadres"
    ),
    "date": (
        "orderdate invoicedate purchasedate transactiondate transactiontimestamp orderdatetime createdat datetime "
        "date timestamp saledate besteldatum orderdatum factuurdatum aankoopdatum transactiedatum verkoopdatum "
        "datum datumtijd besteldatumtijd tijdstip day dag"
    ),
    "amount": (
        "amount totalamount orderamount orderamount linetotal total ordertotal revenue sales salesvalue netamount "
        "grossamount price total totalprice spend value ordervalue bedrag totaal totaalbedrag orderbedrag "
        "regelbedrag factuurbedrag omzet regeltotaal nettobedrag brutobedrag dollarvalue"
    ),
    "quantity": "quantity qty units count items numberofitems aantal hoeveelheid stuks aantalstuks",
    "unit_price": "unitprice price itemprice priceperunit stukprijs prijs eenheidsprijs prijsperstuk verkoopprijs",
    "order": (
        "orderid ordernumber orderno order invoice invoiceno invoicenumber invoiceid basketid transactionid receiptid "
        "ordernummer ordernr bestelnummer bestelling factuurnummer factuurnr bonnummer transactienummer"
    ),
    "discount": "discount discountamount totaldiscount rebate korting kortingsbedrag totalekorting",
    "currency": "currency currencycode valuta valutacode munteenheid",
}


def normalised(name: str) -> str:
    """A column name without case, blanks and punctuation.

    >>> normalised("Customer_ID ")
    'customerid'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def role_score(role: str, name: str) -> float:
    """How well a column name fits a role, 0 to 1; the first words of a role's list fit best."""
    words = ROLE_WORDS[role].split()
    plain = normalised(name)
    if plain in words:
        return 1.0 - words.index(plain) / (10 * len(words))
    parts = [word for word in words if len(word) >= 4 and word in plain]
    return 0.6 * max((len(word) / len(plain) for word in parts), default=0.0)


def nearest_columns(name: str, available: list[str]) -> str:
    """The columns nearest to a name that does not exist, in words.

    >>> nearest_columns("custumer", ["Customer", "date"])
    "did you mean 'Customer'? The columns are 'Customer', 'date'"
    """
    plain = {normalised(column): column for column in reversed(available)}
    near = difflib.get_close_matches(normalised(name), plain, n=2, cutoff=0.6)
    shown = ", ".join(repr(column) for column in available[:20]) + (", …" if len(available) > 20 else "")
    question = f"did you mean {' or '.join(repr(plain[match]) for match in near)}? " if near else ""
    return f"{question}{'The' if question else 'the'} columns are {shown}"
