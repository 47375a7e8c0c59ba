"""What worker processes import before they are given work: to compute steps, to execute a notebook, to export it."""

import logging
import sys
from importlib import import_module

sys.modules.setdefault("rfc3987_syntax", None)  # takes a second to import, and checks addresses of nobody
logging.disable()  # the terminal is that of the run, and matplotlib tells it of a home that cannot be written to

for module in (
    *("analysis.data.orders", "analysis.data.contracts", "analysis.data.tables", "analysis.data.holdout"),
    *("analysis.models.backtest", "analysis.models.covariates"),
    *("analysis.models.diagnostics", "analysis.models.spend_choice", "analysis.value.alerts"),
    *("analysis.value.contacts", "analysis.value.contracts", "analysis.value.promotions", "analysis.claims"),
    *("analysis.strategies.comparison", "analysis.strategies.experiment", "analysis.strategies.lots"),
    *("analysis.pipeline.codec", "pyarrow.parquet", "pyarrow.dataset", "threadpoolctl"),
    *("papermill", "ipykernel.kernelapp", "matplotlib.pyplot", "seaborn", "analysis.report.export"),
    *("analysis.report.kernel", "analysis.report.page", "analysis.claims.plots", "analysis.data.plots"),
    *("analysis.models.plots", "analysis.strategies.plots", "analysis.value.plots"),
):
    import_module(module)

logging.disable(logging.NOTSET)
