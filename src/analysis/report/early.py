"""What worker processes import before they are given a notebook."""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # takes a second to import, and checks addresses of nobody

import nbconvert  # noqa: E402, F401
import papermill  # noqa: E402, F401

import analysis.report.export  # noqa: E402, F401
