"""Python producers at the product's own door: what cannot be enqueued now is enqueued again, the same commands."""

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from benchmarks.chaos.clock import RunClock
from benchmarks.chaos.workload import Order, Workload
from settings import load
from tasks.door import UnreachableError
from worker.door import open_door

RETRY_S = 0.3


class Producer:
    """Hands in `orders` as their time comes, those of one moment together, until all are accepted."""

    def __init__(
        self, env: Mapping[str, str], workload: Workload, orders: Sequence[Order], clock: RunClock
    ) -> None:
        self._settings = load(env)
        self._workload = workload
        self._orders = orders
        self._clock = clock
        self._given_up = threading.Event()
        self.accepted: dict[str, Order] = {}
        self.copies = 0
        self.tried_again = 0
        self.surprises: list[str] = []

    def run(self) -> None:
        """Return when all are accepted, or `give_up` was called."""
        with open_door(self._settings) as door:
            for at_s, group in groupby(self._orders, key=lambda order: order.at_s):
                self._clock.wait_until(at_s)
                orders = list(group)
                now = datetime.now(UTC)
                commands = [self._workload.command(order, now) for order in orders]
                while not self._given_up.is_set():
                    try:
                        door.enqueue_many(commands)
                    except UnreachableError:
                        self.tried_again += 1
                    except Exception as surprise:  # noqa: BLE001 the door promises UnreachableError: told in the report
                        self.surprises.append(f"enqueue raised {surprise!r}"[:400])
                    else:
                        self._accepted(orders)
                        break
                    time.sleep(RETRY_S)

    def give_up(self) -> None:
        """Stop trying: what was not accepted by now is not owed."""
        self._given_up.set()

    def _accepted(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self.copies += order.copy
            self.accepted.setdefault(order.command_id, order)
