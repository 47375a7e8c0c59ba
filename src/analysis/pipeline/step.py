"""A step: a function whose parameters are its inputs, and nothing else that it depends on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.config import parameter_keys
from analysis.errors import Unavailable


class _Steps(dict):
    def __missing__(self, name: str) -> Step:
        if dict.__contains__(all_steps(), name):
            return self[name]
        raise KeyError(name)


STEPS: dict[str, Step] = _Steps()
"""Every step by name that was declared so far; a member of a family is declared when it is looked up."""
READING = ("workdir", "folder", "as_of", "frame")
"""What steps that read files are given of the study: their result is known by what the files held."""
SECTION = "_config"


@dataclass(frozen=True)
class Step:
    """One result of a study.

    Attributes
    ----------
    function
        Its parameters name other steps, keys of the configuration by their last part (``gross_margin``), or whole
        sections (``economics_config``; with the default ``only("a_key")`` that key of it). An input with the default
        None may be unavailable; with the default ``Unavailable`` the step is then given the reason.
    stored
        Whether the result is kept; cheap ones that rest on others are not.
    cost
        Seconds that it takes on a few thousand customers, roughly: of several, the longest way to the end comes first.
    family
        Gives the functions of further steps, each of which may be unavailable, that this one is made from: they are
        declared, and imported, no sooner than somebody asks for them.
    """

    function: Callable[..., Any]
    stored: bool = True
    cost: float = 0.1
    family: Callable[[], Iterable[Callable]] | None = None

    @property
    def name(self) -> str:
        return self.function.__name__

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Parameter -> its default."""
        if self.family is not None:
            members = {function.__name__: Step(function) for function in self.family()}
            STEPS.update(members)
            return dict.fromkeys(members, Unavailable)
        return {name: found.default for name, found in inspect.signature(self.function).parameters.items()}

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The steps that it rests on."""
        return tuple(name for name in self.parameters if name in STEPS and name != self.name)

    @cached_property
    def settings(self) -> dict[str, str]:
        """Parameter -> dotted key of the configuration."""
        rest = [name for name in self.parameters if name not in self.inputs and name not in READING]
        return {name: parameter_keys().get(key := name.removesuffix(SECTION), key) for name in rest}

    @property
    def reads(self) -> bool:
        """Whether it reads files."""
        return self.family is None and "workdir" in self.parameters


class only:  # noqa: N801 (reads as a word in a signature)
    """Default of a parameter that is a section: the step sees these keys of it, and the defaults of all others."""

    def __init__(self, *keys: str):
        self.keys = keys

    def __repr__(self) -> str:
        return f"only{sorted(self.keys)}"


def step(function: Callable | None = None, **options: Any) -> Callable:
    """Make a step of a function, which stays as it is."""
    if function is None:
        return lambda function: step(function, **options)
    STEPS[function.__name__] = Step(function, **options)
    return function


def reading_steps() -> list[str]:
    """Steps that read files, in their order."""
    return [name for name, step in list(STEPS.items()) if step.reads]


def all_steps() -> dict[str, Step]:
    """Every step by name, those of families as well."""
    for each in list(STEPS.values()):
        each.inputs  # noqa: B018 (declares its family)
    return STEPS
