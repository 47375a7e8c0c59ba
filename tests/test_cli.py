"""The commands: exit codes, what they print where, and that hostile text stays text."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from analysis import cli
from analysis.errors import (
    BatchFailed,
    DataError,
    DeadlinePassed,
    GateFailed,
    InputRefused,
    NotebookFailed,
    PrintingFailed,
    Problem,
    ReportLocked,
)
from analysis.models import model_to_dict
from analysis.models.results import as_plain
from analysis.provenance import package_version
from analysis.reporting import runner
from analysis.reporting.artefacts import write_json
from analysis.reporting.interruption import Interrupted

COMMAND = Path(sys.executable).with_name("retention-lab")
QUICK = Path(__file__).parents[1] / "notebooks" / "parameters" / "quick.yml"
ORDERS = "customer,date,amount\n" + "".join(
    f"c{number % 7},2024-{1 + number % 9:02}-{1 + number % 28:02},{number}.50\n" for number in range(60)
)
CONFIG = "data: {transactions: orders.csv, columns: {customer: customer, date: date, amount: amount}}\n"

CUSTOMER_COLUMNS = [
    *("customer_id", "first_order", "last_order", "orders", "spent", "frequency", "recency", "T", "p_alive"),
    *("expected_orders", "p_order", "expected_order_value", "residual_clv", "residual_clv_lower"),
    *("residual_clv_upper", "days_until_p_alive_half", "no_repeat_yet"),
]
BACKTEST_FIELDS = [
    *("name", "total_actual", "total_predicted", "mae", "rmse", "log_score", "rank_correlation"),
    "interval_coverage",
]


def said(*arguments) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def shop(tmp_path) -> Path:
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "shop.yml").write_text(CONFIG)
    return tmp_path / "shop.yml"


@pytest.fixture(scope="session")
def run(tmp_path_factory, cdnow_purchase, cdnow_spend) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_json(as_plain(model_to_dict(cdnow_purchase, cdnow_spend, currency="USD")), folder / "model.json")
    return folder


@pytest.fixture
def report_raises(monkeypatch, shop):
    def report_raises(error):
        def raising(*_, **__):
            raise error

        monkeypatch.setattr(runner, "run_report", raising)
        return said("report", shop)

    return report_raises


class TestReport:
    def test_prints_the_folder_as_its_last_line(self, shop, monkeypatch):
        monkeypatch.setattr(runner, "run_report", lambda config, **_: Path("/made") / config.name)
        code, out, _ = said("report", shop)
        assert (code, out.splitlines()[-1]) == (0, "/made/shop")

    @pytest.mark.parametrize(
        ("name", "hint"),
        [("cdno", "did you mean 'cdnow'?"), ("x", "known are cdnow, cdnow-full, complete-journey, simulated")],
    )
    def test_names_the_nearest_sample_where_there_is_none_of_that_name(self, name, hint):
        code, _, err = said("report", "--sample", name)
        assert code == 2
        assert f"--sample {name}: there is no such sample; {hint}" in err

    @pytest.mark.parametrize("arguments", [(), ("shop.yml", "--sample", "cdnow")])
    def test_wants_a_configuration_or_a_sample_and_not_both(self, arguments):
        code, _, err = said("report", *arguments)
        assert code == 2
        assert "either CONFIG.yml or --sample" in err

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (("--language", "xx"), "--language xx: there is no such language; available: en, nl"),
            (("--as-of", "30-09-1997"), "such as 1997-09-30"),
            (("--jobs", "0"), "at least 1"),
            (("--jobs", "many"), "--jobs"),
            (("--deadline", "3"), "--deadline"),
        ],
    )
    def test_refuses_options_it_does_not_know_how_to_follow(self, shop, tmp_path, arguments, word):
        code, _, err = said("report", shop, "--out", tmp_path / "out", *arguments)
        assert code == 2
        assert word in err
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("arguments", "configured", "language"),
        [((), "", "en"), ((), "language: nl\n", "nl"), (("--language", "en"), "language: nl\n", "en")],
    )
    def test_takes_the_language_of_the_configuration_unless_it_is_told_one(
        self, shop, monkeypatch, arguments, configured, language
    ):
        shop.write_text(CONFIG + configured)
        asked = []
        monkeypatch.setattr(runner, "run_report", lambda config, **_: asked.append(config.language) or Path("/made"))
        assert said("report", shop, *arguments)[0] == 0
        assert asked == [language]

    def test_makes_a_sample_in_the_language_it_is_told(self, monkeypatch):
        asked = []
        monkeypatch.setattr(runner, "run_report", lambda config, **_: asked.append(config.language) or Path("/made"))
        assert said("report", "--sample", "cdnow", "--language", "nl")[0] == 0
        assert asked == ["nl"]

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (DataError("no rows"), 3),
            (InputRefused([Problem("no rows", 3), Problem("unknown key", 2)]), 2),
            (NotebookFailed("it stopped"), 4),
            (GateFailed("a secret"), 6),
            (KeyboardInterrupt(), 130),
            (Interrupted(signal.SIGTERM), 143),
            (DeadlinePassed(3), 5),
            (PrintingFailed("no printer"), 4),
            (ReportLocked("another run"), 75),
        ],
    )
    def test_turns_errors_into_exit_codes(self, report_raises, error, code):
        assert report_raises(error)[0] == code

    def test_prints_every_problem_on_a_line_of_its_own(self, report_raises):
        code, out, err = report_raises(InputRefused([Problem("no\nrows", 3), Problem("unknown key", 2)]))
        assert code == 2
        assert out == ""
        assert "error: no rows\n" in err
        assert "error: unknown key\n" in err

    def test_does_not_hide_an_error_nobody_foresaw(self, report_raises):
        with pytest.raises(ZeroDivisionError):
            report_raises(ZeroDivisionError("a fault of ours"))

    def test_prints_the_folders_of_a_batch_that_were_made_where_one_failed(self, shop, monkeypatch):
        def run_batch(config, **_):
            raise BatchFailed(["BE: nobody came back"], 3, [Path("/made/shop-NL")])

        monkeypatch.setattr("analysis.reporting.batch.run_batch", run_batch)
        columns = "columns: {customer: customer, date: date, amount: amount}"
        shop.write_text(f"data: {{transactions: orders.csv, {columns}}}\nbatch: {{split_by: customer}}\n")
        code, out, err = said("report", shop)
        assert (code, out) == (3, "/made/shop-NL\n")
        assert "BE: nobody came back" in err

    def test_tells_what_nobody_foresaw_in_json_lines_too_and_without_secrets(self, shop, monkeypatch):
        def broken(config, **_):
            raise ZeroDivisionError("postgresql://me:hunter2@here/shop")

        monkeypatch.setattr(runner, "run_report", broken)
        code, _, err = said("report", shop, "--log-format", "json")
        first, *rest = [json.loads(line) for line in err.splitlines() if '"error"' in line]
        assert code == first["exit_code"] == 1
        assert first["message"].startswith("unexpected ZeroDivisionError: ")
        assert first["seconds"] > 0
        assert any("Traceback" in line["message"] for line in rest)
        assert "hunter2" not in err

    def test_writes_json_lines_where_asked(self, shop, tmp_path):
        code, out, err = said("report", shop, "--dry-run", "--log-format", "json")
        lines = [json.loads(line) for line in err.splitlines()]
        assert code == 0
        assert out.startswith("would make ")
        assert all({"time", "seconds", "event"} <= set(line) for line in lines)
        assert any(line["event"] == "message" and "60 rows" in line["message"] for line in lines)
        (tmp_path / "orders.csv").write_text("customer,date,amount\na,2024-01-01,1\n")
        code, _, err = said("report", shop, "--log-format", "json")
        (last,) = [json.loads(line) for line in err.splitlines() if '"error"' in line]
        assert code == last["exit_code"] == 3
        assert "single customer" in last["message"]
        assert said("report", shop, "--log-format", "xml")[0] == 2

    def test_shows_what_a_batch_would_make(self, shop, tmp_path):
        text = ORDERS.replace("\n", ",NL\n").replace("amount,NL", "amount,land")
        again = "".join(line.replace(",NL", ",BE") + "\n" for line in text.splitlines()[1:])
        (tmp_path / "orders.csv").write_text(text + again)
        shop.write_text(CONFIG + "batch: {split_by: land}\n")
        code, out, err = said("report", shop, "--dry-run", "--out", tmp_path / "out")
        assert code == 0, err
        assert [line.split("/")[-2] for line in out.splitlines()] == ["shop-BE", "shop-NL"]
        assert "NL: data: 60 of 60 rows" in err
        assert not (tmp_path / "out").exists()
        shop.write_text(CONFIG + "batch: {split_by: land, values: [NO, NL]}\n")
        assert "quotes" in said("report", shop, "--dry-run")[2]

    def test_leaves_customer_files_out_where_asked(self, shop, monkeypatch):
        asked = []
        monkeypatch.setattr(runner, "run_report", lambda config, **_: asked.append(config.customer_files) or Path("x"))
        said("report", shop)
        said("report", shop, "--no-customer-files")
        assert asked == [True, False]

    @pytest.mark.parametrize("hostile", ["[red]x[/red]", "[/]", "[link=https://example.org]x"])
    def test_takes_markup_in_the_data_as_text(self, report_raises, hostile):
        assert hostile in report_raises(DataError(f"customer {hostile} twice"))[2]

    def test_lets_no_escape_sequence_reach_the_terminal(self, report_raises):
        err = report_raises(DataError("customer \x1b[31m\x1b]0;title\x07red\x08\x9b\r twice"))[2]
        assert not [character for character in err if ord(character) < 32 and character != "\n"]
        assert "\x9b" not in err

    def test_finds_the_data_beside_the_configuration_from_anywhere(self, shop, tmp_path, monkeypatch):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        code, out, err = said("report", "../shop.yml", "--dry-run")
        assert code == 0, err
        assert out.startswith(f"would make {tmp_path / 'elsewhere' / 'reports' / 'shop'}")
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_refuses_bad_data_before_it_makes_anything(self, shop, tmp_path):
        (tmp_path / "orders.csv").write_text("customer,date,amount\na,2024-01-01,1\n")
        code, _, err = said("report", shop, "--out", tmp_path / "deep" / "out")
        assert code == 3, err
        assert not (tmp_path / "deep").exists()


class TestCheck:
    def test_prints_the_ledger(self, shop):
        code, out, _ = said("check", shop)
        assert code == 0
        assert "7 customers with 60 orders: 1 January 2024 to" in out
        total = next(line for line in out.splitlines() if line.startswith("The whole source"))
        assert total.split()[3:] == ["60", "1,800.00"]

    @pytest.mark.parametrize(
        ("starts", "told"),
        [("2024-06-01", "at least 10 are needed in every arm"), ("2030-01-01", "it must lie inside them")],
    )
    def test_says_what_an_experiment_cannot_tell(self, shop, starts, told):
        arms = "".join(f"c{number},{'ab'[number % 2]}\n" for number in range(7))
        (shop.parent / "arms.csv").write_text(f"customer,arm\n{arms}")
        columns = "columns: {customer: customer, arm: arm}"
        experiment = f"file: arms.csv, {columns}, starts: {starts}, control: a"
        shop.write_text(f"{CONFIG}strategies: {{experiment: {{{experiment}}}}}\n")
        code, out, _ = said("check", shop)
        assert code == 0
        assert told in out.splitlines()[-1]

    def test_prints_in_the_language_of_the_configuration(self, shop):
        shop.write_text(CONFIG + "language: nl\neconomics: {currency: EUR}\n")
        _, out, _ = said("check", shop)
        assert "7 klanten met 60 bestellingen: 1 januari 2024 tot en met" in out
        assert "De hele bron" in out
        assert "€\xa01.800,00" in out

    def test_prints_every_problem_at_once(self, shop, tmp_path):
        (tmp_path / "shop.yml").write_text(CONFIG + "modell: {}\ndeadline_minutes: 0\neconomics: {gross_margin: 3}\n")
        code, _, err = said("check", shop)
        assert code == 2
        assert len(err.strip().splitlines()) == 3

    def test_prints_the_problems_of_the_data_beside_those_of_the_configuration(self, shop, tmp_path):
        (tmp_path / "orders.csv").write_text("customer,date,amount\na,never,1\nb,2024-01-02,x\n")
        (tmp_path / "shop.yml").write_text(CONFIG + "modell: {}\neconomics: {gross_margin: 3}\n")
        for command in ("check", "report"):
            code, _, err = said(command, shop)
            assert code == 2
            for part in ("'modell'", "economics.gross_margin == 3", "'never' in line 2", "'x' in line 3"):
                assert part in err

    def test_tells_content_from_usage(self, shop, tmp_path):
        (tmp_path / "orders.csv").write_text("customer,date,amount\na,never,1\nb,2024-01-02,x\n")
        assert said("check", shop)[0] == 3
        (tmp_path / "orders.csv").unlink()
        assert said("check", shop)[0] == 2

    def test_looks_at_the_beginning_of_the_data_of_a_refused_configuration_and_says_so(self, shop, monkeypatch):
        monkeypatch.setattr("analysis.reporting.inspection.ROWS_BESIDE_A_REFUSAL", 2)
        rows = ["customer,date,amount", "a,2024-01-01,x", "b,2024-01-02,1", *["c,2024-01-03,y"] * 50]
        (shop.parent / "orders.csv").write_text("\n".join([*rows, ""]))
        shop.write_text(f"{CONFIG}modell: {{}}\n")
        code, _, err = said("check", shop)
        assert code == 2
        assert "unknown configuration key 'modell'" in err
        assert "orders.csv: only the first 2 rows were looked at" in err
        assert "1 value is not a number: 'x' in line 2" in err


class TestASecret:
    @pytest.fixture
    def database(self, tmp_path, monkeypatch):
        url = f"sqlite:///{tmp_path}/shop.db?password=hunter2&x=y"
        rows = [(url, "2024-01-01", "1"), (url, "2024-01-02", "2"), ("hunter2", "2024-01-03", "3")]
        with sqlite3.connect(tmp_path / "shop.db") as link:
            link.execute("create table orders (customer text, date text, amount text)")
            link.executemany("insert into orders values (?, ?, ?)", rows)
        monkeypatch.setenv("SHOP_URL", url)
        source = "{database_url_env: SHOP_URL, query: select * from orders}"
        (tmp_path / "shop.yml").write_text(CONFIG.replace("orders.csv", source))
        return link

    @pytest.mark.parametrize("part", ["sig", "token", "password", "api_key"])
    def test_in_the_query_part_of_an_address_is_printed_nowhere(self, shop, part):
        address = f"https://files.example.org/orders.csv?list=1&{part}=hunter2"
        shop.write_text(CONFIG.replace("orders.csv", f'"{address}"'))
        code, out, err = said("check", shop)
        assert code == 2
        assert f"{part}=***" in err
        assert "hunter2" not in out + err

    def test_that_stands_in_the_data_is_printed_nowhere(self, database, tmp_path):
        with database as link:
            link.execute("update orders set amount = customer")
        for more in ("", "modell: {}\n"):
            with (tmp_path / "shop.yml").open("a") as stream:
                stream.write(more)
            code, out, err = said("check", tmp_path / "shop.yml")
            assert code in {2, 3}
            assert "***" in err
            assert "hunt" not in out + err

    def test_of_another_url_in_the_data_is_hidden_too(self, shop, tmp_path):
        (tmp_path / "orders.csv").write_text("customer,date,amount\na,2024-01-01,mysql://me:hunter2@db/x\nb,x,1\n")
        code, _, err = said("check", shop)
        assert code == 3
        assert "mysql://me:***@db" in err
        assert "hunter2" not in err


class TestAFolder:
    @pytest.mark.parametrize("out", ["", " ", "~nobody-of-that-name/x", "orders.csv", "orders.csv/sub", "n" * 300])
    @pytest.mark.parametrize("command", ["report", "score"])
    def test_that_cannot_be_is_a_usage_problem(self, shop, run, tmp_path, monkeypatch, command, out):
        monkeypatch.chdir(tmp_path)
        more = ["--run", run] if command == "score" else []
        code, _, err = said(command, shop, "--out", out, *more)
        assert code == 2, err
        assert len(err.strip().splitlines()) == 1
        assert {path.name for path in tmp_path.iterdir()} == {"orders.csv", "shop.yml"}

    def test_may_begin_at_home(self, shop, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        code, out, err = said("report", shop, "--dry-run", "--out", "~/x")
        assert code == 0, err
        assert out.startswith(f"would make {tmp_path}/home/x/shop/")


class TestAFullDisk:
    @pytest.mark.parametrize("place", ["analysis.data.text.staged_text", "tempfile.mkdtemp"])
    @pytest.mark.parametrize("command", ["check", "report", "score"])
    def test_is_told_with_exit_code_4(self, shop, run, tmp_path, monkeypatch, command, place):

        def full(*_, **__):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(place.replace("data.text", "data.reading"), full)
        more = {"check": [], "report": ["--out", tmp_path / "out"]}
        more["score"] = [*more["report"], "--run", run]
        code, _, err = said(command, shop, *more[command])
        assert code == 4, err
        assert "the disk is full ([Errno 28] No space left on device); make room" in err
        assert not (tmp_path / "out").exists()


class TestInit:
    def test_writes_a_configuration_that_can_be_used_at_once(self, tmp_path):
        (tmp_path / "orders.csv").write_text(ORDERS)
        code, out, err = said("init", tmp_path / "orders.csv")
        assert code == 0, err
        assert out.strip() == str(tmp_path / "orders.yml")
        assert said("check", tmp_path / "orders.yml")[0] == 0

    def test_never_overwrites(self, tmp_path):
        (tmp_path / "orders.csv").write_text(ORDERS)
        (tmp_path / "orders.yml").write_text("mine")
        code, _, err = said("init", tmp_path / "orders.csv")
        assert code == 2
        assert "never overwritten" in err
        assert (tmp_path / "orders.yml").read_text() == "mine"

    @pytest.mark.parametrize(("name", "code"), [("missing.csv", 2), ("orders.docx", 2), ("page.csv", 3)])
    def test_refuses_a_file_it_cannot_look_at(self, tmp_path, name, code):
        (tmp_path / "orders.docx").write_text("x")
        (tmp_path / "page.csv").write_text("<!doctype html><p>")
        assert said("init", tmp_path / name)[0] == code

    def test_says_what_is_still_to_be_settled(self, tmp_path):
        (tmp_path / "export.csv").write_text("who;when;Bedrag\na;1-2-2024;1,50\nb;3-4-2024;2,50\n")
        assert said("init", tmp_path / "export.csv")[0] == 0
        text = (tmp_path / "export.yml").read_text()
        assert "CHANGE_ME" in text
        assert "# TO SETTLE: " in text


class TestScore:
    @pytest.mark.parametrize("content", [None, "{", "{}", '{"schema_version": 99}'])
    def test_wants_a_run_with_a_model(self, shop, tmp_path, content):
        (tmp_path / "run").mkdir()
        if content is not None:
            (tmp_path / "run" / "model.json").write_text(content)
        code, _, err = said("score", shop, "--run", tmp_path / "run", "--out", tmp_path / "out")
        assert code == 2, err
        assert not (tmp_path / "out").exists()


def test_the_version_is_that_of_the_package():
    assert said("--version")[1].strip() == f"retention-lab {package_version()}"


@pytest.fixture(scope="module")
def real_run(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """The real command on the small sample, with the real notebooks."""
    out = tmp_path_factory.mktemp("real") / "out"
    command = [COMMAND, "report", QUICK, "--out", out]
    return out, subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


class TestTheRealCommand:
    def test_publishes_the_report(self, real_run):
        out, done = real_run
        assert done.returncode == 0, done.stderr
        folder = Path(done.stdout.splitlines()[-1])
        assert folder == (out / "quick" / "latest").resolve()
        names = {"index.html", "results.json", "customers.parquet", "customers.csv", "ledger.csv", "model.json"}
        assert names | {"manifest.json", "notebooks"} <= {path.name for path in folder.iterdir()}
        assert len(list((folder / "notebooks").glob("*.ipynb"))) == 6

    def test_writes_the_agreed_results(self, real_run):
        results = json.loads((real_run[0] / "quick" / "latest" / "results.json").read_text())
        assert results["schema_version"] == 1
        assert results["data"]["customers"] == 2357
        assert results["data"]["observation_end"] == "1997-09-30"
        assert set(results["purchase_model"]["parameters"]) == {"r", "alpha", "a", "b"}
        assert results["purchase_model"]["log_likelihood"] == pytest.approx(-9582.4, abs=0.1)
        assert results["purchase_model"]["converged"] is True
        assert {one["name"] for one in results["purchase_model"]["alternatives"]} == {"MBG/NBD", "Pareto/NBD"}
        assert {"name", "parameters", "log_likelihood", "customers"} <= set(results["spend_model"])
        assert all(set(BACKTEST_FIELDS) <= set(model) for model in results["backtest"]["models"])
        assert {"holdout_weeks", "winner", "verdict"} <= set(results["backtest"])
        assert set(results["portfolio"]["residual_clv"]) == {"estimate", "lower", "upper", "level"}
        assert set(results["portfolio"]["customers_alive"]) == {"BG/NBD", "MBG/NBD", "Pareto/NBD"}
        assert [year["year"] for year in results["retention"]["yearly"]] == [1, 2, 3, 4, 5]
        assert set(results["retention"]["yearly"][0]["by_model"]) == {"BG/NBD", "MBG/NBD", "Pareto/NBD"}
        assert all(
            {"id", "verdict", "estimate", "lower", "upper", "unit", "sentence"} <= set(one) for one in results["claims"]
        )
        strategies = results["strategies"]
        assert strategies["outcome"] in {"recommended", "undecided", "views_disagree"}
        assert len(strategies["views"]) == 3
        assert [one["name"] for one in strategies["views"][0]["strategies"]][:2] == ["nothing", "promotion"]
        assert {one["verdict"] for one in results["claims"]} <= {"supported", "contradicted", "depends", "not_testable"}

    def test_writes_the_agreed_columns(self, real_run):
        folder = real_run[0] / "quick" / "latest"
        assert list(pd.read_parquet(folder / "customers.parquet").columns) == CUSTOMER_COLUMNS
        assert list(pd.read_csv(folder / "customers.csv").columns) == CUSTOMER_COLUMNS
        assert list(pd.read_csv(folder / "ledger.csv").columns) == ["outcome", "reason", "rows", "amount"]

    def test_names_its_origin_in_the_manifest(self, real_run):
        folder = real_run[0] / "quick" / "latest"
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["run_id"] == folder.resolve().name
        assert manifest["status"] == "succeeded"
        assert manifest["previous_run"] is None
        assert {"compute", "draw", "06-summary", "total"} <= set(manifest["seconds"])
        assert manifest["versions"]["lifetimes"]

    def test_prints_plain_lines_where_there_is_no_terminal(self, real_run):
        assert "\x1b" not in real_run[1].stderr
        assert "computing" in real_run[1].stderr

    def test_has_nothing_to_do_the_second_time(self, real_run):
        out, first = real_run
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        again = subprocess.run([COMMAND, "report", QUICK, "--out", out], capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert again.stdout == first.stdout
        # Seconds of work, which do not depend on what else the machine does.
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2

    def test_scores_customers_of_another_day_with_its_model(self, real_run):
        out, _ = real_run
        run = out / "quick" / "latest"
        code, said_out, err = said("score", QUICK, "--run", run, "--as-of", "1997-12-31", "--out", out)
        assert code == 0, err
        folder = Path(said_out.splitlines()[-1])
        assert folder == out / "quick" / "scores" / "1997-12-31"
        scored = pd.read_parquet(folder / "customers.parquet")
        assert len(scored) == 2357
        assert scored["last_order"].max() > pd.Timestamp("1997-09-30")

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_leaves_nothing_when_it_is_ended(self, tmp_path, number, code):
        command = [COMMAND, "report", QUICK, "--out", tmp_path / "out"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        for line in process.stderr:
            if "1/" in line:
                break
        process.send_signal(number)
        assert process.wait(timeout=30) == code
        process.stderr.close()
        # Nothing but what the next run need not compute again.
        assert {path.name for path in (tmp_path / "out").glob("*/*")} <= {".lock", ".store"}
        assert not [name for name in processes_of_session(process.pid) if "ipykernel" in name]


def processes_of_session(session: int) -> list[str]:
    """Command lines of the processes that a command left behind, by its session or by its temporary folder."""
    lines = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                lines.append((folder / "cmdline").read_text())
        except (OSError, ProcessLookupError):
            continue
    return lines
