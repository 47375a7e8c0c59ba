"""A small notebook that shows everything a page can show, with as much of a study as that takes."""

from types import SimpleNamespace

from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from analysis.report.stamp import Stamp

STAMP = Stamp(
    "0123456789ab", "shop", "c" * 64, "d" * 64, "2026-06-30", "en", {"retention-lab": "1.0"}, "2026-07-01T06:00+00:00"
)

OPENING = """
import pandas as pd
import analysis as rl
from analysis.interval import Interval
from analysis.report.page import open_page
from tests.report.sample import small_study
page = open_page(small_study())
"""

METHOD = r"""
# The method

BG/NBD gives $E[X(t)] = \frac{a+b+x-1}{a-1}$ for every customer:

$$P(\text{alive}) = \frac{1}{1 + \frac{a}{b+x-1}\left(\frac{\alpha+T}{\alpha+t_x}\right)^{r+x}}$$
"""

FRAME = """
lift = pd.DataFrame({
    "strategy": ["Own club <script>alert(1)</script>", "Ten per cent off", "A longer name of a strategy"],
    "estimate": [4300.0, -1250.0, 870.0], "lower": [3900.0, -2100.0, -90.0], "upper": [5312.0, -300.0, 1900.0],
    "level": 0.9, "chance_of_loss": [0.01, 0.97, 0.12],
})
"""

TEXTS = """
page.title("Which strategy should we choose?")
page.text("The club brings **{low:money} to {high:money}** over {years:years}, and costs $x^2$ nothing.",
          low=43053.0, high=53122.0, years=3)
margin = Interval(203_456.0, 180_000.0, 221_000.0, 0.9)
page.cards([
    page.Card(rl.Message("Margin still to come"), 203_456.0,
              detail=rl.Message("Probably {margin:range rounded_money}", margin=margin),
              trend=[Interval(v, v - 1, v + 2, 0.9) for v in (5.0, 6, 4, 8)]),
    page.Card(rl.Message("Customers still active"), 1234, "integer"),
    page.Card(rl.Message("Turnover last year"), 512_000.0),
    page.Card(rl.Message("A new customer brings"), 41.5, "money"),
])
"""

SECTION = """
with page.section("Strategies and their cost in US$"):
    page.text("Of {n:integer} strategy one loses.", "Of {n:integer} strategies one loses money.", n=3)
    page.points([rl.Message("The club is the best."), rl.Message("Discounts from US$5 to US$10 cost more.")])
    page.figure(lambda ax: ax.barh(lift["strategy"].str[:10], lift["estimate"], color="#0b63a5"),
                "The club brings most: {most:money} more than doing nothing", most=4300.0, data=lift,
                columns={"strategy": "Strategy", "estimate": ("Difference", "bracketed money")}, height=3.0)
    page.table(lift, "Difference in margin over three years", columns={
        "strategy": "Strategy", "estimate": ("Difference", "bracketed money"),
        "chance_of_loss": ("Chance of a loss", "percent")})
    page.note("Prices from US$43,053 to US$53,122 are in dollars.")
with page.section("What cannot be known"):
    raise rl.Unavailable("The data hold no amounts of money.")
with page.section("What else cannot be known"):
    raise rl.Unavailable("The data hold no amounts of money.")
"""

PAIR = """
with page.section("Cohorts"):
    page.figure(lambda ax: ax.plot([1, 2, 4]), "Newer cohorts stay longer")
    page.figure(lambda ax: ax.plot([4, 2, 4]), "Orders over time, with the promotions that the shop knows of")
"""

BARE = """
import matplotlib.pyplot as plt
import warnings
warnings.warn("a path: /home/somebody")
print("printed")
plt.plot([1, 2])
plt.show()
display(pd.DataFrame({"model": ["BG/NBD", "$MBG$"], "customers": [1200, 3], "share": [0.123456, 12.5]}))
names = "frequency recency T monetary_value first_order last_order orders spent p_alive expected_orders residual_clv"
pd.DataFrame({name: [123456.789] * 30 for name in names.split()}, index=pd.RangeIndex(30, name="customer_id"))
"""


class Study(SimpleNamespace):
    """As much of a study as a page asks for."""


def small_study(language: str = "en") -> Study:
    answered = SimpleNamespace(amount_includes=SimpleNamespace(vat=0))
    return Study(config=SimpleNamespace(language=language, assumed=(), data=answered), currency="USD")


def executed() -> NotebookNode:
    """All that a page can show."""
    notebook = new_notebook(
        cells=[
            new_code_cell("language = 'en'", metadata={"tags": ["parameters"]}),
            new_code_cell(OPENING.strip()),
            new_code_cell(TEXTS.strip()),
            new_markdown_cell(METHOD.strip()),
            new_code_cell(FRAME.strip()),
            new_code_cell(SECTION.strip()),
            new_code_cell(PAIR.strip()),
            new_code_cell("lift.nlargest(1, 'estimate')  # only in the laboratory", metadata={"tags": ["lab"]}),
            new_code_cell(BARE.strip()),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    return NotebookClient(notebook, timeout=60, allow_errors=True).execute()
