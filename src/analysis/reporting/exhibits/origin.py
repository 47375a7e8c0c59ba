"""Where the claim comes from: the arithmetic of 1990, the constant-margin formula, and how customers differ."""

from __future__ import annotations

import numpy as np

from analysis.models.shifted_beta_geometric import SBGParams
from analysis.reporting.tables import Column, Table
from analysis.reporting.words import Saying
from analysis.value.textbook import (
    CREDIT_CARD_PROFITS,
    constant_margin_table,
    credit_card_example,
    heterogeneous_elasticity,
    heterogeneous_lift,
    one_rate_gap,
)

TEXTBOOK_DISCOUNT = 0.10
SOURCES = ("sharp", "carroll", "reinartz_kumar", "ascarza", "gupta", "industries")
MEAN_RETENTION = 0.8
POLARISATIONS = (0.0, 0.05, 0.25, 0.75)
PRINTED_VALUES = (134, 300, 525)
"""Value of the credit-card customer at 20%, 10% and 5% defection as it is quoted [dollar]."""
COHORTS = np.array([10_000, 8_000, 6_480, 5_307, 4_391])
"""Active customers by completed renewals in the published example of five equal cohorts."""
COHORT_PARAMETERS = SBGParams(3.80, 15.19)


def origin_sayings() -> list[Saying]:
    """Who said it, of what, and how that is known."""
    example = credit_card_example()
    high, middle, low = example.values
    printed = dict(zip(("printed_first", "printed_second", "printed_third"), PRINTED_VALUES, strict=True))
    profits = {"winning": CREDIT_CARD_PROFITS[0], "profit": CREDIT_CARD_PROFITS[1], "later": CREDIT_CARD_PROFITS[-1]}
    numbers = {"first": high, "second": middle, "third": low, "rate": example.discount_rate, **printed, **profits}
    return [
        Saying("origin.article"),
        Saying("origin.method"),
        Saying("origin.credit_card", numbers),
        Saying("origin.step", {"step": example.step_lifts[0], "later": example.step_lifts[-1],
                               "rate": example.step_discount_rates[0], "later_rate": example.step_discount_rates[-1]}),
    ]  # fmt: skip


def sources() -> list[Saying]:
    """What is known against it, each with how it is known."""
    return [Saying(f"source.{name}") for name in SOURCES]


def credit_card_table() -> Table:
    """Value of the credit-card customer of 1990 by defection, and the step from 10% to 5% by discount rate."""
    example = credit_card_example()
    columns = [Column("column.defection", "percent"), Column("column.card_value", "integer")]
    rows = list(zip(example.defections, example.values, strict=True))
    return Table("table.credit_card.caption", columns, rows, {"rate": example.discount_rate})


def credit_card_steps() -> Table:
    """The rise of that value from 10% to 5% defection, by discount rate."""
    example = credit_card_example()
    columns = [Column("column.discount", "percent1"), Column("column.step_lift", "percent")]
    return Table(
        "table.credit_card_steps.caption",
        columns,
        list(zip(example.step_discount_rates, example.step_lifts, strict=True)),
    )


def elasticity_sayings() -> list[Saying]:
    """What the constant-margin formula says of five points, under all three conventions."""
    rows = constant_margin_table(TEXTBOOK_DISCOUNT)
    return [
        Saying(
            "origin.elasticity",
            {
                "low": min(row.elasticity for row in rows),
                "high": max(row.elasticity for row in rows),
                "points_low": min(row.lift_points for row in rows),
                "points_high": max(row.lift_points for row in rows),
                "from": min(row.retention for row in rows),
                "to": max(row.retention for row in rows),
                "rate": TEXTBOOK_DISCOUNT,
            },
        )
    ]


def elasticity_table() -> Table:
    """Elasticity and lifts of the constant-margin formula by convention and retention."""
    columns = [
        Column("column.convention", "label"),
        Column("column.retention_before", "percent"),
        Column("column.elasticity", "decimal2"),
        Column("column.lift_relative", "percent1"),
        Column("column.lift_points", "percent1"),
    ]
    rows = [
        [f"convention.{row.convention}", row.retention, row.elasticity, row.lift_relative, row.lift_points]
        for row in constant_margin_table(TEXTBOOK_DISCOUNT)
    ]
    return Table("table.elasticity.caption", columns, rows, {"rate": TEXTBOOK_DISCOUNT})


def heterogeneity_sayings() -> list[Saying]:
    """What differences between customers do, with the convention under which it is true."""
    one_rate = float(COHORTS[1:].sum() / COHORTS[:-1].sum())
    gap = one_rate_gap(COHORT_PARAMETERS, np.arange(len(COHORTS)), COHORTS, one_rate, TEXTBOOK_DISCOUNT)
    same, little, *_, much = (heterogeneous_elasticity(MEAN_RETENTION, p, TEXTBOOK_DISCOUNT) for p in POLARISATIONS)
    new = {"same": same, "little": little, "much": much, "mean": MEAN_RETENTION, "rate": TEXTBOOK_DISCOUNT}
    return [
        Saying("origin.heterogeneity_base", {"gap": abs(float(gap)), "rate": TEXTBOOK_DISCOUNT}),
        Saying("origin.heterogeneity_new", new),
    ]


def heterogeneity_table() -> Table:
    """Elasticity and lift of a new customer's discounted tenure by how much customers differ."""
    columns = [
        Column("column.polarisation", "decimal2"),
        Column("column.elasticity", "decimal2"),
        Column("column.lift_points", "percent1"),
    ]
    rows = [
        [
            polarisation,
            heterogeneous_elasticity(MEAN_RETENTION, polarisation, TEXTBOOK_DISCOUNT),
            float(heterogeneous_lift(MEAN_RETENTION, 0.05, TEXTBOOK_DISCOUNT, polarisation)),
        ]
        for polarisation in POLARISATIONS
    ]
    numbers = {"mean": MEAN_RETENTION, "rate": TEXTBOOK_DISCOUNT}
    return Table("table.heterogeneity.caption", columns, rows, numbers)
