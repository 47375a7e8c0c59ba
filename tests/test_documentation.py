"""What the documents say is so."""

import re
import runpy
from inspect import getdoc, isclass
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

import analysis as rl
from analysis.config import CUSTOMER_TABLES, LOYALTY_TABLES, AssumptionsConfig, Config, config_from_mapping
from analysis.report.stamp import section_in

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
KEYS = (ROOT / "docs" / "configuration.md").read_text()
SECTIONS = {"data", "model", "economics", "retention", "ladder", "contacts", "contracts", "contracts.columns", "batch"}
SECTIONS |= {f"data.{part}" for part in ("columns", "ids", "amount_includes")}
SECTIONS |= {f"strategies{part}" for part in ("", ".promotion", ".experience", ".gift", ".assumptions")}
SECTIONS |= {f"strategies.{name}{part}" for name in LOYALTY_TABLES for part in ("", ".columns")}
SECTIONS |= {f"data.{name}{part}" for name in CUSTOMER_TABLES for part in ("", ".columns")}
INNER = ("data.transactions.", "strategies.own.")


def test_every_configuration_key_is_documented_and_no_other():
    documented = set(re.findall(r"^\| `([a-z_.]+)` \|", KEYS, flags=re.M))
    ranges = {key for key in Config.fields() if re.fullmatch(r"strategies\.assumptions\..*\..*", key)}
    inner = {key for key in Config.fields() if key.startswith(INNER)}
    assert documented == set(Config.fields()) - SECTIONS - inner - ranges


def test_documented_defaults_are_the_real_ones():
    config = Config(name="x", data={"transactions": {"sample": "cdnow"}}).model_dump(mode="json")
    for key, default in re.findall(r"^\| `([a-z_.]+)` \| `([^`]+)` \|", KEYS, flags=re.M):
        assert section_in(config, key) == yaml.safe_load(default), key


def test_documented_limits_of_assumptions_are_the_real_ones():
    for name in AssumptionsConfig.model_fields:
        (limits,) = re.findall(rf"^\| `strategies\.assumptions\.{name}` \|.*; allowed (.*) \|$", KEYS, flags=re.M)
        above, low, high = re.fullmatch(r"(above )?(\d+) to (\d+)", limits).groups()
        AssumptionsConfig(**{name: {"low": int(low) + (1e-6 if above else 0), "high": int(high)}})
        for beyond in (int(low) if above else int(low) - 1e-6, int(high) + 1e-6):
            with pytest.raises(ValidationError):
                AssumptionsConfig(**{name: beyond})


def test_the_configuration_in_the_readme_is_valid():
    (shop,) = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, flags=re.S))
    config = config_from_mapping(shop, path=Path("shop.yml"))
    assert config.data.columns.customer == "Klantnummer"


def test_the_reference_is_that_of_the_docstrings():
    found = runpy.run_path(str(ROOT / "docs" / "reference.py"))["reference"]()
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == found


def test_links_of_the_readme_lead_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_options_of_the_readme_are_those_of_the_command():
    from typer.main import get_command

    from analysis.cli import app

    commands = get_command(app).commands
    told = set(re.findall(r"--([a-z-]+)", README.split("## All commands")[1].split("## Your own data")[0]))
    real = {
        option.lstrip("-") for name in ("report", "score", "init") for p in commands[name].params for option in p.opts
    }
    assert told <= real
    assert {option for option in real if option not in {"CONFIG.yml", "config", "file", "help"}} - told <= {"config"}


def test_every_name_of_the_front_door_has_an_example():
    without = set()
    for name in rl.__all__:
        thing = getattr(rl, name)
        members = [getattr(thing, each) for each in dir(thing) if not each.startswith("_")] if isclass(thing) else []
        if callable(thing) and not any(">>>" in (getdoc(each) or "") for each in (thing, *members)):
            without.add(name)
    assert without == {"open_page"}  # the notebooks show it, and it sets the language of whatever follows
