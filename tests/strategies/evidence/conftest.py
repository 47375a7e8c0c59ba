import pytest

from analysis.errors import Unavailable
from analysis.strategies.evidence.encounters import encounters_of, refuse_without_deals

WINDOW = {"observation_start": "2022-01-03", "observation_end": "2023-12-31"}


@pytest.fixture(scope="session")
def loaded(load_frame):
    """Orders of simulated orders over their two years."""
    return lambda frame, **data: load_frame(frame, **(WINDOW | data))


@pytest.fixture(scope="session")
def met(loaded):
    """Encounters of simulated orders, of which it is known what they saved."""

    def met(frame):
        transactions = loaded(frame)
        found = encounters_of(transactions)
        refuse_without_deals(found, transactions)
        return found

    return met


@pytest.fixture(scope="session")
def why():
    """Code of the reason why a question has no answer."""

    def why(question, *given, **more):
        with pytest.raises(Unavailable) as unknown:
            question(*given, **more)
        return unknown.value.reason.code.removeprefix("evidence.reason.")

    return why
