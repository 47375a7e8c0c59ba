"""Strategies compared: from fitted models to the profit of each against going on as today, under every view.

The views are BG/NBD with dropout tried at every order, the same with dropout in calendar time, and MBG/NBD, which
disagrees with it on who is alive, where the data identify it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.config import EconomicsConfig, StrategiesConfig
from analysis.config.assumptions import CUSTOMER_TYPES, PARAMETERS, Assumption
from analysis.config.strategies import (
    NOTHING,
    Promotion,
    Strategy,
    problems_beside_today,
    problems_of_time,
    repeated_names,
)
from analysis.errors import Unavailable, UsageError
from analysis.interval import Interval
from analysis.plotting import Plots
from analysis.strategies.customers import Fitted, People, base_people, fitted_draws, new_people
from analysis.strategies.decision import Decision, decision
from analysis.strategies.microsimulation import STRUCTURES
from analysis.strategies.newcomers import pool_size
from analysis.strategies.parameters import Estimate, draw_parameters
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics
from analysis.strategies.sentences import labelled, name_of
from analysis.strategies.simulation import Inputs, Simulation, simulate
from analysis.strategies.simulation_error import expected_path_ends
from analysis.tables import table_html
from analysis.time import TimeUnit, duration, from_days
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.models.fits import PurchaseFit, PurchaseFits
    from analysis.models.spend import SpendFit
    from analysis.strategies.evidence import LoyaltyEvidence

MODEL, CHALLENGER = "BG/NBD", "MBG/NBD"
ORDERS_AT_MOST = 30_000_000
FEWEST_SAMPLED, MOST_SAMPLED = 300, 1_000
TENURES = (("under_1_year", 1.0), ("1_to_2_years", 2.0), ("over_2_years", np.inf))
VALUES = (("top_tenth", 0.1), ("next_four_tenths", 0.5), ("lower_half", 1.0))
DESCRIBED = ["name", "label", "unit", "source"]


@dataclass(frozen=True)
class Setting:
    """Everything that strategies are compared under, the fitted models apart.

    Attributes
    ----------
    economics
        What orders earn.
    weeks
        Horizon.
    stated
        Draws, sampled customers, assumptions and mixes of customers; what is not stated is None.
    coming_per_week
        New customers of an ordinary week.
    seed, level
        Of the random numbers; of the intervals.
    estimates, caps
        What the data say of the parameters: in place of an assumption, or as the ends of its range.
    kinds
        Number of every customer's type, as in ``CUSTOMER_TYPES``, shape (customers,); -1 where unknown, None where
        nobody's is known.
    """

    economics: Economics
    weeks: int
    stated: StrategiesConfig = field(default_factory=StrategiesConfig)
    coming_per_week: float = 0.0
    seed: int = 1
    level: float = 0.9
    estimates: Mapping[str, Estimate] | None = None
    caps: Mapping[str, Assumption] | None = None
    kinds: np.ndarray | None = None

    def sampled(self, histories: CustomerSummary, strategies: int = 4) -> int:
        """How many customers stand for the base: as stated, else what ``ORDERS_AT_MOST`` simulated orders allow.

        The more a customer orders, the less chance there is in what he or she spends, and the fewer are needed.
        """
        if self.stated.customers is not None:
            return self.stated.customers
        observed = from_days(histories.table["T_days"].to_numpy(), TimeUnit.WEEK).sum()
        each = max(float(histories.table["frequency"].sum()) / observed * self.weeks, 1.0)
        return int(np.clip(ORDERS_AT_MOST / (self.stated.draws * strategies * each), FEWEST_SAMPLED, MOST_SAMPLED))

    def fewer(self, draws: int, customers: int) -> Setting:
        """The same with as many draws and customers."""
        return replace(self, stated=self.stated.model_copy(update={"draws": draws, "customers": customers}))

    def inputs(self, fit: PurchaseFit, spend: SpendFit) -> Inputs:
        """What is the same for all strategies, under one purchase model."""
        stated, kinds, histories, seed = self.stated, self.kinds, fit.known_histories(), self.seed
        types = stated.types and stated.types.model_dump()
        if types is None and kinds is not None and (kinds >= 0).any():
            shares = np.bincount(kinds[kinds >= 0], minlength=len(CUSTOMER_TYPES)) / (kinds >= 0).sum()
            types = dict(zip(CUSTOMER_TYPES, shares, strict=True))
        given = {name: each for name, each in stated.assumptions if each is not None}
        bindings = stated.bindings and stated.bindings.model_dump()
        parameters = draw_parameters(stated.draws, seed, self.estimates, given, types, bindings, self.caps)
        fitted, today = fitted_draws(fit, spend, stated.draws), self.economics.todays_deal
        count = self.sampled(histories)
        base = base_people(histories, fitted, spend, parameters, count, seed, today, kinds)
        return Inputs(
            base=base,
            new=new_people(fitted, spend, parameters, pool_size(count, self.weeks), seed, today),
            fitted=fitted,
            parameters=parameters,
            economics=self.economics,
            customers=len(histories.table),
            coming_per_week=self.coming_per_week,
            weeks=self.weeks,
            seed=seed,
            labels=_labels(histories, base, fitted),
        )


@dataclass(frozen=True)
class StrategyComparison:
    """The comparison under every view, and a rival's attack where there is one.

    Attributes
    ----------
    setting
        Under what they are compared.
    per_purchase, calendar
        BG/NBD with dropout tried at every order, and with a hazard that is fixed in calendar time.
    challenger
        MBG/NBD with dropout tried at every order; None where the data do not identify it.
    attacked
        (structure, ``customers`` or ``profit``) -> what the attack takes, shape (D, S): customers taken by the rival,
        and discounted profit [currency]; empty without one.
    decision
        Which is the best, and how sure that is.
    notes
        What was assumed on the way.
    """

    setting: Setting
    per_purchase: Simulation
    calendar: Simulation
    challenger: Simulation | None
    attacked: Mapping[tuple[str, str], np.ndarray]
    decision: Decision
    notes: tuple[Message, ...]

    plot = Plots(
        differences="analysis.strategies.plots:plot_differences",
        paths="analysis.strategies.plots:plot_paths",
        components="analysis.strategies.plots:plot_components",
    )

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        """One a view; decisions rest on all of them."""
        views = (self.per_purchase, self.calendar, self.challenger)
        return tuple(view for view in views if view is not None)

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        return self.per_purchase.strategies

    @property
    def years(self) -> float:
        """Horizon, to a tenth of a year."""
        return round(self.setting.weeks / WEEKS_PER_YEAR, 1)

    def to_frame(self) -> pd.DataFrame:
        """Every strategy over all views, each as likely as the others; own ones first, going on as today last.

        Returns
        -------
        DataFrame
            Columns strategy, name and label (what it is called, what the company does), is_own; difference: expected
            discounted profit against going on as today [currency], with lower, upper and level; probability_of_loss,
            probability_best, and regret: expected profit forgone by choosing it [currency].
        """
        return labelled(self.decision.table, self.strategies)

    def views(self) -> pd.DataFrame:
        """The differences under every view: strategy, model, structure, probability_best, regret, estimate, ..."""
        return _frame(
            ("strategy", "model", "structure", "probability_best", "regret"),
            (
                (name, each.model, each.structure, each.probability_best[s], each.regret[s], each.difference[s])
                for each in self.decision.rankings
                for s, name in enumerate(each.names)
            ),
        )

    def paths(self) -> pd.DataFrame:
        """Cumulative discounted profit against going on as today, under the first view.

        Columns strategy, week (1 is the first), estimate, lower, upper [currency] and level.
        """
        run = self.per_purchase
        mean = (run.cumulative - run.cumulative[:, :1]).mean(axis=0)
        lower, upper = expected_path_ends(run, self.setting.level)
        week = np.tile(np.arange(run.weeks) + 1, len(run.names) - 1)
        ends = {"estimate": mean[1:].ravel(), "lower": lower[1:].ravel(), "upper": upper[1:].ravel()}
        names = np.repeat(run.names[1:], run.weeks)
        return pd.DataFrame({"strategy": names, "week": week, **ends, "level": self.setting.level})

    def components(self) -> pd.DataFrame:
        """What the difference from going on as today consists of, under the first view; components add up to it.

        Columns strategy, component, estimate, lower, upper [currency] and level.
        """
        parts = {(part,): draws for part, draws in self.per_purchase.components.items() if np.any(draws)}
        return self._by_strategy(("component",), parts)

    def segments(self) -> pd.DataFrame:
        """Difference of the own orders of each customer of a part of the base, under the first view.

        Columns strategy, dimension, segment, customers, estimate, lower, upper [currency] and level.
        """
        parts = [each for each in self.per_purchase.segments if each.customers > 0]
        draws = {(each.dimension, each.label, each.customers): each.difference / each.customers for each in parts}
        return self._by_strategy(("dimension", "segment", "customers"), draws)

    def attack_losses(self) -> pd.DataFrame:
        """What the rival's attack takes; MBG/NBD is not attacked.

        Columns strategy, structure, what (customers or profit), estimate, lower, upper and level.
        """
        return self._by_strategy(("structure", "what"), self.attacked, first=0)

    def _by_strategy(self, names: tuple[str, ...], draws: Mapping[tuple, np.ndarray], first: int = 1) -> pd.DataFrame:
        rows = (
            (strategy, *key, Interval.around(float(each[:, s].mean()), each[:, s], self.setting.level))
            for s, strategy in enumerate(self.per_purchase.names)
            for key, each in draws.items()
            if s >= first
        )
        return _frame(("strategy", *names), rows)

    def assumptions(self) -> pd.DataFrame:
        """Every parameter of the dynamics: name, label, mean, low and high over draws, unit, origin and source."""
        draws, origin = self.per_purchase.parameters, self.per_purchase.origin
        table = pd.DataFrame([(p.name, p.label, p.unit, p.source) for p in PARAMETERS], columns=DESCRIBED)
        ends = {"mean": draws.mean(), "low": draws.min(), "high": draws.max()}
        return table.assign(**{end: values[table["name"]].to_numpy() for end, values in ends.items()}).assign(
            origin=table["name"].map(origin)
        )

    def _repr_html_(self) -> str:
        return table_html(self.to_frame())


def compare_strategies(
    fit: PurchaseFit | PurchaseFits,
    spend: SpendFit | None,
    strategies: Sequence[Strategy],
    *,
    gross_margin: float,
    cost_per_order: float = 0.0,
    annual_discount_rate: float = 0.1,
    horizon="3Y",
    new_customers_per_year: float | None = None,
    joining_per_year: float | None = None,
    evidence: LoyaltyEvidence | None = None,
    kinds: np.ndarray | None = None,
    level: float = 0.9,
    seed: int = 1,
    **stated,
) -> StrategyComparison:
    """What strategies earn against going on as today.

    Parameters
    ----------
    fit
        The fitted purchase model, BG/NBD; or all of them, so that MBG/NBD is a further view where it is among them.
    spend
        The fitted spend model.
    strategies
        What is compared; going on as today is always beside it.
    gross_margin, cost_per_order, annual_discount_rate
        Share of what is paid that is left, cost of an order [currency], discount rate per year.
    horizon
        A duration with its unit, such as ``"3Y"`` or ``"52W"``.
    new_customers_per_year
        Who join whatever is done; where not given ``joining_per_year``, which was observed, else nobody.
    evidence
        What the data say of the parameters, and of what orders save today.
    kinds
        Number of every customer's type, shape (customers,); -1 where unknown.
    **stated
        Keys of the section ``strategies`` of a configuration: ``todays_deal`` (share of the list price that orders save
        today), ``attack``, ``assumptions`` (a number or a range ``{"low": ..., "high": ...}`` for parameters of the
        dynamics), ``types`` and ``bindings`` (shares of customers), ``draws``, and ``customers`` who stand for the
        base, as many as are needed where not given.

    Raises
    ------
    UsageError
        With everything that is wrong with the strategies.
    Unavailable
        Without money, without a fit of BG/NBD, and where promotions and today's deal exceed the price.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> fit, spend = rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders)
    >>> club = rl.Strategy("club", promotion=rl.Promotion(depth=0.1, every_weeks=4))
    >>> found = rl.compare_strategies(fit, spend, [club], gross_margin=0.3, horizon="1Y", draws=20, customers=100)
    >>> found.to_frame()["strategy"].tolist()
    ['club', 'nothing']
    """
    weeks = max(round(from_days(duration(horizon), TimeUnit.WEEK)), 1)
    settings = StrategiesConfig.checked(horizon_weeks=weeks, **stated)
    money = {"gross_margin": gross_margin, "cost_per_order": cost_per_order}
    EconomicsConfig.checked(annual_discount_rate=annual_discount_rate, **money)
    fits = {each.model: each for each in (fit if isinstance(fit, Iterable) else (fit,))}
    if spend is None or not all(each.known_histories().has_money for each in fits.values()):
        raise Unavailable(
            "The data hold no amounts of money, so strategies cannot be compared by profit.",
            code="strategies.reason.no_money",
        )
    if MODEL not in fits:
        raise Unavailable(
            "Strategies are compared on the purchase model BG/NBD, and there is no fit of it.",
            code="strategies.reason.no_model",
        )
    observed = evidence.observed_deal if evidence is not None else None
    deal = observed if settings.todays_deal is None else settings.todays_deal
    named = {f"strategy {each.name!r}: ": each for each in strategies}
    wrong, too_deep = repeated_names((NOTHING, *strategies), "strategy"), problems_beside_today(named, deal or 0.0)
    wrong += problems_of_time(named, settings.attack, weeks, "the horizon")
    if too_deep and settings.todays_deal is None and not wrong:
        raise Unavailable(
            "A promotion takes {deal:percent} off, and in these data orders already save {today:percent1} of the list "
            "price; together that is more than the price. Make it less deep, or state `strategies.todays_deal`.",
            code="strategies.reason.too_deep", today=deal,
            deal=max(each.promotion.depth + each.promotion.points for each in strategies if each.promotion)
        )  # fmt: skip
    if wrong or too_deep:
        raise UsageError(*wrong, *too_deep)
    coming = joining_per_year if new_customers_per_year is None else new_customers_per_year
    economics = Economics(**money, annual_discount_rate=annual_discount_rate, todays_deal=deal or 0.0)
    known = {"estimates": evidence.estimates, "caps": evidence.caps} if evidence is not None else {}
    setting = Setting(economics, weeks, settings, (coming or 0.0) / WEEKS_PER_YEAR, seed, level, kinds=kinds, **known)
    return _compared(fits, spend, strategies, setting, list(_notes(setting, deal, coming, new_customers_per_year)))


def _compared(fits, spend: SpendFit, strategies, setting: Setting, notes: list[Message]) -> StrategyComparison:
    inputs, attack = setting.inputs(fits[MODEL], spend), setting.stated.attack
    if not inputs.mean_order_value > 0:
        raise Unavailable(
            "What orders bring in these data is zero or less, so there is nothing that a strategy could raise.",
            code="strategies.reason.worthless",
        )
    promotion = next((each.promotion for each in strategies if each.promotion), Promotion())
    budget = promotion.given_per_order * inputs.mean_order_value
    every = (NOTHING, *(each.with_budget(budget) for each in strategies))
    if given := [
        name_of(one.name)
        for one, other in zip(strategies, every[1:], strict=True)
        if one != other and one.name != "both"
    ]:
        notes.append(
            Message(
                "Nobody stated what better service costs ({names:list}). It is given the budget of the promotion: "
                "{per_order:money} for each order, as much as the promotion gives away on today's orders.",
                names=given, per_order=budget
            )
        )  # fmt: skip
    found, attacked, other = {structure: simulate(inputs, every, structure) for structure in STRUCTURES}, {}, None
    for structure, calm in found.items() if attack is not None else ():
        run = simulate(inputs, every, structure, attack)
        attacked[structure, "customers"] = run.weekly.taken.sum(axis=2)
        attacked[structure, "profit"] = calm.profit - run.profit
    if CHALLENGER in fits:
        other = simulate(setting.inputs(fits[CHALLENGER], spend), every)
    else:
        notes.append(Message("MBG/NBD is not fitted to these data, so that the comparison rests on BG/NBD alone."))
    chosen = decision([*found.values(), *([other] if other else [])], setting.level, setting.seed)
    return StrategyComparison(
        setting, **found, challenger=other, attacked=attacked, decision=chosen, notes=tuple(notes)
    )


def kinds_of(histories: CustomerSummary, table: pd.DataFrame) -> np.ndarray:
    """Number of every customer's type, -1 where unknown, shape (customers,); ``table`` has columns customer, type."""
    known = pd.Series(table["type"].map(CUSTOMER_TYPES.index).to_numpy(), index=table["customer"].astype(str))
    return histories.table["customer_id"].astype(str).map(known).fillna(-1).to_numpy(dtype=int)


def _notes(setting: Setting, deal: float | None, coming: float | None, stated: float | None) -> Iterator[Message]:
    if (kinds := setting.kinds) is not None:
        known, count = int((kinds >= 0).sum()), len(kinds)
        yield Message("The type of {known:integer} of {count:integer} customers is known.", known=known, count=count)
        yield (
            Message("The others, and new ones, are mixed as `strategies.types` states.")
            if setting.stated.types
            else Message("The others, and new ones, are mixed in the proportions of those that are known.")
        )
    if deal is None:
        yield Message("Nothing is known of the discounts that customers get today; the comparison takes none.")
    elif deal > 0:
        yield (
            Message("In these data orders save {deal:percent1} of the list price as it is.", deal=deal)
            if setting.stated.todays_deal is None
            else Message("Orders save {deal:percent1} of the list price as it is, as stated.", deal=deal)
        )
        yield Message(
            "That goes on under every strategy, and what a promotion takes off comes on top. Promotions that already "
            "run today are in the comparison as this average alone."
        )
    if not coming:
        yield (
            Message("No new customers came in the last year of the data, or it is not known how many.")
            if stated is None
            else Message("It is stated that no new customers come (`retention.new_customers_per_year`).")
        )
        yield Message("So a promotion wins nobody, and only today's customers and those whom they bring count.")


def _frame(names: tuple[str, ...], rows: Iterable[tuple]) -> pd.DataFrame:
    """Rows that end with an interval, as a frame with estimate, lower, upper and level."""
    return pd.DataFrame(
        [(*row[:-1], *vars(row[-1]).values()) for row in rows], columns=[*names, "estimate", "lower", "upper", "level"]
    )


def _labels(histories: CustomerSummary, base: People, fitted: Fitted) -> dict[str, np.ndarray]:
    """Tenure, and rank in the value of the orders expected in the first week, of every sampled customer.

    By what is known of the customer, not by what becomes of the simulated one: nobody could act upon that.
    """
    table, model = histories.table.iloc[base.row], fitted.model
    years = from_days(table["T_days"].to_numpy(), TimeUnit.YEAR)
    tenure = np.select([years < until for _, until in TENURES], [name for name, _ in TENURES], "")
    x = table["frequency"].to_numpy()
    recency, age = (from_days(table[name].to_numpy(), TimeUnit.WEEK) for name in ("recency_days", "T_days"))
    params = model.Params(*fitted.purchase.mean(axis=0))
    worth = model.p_alive(params, x, recency, age) * (params.r + x) / (params.alpha + age) * base.value.mean(axis=0)
    rank = (np.argsort(np.argsort(-worth, kind="stable"), kind="stable") + 0.5) / len(worth)
    value = np.select([rank <= upto for _, upto in VALUES], [name for name, _ in VALUES], "")
    return {"tenure": tenure, "value": value}
