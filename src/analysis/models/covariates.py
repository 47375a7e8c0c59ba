"""Static covariates of customers, such as the channel they came by, on how often they order and how soon they leave.

Customers with the same covariates are a group with parameters of its own, which differ from the others' by one
coefficient for each covariate and process ([1]_): alpha exp(-gamma' z) for the order rate; for dropout beta
exp(-delta' z) under Pareto/NBD. Under BG/NBD and MBG/NBD the log odds of the mean dropout a / (a + b) move by delta' z
and a + b is kept; the one factor exp(delta' z) on both a and b, which others use, cannot move the mean.

References
----------
.. [1] Fader, Hardie (2007), Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models, note 019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import chi2, norm
from statsmodels.stats.multitest import multipletests

from analysis.errors import USAGE, InputRefused, NotIdentified, Problem, Unavailable, UsageError
from analysis.models.beta_geometric import BetaGeometric
from analysis.models.fits import DRAWS_FOR_ALIVE, LEVEL, PurchaseFit, fitted, purchase_prior
from analysis.models.fitting import Optimum, best_of, curvature, gradient, polish
from analysis.models.patterns import Patterns, coarsened, customers_of, patterns_of
from analysis.models.posterior import PROPOSALS, Prior, draw_posterior
from analysis.models.registry import FALLBACK
from analysis.tables import Result
from analysis.time import Clock, TimeUnit, time_unit

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.models.purchase import PurchaseModel

FEWEST_IN_LEVEL, MOST_GROUPS = 10, 24
SHRUNK_SD = 0.5
"""Prior standard deviation of a coefficient, for prediction only: half an e-fold."""
LEVEL_BELOW = 0.1
"""Slope of the log-likelihood, by the logarithm of any parameter, below which a point is on the top of a ridge."""
PROCESSES = ("rate", "dropout")
MOVES = ("mean", "factor")
"""How dropout of BG/NBD and MBG/NBD moves: its mean, or a and b by one factor."""


@dataclass(frozen=True)
class Design:
    """Covariates as numbers, by group of customers who have the same ones.

    Attributes
    ----------
    groups
        One row a group: its covariates, and how many customers it has.
    numbers
        The same as numbers, one row a group; columns by covariate and, within it, level.
    group
        Number of each customer's group, shape (customers,).
    """

    groups: pd.DataFrame
    numbers: pd.DataFrame
    group: np.ndarray

    def of(self, covariates: Sequence[str]) -> pd.DataFrame:
        """The numbers of some of the covariates."""
        return self.numbers.loc[:, self.numbers.columns.isin(covariates, level=0)]


def design_of(table: pd.DataFrame, names: Sequence[str] | None = None) -> Design:
    """The design of the covariates that are columns of a table of customers; of all of its columns, or those named.

    Numbers count as they are, anything else by level, the most frequent one being what the others are compared with.
    Where there is no column of that name, the one of the first order is meant: ``channel`` is then ``first_channel``.

    Raises
    ------
    InputRefused
        For a covariate that there is not, that is missing for some or the same for all, a level with too few customers,
        and too many groups; all of them at once.
    """
    names = list(dict.fromkeys(table.columns if names is None else names))
    columns = {name: next((each for each in (name, f"first_{name}") if each in table), None) for name in names}
    covariates = pd.DataFrame({name: table[column].to_numpy() for name, column in columns.items() if column})
    there = ", ".join(map(repr, table.columns))
    unknown = [
        Problem(f"covariate {name!r}: there is no such column; there are {there}", USAGE)
        for name in names
        if name not in covariates
    ]
    if problems := unknown + [Problem(each) for each in _problems(covariates)]:
        raise InputRefused(problems)
    keys = pd.MultiIndex.from_frame(covariates.astype(object)) if len(names) > 1 else pd.Index(covariates[names[0]])
    group, distinct = pd.factorize(keys, sort=True)
    groups = pd.DataFrame(list(distinct) if len(names) > 1 else {names[0]: distinct}, columns=names)
    numbers = {}
    for name in names:
        if pd.api.types.is_numeric_dtype(covariates[name]):
            numbers[name] = groups[[name]].astype(float)
        else:
            levels = pd.get_dummies(groups[name].astype(object), prefix=name, prefix_sep="=", dtype=float)
            numbers[name] = levels.drop(columns=f"{name}={covariates[name].value_counts().index[0]}")
    groups["customers"] = np.bincount(group, minlength=len(groups))
    return Design(groups, pd.concat(numbers, axis=1), group)


def _problems(covariates: pd.DataFrame):
    for name, values in covariates.items():
        missing, counts = int(values.isna().sum()), values.value_counts()
        if missing:
            yield (
                f"covariate {name!r}: it is missing for {missing} of {len(values)} customers; fill it in, with a level "
                "of its own if that says something, or leave these customers out"
            )
        if len(counts) < 2:
            yield f"covariate {name!r}: all customers have the same value, so that it tells nothing; leave it out"
        elif len(counts) <= MOST_GROUPS and counts.min() < FEWEST_IN_LEVEL:
            level = counts.index[-1]
            yield (
                f"covariate {name!r}: {level!r} has {counts.min()} customers, at least {FEWEST_IN_LEVEL} are needed; "
                "put it together with another level"
            )
    groups = len(covariates.drop_duplicates()) if len(covariates.columns) else 0
    if groups > MOST_GROUPS:
        listed = ", ".join(map(repr, covariates))
        yield (
            f"covariates {listed}: there are {groups} different combinations, at most {MOST_GROUPS} are allowed; put "
            "levels together, or numbers into a few classes"
        )


def refuse_without_dropout(model: PurchaseModel) -> None:
    """Raises Unavailable under a model in which nobody leaves."""
    if model.name == FALLBACK:
        raise Unavailable(
            "Groups are compared in how often their customers order and how soon they leave; in {model} nobody leaves.",
            code="covariates.nobody_leaves",
            model=model.name,
        )


def with_dropout(model: PurchaseModel, params, effect: float, moves: str):
    """Parameters of customers whose dropout differs by a linear predictor; 0 changes nothing."""
    if not isinstance(model, BetaGeometric):
        return params._replace(beta=params.beta * np.exp(-effect))
    if moves == "factor":
        return params._replace(a=params.a * np.exp(effect), b=params.b * np.exp(effect))
    total = params.a + params.b
    mean = expit(logit(params.a / total) + effect)
    return params._replace(a=total * mean, b=total * (1 - mean))


@dataclass(frozen=True)
class Likelihood:
    """The log-likelihood of a purchase model in which covariates move the order rate and dropout.

    The free parameters are the logs of the model's own, then the coefficients of the order rate, then of dropout; the
    covariates of both are columns of a ``Design``.
    """

    model: PurchaseModel
    rate: pd.DataFrame
    dropout: pd.DataFrame
    moves: str
    patterns: Sequence[Patterns]

    @property
    def names(self) -> list[str]:
        """Names of the free parameters."""
        coefficients = (f"{process}[{name}]" for process in PROCESSES for _, name in getattr(self, process))
        return [*self.model.names, *coefficients]

    @property
    def own(self) -> int:
        """Number of the model's own parameters."""
        return len(self.model.names)

    def params(self, free: np.ndarray, group: int):
        """The parameters of a group."""
        gamma, delta = np.split(free[self.own :], [self.rate.shape[1]])
        own, faster = self.model.Params(*np.exp(free[: self.own])), np.exp(self.rate.to_numpy()[group] @ gamma)
        base = self.model.with_order_rate(own, faster)
        return with_dropout(self.model, base, self.dropout.to_numpy()[group] @ delta, self.moves)

    def total(self):
        """A function from the free parameters to the log-likelihood summed over customers."""
        of_groups = [self.model.total_log_likelihood(patterns) for patterns in self.patterns]

        def total(free: np.ndarray) -> float:
            # A trial step can go where a float has no logarithm.
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                logs = (np.log(self.params(free, group)) for group in range(len(of_groups)))
                return sum(of_group(log) for of_group, log in zip(of_groups, logs, strict=True))

        return total

    def without(self, process: str, covariate: str) -> Likelihood:
        """The same without a covariate of a process."""
        return replace(self, **{process: getattr(self, process).drop(columns=covariate, level=0)})


@dataclass(frozen=True, repr=False)
class CovariateFit(Result):
    """A purchase model with covariates at its maximum likelihood, and one fit for each group for prediction.

    Attributes
    ----------
    model, time_unit
        Name of the purchase model, and the unit of its parameters that have one.
    summary
        DataFrame by parameter (the model's own of a customer whose covariates are all 0 or usual; ``rate[...]`` and
        ``dropout[...]``): coef, se, lower, upper (central 90%); of the fit without any penalty. A coefficient is that
        of a log rate, or of the log odds of the mean dropout; no error where the likelihood leaves it open.
    tests
        DataFrame, one row a covariate and process: covariate, process, statistic (twice the log-likelihood it brings),
        df, p, and p_adjusted by Holm for how many were tried.
    log_likelihood, log_likelihood_without
        With and without covariates, unscaled sum over customers.
    groups
        Label -> ``PurchaseFit`` of the customers of a group, with coefficients shrunk towards 0 (prior sd .5).
    design
        One row a group: its covariates and customers.
    group
        Number of each customer's group, shape (customers,).
    """

    model: str
    time_unit: TimeUnit
    summary: pd.DataFrame
    tests: pd.DataFrame
    log_likelihood: float
    log_likelihood_without: float
    groups: Mapping[str, PurchaseFit]
    design: pd.DataFrame
    group: np.ndarray = field(compare=False)

    main = "summary"

    def of(self, data, unit: str | None = None) -> CovariateFit:
        """The same fit asked about the same customers, as ``PurchaseFit.of``; what is stored holds none."""
        parts = _parts(customers_of(data, unit)[0], self.group)
        groups = {label: fit.of(part) for (label, fit), part in zip(self.groups.items(), parts, strict=True)}
        return replace(self, groups=groups)

    def predict(self, horizon) -> pd.DataFrame:
        """As ``PurchaseFit.predict``, each customer by the fit of the own group."""
        by_group = np.argsort(self.group, kind="stable")
        return pd.concat([fit.predict(horizon) for fit in self.groups.values()]).iloc[np.argsort(by_group)]


def fit_with_covariates(
    model: PurchaseModel,
    data,
    rate: Sequence[str],
    dropout: Sequence[str],
    *,
    moves: str = "mean",
    unit: str | None = None,
    seed: int = 1,
    clock: Clock | None = None,
    design: Design | None = None,
) -> CovariateFit:
    """Maximum likelihood on the collapsed histories of each group, tests, and a shrunk posterior for prediction.

    Parameters
    ----------
    data
        As ``PurchaseModel.fit`` takes it; covariates are columns of a frame, or of the customer summary, where
        ``channel`` and ``category`` are those of the first order.
    rate, dropout
        Names of the covariates of either process.
    moves
        How dropout moves under BG/NBD and MBG/NBD, see ``MOVES``.
    clock
        As of ``PurchaseModel.fit``.
    design
        Of these covariates, where they do not stand in ``data``.

    Raises
    ------
    Unavailable
        Where the model has no dropout, or the likelihood no maximum.
    InputRefused
        For covariates that there are not or that cannot be used, see ``design_of``.
    """
    if moves not in MOVES:
        raise UsageError(f"moves == {moves!r}, must be one of {', '.join(MOVES)}")
    refuse_without_dropout(model)
    histories, _ = customers_of(data, unit)
    clock = clock or Clock(time_unit(unit or "week"))
    names = list(dict.fromkeys([*rate, *dropout]))
    design = design or design_of(data if isinstance(data, pd.DataFrame) else histories.table, names)
    parts = _parts(histories, design.group)
    patterns = [patterns_of(part, clock) for part in parts]
    likelihood, none = Likelihood(model, design.of(rate), design.of(dropout), moves, patterns), design.of([])
    everyone = patterns_of(histories, clock)
    own = purchase_prior(model, everyone)
    orders_per_customer = everyone.total(everyone.frequency) / everyone.customers
    plain = _maximum(
        replace(likelihood, rate=none, dropout=none), own.mean, own.mean + model.start(orders_per_customer)
    )
    extra = len(likelihood.names) - likelihood.own
    optimum = _maximum(likelihood, np.append(plain.point, np.zeros(extra)))
    labels = [", ".join(f"{name}={row[name]}" for name in names) for _, row in design.groups.iterrows()]
    spread = np.append(np.full(likelihood.own, own.sd), np.full(extra, SHRUNK_SD))
    prior = Prior(np.append(own.mean, np.zeros(extra)), spread)
    groups = _group_fits(likelihood, prior, optimum.point, parts, clock, seed)
    return CovariateFit(
        model=model.name,
        time_unit=clock.unit,
        summary=_summary(likelihood, optimum),
        tests=_tests(likelihood, optimum),
        log_likelihood=optimum.value,
        log_likelihood_without=plain.value,
        groups=dict(zip(labels, groups, strict=True)),
        design=design.groups.assign(group=labels).set_index("group"),
        group=design.group,
    )


def _parts(histories: CustomerSummary, group: np.ndarray) -> list[CustomerSummary]:
    """The customers of each group."""
    members = (np.flatnonzero(group == number) for number in range(group.max() + 1))
    return [replace(histories, table=histories.table.iloc[rows]) for rows in members]


def _maximum(likelihood: Likelihood, *starts: np.ndarray) -> Optimum:
    """The maximum: climbs on coarsened histories, and Newton's method on all of them."""
    rough = replace(likelihood, patterns=[coarsened(patterns) for patterns in likelihood.patterns]).total()
    near = best_of(rough, starts)
    optimum = polish(total := likelihood.total(), near, curvature(rough, near))
    # One factor on a and b can leave a ridge along which both grow; its height is known all the same.
    is_ridge = likelihood.moves == "factor" and np.abs(gradient(total, optimum.point)).max() < LEVEL_BELOW
    if not (optimum.is_peak or is_ridge):
        raise NotIdentified(
            "{model}: the data do not determine how the covariates act. Put levels together, or leave a covariate out.",
            code="covariates.not_identified",
            model=likelihood.model.name,
        )
    return optimum


def _summary(likelihood: Likelihood, optimum: Optimum) -> pd.DataFrame:
    own, errors = likelihood.own, np.sqrt(np.maximum(np.diag(optimum.covariance), 0.0))
    if not optimum.is_peak:
        errors = np.where(optimum.runs_away, np.nan, errors)
    reach = norm.ppf((1 + LEVEL) / 2) * errors
    table = pd.DataFrame({"coef": optimum.point, "se": errors, "lower": optimum.point - reach})
    table["upper"] = optimum.point + reach
    table.loc[: own - 1, ["coef", "lower", "upper"]] = np.exp(table.loc[: own - 1, ["coef", "lower", "upper"]])
    table.loc[: own - 1, "se"] *= table.loc[: own - 1, "coef"]
    return table.set_axis(pd.Index(likelihood.names, name="parameter"))


def _tests(likelihood: Likelihood, optimum: Optimum) -> pd.DataFrame:
    """Likelihood-ratio tests of each covariate in each process, on fits without a penalty."""
    rows, point = [], pd.Series(optimum.point, likelihood.names)
    for process in PROCESSES:
        for covariate in getattr(likelihood, process).columns.unique(0):
            fewer = likelihood.without(process, covariate)
            statistic = max(2 * (optimum.value - _maximum(fewer, point[fewer.names].to_numpy()).value), 0.0)
            df = len(likelihood.names) - len(fewer.names)
            rows.append((covariate, process, statistic, df, float(chi2.sf(statistic, df))))
    table = pd.DataFrame(rows, columns=["covariate", "process", "statistic", "df", "p"])
    return table.assign(p_adjusted=multipletests(table["p"], method="holm")[1])


def _group_fits(
    likelihood: Likelihood, prior: Prior, start: np.ndarray, parts: Sequence[CustomerSummary], clock: Clock, seed: int
) -> list[PurchaseFit]:
    """A fit of each group at the shrunk coefficients, with draws of the joint posterior: the same draw in each."""
    model, own, total = likelihood.model, likelihood.own, likelihood.total()

    def shrunk(free: np.ndarray) -> float:
        return total(free) - float(np.sum((free[own:] / SHRUNK_SD) ** 2)) / 2

    best = polish(shrunk, start)
    cells = model.evaluations / max(sum(map(len, likelihood.patterns)), 1)
    drawn = draw_posterior(total, prior, start, seed, int(np.clip(cells, 300, PROPOSALS)))
    fits = []
    for group, (patterns, part) in enumerate(zip(likelihood.patterns, parts, strict=True)):
        params = model.Params(*map(float, likelihood.params(best.point, group)))
        draws = np.array([likelihood.params(point, group) for point in drawn.draws])
        posterior = replace(drawn, names=model.names, draws=draws)
        errors = draws.std(axis=0)
        fit = fitted(model, patterns, clock, params, errors, best.newton_decrement, posterior, DRAWS_FOR_ALIVE)
        fits.append(fit.of(part))
    return fits
