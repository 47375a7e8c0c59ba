"""The commands: exit codes, what they print where, and that hostile text stays text."""

import errno
import json
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

import analysis
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
    Unavailable,
)
from analysis.processes import Interruption
from analysis.report import run as run_module

COMMAND = [sys.executable, "-c", "from analysis.cli import main; main()"]
ORDERS = "customer,date,amount\n" + "".join(
    f"c{number % 7},2024-{1 + number % 9:02}-{1 + number % 28:02},{number}.50\n" for number in range(60)
)
CONFIG = "data: {transactions: orders.csv, columns: {customer: customer, date: date, amount: amount}}\n"


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


@pytest.fixture
def report_raises(monkeypatch, shop):
    def report_raises(error, *arguments):
        monkeypatch.setattr(run_module, "run_report", Mock(side_effect=error))
        return said("report", shop, *arguments)

    return report_raises


class TestReport:
    @pytest.mark.parametrize(("arguments", "told"), [
        (("--sample", "cdno"), "there is no sample 'cdno'; did you mean 'cdnow'?"),
        (("--sample", "x"), "'x'; known are cdnow, cdnow-full, complete-journey, simulated"),
        ((), "either CONFIG.yml or --sample"),
        (("shop.yml", "--sample", "cdnow"), "either CONFIG.yml or --sample"),
        (("shop.yml", "--language", "xx"), "--language xx: there is no such language; available: en, nl"),
        (("shop.yml", "--as-of", "30-09-1997"), "such as 1997-09-30"),
        (("shop.yml", "--jobs", "0"), "at least 1"),
        (("shop.yml", "--jobs", "many"), "--jobs"),
        (("shop.yml", "--log-format", "xml"), "--log-format"),
    ])  # fmt: skip
    def test_refuses_what_it_does_not_know_how_to_follow(self, shop, tmp_path, monkeypatch, arguments, told):
        monkeypatch.chdir(tmp_path)
        code, _, err = said("report", *arguments)
        assert code == 2
        assert told in err
        assert not (tmp_path / "reports").exists()

    def test_hands_on_what_it_is_asked(self, shop, monkeypatch):
        report = Mock(return_value=Path("/made/shop"))
        monkeypatch.setattr(run_module, "run_report", report)
        shop.write_text(f"{CONFIG}language: nl\n")
        assert said("report", shop)[:2] == (0, "/made/shop\n")
        said("report", shop, "--language", "en", "--no-customer-files", "--no-code", "--pdf", "--force")
        ((plain,), options), ((other,), others) = report.call_args_list
        assert (plain.language, plain.customer_files, str(options["out"])) == ("nl", True, "reports")
        assert (options["code"], options["pdf"], options["force"]) == (True, False, False)
        assert (other.language, other.customer_files) == ("en", False)
        assert (others["code"], others["pdf"], others["force"]) == (False, True, True)

    @pytest.mark.parametrize(("error", "code"), [
        (DataError("no rows"), 3), (Unavailable("no model"), 3), (NotebookFailed("it stopped"), 4),
        (PrintingFailed("no printer"), 4), (DeadlinePassed(3), 5), (GateFailed("a secret"), 6),
        (ReportLocked("another run"), 75), (Interruption(signal.SIGHUP), 129), (KeyboardInterrupt(), 130),
        (Interruption(signal.SIGTERM), 143), (InputRefused([Problem("no rows", 3), Problem("unknown key", 2)]), 2),
    ])  # fmt: skip
    def test_turns_errors_into_exit_codes(self, report_raises, error, code):
        assert report_raises(error)[0] == code

    def test_prints_every_problem_on_a_line_of_its_own_with_hostile_text_as_text(self, report_raises):
        hostile, escapes = "[red]x[/red] [/] [link=https://example.org]x", "\x1b[31m\x1b]0;title\x07red\x08\x9b\r"
        problems = [Problem(f"no\nrows of {hostile}", 3), Problem(f"unknown key {escapes}", 2)]
        code, out, err = report_raises(InputRefused(problems))
        assert (code, out) == (2, "")
        assert f"error: no rows of {hostile}\n" in err
        assert "error: unknown key " in err
        assert not [character for character in err if ord(character) < 32 and character != "\n"]
        assert "\x9b" not in err

    def test_does_not_hide_what_nobody_foresaw_and_tells_it_in_json_lines_without_secrets(self, report_raises):
        fault = ZeroDivisionError("postgresql://me:hunter2@here/shop")
        with pytest.raises(ZeroDivisionError):
            report_raises(fault)
        code, _, err = report_raises(fault, "--log-format", "json")
        first, *rest = [json.loads(line) for line in err.splitlines() if '"error"' in line]
        assert code == first["exit_code"] == 1
        assert first["message"].startswith("unexpected ZeroDivisionError: ")
        assert first["seconds"] > 0
        assert any("Traceback" in line["message"] for line in rest)
        assert "hunter2" not in err

    def test_writes_json_lines_of_data_beside_the_configuration_and_makes_nothing(self, shop, tmp_path, monkeypatch):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", str(Path(analysis.__file__).parents[1]))
        more = "--out", "~/deep/out", "--log-format", "json"
        code, told, err = said("report", "../shop.yml", "--dry-run", *more)
        lines = [json.loads(line) for line in err.splitlines()]
        assert code == 0
        assert told.startswith(f"would make {tmp_path}/deep/out/shop/")
        assert all({"time", "seconds", "event"} <= set(line) for line in lines)
        assert any(line["event"] == "message" and "60 rows" in line["message"] for line in lines)
        (tmp_path / "orders.csv").write_text("customer,date,amount\na,2024-01-01,1\n")
        code, _, err = said("report", "../shop.yml", *more)
        (last,) = [json.loads(line) for line in err.splitlines() if '"error"' in line]
        assert code == last["exit_code"] == 3
        assert "single customer" in last["message"]
        assert not (tmp_path / "deep").exists()
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_prints_the_folders_of_a_batch_that_were_made_where_one_failed(self, shop, monkeypatch):
        failed = BatchFailed(["BE: nobody came back"], 3, [Path("/made/shop-NL")])
        monkeypatch.setattr("analysis.report.batch.run_batch", Mock(side_effect=failed))
        shop.write_text(f"{CONFIG}batch: {{split_by: customer}}\n")
        code, out, err = said("report", shop)
        assert (code, out) == (3, "/made/shop-NL\n")
        assert "BE: nobody came back" in err


class TestCheck:
    def test_says_what_an_experiment_cannot_tell(self, shop):
        arms = "".join(f"c{number},{'ab'[number % 2]}\n" for number in range(7))
        (shop.parent / "arms.csv").write_text(f"customer,arm\n{arms}")
        experiment = "file: arms.csv, columns: {customer: customer, arm: arm}, starts: 2024-06-01, control: a"
        shop.write_text(f"{CONFIG}strategies: {{experiment: {{{experiment}}}}}\n")
        code, out, _ = said("check", shop)
        assert code == 0
        assert "at least 10 are needed in every arm" in out.splitlines()[-1]

    def test_looks_at_each_part_of_a_batch_as_its_report_will(self, shop, tmp_path):
        text = "".join(f"{line},{'USD' if number % 2 else 'EUR'}\n" for number, line in enumerate(ORDERS.splitlines()))
        (tmp_path / "orders.csv").write_text(text.replace("amount,EUR", "amount,money"))
        config = CONFIG.replace("amount: amount}", "amount: amount, currency: money}") + "batch: {split_by: money}\n"
        shop.write_text(config)
        code, out, err = said("check", shop)
        assert code == 0, err
        assert [line for line in out.splitlines() if "==" in line] == ["money == 'EUR'", "money == 'USD'"]
        assert out.count("30 of 30 rows used") == 2
        (tmp_path / "orders.csv").write_text((tmp_path / "orders.csv").read_text().replace("1.50,EUR", "?,EUR"))
        shop.write_text(config.replace("money}\n", "money, values: [EUR]}\n"))
        code, out, err = said("check", shop)
        assert (code, out) == (3, "")
        assert "orders.csv, money == 'EUR': column 'amount' (for amount): 6 values are not numbers" in err

    def test_foresees_that_a_model_that_is_named_cannot_be_fitted(self, shop):
        shop.write_text(f"{CONFIG}model: {{primary: BG/NBD}}\n")
        code, out, err = said("check", shop)
        assert (code, out) == (3, "")
        assert "BG/NBD: the data do not determine" in err
        assert "Name another as model.primary, or auto; identified here: NBD." in err
        shop.write_text(f"{CONFIG}model: {{primary: NBD}}\nlanguage: nl\neconomics: {{currency: EUR}}\n")
        code, out, _ = said("check", shop)
        assert code == 0
        assert "model.primary" in out  # in which nobody leaves
        assert "1 januari 2024" in out
        assert "€\xa01.800,00" in out

    def test_prints_the_problems_of_the_data_beside_those_of_the_configuration(self, shop, tmp_path):
        (tmp_path / "orders.csv").write_text("customer,date,amount\na,never,1\nb,2024-01-02,x\n")
        assert said("check", shop)[0] == 3
        shop.write_text(CONFIG + "modell: {}\neconomics: {gross_margin: 3}\n")
        for command in ("check", "report"):
            code, _, err = said(command, shop)
            assert code == 2
            for part in ("'modell'", "economics.gross_margin == 3", "'never' in line 2", "'x' in line 3"):
                assert part in err


@pytest.mark.parametrize("part", ["sig", "password"])
def test_a_secret_in_the_query_part_of_an_address_is_printed_nowhere(shop, part):
    address = f"https://files.example.org/orders.csv?list=1&{part}=hunter2"
    shop.write_text(CONFIG.replace("orders.csv", f'"{address}"'))
    code, out, err = said("check", shop)
    assert code == 2
    assert f"{part}=***" in err
    assert "hunter2" not in out + err


def test_a_secret_that_stands_in_the_data_is_printed_nowhere(shop, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/shop.db?password=hunter2&x=y"
    rows = [(url, "2024-01-01", url), (url, "2024-01-02", "2"), ("hunter2", "2024-01-03", "hunter2")]
    with sqlite3.connect(tmp_path / "shop.db") as link:
        link.execute("create table orders (customer text, date text, amount text)")
        link.executemany("insert into orders values (?, ?, ?)", rows)
    monkeypatch.setenv("SHOP_URL", url)
    config = CONFIG.replace("orders.csv", "{database_url_env: SHOP_URL, query: select * from orders}")
    for more, expected in (("", 3), ("modell: {}\n", 2)):
        shop.write_text(config + more)
        code, out, err = said("check", shop)
        assert code == expected
        assert "***" in err
        assert "hunt" not in out + err


@pytest.mark.parametrize("out", [" ", "~nobody-of-that-name/x", "orders.csv/sub", "n" * 300, "link"])
@pytest.mark.parametrize("command", ["report", "score"])
def test_a_folder_that_cannot_be_is_a_usage_problem(shop, tmp_path, monkeypatch, command, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("nowhere")
    more = ["--run", tmp_path] if command == "score" else []
    code, _, err = said(command, shop, "--out", out, *more)
    assert code == 2, err
    assert len(err.strip().splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"orders.csv", "shop.yml", "link"}


@pytest.mark.parametrize("command", ["check", "report", "score"])
def test_a_full_disk_is_told_with_exit_code_4(shop, tmp_path, monkeypatch, command):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("tempfile.mkdtemp", Mock(side_effect=full))
    monkeypatch.setattr("analysis.report.score.stored_model", lambda run: (None, None, None))
    more = {"check": [], "report": ["--out", tmp_path / "out"]}
    more["score"] = [*more["report"], "--run", tmp_path]
    code, _, err = said(command, shop, *more[command])
    assert code == 4, err
    assert "the disk is full ([Errno 28] No space left on device); make room" in err
    assert not (tmp_path / "out").exists()


class TestInit:
    def test_writes_a_configuration_whose_ledger_is_printed_at_once(self, tmp_path):
        (tmp_path / "orders.csv").write_text(ORDERS)
        code, out, err = said("init", tmp_path / "orders.csv")
        assert code == 0, err
        assert out.strip() == str(tmp_path / "orders.yml")
        code, out, _ = said("check", tmp_path / "orders.yml")
        assert code == 0
        assert "7 customers with 60 orders: 1 January 2024 to" in out
        total = next(line for line in out.splitlines() if line.startswith("The whole source"))
        assert total.split()[3:] == ["60", "1,800.00"]
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


def test_the_version_is_that_of_the_package_and_told_at_once():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.strip() == f"retention-lab {analysis.__version__}"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
    assert said("--version")[1] == done.stdout


def test_the_real_command_leaves_nothing_when_it_is_ended(shop, tmp_path):
    command = [*COMMAND, "report", shop, "--out", tmp_path / "out"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    for line in process.stderr:
        if "1/" in line:
            break
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    process.stderr.close()
    # Nothing but what the next run need not compute again.
    assert {path.name for path in (tmp_path / "out").glob("*/*")} <= {".lock", ".store"}
