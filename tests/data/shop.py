"""The export of a Dutch shop: semicolons, decimal commas, thousands points, latin-1, lines, cancellations, gaps."""

from pathlib import Path

import numpy as np

COLUMNS = {
    "customer": "Klantnummer", "date": "Besteldatum", "order": "Ordernummer", "quantity": "Aantal",
    "unit_price": "Stukprijs",
}  # fmt: skip


def dutch_number(value: float) -> str:
    """1234.5 as 1.234,50."""
    return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def write_shop_export(path: Path, rows: int) -> tuple[Path, dict]:
    """The file, and what is true of it: rows, amount, missing, refunds and customers."""
    rng = np.random.default_rng(1)
    orders = max(rows // 3, 3)
    customers = rng.integers(1, max(orders // 4, 3), orders)
    days = np.datetime64("2023-01-01") + rng.integers(0, 700, orders)
    minutes = rng.integers(0, 1440, orders)
    lines, amount, missing, refunds = [], 0, 0, 0
    for number in rng.integers(0, orders, rows):
        year, month, day = str(days[number]).split("-")
        moment = f"{day}-{month}-{year} {minutes[number] // 60:02d}:{minutes[number] % 60:02d}"
        no_customer, cancelled = rng.random() < 0.05, rng.random() < 0.03
        quantity = int(rng.integers(1, 12)) * (-1 if cancelled else 1)
        cents = int(rng.integers(50, 250_000))
        customer = "" if no_customer else f"{customers[number]:05d}"
        product = 'Café "De Hoek", stoel; rood' if rng.random() < 0.1 else "crème"
        quoted = '"' + product.replace('"', '""') + '"'
        lines.append(f"{number};{customer};{moment};{quantity};{dutch_number(cents / 100)};{quoted}")
        amount += quantity * cents
        missing += no_customer
        refunds += cancelled and not no_customer
        if rng.random() < 0.01:
            lines.append(lines[-1])
            amount += quantity * cents
            missing += no_customer
            refunds += cancelled and not no_customer
    header = "Ordernummer;Klantnummer;Besteldatum;Aantal;Stukprijs;Omschrijving"
    path.write_bytes("\r\n".join([header, *lines, ""]).encode("latin-1"))
    return path, {"rows": len(lines), "amount": amount / 100, "missing": missing, "refunds": refunds}
