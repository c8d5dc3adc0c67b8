"""Reaches the limiter of one account, for the commands that change it or look at it."""

from collections.abc import Iterator
from contextlib import contextmanager

from worker.cli.reach import account_of, reached, settings_for_people
from worker.limiter.script import LimiterScript, Rules
from worker.state import connect_state


@contextmanager
def limiter_of(account: str) -> Iterator[LimiterScript]:
    """The limiter of a configured account."""
    settings = settings_for_people()
    rules = Rules(
        account_of(settings, account).per_s, settings.limiter.guard_ms, settings.limiter.urgent_streak_max
    )
    with reached(settings) as servers, connect_state(servers.state_url) as state:
        yield LimiterScript(state, account, rules)
