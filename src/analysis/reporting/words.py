"""The one place for every sentence, label and number that a reader sees.

A catalogue is flat YAML, one file a language and one for each large theme of it: key -> sentence.
Placeholders are typed and formatted by the locale:

- ``{orders:integer}``, ``{total:money}``, ``{day:date}``: any kind of ``Formats.KINDS``
- ``{value:interval money}``: an estimate with its interval, such as "47.2 (90% interval 41.0 to 53.9)"
- ``{value:bracketed money}``: the same where the level is named elsewhere, such as "47.2 (41.0 to 53.9)"
- ``{value:brackets money}``: its second part alone, for tables
- ``{value:range money}``: only the two ends; ``{value:estimate money}``: only the estimate
- ``{orders:plural one=# order; other=# orders}``: by the language's own plural rules; # is the number,
  and a ``none=`` says it of zero where a bare 0 would read badly
- ``{policy:choice net=…; drop=…}``: one wording out of a few
- ``{winner:phrase}``: another sentence of the catalogue, passed as a ``Saying``

``**strong**`` and a pair of backticks (code) are the only markup. Everything else is text and gets escaped.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import yaml
from markupsafe import Markup, escape

from analysis.errors import RetentionLabError
from analysis.reporting.formats import Formats, is_missing

CATALOGUES = Path(__file__).parent / "catalogue"
PLACEHOLDER = re.compile(r"\{(\w+):([^{}]+)\}")
BRACE = re.compile(r"[{}]")
STRONG = re.compile(r"\*\*(.+?)\*\*")
CODE = re.compile(r"`(.+?)`")


class CatalogueError(RetentionLabError):
    """Raised when a sentence is missing, or its numbers do not fit its placeholders."""


class Saying(NamedTuple):
    """A sentence that was chosen by the numbers: its key, and the numbers it names."""

    key: str
    numbers: Mapping[str, Any] = {}


class Remark(Protocol):
    """A message key with numbers: a ``Saying``, or a ``Note`` of the data room."""

    @property
    def key(self) -> str: ...

    @property
    def numbers(self) -> Mapping[str, Any]: ...


class _OnceLoader(yaml.CSafeLoader):
    """A loader that refuses a key that stands twice, since YAML would silently keep the last."""

    def construct_mapping(self, node, deep=False):  # noqa: FBT002 -- the signature is YAML's
        keys = [key.value for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise CatalogueError(f"catalogue: keys that stand twice: {', '.join(sorted(twice))}")
        return super().construct_mapping(node, deep)


@functools.cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every sentence of a language, by key."""
    path = CATALOGUES / f"{language}.yml"
    if not path.is_file():
        raise CatalogueError(f"there is no catalogue of words for language {language!r}")
    content: dict[str, str] = {}
    for part in (path, *sorted((CATALOGUES / language).glob("*.yml"))):
        found = yaml.load(part.read_text(encoding="utf-8"), Loader=_OnceLoader)
        if twice := sorted(content.keys() & found.keys()):
            raise CatalogueError(f"catalogue {language}: keys that stand in two files: {', '.join(twice)}")
        content |= found
    for key, sentence in content.items():
        if not isinstance(sentence, str):
            raise CatalogueError(f"catalogue {language}: {key} must be text, found {type(sentence).__name__}")
        if BRACE.search(PLACEHOLDER.sub("", sentence)):
            raise CatalogueError(f"catalogue {language}: {key} has a brace that is no typed placeholder: {sentence}")
    return content


def placeholders(sentence: str) -> dict[str, str]:
    """Name -> kind of each placeholder in a sentence.

    >>> placeholders("{share:percent} of {customers:integer} customers")
    {'share': 'percent', 'customers': 'integer'}
    """
    return dict(PLACEHOLDER.findall(sentence))


class Words:
    """The sentences of one language, with the number formats that go with them.

    Examples
    --------
    >>> words = Words("en", currency="EUR")
    >>> words("unit.orders", orders=1234)
    '1,234 orders'
    >>> words("unit.orders", orders=1)
    '1 order'
    """

    def __init__(self, language: str = "en", currency: str | None = None):
        self.language = language
        self._sentences = catalogue(language)
        self.formats = Formats(language, currency)

    @property
    def currency(self) -> str | None:
        return self.formats.currency

    def __contains__(self, key: str) -> bool:
        return key in self._sentences

    def __call__(self, key: str, **numbers: Any) -> str:
        """The sentence as plain text, for pictures, alt texts and attributes (which escape it themselves)."""
        sentence = CODE.sub(r"\1", STRONG.sub(r"\1", self._checked(key, numbers)))
        return PLACEHOLDER.sub(lambda match: self._filled(key, match, numbers), sentence)

    def html(self, key: str, **numbers: Any) -> Markup:
        """The sentence as HTML: text and values escaped, ``**strong**`` and backticks turned into elements."""
        return self._html(key, self._checked(key, numbers), numbers)

    def said(self, remark: Remark) -> Markup:
        """A remark as HTML. A ``Saying`` was made for its sentence; a note of another room may carry more numbers."""
        if isinstance(remark, Saying):
            return self.html(remark.key, **remark.numbers)
        named = {name for name in placeholders(self.sentence(remark.key)) if name in remark.numbers}
        return self.html(remark.key, **{name: remark.numbers[name] for name in named})

    def sentence(self, key: str) -> str:
        """The sentence with its placeholders still open."""
        try:
            return self._sentences[key]
        except KeyError:
            raise CatalogueError(f"catalogue {self.language}: there is no sentence for {key!r}") from None

    def format(self, kind: str, value: Any) -> str:
        """A value in one of the kinds that placeholders and table columns know."""
        if is_missing(value):
            return self("value.missing")
        name, _, rest = kind.partition(" ")
        if name == "interval":
            return self._interval(rest, value)
        if name == "bracketed":
            estimate, low, high = self.formats.ends(rest, value)
            return self("interval.bracketed", estimate=estimate, low=low, high=high)
        if name == "brackets":
            _, low, high = self.formats.ends(rest, value)
            return self("interval.brackets", low=low, high=high)
        if name == "range":
            _, low, high = self.formats.ends(rest, value)
            return self("interval.range", low=low, high=high)
        if name == "estimate":
            return self.formats.ends(rest, value)[0]
        if name == "plural":
            variants = _variants(rest)
            form = "none" if value == 0 and "none" in variants else self.formats.plural_form(value)
            return variants.get(form, variants["other"]).replace("#", self.formats.named("integer", value))
        if name == "phrase":
            return self(value.key, **value.numbers)
        if name == "choice":
            variants = _variants(rest)
            return variants[str(value) if str(value) in variants else "other"]
        return self.formats.named(kind, value)

    def _interval(self, kind: str, value: Any) -> str:
        estimate, low, high = self.formats.ends(kind, value)
        return self("interval.full", estimate=estimate, level=value.level, low=low, high=high)

    def _html(self, key: str, sentence: str, numbers: Mapping[str, Any]) -> Markup:
        marked = str(escape(PLACEHOLDER.sub(r"{\1}", sentence)))
        marked = CODE.sub(r"<code>\1</code>", STRONG.sub(r"<strong>\1</strong>", marked))
        places = PLACEHOLDER.finditer(sentence)
        return Markup(re.sub(r"\{\w+\}", lambda _: str(escape(self._filled(key, next(places), numbers))), marked))

    def _checked(self, key: str, numbers: Mapping[str, Any]) -> str:
        sentence = self.sentence(key)
        wanted = set(placeholders(sentence))
        if wanted != set(numbers):
            missing, unused = sorted(wanted - set(numbers)), sorted(set(numbers) - wanted)
            raise CatalogueError(
                f"catalogue {self.language}: {key}: missing numbers {missing}, unused numbers {unused}"
            )
        return sentence

    def _filled(self, key: str, match: re.Match, numbers: Mapping[str, Any]) -> str:
        name, kind = match.groups()
        try:
            return self.format(kind, numbers[name])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CatalogueError(
                f"catalogue {self.language}: {key}: {name} == {numbers[name]!r} cannot be said as {kind!r}"
            ) from error


def name_key(name: str) -> str:
    """Key of a model's or a baseline's name.

    >>> name_key("BG/NBD"), name_key("same rate")
    ('name.bg_nbd', 'name.same_rate')
    """
    return "name." + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def numbers_for(words: Words, keys: Iterable[str], numbers: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The part of ``numbers`` that each sentence needs; together they must need all of it."""
    wanted = {key: set(placeholders(words.sentence(key))) for key in keys}
    if unused := set(numbers) - set().union(*wanted.values()):
        raise CatalogueError(f"catalogue {words.language}: {', '.join(wanted)}: unused numbers {sorted(unused)}")
    return {key: {name: numbers[name] for name in names if name in numbers} for key, names in wanted.items()}


def _variants(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {form.strip(): words for form, _, words in pairs}


__all__ = ["CatalogueError", "Remark", "Saying", "Words", "catalogue", "name_key", "numbers_for", "placeholders"]
