"""Secrets that the configuration names by an environment variable: hidden in messages, searched for in every file."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from analysis.config import Config, DatabaseSource

SHORTEST_SECRET = 4
HIDDEN, CUT = "***", "…"
# With one slash as well: that is how a path shows a URL.
URL_PASSWORD = re.compile(rf"(\b[a-z][a-z0-9+.-]*:/{{1,2}}[^\s:/@]*:)[^\s@]+?(?=@|{CUT})", re.IGNORECASE)
URL_QUERY = re.compile(rf"([?&;])([^\s=&;?]+)=[^\s&;#'\"<>{CUT}]+")


def secrets_of(config: Config, environment: Mapping[str, str]) -> dict[str, str]:
    """Value -> name of the environment variable, for each secret that the configuration names.

    Passwords and tokens inside a database URL count as secrets of their own.

    >>> database = {"database_url_env": "CRM_URL", "query": "select 1"}
    >>> shop = Config(name="shop", data={"transactions": database, "columns": {"customer": "c", "date": "d"}})
    >>> sorted(secrets_of(shop, {"CRM_URL": "postgresql://me:pass%21word@host/shop"}))
    ['pass!word', 'pass%21word', 'postgresql://me:pass%21word@host/shop']
    """
    source = config.data.transactions
    if not isinstance(source, DatabaseSource):
        return {}
    from analysis.data.database import secrets_in_url

    name = source.database_url_env
    value = environment.get(name, "")
    found = {value, value.strip(), *secrets_in_url(value)}
    return {secret: name for secret in found if len(secret) >= SHORTEST_SECRET}


def without_secrets(text: str, secrets: Collection[str]) -> str:
    """Text with every secret replaced by asterisks, also where a message shows only the beginning of it.

    >>> without_secrets("customer 'hunter2', and 'hunt…'", {"hunter2"})
    "customer '***', and '***…'"
    """
    for secret in sorted(secrets, key=len, reverse=True):
        for form in sorted(_forms(secret), key=len, reverse=True):
            *pieces, rest = text.replace(form, HIDDEN).split(CUT)
            for length in range(len(form) - 1, SHORTEST_SECRET - 1, -1):
                begins = form[:length]
                pieces = [one.removesuffix(begins) + HIDDEN if one.endswith(begins) else one for one in pieces]
            text = CUT.join([*pieces, rest])
    return text


def without_passwords(text: str) -> str:
    """Text in which no URL shows its password or a token of its query, whoever they belong to.

    >>> without_passwords("customer 'mysql://me:hunter2@db/shop' twice")
    "customer 'mysql://me:***@db/shop' twice"
    >>> without_passwords("https://files.example.org/orders.csv?part=1&sig=h4unter2")
    'https://files.example.org/orders.csv?part=1&sig=***'
    """
    return URL_QUERY.sub(_hidden_value, URL_PASSWORD.sub(rf"\1{HIDDEN}", text))


def _hidden_value(part: re.Match) -> str:
    from analysis.data.database import SECRET_NAME

    return f"{part[1]}{part[2]}={HIDDEN}" if SECRET_NAME.search(part[2]) else part[0]


def _forms(secret: str) -> set[str]:
    """Every way in which files and messages write a secret."""
    quoted = json.dumps(secret)[1:-1]
    escaped = {html.escape(secret), html.escape(secret, quote=False), secret.replace("&", "&amp;")}
    escaped |= {quoted.replace("/", "\\/"), repr(secret)[1:-1], quote(secret, safe=""), secret.replace('"', '""')}
    return {secret, quoted, *escaped}


def secrets_in_folder(folder: Path, secrets: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """File and name of the environment variable, for each file in which a secret's value stands."""
    needles = {form.encode(): name for secret, name in secrets.items() for form in _forms(secret)}
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    for file in sorted(files) if needles else ():
        content = _contents(file)
        for name in sorted({name for needle, name in needles.items() if needle in content}):
            yield file, name


def _contents(file: Path) -> bytes:
    content = file.name.encode() + b"\0" + file.read_bytes()
    if file.suffix == ".parquet":
        # Compressed; its text columns are looked at as text.
        import pyarrow.parquet as parquet

        table = parquet.read_table(file)
        texts = [table[field.name] for field in table.schema if str(field.type).endswith("string")]
        content += "\0".join(str(value) for text in texts for value in text.unique().to_pylist()).encode()
    return content
