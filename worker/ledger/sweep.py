"""The sweep: what is due, lost its node or left the queue unseen is enqueued again.

Every node runs one for its lane, every two seconds; scripts see to it that two do not enqueue the same command.
A copy too many is harmless: the ledger tells the second delivery that nothing is left to do.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import redis
import structlog

from tasks.command import CancelCommand
from tasks.message import command_of
from tasks.outcome import Lane
from worker.ledger.keys import Keys

PERIOD_S = 2.0
SUSPECT_S = 5.0
"""How long a command must be seen nowhere before it counts as lost: a producer writes the ledger first and
the queue an instant later, a node takes from the queue first and writes the ledger an instant later."""
AT_ONCE = 500
LEASE_S = 5.0
"""How long what is being enqueued is kept from other sweeps; a send that failed is repeated after that."""
LOOK_INTO_MAX = 2000
"""A queue longer than this is not read through for what is missing; it is waited for until it drains."""

_log = structlog.get_logger(__name__)


class QueueView(Protocol):
    """A look into a queue, where the broker allows one (Redis)."""

    def length(self) -> int: ...

    def command_ids(self) -> set[str]: ...


class Sweep:
    """One account's lane, swept from one thread. `step` raises what Redis or the broker raise."""

    def __init__(
        self,
        client: redis.Redis,
        account: str,
        lane: Lane,
        send: Callable[[Sequence[CancelCommand]], None],
        queue: QueueView | None,
    ) -> None:
        self._redis = client
        self._keys = Keys(account)
        self._lane = lane
        self._send = send
        self._queue = queue
        self._suspects: dict[str, float] = {}
        folder = Path(__file__).parent
        self._due = client.register_script((folder / "due.lua").read_text(encoding="utf-8"))
        self._enqueued = client.register_script((folder / "enqueued.lua").read_text(encoding="utf-8"))

    def step(self, now_s: float) -> int:
        """Enqueue what is owed; gives how many. `now_s` is a monotonic clock's."""
        count = 0
        while True:
            commands = self._take_due()
            self._enqueue(commands)
            count += len(commands)
            if len(commands) < AT_ONCE:
                break
        lost = self._lost(now_s)
        self._enqueue(lost)
        if count or lost:
            _log.info("sweep.enqueued", due=count, lost=len(lost))
        return count + len(lost)

    def _take_due(self) -> list[CancelCommand]:
        keys = [self._keys.accepted(self._lane), self._keys.leases(self._lane)]
        flat = self._due(keys=keys, args=[AT_ONCE, int(LEASE_S * 1000), self._keys.prefix])
        return [self._read(key.decode(), payload) for key, payload in zip(flat[::2], flat[1::2], strict=True)]

    def _enqueue(self, commands: Sequence[CancelCommand]) -> None:
        if commands:
            self._send(commands)
            ids = [command.command_id for command in commands]
            self._enqueued(keys=[self._keys.leases(self._lane)], args=[self._keys.prefix, *ids])

    def _lost(self, now_s: float) -> list[CancelCommand]:
        """What is accepted, not leased and not in the queue, for longer than a moment."""
        if self._queue is None:
            return []
        accepted, leased = self._keys.accepted(self._lane), self._keys.leases(self._lane)
        owed = int(self._redis.hlen(accepted)) - int(self._redis.zcard(leased))
        queued = self._queue.length()
        if owed <= queued or queued > LOOK_INTO_MAX:
            # Equal counts do not prove it with foreign messages in the queue; the drained lane does.
            if owed <= 0:
                self._suspects.clear()
            return []
        unseen = self._unseen(accepted, leased)
        self._suspects = {
            command_id: since for command_id, since in self._suspects.items() if command_id in unseen
        }
        lost = []
        for command_id, payload in unseen.items():
            if now_s - self._suspects.setdefault(command_id, now_s) >= SUSPECT_S:
                lost.append(self._read(command_id, payload))
                del self._suspects[command_id]
        return lost[:AT_ONCE]

    def _read(self, command_id: str, payload: bytes) -> CancelCommand:
        return command_of(payload, account=self._keys.account, lane=self._lane, command_id=command_id)

    def _unseen(self, accepted: str, leased: str) -> dict[str, bytes]:
        # The ledger is read before the queue and the leases after it: what moves on meanwhile is seen there.
        scanned: Any = self._redis.hscan_iter(accepted, count=1000)
        found = {key.decode(): payload for key, payload in scanned}
        queued = self._queue.command_ids() if self._queue else set()
        leases: Any = self._redis.zrange(leased, 0, -1)
        held = {command_id.decode() for command_id in leases}
        return {key: payload for key, payload in found.items() if key not in queued and key not in held}
