"""A fleet per test; whatever the test started is ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.fleet import Fleet


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """The command line, with an embedded server of its own. The sandbox is not started yet."""
    fleet = Fleet(tmp_path)
    try:
        yield fleet
    finally:
        fleet.close()
