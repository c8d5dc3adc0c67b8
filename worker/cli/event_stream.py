"""Reads the event streams of several accounts as one: what is kept merged by time, what comes as it comes."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime

from tasks.event import Event
from worker.cli.reach import history_of
from worker.ledger.history import History
from worker.servers import Servers

ROUND_S = 1.0
"""How long one round of reads waits over all accounts when nothing comes."""
_BEHIND_ALL = 2**64 - 1

Position = tuple[int, int]


def before(moment: datetime | None) -> str:
    """The position in a stream behind which everything from `moment` on lies; None: everything."""
    if moment is None or moment.timestamp() < 0.001:
        return "0-0"
    return f"{int(moment.timestamp() * 1000) - 1}-{_BEHIND_ALL}"


def order_of(position: str) -> Position:
    """A stream's position as numbers that sort by time."""
    milliseconds, _, number = position.partition("-")
    return int(milliseconds), int(number)


def kept(servers: Servers, accounts: Sequence[str], since: datetime | None) -> Iterator[Event]:
    """The events that the ledger keeps, oldest first."""
    with ExitStack() as stack:
        histories = [stack.enter_context(history_of(servers, account)) for account in accounts]
        streams = [history.events(before(since)) for history in histories]
        for _, event in heapq.merge(*streams, key=lambda found: order_of(found[0])):
            yield event


def followed(servers: Servers, accounts: Sequence[str], since: datetime | None) -> Iterator[Event]:
    """Events as they come, without end; those since `since` first."""
    with ExitStack() as stack:
        histories = [stack.enter_context(history_of(servers, account)) for account in accounts]
        # All positions are taken before the first wait, so that nothing slips by.
        places = [(history, before(since) if since else history.newest()) for history in histories]
        yield from _rounds(places)


def _rounds(places: list[tuple[History, str]]) -> Iterator[Event]:
    wait_s = ROUND_S / len(places)
    while True:
        for index, (history, position) in enumerate(places):
            for here, event in history.events(position, wait_s=wait_s):
                places[index] = (history, here)
                yield event
