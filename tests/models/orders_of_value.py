"""Customers with orders of known value, as the summary holds them."""

import numpy as np
import pandas as pd

from analysis.data import CustomerSummary


def summary_of(customer, amount) -> CustomerSummary:
    """A summary of repeat orders, one entry an order in the order in which they came."""
    orders = pd.DataFrame({"customer": customer, "amount": amount})
    orders["place"] = orders.groupby("customer").cumcount() + 1
    orders["squares"] = orders["amount"] ** 2
    halves = {"odd": orders["place"] % 2 == 1, "even": orders["place"] % 2 == 0}
    grouped = orders.groupby("customer")
    table = pd.DataFrame({"frequency": grouped.size(), "mean_repeat_value": grouped["amount"].mean()})
    table["spend_squares"] = grouped["squares"].sum()
    for name, inside in halves.items():
        of_half = orders[inside].groupby("customer")["amount"]
        table[f"{name}_total"], table[f"{name}_orders"] = of_half.sum(), of_half.size()
    table = table.fillna(0.0).astype({"odd_orders": int, "even_orders": int})
    table = table.assign(orders=table["frequency"] + 1, recency_days=10.0, T_days=100.0)
    return CustomerSummary(table.rename_axis("customer_id").reset_index().astype({"customer_id": str}), None, True)


def gamma_gamma_orders(customers, p, q, v, seed, mean_orders=4.0):
    """Customer and amount of each repeat order under Gamma-Gamma."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), 1 + rng.poisson(mean_orders - 1, customers))
    return customer, rng.gamma(p, size=customer.size) / (rng.gamma(q, size=customers) / v)[customer]
