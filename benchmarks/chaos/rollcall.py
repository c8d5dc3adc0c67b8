"""The roll call when all is over: is each node at work, or is one alive, connected and idle for ever?

Nodes do not sign what they do. So all other nodes of a lane are suspended, and who is left must do something.
"""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime

from benchmarks.chaos.books import Bookkeeper
from benchmarks.chaos.place import Place
from benchmarks.chaos.processes import lane_of, stopped, until
from benchmarks.chaos.workload import Order, Workload
from settings import load
from tasks.outcome import Lane
from worker.door import open_door

WORKS_MAX_S = 15.0
EACH = 3
"""Commands per node of the lane: the suspended ones may be handed some."""


class RollCall:
    """`idle` names the nodes that did nothing; `accepted` holds the commands that were handed in."""

    def __init__(self, place: Place, workload: Workload, books: Bookkeeper) -> None:
        self._place = place
        self._workload = workload
        self._books = books
        self.accepted: dict[str, Order] = {}
        self.idle: list[str] = []

    def run(self) -> None:
        nodes = [(pid, lane_of(pid)) for pid in self._place.nodes()]
        with open_door(load(self._place.env)) as door:
            for number, (pid, lane) in enumerate(nodes):
                mates = [mate for mate, its in nodes if its == lane]
                orders = self._workload.roll_call(number, Lane(lane), EACH * len(mates))
                now = datetime.now(UTC)
                with ExitStack() as others:
                    for mate in mates:
                        if mate != pid:
                            others.enter_context(stopped(mate))
                    door.enqueue_many(self._workload.command(order, now) for order in orders)
                    self.accepted |= {order.command_id: order for order in orders}
                    if not until(self._any_settled(orders), WORKS_MAX_S):
                        self.idle.append(f"a {lane} node did nothing alone for {WORKS_MAX_S:g} s")

    def _any_settled(self, orders: Iterable[Order]) -> Callable[[], bool]:
        ids = [order.command_id for order in orders]
        return lambda: any(self._books.is_settled(command_id) for command_id in ids)
