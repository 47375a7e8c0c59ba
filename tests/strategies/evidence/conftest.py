import pytest

from analysis.strategies.evidence.encounters import encounters_of

WINDOW = {"observation_start": "2022-01-03", "observation_end": "2023-12-31"}


@pytest.fixture
def loaded(load_frame):
    """Transactions of simulated orders over their two years."""
    return lambda frame, **data: load_frame(frame, **(WINDOW | data))


@pytest.fixture
def met(loaded):
    """Encounters of simulated orders."""
    return lambda frame, amounts="paid": encounters_of(loaded(frame), amounts)
