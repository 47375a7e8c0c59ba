"""The what-if panel: one script and no other, words of the catalogue, a table without scripts, and right numbers."""

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest
from tests.reporting import fakes, retention_fakes
from tests.reporting.browser import PHONE, launched, visit

from analysis.data import Note
from analysis.reporting import gate, scripts
from analysis.reporting.exhibits import what_if as exhibits
from analysis.reporting.fragment import html_outputs
from analysis.reporting.page import compose, index_page
from analysis.reporting.stamp import Stamp
from analysis.reporting.tables import table_html
from analysis.reporting.what_if import packed, panel_data, panel_html
from analysis.reporting.words import Words
from analysis.value.what_if_streams import Quantity

STAMP = Stamp("0123456789ab", "shop", "c" * 64, "d" * 64, "1998-06-30", "en", {"python": "3"}, "2026-01-01T00:00:00")
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')


def panel(**economics):
    settings = retention_fakes.config(**economics)
    return exhibits.panel(retention_fakes.what_if(settings), retention_fakes.lift(settings))


def section(shown=None, language: str = "en", currency: str | None = "USD") -> str:
    html = panel_html(shown or panel(), Words(language, currency))
    return f'<section class="rl-section"><h2>Q</h2>{html}</section>'


def page(*fragments: str, language: str = "en", failure: str | None = None) -> str:
    return compose("Shop", fragments, replace(STAMP, language=language), failure, language)


@pytest.fixture
def problems(tmp_path):
    def problems(html: str) -> list[str]:
        file = tmp_path / "index.html"
        file.write_text(html, encoding="utf-8")
        return gate.problems_in_page(file, STAMP)

    return problems


class TestTheScript:
    def test_is_allowed_by_the_hash_of_what_stands_on_the_page(self):
        html = page(section())
        (script,) = SCRIPT.findall(html)
        hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        directives = POLICY.search(html)[1].split("; ")
        assert f"script-src 'sha256-{hashed}'" in directives
        assert "default-src 'none'" in directives
        assert not [each for each in directives if "script" in each and "sha256" not in each]

    def test_is_on_no_page_without_a_panel_on_no_failed_page_and_not_on_the_index(self):
        for html in (page("<p>x</p>"), page(section(), failure="it stopped"), index_page([])):
            assert not SCRIPT.search(html)
            assert "script-src" not in html

    def test_is_short_holds_no_sentence_and_makes_no_markup(self):
        text = scripts.what_if_script()
        assert len(text.splitlines()) < 150
        assert not re.search(
            r"\beval\b|innerHTML|outerHTML|insertAdjacent|document\.write|new Function|fetch|import", text
        )
        code = re.sub(r"//.*", "", text)
        assert [said for said in re.findall(r'"([^"]*)"', code) if re.search(r"[a-z] [a-z]", said)] == ["use strict"]
        assert "</script" not in text
        assert "<!--" not in text


ALIEN = [
    "<script>alert(1)</script>",
    "<script></script>",
    "<script/>",
    '<script type="module">alert(1)</script>',
    '<script src="data:text/javascript,alert(1)"></script>',
    "<script>alert(1)",
    '<script class="rl-what-if-data" type="application/json">{}</script>',
    '<script type="application/json" class="rl-what-if-data" src="https://example.org/a.js">{}</script>',
    '<script type="text/javascript" type="application/json" class="rl-what-if-data">alert(1)</script>',
    '<script type="application/json" class="rl-what-if-data"/><style></script><img src="https://example.org">',
]


class TestTheGate:
    def test_lets_the_panel_through(self, problems):
        assert problems(page(section())) == []

    @pytest.mark.parametrize("alien", ALIEN)
    def test_refuses_every_other_script_also_beside_the_panel(self, alien, problems):
        for html in (page(alien), page(section(), alien)):
            assert any("active elements" in problem for problem in problems(html))

    def test_refuses_the_script_with_one_letter_changed(self, problems):
        html = page(section())
        assert problems(html.replace("const panel", "const Panel")) != []

    def test_looks_at_what_follows_the_script(self, problems):
        html = page(section()).replace("</body>", '<img src="https://example.org/a.png"></body>')
        assert len(problems(html)) == 1


class TestANotebook:
    def html_of(self, html: str) -> str:
        from nbformat.v4 import new_code_cell, new_notebook, new_output

        cell = new_code_cell("1", outputs=[new_output("display_data", {"text/html": html})])
        return "".join(html_outputs(new_notebook(cells=[cell])))

    def test_hands_the_data_on(self):
        assert self.html_of(section()) == section()

    @pytest.mark.parametrize("alien", [each for each in ALIEN if "</script>" in each])
    def test_hands_no_other_script_on(self, alien):
        assert "<script" not in self.html_of(f"<p>x</p>{alien}")

    def test_hands_no_script_on_that_looks_like_data_at_first(self):
        hidden = f"{scripts.DATA_START}<!-- <script>alert(1)</script>"
        assert "<script" not in self.html_of(hidden)


class TestTheData:
    def test_cannot_end_their_block(self):
        hostile = {"label": f"{fakes.HOSTILE}</script><!-- <script>"}
        block = str(scripts.data_block(hostile))
        assert block.count("<") == 2
        inside = block.removeprefix(scripts.DATA_START).removesuffix("</script>")
        assert json.loads(inside) == hostile
        assert scripts.is_data_block(block)

    def test_hold_a_hostile_currency_as_text(self, problems):
        html = page(section(currency="</script><script>alert(1)</script>"))
        assert problems(html) == []
        assert "<script>alert" not in html

    def test_stay_small(self):
        assert len(json.dumps(panel_data(panel(), Words("en", "USD")))) < 60_000

    def test_are_packed_to_five_digits_of_the_largest(self):
        import numpy as np

        rows = np.array([[3.0, -1.0, 1e-7], [0.0, 0.0, 0.0]])
        block = packed(rows)
        steps = np.frombuffer(base64.b64decode(block["steps"]), "<i2").reshape(2, 3)
        assert np.abs(steps * np.array(block["sizes"])[:, None] - rows).max() < 3 * 2e-5


class TestWithoutScripts:
    def test_controls_are_hidden_and_the_table_is_open(self):
        html = section()
        assert '<div class="rl-what-if-moved" hidden>' in html
        assert '<details class="rl-data rl-what-if-table" open>' in html

    def test_the_table_has_the_reports_own_numbers_at_the_configured_gain(self):
        lift = retention_fakes.lift()
        table = exhibits.table(retention_fakes.what_if(), lift)
        rows = {(row[0].numbers["gain"], row[1]): row[2:] for row in table.rows}
        assert sorted({gain for gain, _ in rows}) == [2.5, 5.0, 10.0]
        for horizon in (1.0, 3.0, 5.0, 10.0):
            reading = replace(lift.named, horizon_years=horizon)
            assert rows[5.0, horizon][::2] == [lift.of(reading, model).lift for model in lift.models]

    def test_a_place_without_a_lift_is_empty(self):
        shown = panel(acquisition_cost=34.0)
        assert any(None in row for row in shown.table.rows)
        assert table_html(shown.table, Words("en", "USD"))

    def test_where_there_is_no_lift_there_is_no_panel(self):
        assert exhibits.panel(None, Note("lift.reason.no_money")) is None
        assert exhibits.panel(None, retention_fakes.lift()) is None


class TestWhatIsSaid:
    @pytest.mark.parametrize(("language", "sentence"), [("en", "Keeping is free"), ("nl", "Behouden is gratis")])
    def test_the_reading_the_interval_and_the_error_are_named(self, language, sentence):
        html = section(language=language)
        assert sentence in html
        assert "90%" in html
        assert "257" in html
        assert "1%" in html

    def test_costs_that_do_not_move_are_named_where_there_are_some(self):
        assert "so the margin changes the rise in money" in section()
        assert "Every other cost stays" in section(panel(acquisition_cost=10.0))

    def test_an_odd_percentage_is_not_rounded_away(self):
        what_if = retention_fakes.what_if()
        odd = replace(what_if, offered=what_if.offered._replace(gross_margin=(0.3, 0.333)))
        words = Words("nl")
        assert [words.said(each) for each in exhibits.labels(odd)["gross_margin"]] == ["30,0%", "33,3%"]

    def test_every_setting_is_labelled_in_the_language_of_the_page(self):
        for language, gain in (("en", "+2.5 points"), ("nl", "+2,5 procentpunt")):
            data = panel_data(panel(), Words(language, "EUR"))
            assert gain in data["offered"]["gain"]["labels"]
            assert all(len(each["values"]) == len(each["labels"]) for each in data["offered"].values())


@pytest.fixture(scope="module")
def browser():
    with launched() as running:
        yield running


def press(page, name: str, key: str, times: int) -> None:
    page.locator(f"#what-if-{name}").focus()
    for _ in range(times):
        page.keyboard.press(key)


def shown_lifts(page) -> list[dict[str, str]]:
    rows = page.locator(".rl-what-if-lifts li")
    return [
        {
            part: rows.nth(place).locator(f"[data-part={part}]").inner_text().replace("\xa0", " ")
            for part in ("lift", "interval", "more")
        }
        for place in range(rows.count())
    ]


def expected_lift(what_if, model: str, setting, words: Words) -> dict[str, str]:
    from analysis.claims import Range
    from analysis.claims.finding import probability_of
    from analysis.interval import Interval
    from analysis.reporting.exhibits.readings import chance_said

    lift, (before, gain) = what_if.lift(model, setting), what_if.profits(model, setting)
    amounts = words.formats.ends("money", Interval.around(gain[0], gain[1:], 0.9))
    money = words("whatif.money", **dict(zip(("gain", "low", "high"), amounts, strict=True)))
    if lift is None:
        return {"lift": "", "interval": words("lift.reason.no_profit"), "more": money}
    estimate, low, high = words.formats.ends("percent", lift)
    chance = chance_said(probability_of(Range(0.25, 0.95), gain[1:] / before[1:]))
    said = words("whatif.chance", claimed_low=0.25, claimed_high=0.95, chance=words.format("phrase", chance))
    return {
        "lift": estimate,
        "interval": words("whatif.interval", level=0.9, low=low, high=high),
        "more": f"{said} {money}",
    }


def without_hard_spaces(texts: dict[str, str]) -> dict[str, str]:
    return {part: text.replace("\xa0", " ") for part, text in texts.items()}


COSTLY = {"acquisition_cost": 6.0}


def of_the_firm(shown):
    """The same numbers, counted as those of customers who go on joining."""
    what_if = shown.what_if
    joining = tuple(Quantity(each.is_cost, joining=True) for each in what_if.quantities)
    return replace(shown, what_if=replace(what_if, quantities=joining))


class TestInABrowser:
    @pytest.mark.parametrize("language", ["en", "nl"])
    @pytest.mark.parametrize("firm", [False, True])
    def test_moving_settings_shows_the_lift_that_python_computes(self, language, firm, browser, tmp_path):
        words, shown = Words(language, "EUR"), panel(**COSTLY)
        shown = of_the_firm(shown) if firm else shown
        what_if, file = shown.what_if, tmp_path / "index.html"
        file.write_text(page(section(shown, language, "EUR"), language=language), encoding="utf-8")
        setting = what_if.start
        with visit(browser, file) as visited:
            for name, key, times, value in (
                ("gain", "ArrowRight", 1, 0.075),
                ("horizon_years", "ArrowRight", 2, 10.0),
                ("annual_discount_rate", "Home", 1, 0.0),
                ("gross_margin", "ArrowRight", 4, 0.5),
            ):
                press(visited.page, name, key, times)
                setting = setting._replace(**{name: value})
                expected = [
                    without_hard_spaces(expected_lift(what_if, model, setting, words)) for model in what_if.by_model
                ]
                assert shown_lifts(visited.page) == expected
            outputs = visited.page.locator(".rl-what-if output").all_inner_texts()
            assert outputs[2] == words("whatif.years", horizon=10.0)
            assert visited.complaints == visited.requests == []

    def test_the_start_shows_the_numbers_of_the_report_and_the_button_leads_back_to_them(self, browser, tmp_path):
        words, file = Words("en", "USD"), tmp_path / "index.html"
        file.write_text(page(section()), encoding="utf-8")
        named = retention_fakes.lift().named_lifts.values()
        report = [words.formats.ends("percent", each.lift)[0] for each in named]
        with visit(browser, file) as visited:
            assert [each["lift"] for each in shown_lifts(visited.page)] == report
            press(visited.page, "gain", "Home", 1)
            assert {each["lift"] for each in shown_lifts(visited.page)} == {"0%"}
            visited.page.locator(".rl-what-if-reset").click()
            assert [each["lift"] for each in shown_lifts(visited.page)] == report

    def test_where_there_is_no_lift_the_reason_stands_in_its_place(self, browser, tmp_path):
        words, file = Words("en", "USD"), tmp_path / "index.html"
        file.write_text(page(section(panel(**COSTLY))), encoding="utf-8")
        with visit(browser, file) as visited:
            press(visited.page, "gross_margin", "Home", 1)
            poor = shown_lifts(visited.page)
            assert {each["interval"] for each in poor} == {words("lift.reason.no_profit")}
            assert all("%" not in each["more"] and "US$" in each["more"] for each in poor)
            press(visited.page, "gross_margin", "End", 1)
            press(visited.page, "gain", "End", 1)
            first, *others = shown_lifts(visited.page)
            assert first["lift"].endswith("%")
            assert {each["interval"] for each in others} == {words("lift.reason.cannot_rise")}
            assert visited.complaints == []

    def test_no_other_script_runs_on_the_page(self, browser, tmp_path):
        file = tmp_path / "index.html"
        file.write_text(page(section(), "<script>document.title = 'changed'</script>"), encoding="utf-8")
        with visit(browser, file) as visited:
            assert visited.page.title() == "Shop"
            assert any("Content Security Policy" in complaint for complaint in visited.complaints)

    def test_without_scripts_the_table_is_there_and_nothing_that_does_not_work(self, browser, tmp_path):
        file = tmp_path / "index.html"
        file.write_text(page(section()), encoding="utf-8")
        context = browser.new_context(java_script_enabled=False)
        opened = context.new_page()
        opened.goto(file.as_uri())
        assert opened.locator(".rl-what-if-table table").is_visible()
        assert not opened.locator(".rl-what-if-moved").is_visible()
        context.close()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_the_panel_is_accessible_and_fits_a_phone(self, scheme, browser, tmp_path):
        file = tmp_path / "index.html"
        file.write_text(page(section(panel(**COSTLY), "nl"), language="nl"), encoding="utf-8")
        with visit(browser, file, scheme=scheme, window=PHONE) as visited:
            assert visited.violations() == []
            assert visited.too_wide() == []
            assert visited.page.locator("#what-if-gain").get_attribute("aria-valuetext") == "+5,0 procentpunt"
