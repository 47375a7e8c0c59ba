"""The section on contracts: which file holds their beginnings and ends, and how to read it."""

from __future__ import annotations

from pydantic import Field, model_validator

from analysis.config.kinds import ColumnName
from analysis.config.section import Section


class ContractColumns(Section):
    """Which column holds what: a contract's ``start`` and ``end``, or by ``month`` whether it was ``active``."""

    customer: ColumnName
    start: ColumnName | None = None
    end: ColumnName | None = None
    month: ColumnName | None = None
    active: ColumnName | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> ContractColumns:
        given = {role for role in ("start", "end", "month", "active") if getattr(self, role)}
        if given not in ({"start", "end"}, {"month", "active"}):
            found = f", found {' and '.join(sorted(given))}" if given else ""
            raise ValueError(f"columns: give either start and end, or month and active{found}")
        return self

    @property
    def by_month(self) -> bool:
        return self.month is not None

    def mapped(self) -> dict[str, str]:
        """Role -> column name, for the roles that are given."""
        return {role: name for role, name in self.model_dump().items() if name is not None}


class ContractsConfig(Section):
    """Contracts, and how to read them; the keys of reading are those of ``DataConfig``."""

    file: str = Field(min_length=1)
    columns: ContractColumns
    period_months: int = Field(default=12, ge=1, le=120)
    date_format: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=4)
    encoding: str | None = None
    sheet: str | None = None
