"""The gate: what a page would load, what its stamp says, and whether a secret stands anywhere."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.config import Config
from analysis.reporting import gate
from analysis.reporting.page import compose
from analysis.reporting.stamp import Stamp

STAMP = Stamp("0123456789ab", "shop", "c" * 64, "d" * 64, "1998-06-30", "en", {"python": "3"}, "2026-01-01T00:00:00")


@pytest.fixture
def problems(tmp_path):
    def problems(*fragments, stamp=STAMP):
        page = tmp_path / "index.html"
        page.write_text(compose("Shop", list(fragments), stamp))
        return gate.problems_in_page(page, STAMP)

    return problems


HARMLESS = [
    "<p>plain</p>",
    '<img src="data:image/png;base64,AA//AA==" alt="">',
    '<a href="https://example.org">a source</a>',
    '<a href="customers.csv">a file</a>',
    '<a href="#top">up</a>',
    '<svg xmlns="http://www.w3.org/2000/svg"><use href="#a"/><rect fill="url(#b)"/></svg>',
    "<style>.a { background: url(data:image/png;base64,AA) }</style>",
    "<p>https://example.org/picture.png as text, url(x) and @import too</p>",
    "<p>&lt;script src=&quot;https://example.org&quot;&gt;</p>",
]

LOADING = [
    '<img src="https://example.org/a.png" alt="">',
    '<img src="//example.org/a.png" alt="">',
    "<img SRC = https://example.org/a.png>",
    '<img src="a.png" alt="missing when mailed">',
    '<img src="&#104;ttps://example.org/a.png">',
    '<img srcset="https://example.org/a.png 2x">',
    '<link rel="stylesheet" href="https://example.org/a.css">',
    "<style>@import 'https://example.org/a.css';</style>",
    "<style>a { background: URL( 'https://example.org/a.png' ) }</style>",
    "<style>a { background: \\75 rl(https://example.org/a.png) }</style>",
    "<style>a { background: ur/**/l(https://example.org/a.png) }</style>",
    '<p style="background: url(//example.org/a.png)">',
    '<svg><image xlink:href="https://example.org/a.svg"/></svg>',
    '<script src="https://example.org/a.js"></script>',
    "<script>fetch('https://example.org')</script>",
    '<iframe src="data:text/html,x"></iframe>',
    '<a href="javascript:alert(1)">x</a>',
    '<p onclick="alert(1)">x</p>',
    '<meta http-equiv="refresh" content="0; url=https://example.org">',
    '<video poster="https://example.org/a.png"></video>',
    '<form action="https://example.org"></form>',
    '<base href="https://example.org/">',
]


class TestAPage:
    @pytest.mark.parametrize("fragment", HARMLESS)
    def test_without_requests_passes(self, problems, fragment):
        assert problems(fragment) == []

    @pytest.mark.parametrize("fragment", LOADING)
    def test_that_loads_or_runs_something_does_not(self, problems, fragment):
        (problem,) = problems(fragment)
        assert "external requests or active elements" in problem

    def test_with_another_stamp_does_not(self, problems):
        other = Stamp(**{**STAMP.as_dict(), "data_hash": "e" * 64})
        (problem,) = problems("<p>x</p>", stamp=other)
        assert "data_hash" in problem

    def test_cannot_pass_with_a_stamp_inside_a_notebook(self, problems):
        other = Stamp(**{**STAMP.as_dict(), "as_of": "1997-09-30"})
        assert problems('<meta name="retention-lab:as_of" content="1998-06-30">', stamp=other)

    def test_is_warned_about_above_5_and_refused_above_15_megabytes(self, problems, tmp_path):
        assert problems("x" * 5_000_000) == []
        assert gate.warnings_about_page(tmp_path / "index.html")
        (problem,) = problems("x" * 15_000_000)
        assert problem.startswith("size == ")


def database_config() -> Config:
    source = {"database_url_env": "CRM_URL", "query": "select 1"}
    return Config(name="shop", data={"transactions": source, "columns": {"customer": "c", "date": "d"}})


class TestASecret:
    secrets = gate.secrets_of(database_config(), {"CRM_URL": 'postgresql://me:p%40ss"word@host/shop?a=1&b=2'})

    def test_is_the_url_and_the_password_in_it(self):
        assert {'p%40ss"word', 'p@ss"word'} < set(self.secrets)
        assert set(self.secrets.values()) == {"CRM_URL"}

    @pytest.mark.parametrize(
        "text",
        [
            'p@ss"word',
            "p@ss&quot;word",
            'p@ss\\"word',
            "p%40ss%22word",
            "shop?a=1&amp;b=2".join(["postgresql://me:p%40ss&quot;word@host/", ""]),
        ],
    )
    def test_is_found_in_every_way_it_may_be_written(self, tmp_path, text):
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "notebook.ipynb").write_text(f"before {text} after")

        ((file, name),) = gate.secrets_in_folder(tmp_path, self.secrets)
        assert (file.name, name) == ("notebook.ipynb", "CRM_URL")
        assert gate.without_secrets(f"before {text} after", self.secrets) == "before *** after"

    def test_is_found_in_compressed_columns(self, tmp_path):
        frame = pd.DataFrame({"customer_id": ["ann", 'p@ss"word'] * 50})
        frame.to_parquet(tmp_path / "customers.parquet", compression="zstd")

        assert len(list(gate.secrets_in_folder(tmp_path, self.secrets))) == 1

    def test_in_the_query_of_the_url_is_known(self):
        url = "mssql+pyodbc://?odbc_connect=SERVER%3Ddb%3BPWD%3Dhunter2&token=a%2Bbcde"
        secrets = gate.secrets_of(database_config(), {"CRM_URL": url})
        assert {"hunter2", "a+bcde", "a%2Bbcde", url} <= set(secrets)
        assert gate.without_secrets("'hunter2' and a+bcde", secrets) == "'***' and ***"

    def test_of_which_a_message_shows_the_beginning_is_hidden(self):
        for shown in ('p@ss"wo…', "postgresql://me:p%40ss…", "p@ss…"):
            assert gate.without_secrets(f"customer {shown} twice", self.secrets) == "customer ***… twice"

    @pytest.mark.parametrize(
        ("text", "hidden"),
        [
            ("no file /x/mysql:/me:hunter2@db/shop", "no file /x/mysql:/me:***@db/shop"),
            ("'mysql://me:hunter2@db' and 'a://b:c@d'", "'mysql://me:***@db' and 'a://b:***@d'"),
            ("'mysql://me:hunt…", "'mysql://me:***…"),
            ("no file https:/x.org/a.csv?sig=h%2Bunt&b=2; give", "no file https:/x.org/a.csv?sig=***&b=2; give"),
            (
                "'https://x.org/?a=1&X-Amz-Signature=hunt' and ?token=h",
                "'https://x.org/?a=1&X-Amz-Signature=***' and ?token=***",
            ),
            ("'x.csv?password=hunt…", "'x.csv?password=***…"),
            ("https://x.org/?part=1&design=2;sort=asc", "https://x.org/?part=1&design=2;sort=asc"),
            ("https://example.org:80/a and 12:30", "https://example.org:80/a and 12:30"),
        ],
    )
    def test_in_any_url_is_hidden_from_a_terminal(self, text, hidden):
        assert gate.without_passwords(text) == hidden

    def test_that_is_unset_or_tiny_is_not_looked_for(self):
        assert gate.secrets_of(database_config(), {}) == {}
        assert gate.secrets_of(database_config(), {"CRM_URL": "abc"}) == {}
