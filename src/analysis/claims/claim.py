"""A claim of the articles, its verdict, and the one rule for verdicts.

A claim is ``supported`` where the posterior probability of its range is at least .95 under every purchase model (or in
the data, where no model is needed), ``contradicted`` where it is at most .05 under every one, else it ``depends``.
Probabilities are never averaged, over models or over readings of the claim.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from analysis.data.orders import Orders
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.fits import PurchaseFits
from analysis.value.history import left_truncation
from analysis.words import Message

DATA, CONFIGURED = "data", "configured"
"""Names of the one "model" of a claim that data answer without a purchase model, or configured costs."""
NAMES = {DATA: Message("In these data"), CONFIGURED: Message("With the configured costs")}
MEASURE_ENDS = {"survival": "", "order_rate": "_orders", "ordering_again": "_again"}
LARGEST_ERROR, ROUNDING = 0.05, 1e-12

READ = Message("read in the publication or its abstract")
SECOND_HAND = Message("read second hand, in a source that quotes it")
NOT_AT_HAND = Message("no publication at hand")
VERY_LOW, LOW, LOW_TO_MEDIUM = Message("very low"), Message("low"), Message("low to medium")
MEDIUM, UNKNOWN = Message("medium"), Message("unknown")
NO_CAUSE = Message("A correlation is no cause. Whether a change would bring the same, only an experiment can say.")


class Outcome(StrEnum):
    """The four verdicts."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    DEPENDS = "depends"
    NOT_TESTABLE = "not_testable"

    @property
    def label(self) -> Message:
        labels = Message("supported"), Message("contradicted"), Message("depends"), Message("not testable")
        return labels[list(Outcome).index(self)]


class Range(NamedTuple):
    """The numbers for which a claim counts as true, both ends included.

    >>> Range(0.25, 0.95).holds(np.array([0.1, 0.3, np.nan]))
    array([False,  True, False])
    """

    low: float
    high: float

    def holds(self, values: np.ndarray) -> np.ndarray:
        return (values >= self.low) & (values <= self.high)


@dataclass(frozen=True)
class Claim:
    """A claim that can be tested, or of which it can be said why not: the decorator of the function that tests it.

    The function's name is the claim's id, and its parameters are its inputs, named for steps (``orders``, ``fits``,
    ``lift`` …) and settings (``gross_margin``, ``economics_config`` …); one with the default None gets None where it is
    not known. ``claimed`` is the range. It returns a ``Verdict``, or raises ``Unavailable``.

    Attributes
    ----------
    wording, article, source
        How it is read here, how the articles put it, and the earliest known source.
    measure
        For a claim about retention, what is called that (``analysis.value.shifts.MEASURES``). One function tests such a
        claim by every measure: it takes ``measure`` beside ``claimed``, and its id has an ending for others than
        survival.
    range, unit
        For which numbers it counts as true, and what they measure: ``share``, ``ratio``, ``correlation``, ``log_odds``.
    found
        What a number means, with the placeholder ``estimate``; None where there is never one.
    needs
        Checks of the orders that raise ``Unavailable``, such as ``has_money`` and ``births_known``.
    known, trust
        How the source is known, and how far to trust it.
    """

    wording: Message
    article: Message
    source: Message
    range: Range
    unit: str = "share"
    found: Message | None = None
    needs: tuple[Callable[[Any], None], ...] = ()
    known: Message = NOT_AT_HAND
    trust: Message = UNKNOWN
    measure: str = "survival"
    id: str = ""
    test: Callable[..., Verdict] | None = None

    def __call__(self, test: Callable[..., Verdict]) -> Callable[..., Verdict]:
        name = f"{test.__name__}{MEASURE_ENDS[self.measure]}"
        CLAIMS[name] = replace(self, id=name, test=test)
        return test

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.test).parameters


CLAIMS: dict[str, Claim] = {}
"""Id -> claim, in the order of the page."""


@dataclass(frozen=True)
class Verdict:
    """What the evidence says of one claim.

    Attributes
    ----------
    estimates
        Purchase model (or ``data`` or ``configured``) -> the number that the claim is about, with its interval.
    probabilities
        The same names -> posterior probability that the claim's range holds; empty where it cannot be tested.
    reason
        Why it cannot be tested; None where it can.
    assumptions
        What the number rests on, and what it would take to say more.
    details
        Further numbers, such as a break-even.
    claim
        Id of the claim.
    """

    estimates: Mapping[str, Interval] = field(default_factory=dict)
    probabilities: Mapping[str, float] = field(default_factory=dict)
    reason: Message | None = None
    assumptions: tuple[Message, ...] = ()
    details: tuple[Message, ...] = ()
    claim: str = ""

    @property
    def verdict(self) -> Outcome:
        """By the rule of this module.

        >>> str(Verdict(probabilities={"data": 0.02}).verdict), str(Verdict().verdict)
        ('contradicted', 'not_testable')
        """
        if self.error is None:
            return Outcome.NOT_TESTABLE
        if self.error > LARGEST_ERROR + ROUNDING:
            return Outcome.DEPENDS
        return Outcome.SUPPORTED if min(self.probabilities.values()) > 0.5 else Outcome.CONTRADICTED

    @property
    def error(self) -> float | None:
        """Probability that the nearer clear verdict is wrong, under the model that doubts it most.

        >>> round(Verdict(probabilities={"BG/NBD": 0.99, "MBG/NBD": 0.97}).error, 3)
        0.03
        """
        chances = self.probabilities.values()
        return float(min(1 - min(chances), max(chances))) if chances else None

    @property
    def estimate(self) -> Interval | None:
        """The first model's estimate with the widest ends of all models: nothing is averaged."""
        if not (every := list(self.estimates.values())):
            return None
        lower, upper = min(each.lower for each in every), max(each.upper for each in every)
        return Interval(every[0].estimate, lower, upper, every[0].level)

    @property
    def declared(self) -> Claim:
        return CLAIMS[self.claim]

    @property
    def found(self) -> list[Message]:
        """The number under each model with the probability of the claim, why there is none, and further numbers."""
        said = []
        for model, estimate in self.estimates.items():
            number = self.declared.found.with_values(estimate=estimate)
            said.append(Message("{model}: {finding}; probability of the claim: {chance}.",
                model=NAMES.get(model, model), finding=number,
                chance=chance_said(self.probabilities[model])))  # fmt: skip
        return [*said, *([self.reason] if self.reason else []), *self.details]

    @property
    def origin(self) -> list[Message]:
        """How the articles put it, where that comes from, and how far to trust it."""
        known, trust = self.declared.known, self.declared.trust
        trusted = Message("The source: {known}. Trust in it: {trust}.", known=known, trust=trust)
        return [self.declared.article, self.declared.source, trusted]


def chance_said(chance: float) -> Message:
    """A probability from draws in words: what is too near 0 or 1 to tell is said as a limit."""
    if chance < 0.01:
        return Message("below {limit:percent}", limit=0.01)
    if chance > 0.99:
        return Message("above {limit:percent}", limit=0.99)
    return Message("{chance:percent}", chance=chance)


def from_draws(claimed: Range, draws: Mapping[str, np.ndarray], level: float, **said: tuple[Message, ...]) -> Verdict:
    """The verdict on a number that is known with posterior draws under each name.

    Parameters
    ----------
    draws
        Name -> the estimate, then its draws, shape (1 + draws,); a draw that is NaN holds no claim.
    said
        ``assumptions`` and ``details`` of the verdict.

    Examples
    --------
    >>> found = from_draws(Range(0.75, 0.85), {"data": np.linspace(0.5, 0.6, 102)}, 0.9)
    >>> round(found.probabilities["data"], 3), found.estimate.estimate
    (0.005, 0.5)
    """
    intervals = {name: Interval.around(each[0], each[1:][np.isfinite(each[1:])], level) for name, each in draws.items()}
    # Never quite 0 or 1, as draws are finite.
    chances = {name: float((np.sum(claimed.holds(each[1:])) + 0.5) / len(each)) for name, each in draws.items()}
    return Verdict(intervals, chances, **said)


def as_configured(claimed: Range, number: float, level: float, **said: tuple[Message, ...]) -> Verdict:
    """The verdict on a number that configured costs give, which nothing makes uncertain; ``said`` as ``from_draws``."""
    holds = float(claimed.low <= number <= claimed.high)
    return Verdict({CONFIGURED: Interval(number, number, number, level)}, {CONFIGURED: holds}, **said)


def not_testable(reason: Message, *details: Message, assumptions: tuple[Message, ...] = ()) -> Verdict:
    """A claim that cannot be tested here, with whatever number can be given all the same."""
    return Verdict(reason=reason, assumptions=assumptions, details=details)


def claim_step(claim: str) -> Callable[..., Verdict]:
    """The test of one claim as a step: a function of the claim's inputs by name.

    An input that is given as ``Unavailable`` makes the claim not testable for that reason; those that it can do without
    are None then.

    >>> inspect.signature(claim_step("twenty_bring_eighty")).parameters.keys()
    odict_keys(['orders', 'credible_level', 'seed'])
    """
    declared = CLAIMS[claim]
    own = {"claimed": declared.range, "measure": declared.measure}

    def step(**inputs: Any) -> Verdict:
        given = {name: each for name, each in (inputs | own).items() if name in declared.parameters}
        try:
            for need in declared.needs:
                need(inputs["orders"])
            for missing in (each for each in inputs.values() if isinstance(each, Unavailable)):
                raise missing
            found = declared.test(**given)
        except Unavailable as missing:
            found = not_testable(missing.reason)
        return replace(found, claim=claim)

    step.__name__, step.__doc__, step.__module__ = claim, declared.test.__doc__, declared.test.__module__
    defaults = {"orders": Unavailable} if declared.needs else {}
    defaults |= {
        name: None if each.default is None else Unavailable
        for name, each in declared.parameters.items()
        if name not in own
    }
    keyword = inspect.Parameter.KEYWORD_ONLY
    step.__signature__ = inspect.Signature(
        [inspect.Parameter(name, keyword, default=defaults[name]) for name in defaults]
    )
    return step


def has_money(orders: Orders) -> None:
    """A need of claims about money."""
    if not orders.has_money:
        raise Unavailable("The data hold no amounts of money.", code="claim.reason.no_money")


def births_known(orders: Orders) -> None:
    """A need of claims about age, new customers, or the number of orders so far."""
    if truncated := left_truncation(orders):
        raise Unavailable(recoded(truncated))


def recoded(reason: Message) -> Message:
    """A reason that was found elsewhere, under its name among the claims'."""
    code = f"claim.reason.{reason.code.rpartition('.')[2]}"
    return Message(reason.text, reason.plural, code=code, context=reason.context, **reason.values)


def days_observed(orders: Orders) -> int:
    """Length of the window, both ends included."""
    return (orders.observation_end - orders.observation_start).days + 1


def some_customers(customers: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of all customers, or of ``most`` drawn at random where there are more."""
    return np.arange(customers) if customers <= most else np.sort(rng.choice(customers, most, replace=False))


def models_left_out(fits: PurchaseFits) -> tuple[Message, ...]:
    """A remark for each purchase model that the data do not identify: a verdict cannot rest on it."""
    return tuple(
        Message("The data do not identify {model}; the verdict does not hold under it, nor against it.", model=name)
        for name in fits.not_identified
    )
