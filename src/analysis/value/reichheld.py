"""Reichheld's own arithmetic: one customer at a constant rate of retention, whose margin grows, without a horizon.

References
----------
.. [1] Reichheld, Sasser (1990), Zero Defections, Harvard Business Review 68(5):105-111; the yearly profits of its
       credit card are widely quoted and were not confirmed at the source.
"""

from __future__ import annotations

import numpy as np

CREDIT_CARD = (30.0, 42.0, 44.0, 49.0, 55.0)
"""Profit of each year, the last for ever [dollars]."""
WINNING = 51.0
DISCOUNT_RATE = 0.038
"""At which the printed values are matched best."""
BEFORE, AFTER = 0.85, 0.90


def credit_card_value(retention) -> np.ndarray:
    """Value of one customer of the credit card [dollars], less what winning him costs; retention is of each year.

    Year t counts for retention ** (t - 1) over (1 + d) ** t.

    >>> credit_card_value(np.array([0.8, 0.9, 0.95])).round().tolist()
    [137.0, 301.0, 525.0]
    """
    years, kept = len(CREDIT_CARD), np.asarray(retention, dtype=float) / (1 + DISCOUNT_RATE)
    before = sum(profit * kept**place for place, profit in enumerate(CREDIT_CARD[:-1]))
    for_ever = CREDIT_CARD[-1] * kept ** (years - 1) / (1 - kept)
    return (before + for_ever) / (1 + DISCOUNT_RATE) - WINNING


def credit_card_lift(retention: float, gain: float = AFTER - BEFORE) -> float:
    """By how much that value rises when retention does; NaN where it cannot, or where there is no value before.

    >>> round(credit_card_lift(0.85), 3), round(credit_card_lift(0.90), 3)
    (0.528, 0.745)
    """
    if not 0 < retention < retention + gain <= 1:
        return float("nan")
    before, after = credit_card_value([retention, retention + gain])
    return float(after / before - 1) if before > 0 else float("nan")
