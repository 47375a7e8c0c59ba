import pandas as pd
import pytest
from tests.data.servers import PASSWORD, postgresql

from analysis.config import Config
from analysis.data import load_orders
from analysis.errors import InputRefused

pytestmark = pytest.mark.needs_postgresql


@pytest.fixture(scope="module")
def server():
    """URL of a PostgreSQL server of our own."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="module")
def shop(server):
    """The server with a table of orders: numeric amounts, timestamps with an offset, integer ids."""
    import psycopg

    with psycopg.connect(server) as link:
        link.execute("create table orders (klant bigint, datum timestamptz, bedrag numeric(12, 2), valuta text)")
        link.execute("""
            insert into orders
            select n % 700, timestamptz '2024-01-01 23:30:00+00' + n % 400 * interval '1 day', n % 50 + 0.1, 'EUR'
            from generate_series(1, 30000) as n""")
    return server


@pytest.fixture
def load(tmp_path, monkeypatch):
    def load_query(url, query="select * from orders", **data):
        monkeypatch.setenv("SHOP_URL", url)
        columns = {"customer": "klant", "date": "datum", "amount": "bedrag", "currency": "valuta"}
        source = {"database_url_env": "SHOP_URL", "query": query}
        config = Config(name="t", data={"transactions": source, "columns": columns, **data})
        return load_orders(config, workdir=tmp_path)

    return load_query


def test_orders_are_read_with_their_types(shop, load):
    found = load(shop, timezone="Europe/Amsterdam")
    assert (found.rows_read, found.customers, found.currency) == (30_000, 700, "EUR")
    assert found.histories.table["customer_id"].tolist() == sorted(str(number) for number in range(700))
    assert found.ledger["amount"].sum() == pytest.approx(sum(n % 50 + 0.1 for n in range(1, 30_001)))
    assert str(found.observation_start) == "2024-01-02"
    assert str(load(shop).notes[0]).endswith("the day of an order is its day in UTC.")


def test_colons_casts_and_percent_signs_pass_through(shop, load):
    found = load(
        shop, "select klant::text, datum::date, bedrag, valuta from orders where valuta like '%:%' or bedrag > 1"
    )
    assert found.customers == 686


def test_the_order_of_the_rows_does_not_matter(shop, load):
    one, other = load(shop), load(shop, "select valuta, bedrag, datum, klant from orders order by bedrag desc")
    assert one.data_hash == other.data_hash
    pd.testing.assert_frame_equal(one.histories.table, other.histories.table)


@pytest.mark.parametrize("query", ["select * from nowhere", "selec", "delete from orders where false"])
def test_a_failing_query_never_shows_the_password(shop, load, query):
    with pytest.raises(InputRefused, match="quer") as refused:
        load(shop, query)
    assert refused.value.exit_code == 2
    assert PASSWORD not in str(refused.value)


def test_a_wrong_password_is_not_shown_either(server, load):
    with pytest.raises(InputRefused, match="could not be run") as refused:
        load(server.replace(PASSWORD, "wr0ng-word"))
    assert "wr0ng-word" not in str(refused.value)


def test_a_query_cannot_change_the_database(shop, load):
    import psycopg

    with pytest.raises(InputRefused):
        load(shop, "with gone as (delete from orders returning *) select * from gone limit 0")
    with psycopg.connect(shop) as link:
        assert link.execute("select count(*) from orders").fetchone() == (30_000,)
