"""Strategies compared: from fitted models to the profit of each against going on as today, draw by draw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.arguments import checked
from analysis.config import EconomicsConfig, StrategiesConfig
from analysis.config.assumptions import PARAMETERS
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
from analysis.models.fits import PurchaseFit, PurchaseFits
from analysis.models.patterns import patterns_of
from analysis.models.spend import SpendFit
from analysis.plotting import Plots
from analysis.strategies.decision import Advice, advice_on, simulation_error, smooth
from analysis.strategies.dynamics import ParameterDraws, draw_parameters
from analysis.strategies.evidence.evidence import LoyaltyEvidence
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics, Schedule
from analysis.strategies.sentences import COMPONENTS, done_in, name_of
from analysis.strategies.simulation import (
    SEGMENTS,
    WINDOWS,
    Lives,
    Totals,
    World,
    base_lives,
    customers_of,
    new_lives,
    ranks_of,
    simulate,
    within,
    worth_of_new,
)
from analysis.strategies.trial import outcomes_of, trials_of
from analysis.tables import Result
from analysis.time import DAYS_PER_YEAR, TimeUnit, annuity, duration, force_of_interest, from_days
from analysis.value.lift import new_customers_observed
from analysis.value.shifts import base_grid, draws_for, expected_at_rest
from analysis.value.valuation import discounted_orders
from analysis.words import Message

DRAWS_OF_A_LINE = 100


@dataclass(frozen=True, repr=False)
class StrategyComparison(Result):
    """What strategies earn against going on as today, and what to do. Arrays begin with going on as today.

    Attributes
    ----------
    strategies, years, level
        What was compared, over how many years; level of the intervals.
    go_on
        Profit of today's customers under the fitted model [currency]: the value section's point and ends.
    lines
        What changes that figure: ``newcomers``, a ``rival`` and a ``standard`` that rises faster than until now.
    components
        Part of the difference from going on as today -> draws, shape (S, D) [currency]; they add up to it.
    profit, joining
        Draws of ``go_on``, and of what new customers bring then, shape (D,).
    parameters
        Everything assumed, and where it comes from.
    segments
        Difference by segment of today's customers, shape (S, D, segments), and how many customers each has.
    early
        Difference of undiscounted margin within ``WINDOWS``, shape (windows, S, D, segments) [currency].
    outcomes
        What experiments with these customers would measure, as of ``trial.outcomes_of``.
    attacked
        What a rival's attack takes from each, shape (S, D).
    served, annuity_years
        What better service and gifts cost on all orders [currency], and for how many discounted years a strategy lasts,
        shape (S,).
    finding_out_costs, todays_deal
        What a test or an answer costs [currency]; share of the price saved today.
    notes
        What was assumed on the way.
    """

    strategies: tuple[Strategy, ...]
    years: float
    level: float
    go_on: Interval
    lines: Mapping[str, Interval]
    components: Mapping[str, np.ndarray]
    profit: np.ndarray
    joining: np.ndarray
    parameters: ParameterDraws
    segments: tuple[np.ndarray, np.ndarray]
    early: np.ndarray
    outcomes: pd.DataFrame
    attacked: np.ndarray
    served: np.ndarray
    annuity_years: np.ndarray
    finding_out_costs: float
    todays_deal: float
    notes: tuple[Message, ...] = field(default=())

    plot = Plots("analysis.strategies.plots", "differences", "break_even")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.strategies)

    @cached_property
    def draws(self) -> np.ndarray:
        """Expected difference from going on as today under each draw, freed of the luck of simulated lives, (S, D)."""
        return sum(self.explained.values())

    @property
    def uncertain(self) -> Mapping[str, np.ndarray]:
        """Everything that differs from draw to draw, but for the luck of simulated lives."""
        return self.parameters.values | {"profit": self.profit}

    @cached_property
    def explained(self) -> dict[str, np.ndarray]:
        """Components freed of the luck of simulated lives: what is uncertain explains of each, shape (S, D)."""
        return {name: smooth(draws, self.uncertain) for name, draws in self.components.items()}

    @cached_property
    def simulation_error(self) -> np.ndarray:
        """Standard error of each mean difference that comes from simulated lives and finitely many draws, (S,)."""
        return simulation_error(sum(self.components.values()), self.uncertain)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """Experiments with every strategy that these customers allow, as of ``trial.trials_of``."""
        return trials_of(self)

    @cached_property
    def advice(self) -> dict[str, Advice]:
        """What to do with each strategy: the first of the written rule's four steps that holds."""
        return advice_on(self)

    def difference(self, name: str) -> Interval:
        """Expected profit against going on as today, over everything that is uncertain [currency]."""
        return Interval.of_draws(self.draws[self.names.index(name)], self.level)

    def to_frame(self) -> pd.DataFrame:
        """Every strategy, own ones first, then what is expected to earn most; going on as today last.

        Returns
        -------
        DataFrame
            Columns strategy, name and label (what it is called, what the company does), is_own; difference: expected
            discounted profit against going on as today [currency], with lower, upper and level; probability_of_loss,
            probability_best; regret: expected profit forgone by choosing it [currency]; break_even: by which share
            the margin of all customers must rise for it to pay, and likely: by which it does; advice.
        """
        largest, frame = self.draws.max(axis=0), pd.DataFrame([vars(self.difference(name)) for name in self.names])
        best = self.draws >= largest - 1e-9 * np.maximum(np.abs(largest), 1.0)
        said = [self.advice.get(name) for name in self.names]
        frame = frame.rename(columns={"estimate": "difference"}).assign(
            probability_of_loss=(self.draws < 0).mean(axis=1),
            probability_best=(best / best.sum(axis=0)).mean(axis=1),
            regret=(largest - self.draws).mean(axis=1),
            break_even=[0.0 if each is None else each.need.estimate for each in said],
            likely=[0.0 if each is None else each.likely.estimate for each in said],
            advice=[None if each is None else each.form for each in said],
        )
        names = [(each.name, name_of(each.name), done_in(each), each.is_own) for each in self.strategies]
        frame = pd.DataFrame(names, columns=["strategy", "name", "label", "is_own"]).join(frame)
        order = sorted(frame.index, key=lambda row: (row == 0, not frame["is_own"][row], -frame["difference"][row]))
        return frame.loc[order].reset_index(drop=True)

    def components_frame(self) -> pd.DataFrame:
        """What each difference consists of: strategy, component, estimate, lower, upper [currency] and level."""
        parts = {name: draws for name, draws in self.explained.items() if np.any(self.components[name])}
        rows = (
            (strategy, name, *vars(Interval.of_draws(draws[s], self.level)).values())
            for s, strategy in enumerate(self.names)
            for name, draws in parts.items()
            if s
        )
        return pd.DataFrame(rows, columns=["strategy", "component", "estimate", "lower", "upper", "level"])

    def assumptions(self) -> pd.DataFrame:
        """Every parameter of the dynamics: name, label, unit, source, mean, low and high over draws, and origin."""
        values = self.parameters.values
        rows = [
            (p.name, p.label, p.unit, p.source, *(float(f(values[p.name])) for f in (np.mean, np.min, np.max)),
             self.parameters.origin[p.name])
            for p in PARAMETERS
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["name", "label", "unit", "source", "mean", "low", "high", "origin"])


@checked
def compare_strategies(
    fit: PurchaseFit | PurchaseFits,
    spend: SpendFit | None,
    strategies: Strategy | Sequence[Strategy] | None = None,
    *,
    gross_margin: float = 0.3,
    cost_per_order: float = 0.0,
    annual_discount_rate: float = 0.1,
    horizon="3Y",
    new_customers_per_year: float | None = None,
    evidence: LoyaltyEvidence | None = None,
    kinds: np.ndarray | None = None,
    level: float = 0.9,
    seed: int = 1,
    **stated,
) -> StrategyComparison:
    """What strategies earn against going on as today, and what to do.

    Parameters
    ----------
    fit
        The fitted purchase model, with its customers; of several the first.
    spend
        The fitted spend model.
    strategies
        What is compared, by default discount weeks, points, a club, a gift, better service, and discount weeks with
        better service; going on as today is always beside it.
    gross_margin, cost_per_order, annual_discount_rate
        Share of what is paid that is left, cost of an order [currency], discount rate per year.
    horizon
        A duration with its unit, such as ``"3Y"`` or ``"52W"``.
    new_customers_per_year
        Who join whatever is done; by default those of the last year, where the orders of the fit tell, else nobody.
    evidence
        What the data say of the parameters, and of what orders save today.
    kinds
        Number of every customer's type, shape (customers,); -1 where unknown.
    **stated
        Keys of the section ``strategies`` of a configuration: ``todays_deal`` (share of the list price that orders save
        today), ``rival_depth``, ``assumptions`` (a number or a range ``{"low": ..., "high": ...}`` for parameters of
        the dynamics), and ``finding_out_costs`` (of a test or an answer [currency]).

    Raises
    ------
    UsageError
        With everything that is wrong with the strategies.
    Unavailable
        Without money, under a model in which nobody leaves, and where promotions and today's deal exceed the price.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> fit, spend = rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders)
    >>> club = rl.Strategy("club", promotion=rl.Promotion(depth=0.1, every_weeks=4))
    >>> found = rl.compare_strategies(fit, spend, [club], gross_margin=0.3, horizon="1Y")
    >>> found.to_frame()["strategy"].tolist(), found.advice["club"].form
    (['club', 'nothing'], 'do_not')
    """
    settings = StrategiesConfig.checked(**stated)
    rate, days = annual_discount_rate, duration(horizon)
    EconomicsConfig.checked(gross_margin=gross_margin, cost_per_order=cost_per_order, annual_discount_rate=rate)
    fit = next(iter(fit)) if isinstance(fit, Iterable) else fit
    if spend is None or not fit.known_histories().has_money:
        raise Unavailable(
            "The data hold no amounts of money, so strategies cannot be compared by profit.",
            code="strategies.reason.no_money",
        )
    strategies = settings.strategies if strategies is None else strategies
    strategies = [strategies] if isinstance(strategies, Strategy) else list(strategies)
    weeks = max(round(from_days(days, TimeUnit.WEEK)), 1)
    if wrong := [
        *repeated_names(strategies, "strategy"),
        *problems_of_time({f"{each.name}: ": each for each in strategies}, weeks, "weeks"),
    ]:
        raise UsageError("; ".join(wrong))
    observed = None if evidence is None else evidence.observed_deal
    deal = observed if settings.todays_deal is None else settings.todays_deal
    if above := problems_beside_today({f"{each.name}: ": each for each in strategies}, deal or 0.0):
        raise Unavailable(
            "With what orders save today, {deal:percent1} of the list price, a promotion would take more than the "
            "whole price off: {problems:list}.",
            code="strategies.reason.above_the_price", deal=deal, problems=above
        )  # fmt: skip
    coming = new_customers_per_year
    if coming is None and fit.orders is not None:
        coming = new_customers_observed(fit.orders)
    notes = list(_notes(fit, settings, deal, coming, new_customers_per_year, kinds))
    given = {name: each for name, each in settings.assumptions if each is not None}
    draws = fit.posterior.draws[: draws_for(base_grid(fit.known_histories(), fit.clock))]
    known = draw_parameters(len(draws), seed, evidence and evidence.estimates, given)
    types = None if kinds is None or not (kinds >= 0).any() else np.bincount(kinds[kinds >= 0], minlength=4)
    world = World(
        parameters=known.values,
        economics=Economics(gross_margin, cost_per_order, deal or 0.0),
        horizon=float(from_days(days, TimeUnit.WEEK)),
        delta=force_of_interest(rate, TimeUnit.WEEK),
        mix=None if types is None else types / types.sum(),
        seed=seed,
    )
    comparing = _Comparing(fit, spend, world, settings, (coming or 0.0) / WEEKS_PER_YEAR, level, kinds)
    return comparing.compared(strategies, known, notes)


@dataclass(frozen=True)
class _Comparing:
    fit: PurchaseFit
    spend: SpendFit
    world: World
    settings: StrategiesConfig
    coming: float
    level: float
    kinds: np.ndarray | None

    def compared(
        self, strategies: Sequence[Strategy], known: ParameterDraws, notes: list[Message]
    ) -> StrategyComparison:
        world, money = self.world, self.world.economics
        years = world.horizon * 7 / DAYS_PER_YEAR
        expected, total, amounts, go_on = self._as_today(years)
        if not (total > 0 and go_on.mean() > 0):
            raise Unavailable(
                "What orders bring in these data is zero or less, so there is nothing that a strategy could raise.",
                code="strategies.reason.worthless",
            )
        every = self._with_budgets(strategies, notes)
        news = new_lives(self.fit, self.spend, world, self.coming)
        worth = worth_of_new(news, world)
        lives = base_lives(self.fit, self.spend, expected, world, self.kinds)
        found = simulate(lives, every, world, worth_of_new=worth)
        scale = amounts / (1 - money.todays_deal) / found["revenue"]
        coming = simulate(news, every, world, worth_of_new=worth) if self.coming else None
        parts = self._components(every, found, scale, coming)
        sizes = np.bincount(ranks_of(np.maximum(expected * self._values, 0.0)), minlength=len(SEGMENTS))
        after = simulate(lives, [NOTHING, *every], world, rival_depth=self.settings.rival_depth)
        attacked = scale * (after["profit"][1:] - found["profit"])
        early = np.stack([found.by_segment[within(window)] for window in WINDOWS])
        difference = sum(parts.values())
        notes += [
            Message("“{name}” is the same in effect as “{other}”.", name=name_of(every[row].name),
                    other=name_of(every[other].name))
            for row in range(1, len(every))
            for other in [next(each for each in range(1, row + 1) if np.array_equal(difference[each], difference[row]))]
            if other < row
        ]  # fmt: skip
        return StrategyComparison(
            strategies=every,
            years=round(years, 9),
            level=self.level,
            go_on=Interval.around(total, go_on, self.level),
            lines=self._lines(lives, scale, coming, attacked),
            components=parts,
            profit=go_on,
            joining=np.zeros(world.draws) if coming is None else coming["profit"][0],
            parameters=known,
            segments=((found.by_segment["profit"] - found.by_segment["profit"][:1]) * scale.T, sizes),
            early=(early - early[:, :1]) * scale.T,
            outcomes=outcomes_of(self.fit.orders, money, expected * self._values),
            attacked=attacked,
            served=(scale * found["served"] + (0.0 if coming is None else coming["served"])).mean(axis=1),
            annuity_years=Schedule(every, world.weeks).on @ self._a_week / WEEKS_PER_YEAR,
            finding_out_costs=self.settings.finding_out_costs,
            todays_deal=money.todays_deal,
            notes=tuple(notes),
        )

    @cached_property
    def _values(self) -> np.ndarray:
        return customers_of(self.fit.known_histories(), self.fit, self.spend)[3]

    @property
    def _a_week(self) -> np.ndarray:
        """What 1 a week is worth in each week, discounted; of the last one what falls into the horizon."""
        delta, week = self.world.delta, np.arange(self.world.weeks)
        return np.exp(-delta * week) * annuity(delta, np.minimum(self.world.horizon - week, 1.0))

    def _as_today(self, years: float) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
        """Expected discounted orders of each customer; the base's profit; draws of its discounted amounts and profit.

        In closed form: what the value section shows.
        """
        fit, world, unit = self.fit, self.world, self.fit.time_unit
        per_unit = from_days(1.0, TimeUnit.WEEK) / from_days(1.0, unit)
        horizon, delta = world.horizon / per_unit, world.delta * per_unit
        histories = fit.known_histories()
        expected = discounted_orders(fit, patterns_of(histories, fit.clock), horizon, delta, histories.observation_end)
        _, amounts, orders = expected_at_rest(histories, fit, self.spend, years, delta)[0][:, 1:]
        money = world.economics
        left = money.gross_margin * self._values - money.cost_per_order
        return expected, float(expected @ left), amounts, money.gross_margin * amounts - money.cost_per_order * orders

    def _with_budgets(self, strategies: Sequence[Strategy], notes: list[Message]) -> tuple[Strategy, ...]:
        value = float(self._values.mean()) / (1 - self.world.economics.todays_deal)
        promotion = next((each.promotion for each in strategies if each.promotion), Promotion())
        depth = promotion.depth or Promotion().depth
        budget, gift = promotion.given_per_order * value, depth * value
        every = (NOTHING, *(each.with_budget(budget, gift) for each in strategies))
        changed = [one for one, other in zip(strategies, every[1:], strict=True) if one != other]
        if named := [name_of(each.name) for each in changed if each.experience]:
            notes.append(
                Message(
                    "Nobody stated what better service costs ({names:list}). It is given the budget of the promotion: "
                    "{per_order:money} for each order, as much as the promotion gives away on today's orders.",
                    names=named, per_order=budget
                )
            )  # fmt: skip
        if any(each.gift for each in changed):
            notes.append(
                Message(
                    "Nobody stated what a gift costs. It is taken to cost {gift:money}, as much as a discount on one "
                    "order.",
                    gift=gift,
                )
            )
        return every

    def _components(
        self, every: tuple[Strategy, ...], found: Totals, scale: np.ndarray, coming: Totals | None
    ) -> dict[str, np.ndarray]:
        """Parts of each difference, shape (S, D)."""
        world, plan = self.world, Schedule(every, self.world.weeks)
        costs, rest = _split(found, scale)
        parts = {name: np.zeros(rest.shape) for name in COMPONENTS} | costs
        parts["retention"], parts["referred"] = scale * found["stay"], scale * found["referred"]
        parts["extra_orders"] = rest - parts["retention"]
        parts["programme"] = parts["programme"] - (plan.fixed @ self._a_week)[:, None]
        if coming is not None:
            costs, parts["newcomers"] = _split(coming, 1.0)
            for name, more in (costs | {"referred": coming["referred"]}).items():
                parts[name] = parts[name] + more
            for row in np.flatnonzero(plan.promoted.any(axis=1)):
                lives = new_lives(self.fit, self.spend, world, self.coming, every[row])
                parts["won"][row] = simulate(lives, [NOTHING, every[row]], world)["profit"][1]
        return parts

    def _lines(self, lives: Lives, scale, coming: Totals | None, attacked) -> dict[str, Interval]:
        few = min(DRAWS_OF_A_LINE, self.world.draws)
        rising = simulate(lives[lives.draw < few], [NOTHING, NOTHING], self.world, rising=True)
        change = (np.diff(rising["profit"], axis=0) * scale)[0, :few]
        found = {} if coming is None else {"newcomers": coming["profit"][0]}
        found |= {"rival": attacked[0], "standard": change}
        return {name: Interval.of_draws(draws, self.level) for name, draws in found.items()}


def _split(found: Totals, scale) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What each strategy costs (below zero), and its gain over today's path before that, by draw."""
    costs = {name: -scale * found[name] for name in ("given_away", "service", "invested")}
    return costs, scale * (found["profit"] - found["profit"][0]) - sum(costs.values())


def _notes(fit: PurchaseFit, settings: StrategiesConfig, deal, coming, stated, kinds) -> Iterator[Message]:
    if kinds is not None:
        known, count = int((kinds >= 0).sum()), len(kinds)
        yield Message("The type of {known:integer} of {count:integer} customers is known.", known=known, count=count)
        yield Message("The others, and new ones, are taken as the average customer.")
    if deal is None:
        yield Message("Nothing is known of the discounts that customers get today; the comparison takes none.")
    elif deal > 0:
        yield (
            Message("In these data orders save {deal:percent1} of the list price as it is.", deal=deal)
            if settings.todays_deal is None
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
    if fit.clock.follows:
        yield Message(
            "Going on as today follows the season or the calendar of the models; what strategies change in it is "
            "spread evenly over the year."
        )
