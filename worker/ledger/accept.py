"""The ledger as a producer sees it: commands are noted as accepted before they are published."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import redis

from tasks.command import CancelCommand
from worker.ledger.keys import Keys
from worker.ledger.ledger import BATCH_LIFE_S


class AcceptedCommands:
    """Writes down what was taken in, so that what the broker loses can be enqueued again."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def accept(self, commands: Sequence[CancelCommand], payloads: Sequence[str]) -> None:
        """Note `commands` (with their JSON) as accepted. Repeating it changes nothing."""
        with self._redis.pipeline(transaction=False) as pipe:
            for (account, lane), group in groupby(
                zip(commands, payloads, strict=True), key=lambda pair: (pair[0].account, pair[0].lane)
            ):
                mapping: Any = {command.command_id: payload for command, payload in group}
                pipe.hset(Keys(account).accepted(lane), mapping=mapping)
            pipe.execute()

    def open_batch(self, account: str, batch_id: str, size: int, now: datetime) -> None:
        """Remember a batch before its first command is enqueued."""
        key = Keys(account).batch(batch_id)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping={"size": size, "created_at": now.isoformat(timespec="milliseconds")})
            pipe.expire(key, BATCH_LIFE_S)
            pipe.execute()
