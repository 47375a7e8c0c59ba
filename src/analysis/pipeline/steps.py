"""The steps of a study, in the order in which data flow: what is computed from what is in the signatures."""

from __future__ import annotations

from analysis.config import CUSTOMER_TABLES, LOYALTY_TABLES, Config, DataConfig, StrategiesConfig
from analysis.errors import Unavailable
from analysis.pipeline.step import only, step


def _config(**sections):
    """A configuration that has these sections alone: a step cannot look at what it does not name."""
    return Config.model_construct(**sections)


@step
def orders(
    data_config=only(*DataConfig.model_fields.keys() - {"holdout_weeks", "csv", *CUSTOMER_TABLES}),
    economics_config=only("currency"),
    *, as_of, frame, workdir, folder,
):  # fmt: skip
    """Clean orders, ledger and customer histories."""
    from analysis.data.orders import load_orders

    config = _config(data=data_config, economics=economics_config, folder=folder)
    found = load_orders(config, workdir=workdir, as_of=as_of, frame=frame)
    found.occasions  # noqa: B018 (written now, so that its checksum is kept with the result)
    return found


@step
def contracts(orders, contracts_config, data_config=only("timezone"), *, workdir, folder):
    """Contracts by tenure; None where none are configured."""
    from analysis.data.contracts import load_contracts

    if contracts_config is None:
        return None
    config = _config(contracts=contracts_config, data=data_config, folder=folder)
    return load_contracts(config, as_of=orders.observation_end, workdir=workdir)


@step
def tables(strategies_config=only(*LOYALTY_TABLES), data_config=only("timezone", "transactions"), *, workdir, folder):
    """Campaigns, promotions, satisfaction and the arms of an experiment; None for what is not configured."""
    from analysis.data.tables import load_loyalty_tables

    return load_loyalty_tables(_config(strategies=strategies_config, data=data_config, folder=folder), workdir=workdir)


@step
def customer_tables(
    orders, data_config=only("timezone", "transactions", "part", *CUSTOMER_TABLES.keys() - {"lots"}), *, workdir, folder
):
    """Names, spend on winning customers, contacts, exits and points, less what does not fit the orders."""
    from analysis.data.tables import load_customer_tables

    return load_customer_tables(_config(data=data_config, folder=folder), orders, workdir=workdir)


@step
def lots(data_config=only("lots", "transactions"), *, workdir, folder):
    """The lots that were drawn so far."""
    from analysis.data.tables import load_lots

    return load_lots(_config(data=data_config, folder=folder), workdir=workdir)


@step
def split(orders, holdout_weeks):
    """Calibration and holdout."""
    from analysis.data.holdout import holdout_split

    return holdout_split(orders, holdout_weeks)


@step
def promotion_edges(tables):
    """Begin and end of the promotions of the calendar, past and planned; None without one."""
    from analysis.time import promotion_edges as edges_of

    return None if tables.promotions is None else edges_of(tables.promotions)


@step(cost=5)
def windows(orders, holdout_weeks, time_unit, seed, primary, promotion_edges=None):
    """Past windows, half as long as the holdout, each forecast from what came before it."""
    from analysis.data.holdout import refuse_no_holdout
    from analysis.models.origins import windows_of

    refuse_no_holdout(holdout_weeks)
    return windows_of(orders, max(1, holdout_weeks // 2), time_unit, seed, primary, edges=promotion_edges)


@step(stored=False)
def origins(windows, fits, primary, previous_primary, credible_level):
    """What past windows say of the model and of how far totals miss."""
    from analysis.models.origins import record_of

    return record_of(windows, primary, credible_level, previous_primary, fits.primary.clock.follows)


@step
def model_time(primary, windows=None):
    """The operational time in which past windows were forecast best; empty where none beats the calendar."""
    from analysis.models.origins import time_that_wins

    return time_that_wins(windows or (), primary)


@step(cost=3)
def candidates(orders, model_time, time_unit, seed, primary, promotion_edges=None):
    """The purchase models on all customers, in the time in which past windows were forecast best."""
    from analysis.models.origins import fit_candidates

    settings = {"time_unit": time_unit, "seed": seed, "primary": primary}
    return fit_candidates(orders.histories, orders.daily, follows=model_time, **settings, edges=promotion_edges)


@step
def fits(candidates, primary, previous_primary, windows=None):
    """The purchase models, the first of them the one that is named, or that past windows support."""
    from analysis.models.origins import led_by_choice

    return led_by_choice(candidates, windows or (), primary, previous_primary)


@step(stored=False)
def fit(fits, orders):
    """The purchase model that the values rest on."""
    return fits.primary.of(orders)


@step
def diagnostics(orders, fits):
    """Whether orders follow a season, come regularly, or drift over cohorts: what the purchase models do not know."""
    from analysis.models.diagnostics import diagnostics as diagnostics_of

    return diagnostics_of(orders, fits)


@step(stored=False)
def covariate_design(orders, customer_tables, covariates):
    """The groups of customers by their covariates, from the table of customers or the first order; None without."""
    if not covariates:
        return None
    from analysis.models.covariates import design_of

    known = {name: values.array for name, values in customer_tables.attributes(orders).items()}
    return design_of(orders.histories.table.assign(**known), covariates)


@step(cost=3)
def covariate_fit(orders, fits, covariate_design, covariates, seed):
    """The primary purchase model with covariates on how often customers order and how soon they leave; None without."""
    from analysis.models.covariates import fit_with_covariates
    from analysis.models.registry import MODELS

    if covariate_design is None:
        return None
    settings = {"seed": seed, "clock": fits.primary.clock, "design": covariate_design}
    return fit_with_covariates(MODELS[fits.primary.model], orders, covariates, covariates, **settings)


@step
def spend_choice(orders, seed):
    """Which spend model held-out orders speak for; None where too few can be held out."""
    from analysis.models.spend_choice import spend_choice as choose

    return choose(orders.histories, seed=seed)


@step
def spend(orders, spend_choice, seed):
    """The spend model; None without money."""
    from analysis.models.spend_choice import fit_spend

    return fit_spend(orders.histories, spend_choice, seed=seed)


@step
def dependence(orders, credible_level):
    """Whether customers who order more often also spend more an order; None where that cannot be tested."""
    from analysis.models.spend import spending_of
    from analysis.models.spend_choice import spend_dependence

    return spend_dependence(spending_of(orders.histories)[0], credible_level) if orders.has_money else None


@step(cost=3)
def futures(orders, fits, spend, horizon_years, annual_discount_rate, credible_level, seed):
    """Expected and simulated futures of every customer, before any margin."""
    from analysis.value.valuation import futures as futures_of

    return futures_of(
        orders.histories,
        fits,
        spend,
        horizon_years=horizon_years,
        annual_discount_rate=annual_discount_rate,
        level=credible_level,
        seed=seed,
    )


@step
def value(futures, orders, customer_tables, gross_margin, cost_per_order):
    """What every customer is still worth, and what is known of them."""
    from analysis.value.valuation import value_of

    margin = {"gross_margin": gross_margin, "cost_per_order": cost_per_order}
    return value_of(futures, **margin, currency=orders.currency, attributes=customer_tables.attributes(orders))


@step(stored=False)
def outlook(value, origins=None):
    """The totals of ``value``, with intervals widened by how far forecasts of past windows missed."""
    from analysis.value.valuation import outlook as outlook_of

    return outlook_of(value, origins)


@step(cost=8)
def forecasts(split, fits, time_unit, seed):
    """Forecasts of the holdout by every model and baseline, without a level."""
    from analysis.models.backtest import forecast_holdout

    primary = fits.primary
    edges = primary.promotions and primary.promotions.edges
    settings = {"primary": primary.model, "follows": primary.clock.follows, "edges": edges}
    return forecast_holdout(split, time_unit=time_unit, seed=seed, **settings)


@step(stored=False)
def backtest(forecasts, credible_level):
    """Forecasts against what happened."""
    return forecasts.at(credible_level)


@step(cost=0.4)
def customer_base(orders, gross_margin, cost_per_order, credible_level):
    """The bridge from period to period, what drove the change, deciles, and cohorts by age."""
    from analysis.value.base import customer_base as base_of

    return base_of(orders, gross_margin=gross_margin, cost_per_order=cost_per_order, level=credible_level)


@step(cost=2)
def ladder(orders, fits, value, customer_tables, tables, member_orders, credible_level, seed):
    """Where every name stands, and who moves."""
    from analysis.value.ladder import ladder as ladder_of

    return ladder_of(
        orders,
        fits,
        value,
        names=customer_tables.names(orders, tables.satisfaction),
        attributes=customer_tables.attributes(orders),
        member_orders=member_orders,
        level=credible_level,
        seed=seed,
    )


@step
def alerts(orders, ladder):
    """Whether the last month was out of the ordinary, on any rung or in any cohort."""
    from analysis.value.alerts import alerts as alerts_of

    return alerts_of(orders, ladder.member_orders)


@step(cost=1)
def contact_lists(
    orders, fits, value, ladder, customer_tables, lots, lot_effects=None,
    *, cost_per_contact, incentive, window_days, most_contacts,
):  # fmt: skip
    """Whom to contact, why, and the lift at which it pays."""
    from analysis.data.tables import expiring_points
    from analysis.value.contacts import contact_lists as lists_of

    return lists_of(
        orders,
        fits,
        value,
        ladder,
        cost_per_contact=cost_per_contact,
        incentive=incentive,
        window=f"{window_days}D",
        most=most_contacts,
        opt_in=customer_tables.of(orders, "opt_in").get("opt_in"),
        lots=lots.lots,
        effects=None if lot_effects is None else lot_effects.effects,
        points=expiring_points(customer_tables.points, orders.observation_end, window_days),
        exits=customer_tables.exits,
        contacts=customer_tables.contacts,
    )


@step(cost=0.3)
def lot_effects(orders, lots, customer_tables, credible_level):
    """What contacts brought, by the lots that were drawn and sent."""
    from analysis.strategies.lots import lot_effects as effects_of

    return effects_of(orders, lots.lots, customer_tables.contacts, level=credible_level)


@step
def promotion_honesty(orders, tables, credible_level):
    """Whether list prices were raised before promotions, and whose discount was not given."""
    from analysis.value.promotions import promotion_honesty as honesty_of

    return honesty_of(orders, tables.promotions, level=credible_level)


@step(cost=0.5)
def payback(
    orders, fits, customer_tables, acquisition_cost, gross_margin, cost_per_order, annual_discount_rate, horizon_years,
    credible_level, seed,
):  # fmt: skip
    """What a new customer brings by age, and what one may cost."""
    from analysis.value.payback import payback as payback_of

    return payback_of(
        orders,
        fits,
        acquisition_cost=acquisition_cost,
        acquisition=customer_tables.acquisition,
        gross_margin=gross_margin,
        cost_per_order=cost_per_order,
        annual_discount_rate=annual_discount_rate,
        horizon=f"{horizon_years}Y",
        level=credible_level,
        seed=seed,
    )


@step(cost=2)
def cohort_effects(orders, fits, credible_level, seed):
    """How much the customers of one month of joining differ from those of another under the primary model."""
    from analysis.value.cohort_effects import cohort_effects as effects_of

    return effects_of(orders, fits.primary, level=credible_level, seed=seed)


@step(cost=0.3)
def channels(
    orders, fits, customer_tables, gross_margin, cost_per_order, annual_discount_rate, horizon_years, credible_level,
    seed,
):  # fmt: skip
    """What new customers of each channel may cost, and did cost."""
    from analysis.value.payback import payback as payback_of

    by, spend = customer_tables.attributes(orders).get("channel"), customer_tables.acquisition
    if by is None:
        raise Unavailable("What customers of each channel may cost needs a table of customers with their channel.")
    rate = {"annual_discount_rate": annual_discount_rate, "horizon": f"{horizon_years}Y"}
    margin = {"gross_margin": gross_margin, "cost_per_order": cost_per_order}
    if spend is not None and "channel" not in spend:
        spend = None
    return payback_of(orders, fits.primary, **margin, **rate, by=by, acquisition=spend, level=credible_level, seed=seed)


@step(cost=0.2)
def first_order_groups(
    orders, gross_margin, cost_per_order, annual_discount_rate, horizon_years, credible_level
):  # fmt: skip
    """What new customers may cost by the category of the first order, and by whether it had a discount."""
    from analysis.value.payback import first_order_groups as groups_of

    rate = {"annual_discount_rate": annual_discount_rate, "horizon": f"{horizon_years}Y"}
    margin = {"gross_margin": gross_margin, "cost_per_order": cost_per_order}
    return groups_of(orders, **margin, **rate, level=credible_level)


@step
def earned_growth(orders, customer_tables):
    """Growth that referrals earned, beside growth that was bought."""
    from analysis.value.payback import earned_growth as growth_of

    return growth_of(orders, customer_tables.earned(orders))


@step
def referred(orders, customer_tables, gross_margin, cost_per_order, credible_level):
    """Referred customers against others of the same quarter and first order."""
    from analysis.value.payback import referred_against_others

    margin = {"gross_margin": gross_margin, "cost_per_order": cost_per_order}
    return referred_against_others(orders, customer_tables.earned(orders), **margin, level=credible_level)


@step
def periods(orders, active_window_days, credible_level):
    """The articles' retention rate by period."""
    from analysis.value.retention import period_rates

    return period_rates(orders, active_window_days, level=credible_level)


@step
def growth(orders, credible_level):
    """How spending changes with tenure."""
    from analysis.value.growth import spend_growth

    return spend_growth(orders, level=credible_level)


@step
def retention(orders, fits, credible_level):
    """Retention by year under every model."""
    from analysis.value.retention import model_retention

    return model_retention(orders.histories, fits, level=credible_level)


@step(cost=2)
def shifts(
    orders, fits, spend, retention, economics_config=only("horizon_years"),
    retention_config=only("gain", "gain_kind", "shift", "scope", "new_customers_per_year"),
):  # fmt: skip
    """The shifts behind a rise of retention, and what customers do before and after it."""
    from analysis.models.nbd import refuse_without_dropout
    from analysis.value.lift import new_customers_observed, readings_that_matter, refuse_lift, shifts_of

    refuse_without_dropout(fits.primary.model)
    refuse_lift(orders, retention)
    joining = retention_config.new_customers_per_year
    if joining is None:
        joining = new_customers_observed(orders)
    choices = tuple(readings_that_matter(economics_config, retention_config))
    return shifts_of(orders.histories, fits, spend, choices, joining)


@step(stored=False)
def economics(orders, economics_config, customer_tables=None):
    """Margin and costs; winning a customer costs what the spend of the last year says, where nothing is stated."""
    from analysis.value.payback import spent_on_winning

    spent = spent_on_winning(orders, customer_tables and customer_tables.acquisition)
    if economics_config.acquisition_cost or not spent:
        return economics_config
    return economics_config.model_copy(update={"acquisition_cost": spent["spend"] / spent["customers"]})


@step
def lift(shifts, economics, retention_config, credible_level, seed, growth=None):
    """Profit as a function of retention."""
    from analysis.value.lift import readings_that_matter

    choices = readings_that_matter(economics, retention_config)
    return _lifts(shifts, choices, economics, retention_config, growth, credible_level, seed)


@step(stored=False)
def what_if(orders, fits, spend, shifts, economics, retention_config, credible_level, seed, growth=None):
    """The lift of the named reading by rise of retention and horizon."""
    from analysis.value.lift import shifts_of, what_if_readings

    choices = what_if_readings(economics, retention_config)
    shifts = shifts_of(orders.histories, fits, spend, choices, shifts.new_customers_per_year)
    return _lifts(shifts, choices, economics, retention_config, growth, credible_level, seed).to_frame()


def _lifts(shifts, choices, economics, retention, growth, level, seed):
    """The lift of each reading by its shift; with the growth of spending, where that is known."""
    from analysis.value.lift import retention_lifts

    same_customers = growth and growth.same_customers
    return retention_lifts(shifts, choices, economics, retention, growth=same_customers, level=level, seed=seed)


@step
def contractual(contracts, annual_discount_rate, horizon_years, credible_level, seed):
    """Retention by contract; None where no contracts are configured."""
    from analysis.value.contracts import contractual_retention

    if contracts is None:
        return None
    time = {"annual_discount_rate": annual_discount_rate, "horizon": f"{horizon_years}Y"}
    return contractual_retention(contracts, **time, level=credible_level, seed=seed)


def _each_claim():
    from analysis.claims import CLAIMS, claim_step

    return [claim_step(claim) for claim in CLAIMS]


@step(stored=False, family=_each_claim)
def claims(**verdicts):
    """The verdict on every claim; each is a step of its own."""
    from analysis.claims.ledger import Claims

    return Claims(tuple(verdicts.values()))


@step
def evidence(orders, fits, tables, transactions, credible_level, seed, part):
    """What the data say of loyalty: deals, promotions, campaigns and satisfaction."""
    from analysis.data.tables import loyalty_matches
    from analysis.strategies.evidence.campaigns import complete_journey_campaigns
    from analysis.strategies.evidence.evidence import loyalty_evidence

    campaigns = tables.campaigns
    if campaigns is None and getattr(transactions, "sample", None) == "complete-journey":
        campaigns = complete_journey_campaigns()
    matches = loyalty_matches(tables, orders, of_part=part is not None)
    return loyalty_evidence(
        orders,
        _leaving_at_orders(fits, orders),
        level=credible_level,
        seed=seed,
        campaigns=campaigns,
        promotions=tables.promotions,
        satisfaction=tables.satisfaction,
        notes=(*tables.notes, *matches),
    )


def _leaving_at_orders(fits, orders):
    """BG/NBD, on which the evidence rests whatever the primary model is."""
    from analysis.models.nbd import refuse_without_dropout

    refuse_without_dropout(fits.primary.model)
    fit = next((fit for fit in fits if fit.model == "BG/NBD"), None)
    if fit is None:
        raise Unavailable(
            "What the data say of loyalty rests on BG/NBD, and these data do not identify it.",
            code="strategies.reason.no_model",
        )
    return fit.of(orders)


@step(cost=6)
def strategies(
    orders, fits, spend, tables, evidence=None,
    strategies_config=only(*StrategiesConfig.model_fields.keys() - LOYALTY_TABLES.keys()),
    *, gross_margin, cost_per_order, annual_discount_rate, horizon_years, new_customers_per_year, credible_level, seed,
):  # fmt: skip
    """The configured strategies compared, and what to do."""
    from analysis.strategies.comparison import compare_strategies
    from analysis.strategies.simulation import kinds_of
    from analysis.time import DAYS_PER_YEAR

    types = tables.customer_types
    return compare_strategies(
        fits.primary.of(orders),
        spend,
        strategies_config.strategies,
        gross_margin=gross_margin,
        cost_per_order=cost_per_order,
        annual_discount_rate=annual_discount_rate,
        horizon=f"{horizon_years * DAYS_PER_YEAR}D",
        new_customers_per_year=new_customers_per_year,
        evidence=evidence,
        kinds=None if types is None else kinds_of(orders.histories, types),
        level=credible_level,
        seed=seed,
        **strategies_config.stated,
    )


@step
def experiment(orders, tables, experiment_config, gross_margin, cost_per_order, credible_level):
    """What an experiment that was run showed; None where none is configured."""
    from analysis.strategies.experiment import experiment_result
    from analysis.strategies.schedule import Economics

    if tables.arms is None or experiment_config is None:
        return None
    economics = Economics(gross_margin, cost_per_order)
    return experiment_result(orders, tables.arms, experiment_config, economics, credible_level)
