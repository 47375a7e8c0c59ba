"""What is handed over and cannot be meant is refused in words, whatever function of the front door it is handed to."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import analysis as rl
from analysis.errors import UsageError

FUNCTIONS = [
    function
    for name in rl.__all__
    if inspect.isfunction(function := getattr(rl, name)) and name not in ("read_orders", "read_contracts", "open_study")
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_function_refuses_what_is_of_another_kind(function):
    first = next(iter(inspect.signature(function).parameters))
    with pytest.raises(UsageError, match=f"{function.__name__}: {first} is of the type set, must be "):
        function({"CDNOW"})


def test_all_arguments_are_told_together(small_shop):
    orders, fit, value, _ = small_shop
    with pytest.raises(UsageError) as said:
        rl.customer_value(orders, rl.GammaGamma(), level=90, seed=-1)
    assert [problem.message.split(" must be ")[0] for problem in said.value.problems] == [
        "customer_value: fit is of the type Orders,",
        "customer_value: spend is of the type GammaGamma,",
        "customer_value: level == 90,",
        "customer_value: seed == -1,",
    ]
    with pytest.raises(UsageError, match="ladder: fit is of the type CustomerValue"):
        rl.ladder(orders, value, fit)


@pytest.mark.parametrize(("call", "told"), [
    (lambda orders: rl.BGNBD().fit(None), "customers are of the type NoneType, must be orders"),
    (lambda orders: rl.BGNBD(rate="channel"), r"must be lists of names, such as rate=\['channel'\]"),
    (lambda orders: rl.backtest(orders, "26W", primary="BG"), "model.primary == 'BG', must be one of"),
    (lambda orders: rl.rfm(orders, 0), "groups == 0, must be from 2 to 10"),
    (lambda orders: rl.customer_base(orders, months=0), "months == 0, must be at least 1"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(small_shop, call, told):
    with pytest.raises(UsageError, match=told):
        call(small_shop[0])


def test_numbers_of_numpy_are_numbers(small_shop):
    _, fit, value, _ = small_shop
    spend, settings = rl.GammaGamma().fit(fit.orders), {"seed": np.int64(1), "level": np.float32(0.9)}
    assert rl.customer_value(fit, spend, "1Y", **settings).total.estimate == value.total.estimate
    with pytest.raises(UsageError, match="seed == True"):
        rl.customer_value(fit, spend, seed=True)


def test_several_fits_are_taken_as_a_list_or_one_after_the_other(small_shop):
    _, fit, value, _ = small_shop
    spend = rl.GammaGamma().fit(fit.orders)
    for several in ([fit], iter([fit])):
        assert rl.customer_value(several, spend, "1Y").total == value.total
    with pytest.raises(UsageError, match="fit is of the type str"):
        rl.customer_value([fit, "BG/NBD"], spend)
