"""The recipes of docs/scheduling.md are such as their schedulers take, and their command is ours."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import skip_or_fail
from typer.main import get_command

from analysis.cli import app

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "scheduling.md").read_text()
COMMANDS = re.findall(r"retention-lab(?P<rest> report [^\n\"`]*)", TEXT)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.S)


def test_every_command_has_options_that_there_are():
    known = {option for parameter in get_command(app).commands["report"].params for option in parameter.opts}
    assert len(COMMANDS) >= 4
    for command in COMMANDS:
        assert set(re.findall(r"--[a-z-]+", command)) <= known, command


def test_the_line_for_cron_makes_a_report_under_a_shell_that_knows_nothing(tmp_path):
    (line,) = [line for line in blocks("cron")[0].splitlines() if not line.startswith("#")]
    *times, command = line.split(None, 5)
    assert all(re.fullmatch(r"[\d*/,-]+", time) for time in times)
    assert "%" not in command  # which cron takes for the end of the line
    command = command.replace("/srv/retention-lab/.venv/bin", str(Path(sys.executable).parent))
    command = command.replace("/srv/retention-lab/shop.yml", str(ROOT / "notebooks" / "parameters" / "quick.yml"))
    command = command.replace("/srv/reports", str(tmp_path)).replace(" report ", " report --dry-run ")
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "nobody"}
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, cwd="/", capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith(b"would make ")
    assert done.stderr == b""
    assert b'"event": "message"' in (tmp_path / "shop.log").read_bytes()


def test_the_units_pass_the_verifier_of_systemd(tmp_path):
    if not shutil.which("systemd-analyze"):
        skip_or_fail("systemd-analyze was not found. Install it with: sudo apt-get install systemd")
    service, timer = blocks("ini")
    program = Path(sys.executable).with_name("retention-lab")
    service = service.replace("/srv/retention-lab/.venv/bin/retention-lab", str(program))
    (tmp_path / "retention-lab.service").write_text(service)
    (tmp_path / "retention-lab.timer").write_text(timer)
    units = [tmp_path / "retention-lab.service", tmp_path / "retention-lab.timer"]
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    command = ["systemd-analyze", "verify", *units]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "retention-lab" in line]
    assert not ours
    assert done.returncode == 0


def test_the_script_that_mails_is_one_for_a_plain_shell_and_mails_what_it_should(tmp_path):
    (script,) = blocks("sh")
    shop = tmp_path / "reports" / "shop" / "latest"
    shop.mkdir(parents=True)
    (shop / "summary.txt").write_text("In short")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "mail").write_text(f'#!/bin/sh\n(echo "$@"; cat) >> {tmp_path}/sent\n')
    (tools / "retention-lab").write_text('#!/bin/sh\necho "something is wrong" >&2\nexit ${CODE:-0}\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    script = script.replace("/srv/retention-lab/.venv/bin", str(tools))
    script = script.replace("/srv/reports", str(tmp_path / "reports"))
    sent = {}
    for code in ("0", "4", "75"):
        (tmp_path / "sent").write_text("")
        environment = {"PATH": f"{tools}:/usr/bin:/bin", "CODE": code}
        subprocess.run(["/bin/sh", "-eu", "-c", script], env=environment, cwd="/", check=True)
        sent[code] = (tmp_path / "sent").read_text()
    assert sent["0"] == "-s Retention report team@example.org\nIn short"
    assert sent["4"].startswith("-s Retention report failed (4) team@example.org\nsomething is wrong")
    assert sent["75"] == ""
