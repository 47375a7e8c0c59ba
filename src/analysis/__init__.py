"""Customer lifetime value, retention and loyalty claims from a company's own transactions.

The rooms of the package form a line, and a room imports only from rooms to its left::

    errors, timeunits -> config -> data -> models -> value -> claims, strategies -> study -> reporting -> cli
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("retention-lab")
except PackageNotFoundError:  # a source tree on the path without an installation
    __version__ = "0+unknown"
