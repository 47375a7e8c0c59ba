"""From a fitted base and a configuration to strategies compared: the steps, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.data import Note
from analysis.strategies.customers import base_people, fitted_draws, new_people
from analysis.strategies.evidence.caps import within_caps
from analysis.strategies.lives import STRUCTURES
from analysis.strategies.newcomers import pool_size
from analysis.strategies.parameters import CUSTOMER_TYPES, Estimate, Span, draw_parameters
from analysis.strategies.results import AttackLoss, Simulation, StrategyResults
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics
from analysis.strategies.simulation import World, simulate
from analysis.strategies.strategy import (
    Attack,
    Experience,
    Promotion,
    Strategy,
    built_in_strategies,
    refuse_impossible,
)
from analysis.timeunits import TimeUnit, from_days

if TYPE_CHECKING:
    from analysis.config import Config, StrategiesConfig
    from analysis.data import CustomerSummary
    from analysis.models.results import PurchaseResult, SpendResult

CHALLENGER = "MBG/NBD"
ORDERS_AT_MOST = 30_000_000
FEWEST_SAMPLED, MOST_SAMPLED = 300, 1_000
TENURES = (("under_1_year", 1.0), ("1_to_2_years", 2.0), ("over_2_years", np.inf))
VALUES = (("top_tenth", 0.1), ("next_four_tenths", 0.5), ("lower_half", 1.0))


def strategy_results(
    summary: CustomerSummary,
    purchase: PurchaseResult,
    spend: SpendResult | None,
    config: Config,
    *,
    estimates: Mapping[str, Estimate] | None = None,
    caps: Mapping[str, Span] | None = None,
    observed_deal: float | None = None,
    joining_per_year: float | None = None,
    kinds: np.ndarray | None = None,
) -> StrategyResults | Note:
    """The configured strategies, under every view; or why they cannot be compared.

    The views are BG/NBD with dropout tried at every order, the same with dropout in calendar time, and MBG/NBD, which
    disagrees with it on who is alive, where the data identify it.

    Parameters
    ----------
    estimates
        What the data say of the dynamics' parameters.
    caps
        Ranges of assumptions that the data limit without replacing them.
    observed_deal
        Share of the list price that orders saved in the data; counts where ``strategies.todays_deal`` is not given.
    joining_per_year
        New customers in the last year of the data; counts where ``retention.new_customers_per_year`` is not given.
    kinds
        Number of every customer's type, as in ``CUSTOMER_TYPES``, shape (customers,); -1 where unknown.

    Raises
    ------
    UsageError
        With everything that is wrong with the strategies.
    """
    if spend is None or not summary.has_money:
        return Note("strategies.reason.no_money")
    known = {
        "estimates": estimates,
        "caps": caps,
        "observed_deal": observed_deal,
        "joining_per_year": joining_per_year,
        "kinds": kinds,
    }
    world, notes = strategy_world(summary, purchase, spend, config, **known)
    if not mean_order_value(world) > 0:
        return Note("strategies.reason.worthless")
    strategies, more = configured_strategies(config.strategies, world)
    attack = configured_attack(config.strategies)
    if too_deep := _too_deep_beside_today(strategies, config.strategies, world.economics.todays_deal):
        return too_deep
    # All problems at once, before the first second is spent.
    refuse_impossible(strategies, world.weeks, world.economics.todays_deal, attack)
    found = {structure: simulate(world, strategies, structure) for structure in STRUCTURES}
    attacked = {}
    if attack is not None:
        for structure, calm in found.items():
            attacked[structure] = attack_loss(calm, simulate(world, strategies, structure, attack))
    other = None
    if CHALLENGER in purchase.challenger_posteriors:
        beside, _ = strategy_world(summary, purchase, spend, config, model=CHALLENGER, **known)
        other = simulate(beside, strategies)
    else:
        more = (*more, Note("strategies.note.one_model"))
    return StrategyResults(
        **found,
        challenger=other,
        attacked=attacked,
        notes=(*notes, *more),
        todays_deal=world.economics.todays_deal,
    )


def _too_deep_beside_today(
    strategies: Sequence[Strategy], settings: StrategiesConfig, todays_deal: float
) -> Note | None:
    """Why strategies cannot be compared where a promotion and what orders save in these data exceed the price."""
    if settings.todays_deal is not None:
        return None  # which the configuration was checked against
    deals = [strategy.promotion for strategy in strategies if strategy.promotion is not None]
    deepest = max((deal.depth + deal.points for deal in deals), default=0.0)
    if deepest + todays_deal <= 1:
        return None
    return Note("strategies.reason.too_deep", {"deal": deepest, "today": todays_deal})


def strategy_world(
    summary: CustomerSummary,
    purchase: PurchaseResult,
    spend: SpendResult,
    config: Config,
    *,
    model: str = "BG/NBD",
    estimates: Mapping[str, Estimate] | None = None,
    caps: Mapping[str, Span] | None = None,
    observed_deal: float | None = None,
    joining_per_year: float | None = None,
    kinds: np.ndarray | None = None,
) -> tuple[World, tuple[Note, ...]]:
    """What is the same for all strategies, and notes of what was assumed; parameters as of ``strategy_results``."""
    settings, seed = config.strategies, config.model.seed
    types = settings.types and settings.types.model_dump()
    if types is None and kinds is not None and (kinds >= 0).any():
        types = dict(zip(CUSTOMER_TYPES, np.bincount(kinds[kinds >= 0], minlength=4) / (kinds >= 0).sum(), strict=True))
    parameters = draw_parameters(
        settings.draws,
        seed,
        estimates,
        stated_assumptions(settings),
        types,
        settings.bindings and settings.bindings.model_dump(),
    )
    parameters = within_caps(parameters, caps or {})
    notes = [] if kinds is None else [_note_on_types(kinds, is_stated=settings.types is not None)]
    todays_deal = observed_deal if settings.todays_deal is None else settings.todays_deal
    if todays_deal is None:
        notes.append(Note("strategies.note.no_deal_today"))
    elif todays_deal > 0:
        origin = "data" if settings.todays_deal is None else "stated"
        notes.append(Note("strategies.note.deal_today", {"deal": todays_deal, "origin": origin}))
    stated = config.retention.new_customers_per_year
    coming = joining_per_year if stated is None else stated
    if not coming:
        notes.append(Note("strategies.note.nobody_new" if stated is None else "strategies.note.nobody_new_stated"))
    economics = Economics(
        config.economics.gross_margin,
        config.economics.cost_per_order,
        config.economics.annual_discount_rate,
        todays_deal or 0.0,
    )
    fitted = fitted_draws(purchase, spend, settings.draws, model)
    count = sampled_customers(summary, config)
    base = base_people(summary, fitted, spend, parameters, count, seed, economics.todays_deal, kinds)
    world = World(
        base=base,
        new=new_people(fitted, spend, parameters, pool_size(count, config.horizon_weeks), seed, economics.todays_deal),
        fitted=fitted,
        parameters=parameters,
        economics=economics,
        customers=len(summary.table),
        coming_per_week=(coming or 0.0) / WEEKS_PER_YEAR,
        weeks=config.horizon_weeks,
        seed=seed,
        labels={},
    )
    return replace(world, labels=_labels(summary, world)), tuple(notes)


def sampled_customers(summary: CustomerSummary, config: Config, strategies: int = 4) -> int:
    """How many customers stand for the base: as configured, else what ``ORDERS_AT_MOST`` simulated orders allow.

    The more a customer orders, the less luck there is in what he or she spends, and the fewer are needed.
    """
    stated = config.strategies.customers
    if stated is not None:
        return stated
    observed = from_days(summary.table["T_days"].to_numpy(), TimeUnit.WEEK).sum()
    each = max(float(summary.table["frequency"].sum()) / observed * config.horizon_weeks, 1.0)
    allowed = ORDERS_AT_MOST / (config.strategies.draws * strategies * each)
    return int(np.clip(allowed, FEWEST_SAMPLED, MOST_SAMPLED))


def _note_on_types(kinds: np.ndarray, *, is_stated: bool) -> Note:
    others = "stated" if is_stated else "known"
    numbers = {"known": int((kinds >= 0).sum()), "customers": len(kinds), "others": others}
    return Note("strategies.note.types_known", numbers)


def stated_assumptions(settings: StrategiesConfig) -> dict[str, Span]:
    """Parameters for which the configuration states a number or a range."""
    stated = settings.assumptions.model_dump(exclude_none=True)
    return {name: Span(**{"most_likely": None, **span}) for name, span in stated.items()}


def configured_strategies(settings: StrategiesConfig, world: World) -> tuple[tuple[Strategy, ...], tuple[Note, ...]]:
    """The built-in strategies with their settings, then the configuration's own; and notes of what was assumed.

    A better experience whose cost nobody states gets the budget that the promotion gives away on today's orders.
    """
    promotion, value = Promotion(**settings.promotion.model_dump()), mean_order_value(world)
    budget = promotion.given_per_order * value

    def experience(stated) -> tuple[Experience, bool]:
        given = stated.model_dump()
        costs = ("invested_per_customer_year", "invested_per_order")
        unknown = all(given[name] is None for name in costs)
        given |= {name: given[name] or 0.0 for name in costs}
        return Experience(**(given | {"invested_per_order": budget} if unknown else given)), unknown

    better, assumed = experience(settings.experience)
    strategies, same_budget = [*built_in_strategies(promotion, better)], ["expectation"] if assumed else []
    for own in settings.own:
        deal = own.promotion and Promotion(**own.promotion.model_dump())
        better, assumed = experience(own.experience) if own.experience else (None, False)
        strategies.append(Strategy(own.name, deal, better))
        same_budget += [own.name] if assumed else []
    notes = [Note("strategies.note.same_budget", {"strategy": name, "per_order": budget}) for name in same_budget]
    return tuple(strategies), tuple(notes)


def configured_attack(settings: StrategiesConfig) -> Attack | None:
    """The rival's attack of the configuration."""
    return None if settings.attack is None else Attack(**settings.attack.model_dump())


def attack_loss(calm: Simulation, attacked: Simulation) -> AttackLoss:
    """What the attack takes: customers, and profit less than without it."""
    return AttackLoss(attacked.attack, attacked.weekly.taken.sum(axis=2), calm.profit - attacked.profit)


def mean_order_value(world: World) -> float:
    """List value of the base's next orders, on average over orders and draws [currency]; 0 where nobody orders."""
    orders = world.base.alive * world.base.rate
    return float((orders * world.base.value).sum() / orders.sum()) if orders.any() else 0.0


def _expected_worth(summary: CustomerSummary, world: World) -> np.ndarray:
    """Value of the orders expected of every sampled customer in the first week [currency], shape (M,).

    By what is known of the customer, not by what becomes of the simulated one: nobody could act upon that.
    """
    row, table, model = world.base.row, summary.table, world.fitted.model
    x = table["frequency"].to_numpy()[row]
    recency, age = (from_days(table[name].to_numpy(), TimeUnit.WEEK)[row] for name in ("recency_days", "T_days"))
    params = model.Params(*world.fitted.purchase.mean(axis=0))
    rate = (params.r + x) / (params.alpha + age)
    return model.p_alive(params, x, recency, age) * rate * world.base.value.mean(axis=0)


def _labels(summary: CustomerSummary, world: World) -> dict[str, np.ndarray]:
    row, table = world.base.row, summary.table
    years = from_days(table["T_days"].to_numpy(), TimeUnit.YEAR)[row]
    tenure = np.select([years < until for _, until in TENURES], [name for name, _ in TENURES], "")
    worth = _expected_worth(summary, world)
    rank = (np.argsort(np.argsort(-worth, kind="stable"), kind="stable") + 0.5) / len(worth)
    value = np.select([rank <= upto for _, upto in VALUES], [name for name, _ in VALUES], "")
    return {"tenure": tenure, "value": value}
