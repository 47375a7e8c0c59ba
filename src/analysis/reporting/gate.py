"""What a finished report must pass before anyone sees it: stamp, size, no external request, no secret."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from analysis.config import Config, DatabaseSource
from analysis.reporting.scripts import DATA_ATTRIBUTES, may_run
from analysis.reporting.stamp import Stamp

WARN_BYTES = 5_000_000
REFUSE_BYTES = 15_000_000
SHORTEST_SECRET = 4
HIDDEN = "***"
CUT = "…"
# With one slash as well: that is how a path shows a URL.
URL_PASSWORD = re.compile(rf"(\b[a-z][a-z0-9+.-]*:/{{1,2}}[^\s:/@]*:)[^\s@]+?(?=@|{CUT})", re.IGNORECASE)
URL_QUERY = re.compile(rf"([?&;])([^\s=&;?]+)=[^\s&;#'\"<>{CUT}]+")
STAMP_SPACE = "retention-lab"

LOADING = {"src", "poster", "data", "background", "action", "formaction", "ping", "manifest"}
SEVERAL_SOURCES = {"srcset", "imagesrcset"}
FOLLOWED_ON_CLICK = {"a", "area"}
REFUSED_ELEMENTS = {"iframe", "frame", "object", "embed", "base", "applet", "portal"}
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
CSS_LOAD = re.compile(r"""@import\b[^;]*|(?:url|src|image-set)\(\s*['"]?\s*([^'")]*)""", re.IGNORECASE)
SAFE_TARGET = re.compile(r"\s*(data:(?!text/html)|#|$)", re.IGNORECASE)
SAFE_LINK = re.compile(r"\s*(https?://|data:|#|mailto:|[\w.-]+(/[\w.-]+)*(#|$)|$)", re.IGNORECASE)


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
    name = source.database_url_env
    value = environment.get(name, "")
    from analysis.data.database import secrets_in_url

    found = {value, value.strip(), *secrets_in_url(value)}
    return {secret: name for secret in found if len(secret) >= SHORTEST_SECRET}


def without_secrets(text: str, secrets: Collection[str]) -> str:
    """Text with every secret replaced by asterisks, also where a message shows only the beginning of it.

    >>> without_secrets("customer 'hunter2', and 'hunt…'", {"hunter2"})
    "customer '***', and '***…'"
    """
    for secret in sorted(secrets, key=len, reverse=True):
        for form in sorted(_forms(secret), key=len, reverse=True):
            text = _without_beginnings(text.replace(form, HIDDEN), form)
    return text


def _without_beginnings(text: str, secret: str) -> str:
    *pieces, rest = text.split(CUT)
    for length in range(len(secret) - 1, SHORTEST_SECRET - 1, -1):
        beginning = secret[:length]
        pieces = [
            f"{piece.removesuffix(beginning)}{HIDDEN}" if piece.endswith(beginning) else piece for piece in pieces
        ]
    return CUT.join([*pieces, rest])


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
    quoted = json.dumps(secret)[1:-1]
    escaped = {html.escape(secret), html.escape(secret, quote=False), secret.replace("&", "&amp;")}
    return {secret, quoted, quoted.replace("/", "\\/"), repr(secret)[1:-1], quote(secret, safe=""), *escaped}


def secrets_in_folder(folder: Path, secrets: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """File and name of the environment variable, for each file in which a secret's value stands."""
    if not secrets:
        return
    needles = {form.encode(): name for secret, name in secrets.items() for form in _forms(secret)}
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
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


def problems_in_page(page: Path, stamp: Stamp) -> list[str]:
    """Why a page cannot be published: size, stamp, and what it would load from elsewhere."""
    size = page.stat().st_size
    if size > REFUSE_BYTES:
        return [f"size == {size} bytes, must be at most {REFUSE_BYTES}"]
    text = page.read_text(encoding="utf-8")
    reader = _PageReader()
    reader.feed(text)
    reader.close()
    reader.end()
    return [*_problems_in_stamp(reader, stamp), *_external(reader.requests)]


def warnings_about_page(page: Path) -> list[str]:
    """What is doubtful about a page that can be published."""
    size = page.stat().st_size
    slow = f"the page has {size} bytes; above {WARN_BYTES} it is slow to mail and to open"
    return [slow] if size > WARN_BYTES else []


def _problems_in_stamp(reader: _PageReader, stamp: Stamp) -> Iterator[str]:
    for name, asked in {**stamp.identity(), "run_id": stamp.run_id}.items():
        if reader.stamped.get(name) != asked:
            yield f"stamp: {name} on the page == {reader.stamped.get(name)!r}, asked {asked!r}"
    if stamp.run_id not in "".join(reader.texts):
        yield f"stamp: the run id {stamp.run_id} cannot be read on the page"


def problems_in_sentinels(sentinels: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Any]) -> list[str]:
    """Notebooks that were made from something else than what was asked."""
    problems = []
    for notebook, sentinel in sentinels.items():
        stamp = sentinel.get("stamp") or {}
        differs = [name for name, value in asked.items() if stamp.get(name) != value]
        problems += [f"stamp of {notebook}: {name} == {stamp.get(name)!r}, asked {asked[name]!r}" for name in differs]
    return problems


def _external(requests: list[str]) -> list[str]:
    shown = ", ".join(request[:100] for request in requests[:5])
    return [f"{len(requests)} external requests or active elements, such as {shown}"] if requests else []


class _PageReader(HTMLParser):
    """Collects what a browser would load or run, and the text that it would show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.requests: list[str] = []
        self.stamped: dict[str, str] = {}
        self.texts: list[str] = []
        self._inside_style = False
        self._script: str | None = None
        self._is_data = False

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # A browser takes what follows for its content.
        if tag == "script":
            self.requests.append("<script/>")
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside_style = tag == "style"
        if tag == "script":
            self._script, self._is_data = "", attrs == DATA_ATTRIBUTES
            if attrs and not self._is_data:
                self.requests.append("<script>")
        elif tag in REFUSED_ELEMENTS:
            self.requests.append(f"<{tag}>")
        for name, value in attrs:
            self.requests += [f"<{tag} {name}={one!r}>" for one in _loads(tag, name, value or "")]
        if tag == "meta":
            self._meta({name: value or "" for name, value in attrs})

    def _meta(self, attributes: Mapping[str, str]) -> None:
        if attributes.get("http-equiv", "").lower() == "refresh":
            self.requests.append("<meta http-equiv=refresh>")
        space, _, name = attributes.get("name", "").partition(":")
        if space == STAMP_SPACE:
            # The head comes first, so that nothing in a notebook can pass for the stamp.
            self.stamped.setdefault(name, attributes.get("content", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._inside_style = False
        if tag == "script":
            self.end()

    def end(self) -> None:
        """A script or the page has ended: only the panel's own script may run."""
        if self._script is not None and not self._is_data and not may_run(self._script):
            self.requests.append("<script>")
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._script += data
        elif self._inside_style:
            self.requests += [f"style {one!r}" for one in _css_loads(data)]
        else:
            self.texts.append(data)


def _loads(tag: str, name: str, value: str) -> list[str]:
    local = name.rpartition(":")[2]
    if local.startswith("on"):
        return [value]
    if local == "style":
        return _css_loads(value)
    if local == "href":
        allowed = SAFE_LINK if tag in FOLLOWED_ON_CLICK else SAFE_TARGET
        return [] if allowed.match(value) else [value]
    if local in SEVERAL_SOURCES:
        return [value]
    if local in LOADING:
        return [] if SAFE_TARGET.match(value) else [value]
    return _css_loads(value) if "url(" in value.lower() else []


def _css_loads(css: str) -> list[str]:
    plain = CSS_ESCAPE.sub(lambda match: chr(min(int(match.group(1), 16), 0x10FFFF)), CSS_COMMENT.sub("", css))
    loads = [match for match in CSS_LOAD.finditer(plain) if not SAFE_TARGET.match(match.group(1) or "@")]
    return [match.group(0) for match in loads]
