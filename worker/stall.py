"""Finds deliveries that nobody works on and that yet hold a place: the stalled consumer.

After a Redis restart kombu keeps the deliveries whose acknowledgement failed. They fill the prefetch window, and
the node stays alive, connected and idle for ever (measured, celery 5.7). Starting the consumer anew empties it.
"""

from collections.abc import Set as AbstractSet

STALLED_S = 5.0
"""An acknowledgement takes milliseconds; one that is outstanding for so long has failed."""


class StallWatch:
    """Remembers since when each delivery has been unacknowledged without anybody working on it."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}

    def stalled(self, unacknowledged: AbstractSet[str], live: AbstractSet[str], now_s: float) -> int:
        """How many deliveries are stalled at `now_s` (any monotonic clock)."""
        idle = unacknowledged - live
        self._since_s = {tag: self._since_s.get(tag, now_s) for tag in idle}
        return sum(now_s - since_s >= STALLED_S for since_s in self._since_s.values())
