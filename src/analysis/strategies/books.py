"""What is written down of simulated lives: orders by week, exits, and what differs from doing nothing."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

FLUSH_ABOVE = 200_000
STAYED, LEFT, STRUCK_OFF, TAKEN = range(4)


class Part(IntEnum):
    """Why an order earns something else than it would if nothing were done."""

    GIVEN_AWAY = 0
    EXTRA = 1
    PACE = 2
    RETENTION = 3
    RIVAL = 4
    BORROWED = 5


class Books:
    """Tallies over S strategies, D draws, G groups of customers and W weeks, and sums over each of M customers.

    Attributes
    ----------
    orders, value, deal_value, referrals
        By strategy, draw, group and week, shape (S, D, G, W): orders, their list value, the list value of those that
        used a promotion, and new customers referred.
    parts
        Discounted money that orders earn more or less than if nothing were done, shape (S, D, G, len(Part)).
    worth, costs, referred
        Of every customer, shape (S, D, M): discounted margin on list values after deals; discounted costs of orders;
        referrals.
    exit_week, exit_reason
        When and how a customer left, shape (S, D, M).
    """

    def __init__(self, strategies: int, draws: int, groups: int, weeks: int, customers: int):
        self.shape = (strategies, draws, groups, weeks)
        cells = int(np.prod(self.shape))
        self.orders, self.value, self.deal_value, self.referrals = np.zeros((4, cells))
        self.parts = np.zeros(strategies * draws * groups * len(Part))
        self.worth, self.costs, self.referred = np.zeros((3, strategies * draws * customers))
        self.exit_week = np.full(strategies * draws * customers, weeks - 1, dtype=np.int32)
        self.exit_reason = np.zeros(strategies * draws * customers, dtype=np.int8)
        self.customers = customers
        self._visits: list[tuple[np.ndarray, ...]] = []
        self._changes: list[tuple[np.ndarray, ...]] = []
        self._waiting = 0

    def add_orders(self, cell, value, dealt, referred) -> None:
        """Orders in ``cell`` with their list value, whether they used a promotion (0 or 1), and referrals."""
        self._visits.append((cell, value, value * dealt, referred))
        self._count(len(cell))

    def add_changes(self, block, part, amount) -> None:
        """Money that orders of a (strategy, draw, group) ``block`` earn more or less, and why."""
        self._changes.append((block * len(Part) + part, amount))
        self._count(len(block))

    def _count(self, events: int) -> None:
        self._waiting += events
        if self._waiting > FLUSH_ABOVE:
            self.flush()

    def flush(self) -> None:
        """Write everything that waits into the tallies."""
        if self._visits:
            cell, value, deal_value, referred = (np.concatenate(each) for each in zip(*self._visits, strict=True))
            cells = self.orders.size
            self.orders += np.bincount(cell, minlength=cells)
            for tally, amount in ((self.value, value), (self.deal_value, deal_value), (self.referrals, referred)):
                tally += np.bincount(cell, amount, minlength=cells)
        if self._changes:
            cell, amount = (np.concatenate(each) for each in zip(*self._changes, strict=True))
            self.parts += np.bincount(cell, amount, minlength=self.parts.size)
        self._visits, self._changes, self._waiting = [], [], 0

    def close(self) -> Books:
        """The books with their arrays in shape."""
        self.flush()
        strategies, draws, groups, _ = self.shape
        for name in ("orders", "value", "deal_value", "referrals"):
            setattr(self, name, getattr(self, name).reshape(self.shape))
        self.parts = self.parts.reshape(strategies, draws, groups, len(Part))
        for name in ("worth", "costs", "referred", "exit_week", "exit_reason"):
            setattr(self, name, getattr(self, name).reshape(strategies, draws, self.customers))
        return self
