"""From a message to its command: parse, check that it is ours, carry it out, whatever it holds."""

import random
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from settings import Account
from tasks.attempt import World
from tasks.cancel import carry_out
from tasks.command import CancelCommand, InvalidCommandError, parse
from tasks.outcome import Lane
from tasks.ports import Ports, StoppingError
from tasks.retry import RetryRules
from worker.ledger.dead import DeadLetters
from worker.ledger.ledger import RedisLedger

_log = structlog.get_logger(__name__)


class CommandCarrier:
    """What the Celery task hands its messages to. Implements tasks.celery_task.Carrier."""

    def __init__(
        self,
        account: Account,
        lane: Lane,
        ports: Ports,
        ledger: RedisLedger,
        dead: DeadLetters,
        rules: RetryRules,
        stopping: threading.Event,
    ) -> None:
        self._account = account
        self._lane = lane
        self._ports = ports
        self._ledger = ledger
        self._dead = dead
        self._rules = rules
        self._stopping = stopping
        self._world = World(
            sleep=self._sleep,
            now=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
            random=random.random,
        )

    def carry(self, message_id: str, raw: object) -> None:
        """Bring the command in `raw` one step further. Raises StoppingError to give the message back."""
        if self._stopping.is_set():
            raise StoppingError
        try:
            # The queue decides the lane: a purge that forgot to name its own must not run as urgent.
            here = {"account": self._account.name}
            fields = {**here, **raw, "lane": self._lane} if isinstance(raw, Mapping) else raw
            command = parse(fields, now=self._world.now(), command_id=message_id)
        except InvalidCommandError as invalid:
            _log.warning("command.unreadable", error=str(invalid))
            self._dead.bury_unreadable(
                message_id, raw, str(invalid), source=f"{self._account.name}.{self._lane}"
            )
            return
        try:
            carry_out(command, self._ports, self._world, self._rules)
        except StoppingError:
            self._ledger.hand_back(command)
            raise
        finally:
            self._ledger.let_go(command)

    def _sleep(self, pause_s: float) -> None:
        if self._stopping.wait(pause_s):
            raise StoppingError


def refusal_of(account: Account, command: CancelCommand) -> str | None:
    """Why `account` may not carry `command` out, as a sentence, or None."""
    if command.account != account.name:
        return f"the command is for account {command.account}, this queue is account {account.name}'s"
    if not account.allows_bucket(command.bucket):
        return (
            f"bucket {command.bucket} is not among the allowed buckets of account {account.name} "
            f"({', '.join(account.allowed_buckets)})"
        )
    if not account.allows_region(command.region):
        return (
            f"region {command.region} is not among the allowed regions of account {account.name} "
            f"({', '.join(account.allowed_regions)})"
        )
    return None
