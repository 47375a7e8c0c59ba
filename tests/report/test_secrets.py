"""Secrets are found in every way they may be written, and hidden from a terminal."""

import pandas as pd
import pytest

from analysis.config import Config
from analysis.report.secrets import secrets_in_folder, secrets_of, without_passwords, without_secrets


def secrets(url: str) -> dict[str, str]:
    source = {"database_url_env": "CRM_URL", "query": "select 1"}
    config = Config(name="shop", data={"transactions": source, "columns": {"customer": "c", "date": "d"}})
    return secrets_of(config, {"CRM_URL": url} if url else {})


KNOWN = secrets('postgresql://me:p%40ss"word@host/shop?a=1&b=2')


def test_a_secret_is_the_url_and_the_password_in_it():
    assert {'p%40ss"word', 'p@ss"word'} < set(KNOWN)
    assert set(KNOWN.values()) == {"CRM_URL"}
    assert secrets("") == secrets("abc") == {}


URL = "postgresql://me:p%40ss&quot;word@host/shop?a=1&amp;b=2"


@pytest.mark.parametrize("text", ['p@ss"word', "p@ss&quot;word", 'p@ss\\"word', "p%40ss%22word", 'p@ss""word', URL])
def test_a_secret_is_found_in_every_way_it_may_be_written(tmp_path, text):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "notebook.ipynb").write_text(f"before {text} after")
    ((file, name),) = secrets_in_folder(tmp_path, KNOWN)
    assert (file.name, name) == ("notebook.ipynb", "CRM_URL")
    assert without_secrets(f"before {text} after", KNOWN) == "before *** after"
    assert without_secrets('customer p@ss"wo… twice', KNOWN) == "customer ***… twice"  # a message shows its beginning


def test_a_secret_is_found_in_compressed_columns(tmp_path):
    frame = pd.DataFrame({"customer_id": ["ann", 'p@ss"word'] * 50})
    frame.to_parquet(tmp_path / "customers.parquet", compression="zstd")
    assert len(list(secrets_in_folder(tmp_path, KNOWN))) == 1


def test_a_secret_in_the_query_of_the_url_is_known():
    url = "mssql+pyodbc://?odbc_connect=SERVER%3Ddb%3BPWD%3Dhunter2&token=a%2Bbcde"
    known = secrets(url)
    assert {"hunter2", "a+bcde", "a%2Bbcde", url} <= set(known)
    assert without_secrets("'hunter2' and a+bcde", known) == "'***' and ***"


@pytest.mark.parametrize(("text", "hidden"), [
    ("no file /x/mysql:/me:hunter2@db/shop", "no file /x/mysql:/me:***@db/shop"),
    ("'mysql://me:hunter2@db' and 'a://b:c@d'", "'mysql://me:***@db' and 'a://b:***@d'"),
    ("'mysql://me:hunt…", "'mysql://me:***…"),
    ("no file https:/x.org/a.csv?sig=h%2Bunt&b=2; give", "no file https:/x.org/a.csv?sig=***&b=2; give"),
    ("'https://x.org/?X-Amz-Signature=hunt' and ?token=h", "'https://x.org/?X-Amz-Signature=***' and ?token=***"),
    ("'x.csv?password=hunt…", "'x.csv?password=***…"),
    ("https://x.org/?part=1&design=2;sort=asc", "https://x.org/?part=1&design=2;sort=asc"),
    ("https://example.org:80/a and 12:30", "https://example.org:80/a and 12:30"),
])  # fmt: skip
def test_a_password_in_any_url_is_hidden_from_a_terminal(text, hidden):
    assert without_passwords(text) == hidden
