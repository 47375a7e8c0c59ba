"""What the tests of claims may look at, and what they may lack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.claims.worth import Worth, worths
from analysis.config import Config
from analysis.data import HoldoutSplit, Note, Transactions
from analysis.models.results import Posterior, PurchaseResult, SpendResult
from analysis.value.history import births_unknown
from analysis.value.results import RetentionLift
from analysis.value.spend_growth import SpendGrowth


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of a company, as the earlier rooms found it.

    Attributes
    ----------
    transactions, split
        Clean orders; calibration and holdout, or why there are none.
    purchase, spend
        The purchase models and the spend model; ``spend`` is None without money.
    lift
        Profit as a function of retention, or why it is not known.
    growth
        How spending changes with tenure, or why it is not known.
    config
        The resolved configuration.
    """

    transactions: Transactions
    split: HoldoutSplit | Note
    purchase: PurchaseResult
    spend: SpendResult | None
    lift: RetentionLift | Note
    growth: SpendGrowth | Note
    config: Config

    @property
    def level(self) -> float:
        """Level of every interval."""
        return self.config.model.credible_level

    @property
    def posteriors(self) -> Mapping[str, Posterior]:
        """Purchase model -> posterior, for every model that the data identify, the primary one first."""
        return {self.purchase.primary.model: self.purchase.posterior, **self.purchase.challenger_posteriors}

    @property
    def days_observed(self) -> int:
        """Length of the window, both ends included."""
        return (self.transactions.observation_end - self.transactions.observation_start).days + 1

    @cached_property
    def births_unknown(self) -> Note | None:
        """Why births are not known; None where they are."""
        return births_unknown(self.transactions)

    @cached_property
    def worths(self) -> Mapping[str, Worth]:
        """Purchase model -> what a new and a kept customer are worth; needs money and known births."""
        return worths(self)

    def rng(self, stream: int) -> np.random.Generator:
        """Random numbers of the configured seed; each test has its own ``stream``."""
        return np.random.default_rng([self.config.model.seed, stream])

    def some_customers(self, most: int, stream: int) -> np.ndarray:
        """Positions in the summary of all customers, or of ``most`` drawn at random where there are more."""
        customers = len(self.transactions.summary)
        if customers <= most:
            return np.arange(customers)
        return np.sort(self.rng(stream).choice(customers, most, replace=False))


def unmet_need(evidence: Evidence, needs: Iterable[str]) -> Note | None:
    """Why a claim with these needs cannot be tested on this evidence; None where nothing is missing.

    Needs are ``money``, ``births`` (first orders are really first), ``holdout``, ``lift`` and ``costs`` (some part
    of an order's value is spent on it).
    """
    checks = {
        "money": lambda: None if evidence.transactions.has_money else Note("claim.reason.no_money"),
        "births": lambda: (
            evidence.births_unknown and Note("claim.reason.births_unknown", dict(evidence.births_unknown.numbers))
        ),
        "holdout": lambda: evidence.split if isinstance(evidence.split, Note) else None,
        "lift": lambda: evidence.lift if isinstance(evidence.lift, Note) else None,
        "costs": lambda: None if _has_costs(evidence.config) else Note("claim.reason.no_costs"),
    }
    return next((missing for need in needs if (missing := checks[need]()) is not None), None)


def models_left_out(evidence: Evidence) -> tuple[Note, ...]:
    """A remark for each purchase model that the data do not identify: a verdict cannot rest on it."""
    return tuple(Note("claim.assumption.model_left_out", {"model": name}) for name in evidence.purchase.not_identified)


def _has_costs(config: Config) -> bool:
    return config.economics.gross_margin < 1 or config.economics.cost_per_order > 0
