"""Strategies compared on the made-up customers of ``fakes``: few draws of few customers, everything else as it is."""

from __future__ import annotations

import functools

import pandas as pd
from tests.reporting import fakes

from analysis.config import Config
from analysis.data import Note
from analysis.interval import Interval
from analysis.strategies import strategy_results
from analysis.strategies.choice import StrategyChoice
from analysis.strategies.comparison import configured_strategies, mean_order_value, strategy_world
from analysis.strategies.decision import decision
from analysis.strategies.evidence import LoyaltyEvidence
from analysis.strategies.evidence.campaigns import CampaignEffect
from analysis.strategies.evidence.evidence import Assumed
from analysis.strategies.evidence.findings import Finding, Verdict
from analysis.strategies.experiment import ExperimentPlan, design
from analysis.strategies.frontier import decision_map
from analysis.strategies.sensitivity import sensitivity

SETTINGS = {
    "draws": 40,
    "customers": 60,
    "horizon_weeks": 26,
    "attack": {"rival_depth": 0.4, "first_week": 5, "last_week": 9},
}
JOINING = 200.0


def config(**settings) -> Config:
    club = {"name": "club", "promotion": {"depth": 0.0, "points": 0.03, "programme_cost_per_year": 50.0}}
    settings = SETTINGS | {"own": [club]} | settings
    return Config(name="shop", data={"transactions": {"sample": "cdnow"}}, strategies=settings)


@functools.cache
def compared():
    """The strategies under every view."""
    return strategy_results(fakes.summary(), fakes.purchase(), fakes.spend(), config(), joining_per_year=JOINING)


@functools.cache
def choice() -> StrategyChoice:
    results, settings = compared(), config()
    world, _ = strategy_world(fakes.summary(), fakes.purchase(), fakes.spend(), settings, joining_per_year=JOINING)
    strategies, _ = configured_strategies(settings.strategies, world)
    found = decision(results.simulations, 0.9, 1)
    designs = tuple(design(weeks, 6.0 * weeks**0.5, 0.5, Interval(0.1 * weeks, -0.1, 0.4 * weeks, 0.9), 5_000)
                    for weeks in (8, 13))  # fmt: skip
    return StrategyChoice(
        decision=found,
        sensitivity=sensitivity(results.per_purchase, found.front, 0.9),
        map=decision_map(world, strategies[1].promotion, strategies[2].experience, mean_order_value(world), 0.9),
        plan=ExperimentPlan(found.front, designs, 0.1, 0.2, -120.0),
    )


def evidence(*, found: bool = True) -> LoyaltyEvidence:
    """What the data say: something with a clean placebo, an association, and what cannot be told."""
    reason = Note("evidence.reason.no_discount_column")
    none = Note("evidence.reason.no_satisfaction")
    parts = dict.fromkeys(("deal", "panel", "driven", "won", "bump"), reason)
    assumed = (
        Assumed("kappa_exp", none),
        Assumed("theta_deal", Note("evidence.kept.association", {"parameter": "theta_deal"})),
    )
    return LoyaltyEvidence(
        **parts,
        campaigns=_campaigns() if found else Note("evidence.reason.no_campaigns"),
        experience=none,
        estimates={},
        assumed=assumed,
        observed_deal=None,
        notes=(Note("evidence.note.early_in_the_data"),) if found else (),
        level=0.9,
    )


def _campaigns() -> CampaignEffect:
    def finding(name, estimate, verdict):
        around = Interval(estimate, estimate - 0.05, estimate + 0.05, 0.9)
        placebo = Interval(0.01, -0.02, 0.04, 0.9)
        alike = {"among_alike": Interval(0.21, 0.16, 0.26, 0.9)}
        return Finding(f"evidence.campaign.{name}", around, "", placebo, verdict, 300, 900, alike)

    weeks = range(-16, 9)
    path = pd.DataFrame({"week": weeks, "difference": 0.02, "lower": -0.01, "upper": 0.05})
    return CampaignEffect(
        orders=finding("orders", 0.2, Verdict.ESTIMATE),
        spending=finding("spending", 4.0, Verdict.ASSOCIATION),
        afterwards=finding("afterwards", 0.01, Verdict.NOTHING),
        path=path,
        campaigns=3,
        left_out=1,
        targeted=300,
        controls=600,
        baseline=0.4,
    )
