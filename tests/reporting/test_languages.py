"""Every language says everything: the same keys and numbers, and nothing on a page that bypasses the catalogue."""

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from tests.reporting import fakes
from tests.value.test_contractual import FIVE, cohorts, config

from analysis.config import LANGUAGES
from analysis.errors import DeadlinePassed, DiskFull, GateFailed, NotIdentified
from analysis.interval import Interval
from analysis.reporting import embed, exhibit, words
from analysis.reporting.exhibits.backtest import miss_said
from analysis.reporting.exhibits.value import CUSTOMER_COLUMNS
from analysis.reporting.failures import reason_of, reason_of_error
from analysis.reporting.page import IndexEntry, compose, index_page, report_title
from analysis.reporting.stamp import Stamp
from analysis.reporting.words import PLACEHOLDER, Saying, Words, catalogue
from analysis.reporting.worker import Failure
from analysis.value.contractual import contractual_retention

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
STAMP = Stamp("0123456789ab", "shop", "c" * 64, "d" * 64, "1998-06-30", "nl", generated_at="2026-01-01T00:00:00Z")
CODE = re.compile(r"`(.+?)`")
# Sentences that are the same in both languages: names, and words that Dutch took from English.
ALIKE = re.compile(
    r"name\.|axis\.parameter|claim\.gave_up_over_service\.source|"
    r"stamp\.run_id|column\.(parameter|model|log_likelihood|horizon|placebo|week|of_strategy)|strategies\.(name\.own|source)|choice\.names\.1|evidence\.in_unit"
)
# Common English words that are no Dutch ones.
ENGLISH = re.findall(
    r"\w+",
    """
    above across also an and another at average be been being below between both by can chance claim claims cost costs
    could customer customers day days did do does each every figure first for from has have he here holds how into it
    its keeping left likely may mean models month months more most much next not number numbers only order orders other
    out period profit reading readings retention rise same share she should since table than that the their them then
    there these they this those under value values weeks what when where which who whose will with without would year
    years
    """,
)
PUBLISHED = re.compile(
    r"“[^”]*”|\"[^\"]*\"|Zero Defections|Harvard Business Review|Marketing Science|Management Science|"
    r"International Journal of Research in Marketing|note 025"
)


def kinds(sentence: str) -> dict[str, set[str]]:
    """Name of each placeholder -> what it may be; a plural is an integer, and a choice is its options."""
    found: dict[str, set[str]] = {}
    for name, kind in PLACEHOLDER.findall(sentence):
        head, _, rest = kind.partition(" ")
        options = {f"is {form}" for form in forms(rest)} - {"is other"}
        found.setdefault(name, set()).update({"plural": {"integer"}, "choice": options}.get(head, {kind}))
    return found


def forms(variants: str) -> set[str]:
    return {part.partition("=")[0].strip() for part in variants.split(";")}


def english_words(text: str) -> list[str]:
    """The English words in a text, but for quotations, titles and the names of columns and settings."""
    if text.strip("⟦⟧") in CUSTOMER_COLUMNS:
        return []
    return [
        word for word in re.findall(r"\b[a-z]+\b", PUBLISHED.sub(" ", CODE.sub(" ", text)).lower()) if word in ENGLISH
    ]


@pytest.mark.parametrize("language", LANGUAGES)
class TestEveryLanguage:
    def test_has_the_keys_of_english_and_no_other(self, language):
        assert sorted(catalogue("en").keys() ^ catalogue(language).keys()) == []

    def test_names_the_same_numbers_of_the_same_kinds(self, language):
        english, other = catalogue("en"), catalogue(language)
        assert [key for key in english if kinds(other[key]) != kinds(english[key])] == []

    def test_marks_as_much_as_strong_and_as_code(self, language):
        english, other = catalogue("en"), catalogue(language)
        for key in english:
            assert other[key].count("**") == english[key].count("**"), key
            assert other[key].count("`") == english[key].count("`"), key

    def test_has_the_plural_forms_of_its_locale(self, language):
        needed = {Words(language).formats.plural_form(count) for count in (0, 1, 2, 5, 1000)}
        for key, sentence in catalogue(language).items():
            plurals = [kind for _, kind in PLACEHOLDER.findall(sentence) if kind.startswith("plural ")]
            assert all(forms(kind[7:]) - {"none"} == needed for kind in plurals), key


def test_settings_keep_their_names_in_every_language():
    english, dutch = catalogue("en"), catalogue("nl")
    for key in english:
        settings = [name for name in CODE.findall(english[key]) if not name.isalpha()]
        assert [name for name in CODE.findall(dutch[key]) if name in settings] == settings, key


def test_no_dutch_sentence_is_left_in_english():
    english, dutch = catalogue("en"), catalogue("nl")
    same = [key for key in english if dutch[key] == english[key] and not ALIKE.match(key)]
    assert [key for key in same if re.search("[A-Za-z]", PLACEHOLDER.sub("", english[key]))] == []


def test_no_dutch_sentence_has_english_words_decimal_points_or_speaks_to_anyone():
    for key, sentence in catalogue("nl").items():
        shown = PLACEHOLDER.sub(lambda match: " ".join(re.findall(r"=([^;]*)", match[2])), sentence)
        assert english_words(shown) == [], key
        assert not re.search(r"\d\.\d(?!\d\d)|\d,\d\d\d", shown), key
        assert not re.search(r"\b(u|uw|je|jij|jouw|jullie)\b", shown, re.IGNORECASE), key


def test_dutch_text_has_typographic_quotes_and_one_bracket_at_a_time():
    for key, sentence in catalogue("nl").items():
        text = CODE.sub(" ", sentence)
        assert not re.search(r"\"|(?<=\w)'(?=\w)", text), key
        assert not re.search(r"\{\w+:interval [^}]*\} \(", text), key


@pytest.mark.parametrize(
    ("predicted", "english", "dutch"),
    [(88.0, "12% too low", "12% te laag"), (112.0, "12% too high", "12% te hoog")],
)
def test_a_missed_total_says_in_which_direction(predicted, english, dutch):
    for language, said in (("en", english), ("nl", dutch)):
        miss = miss_said(SimpleNamespace(total_predicted=predicted, total_actual=100))
        for key, numbers in (("certainty.total_missed", {}), ("caution.total", {"model": Saying("name.bg_nbd")})):
            assert said in Words(language)(key, miss=miss, **numbers)
    none = miss_said(SimpleNamespace(total_predicted=3.0, total_actual=0))
    assert "te hoog" in Words("nl")("certainty.total_missed", miss=none)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("verdict", ["supported", "contradicted", "depends", "not_testable"])
def test_a_changed_verdict_is_quoted_so_that_each_reads_well(language, verdict):
    words = Words(language)
    other = Saying("claim.verdict.supported")
    wording = Saying("claim.forty_percent_repeat.wording")
    said = words("changes.verdict", claim=wording, now=Saying(f"claim.verdict.{verdict}"), before=other)
    assert f"“{words(f'claim.verdict.{verdict}')}”" in said


def test_a_dutch_sentence_has_dutch_numbers_dates_and_plurals():
    dutch = Words("nl", "EUR")
    assert dutch("unit.orders", orders=1) == "1 bestelling"
    assert dutch("unit.orders", orders=1234) == "1.234 bestellingen"
    assert dutch("page.kicker_dated", day="2024-03-13").endswith("gegevens tot en met 13 maart 2024")
    total, mean = Interval(1234, 1000, 1500, 0.9), Interval(6.5, 5, 7, 0.9)
    said = dutch("value.answer", customers=2, horizon=2.5, total=total, mean=mean).replace("\N{NO-BREAK SPACE}", " ")
    assert said == (
        "Over een horizon van 2,5 jaar zijn de 2 klanten samen nog € 1.234 (90%-interval € 1.000 tot € 1.500) waard, "
        "gemiddeld € 6,50 (90%-interval € 5,00 tot € 7,00) per klant."
    )


class Shown(HTMLParser):
    """What a reader of a page sees or hears: its texts, and the attributes that hold text."""

    def __init__(self, html: str):
        super().__init__()
        self.texts: list[str] = [""]
        self._open: list[str] = []
        self.feed(html)
        self.texts = [stripped for text in self.texts if (stripped := text.strip())]

    def handle_starttag(self, tag, attrs):
        self.texts += [value for name, value in attrs if name in ("alt", "aria-label", "title")]
        if tag not in ("img", "meta"):
            self._open.append(tag)
        if tag not in ("strong", "code", "a", "time"):
            self.texts.append("")

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "code", "mi", "script"):
            self.texts[-1] += data


def page_texts(monkeypatch, **options) -> list[str]:
    """Everything said on the pages of all notebooks and inside their figures, each sentence in ⟦ ⟧."""
    dutch, inside = catalogue("nl"), []

    def recorded(draw, width, height):
        figure = Figure(figsize=(width, height))
        if width == embed.WIDE_INCHES:
            with embed.report_style():
                draw(figure)
                figure.draw_without_rendering()  # which makes the ticks
        inside.extend(text.get_text().strip() for text in figure.findobj(Text) if text.get_visible())
        return embed.Picture("data:,", 1, 1)

    monkeypatch.setattr(words, "catalogue", lambda language: {key: f"⟦{sentence}⟧" for key, sentence in dutch.items()})
    monkeypatch.setattr(exhibit, "picture", recorded)
    study = fakes.study(language="nl", **options)
    study.contracts = cohorts(FIVE)
    study.contractual = contractual_retention(study.contracts, config())
    fragments = fakes.sections_of([fakes.executed(path, study, monkeypatch) for path in NOTEBOOKS])
    page = compose(report_title("shop", "nl"), fragments, STAMP, lang="nl")
    assert '<html lang="nl">' in page
    return Shown(page).texts + inside


def without_sentences(text: str) -> str:
    before = None
    while before != text:
        before, text = text, re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
    return text


@pytest.fixture(
    scope="module", params=[{}, {"has_money": False}, {"tested": False}], ids=["all", "no money", "no test"]
)
def texts(request):
    with pytest.MonkeyPatch.context() as monkeypatch:
        return page_texts(monkeypatch, **request.param)


def test_a_dutch_page_has_no_english_left(texts):
    assert len(texts) > 300
    for text in texts:
        assert english_words(text) == [], text
        assert not re.search(r"\d\.\d(?!\d\d)", text), text


def test_nothing_on_a_page_bypasses_the_catalogue(texts):
    formats = Words("nl", "USD").formats
    dates = [each(f"2024-{month:02d}-01") for month in range(1, 13) for each in (formats.month, formats.date)]
    of_formats = {word for text in dates for word in text.split() if word.isalpha()} | {"jaar", "UTC"}
    of_results = {"r", "alpha", "a", "b", "shop", "nl", STAMP.run_id, STAMP.config_hash, STAMP.data_hash}
    money = re.compile(r"US\$\s?|(?<=\d)(K| mln\.)")
    left = {word for text in texts for word in money.sub("", without_sentences(text)).split()}
    assert {word for word in left if re.search(r"[^\W\d_]", word)} - of_formats - of_results == set()


def test_the_index_and_a_failed_page_are_dutch():
    entries = [IndexEntry("shop", "abc", "shop/abc/", "1998-06-30", "2026-01-01T00:00:00Z", "latest")]
    index = index_page(entries, "nl")
    failed = compose(report_title("shop", "nl"), [], STAMP, failure=reason_of_error(DeadlinePassed(3), "nl"), lang="nl")
    assert '<html lang="nl">' in index
    assert "gegevens tot en met 30 juni 1998" in index
    assert "Dit rapport is niet volledig" in failed
    assert [word for page in (index, failed) for text in Shown(page).texts for word in english_words(text)] == []


def test_why_a_run_failed_is_said_in_the_language_of_the_reader():
    stopped = reason_of(Failure("01-transactions", "cell_error", 3, "ValueError: no"), "nl")
    assert stopped == "Notebook 01-transactions stopte in codecel 3: ValueError: no"
    assert reason_of_error(DiskFull("the disk is full"), "nl").startswith("Er was geen ruimte meer")
    assert reason_of_error(GateFailed("a secret"), "nl").startswith("De voltooide pagina")


def test_what_the_data_do_not_determine_is_said_in_the_language_of_the_reader():
    left_open = {"parameters": ["a", "b"], "customers": 40, "repeaters": 7}
    error = NotIdentified("BG/NBD", "a and b", "the data do not identify a and b", left_open)
    assert reason_of_error(error, "nl").startswith("De gegevens leggen a en b van BG/NBD niet vast")
    assert Words("nl")("purchase.not_identified", model=Saying("name.pareto_nbd"), **left_open) == (
        "Pareto/NBD is weggelaten: de gegevens leggen a en b niet vast (40 klanten, van wie 7 met een herhaalaankoop)."
    )
