"""Enqueueing: confirmed commands per second and bytes per command, beside Celery's apply_async one at a time.

Ours writes each command into the ledger, too. Bytes in Redis are those its memory grew by; bytes at RabbitMQ
are those of body and properties, without what the server adds.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import redis
from amqp import Message

from benchmarks import rivals
from benchmarks.command import commands
from benchmarks.figures import ratio
from benchmarks.report import Result, Table, number, times
from benchmarks.stage import Stage
from tasks.command import CancelCommand
from tasks.message import queue_name
from tasks.outcome import Lane
from tests.servers import RabbitServer

RIVALS_COMMANDS = 2_000
OUR_QUEUE = queue_name("default", Lane.BULK)


@dataclass(frozen=True, slots=True)
class Enqueued:
    """bytes_broker: in the queue alone. bytes_all: with the ledger, where it is in the same Redis."""

    commands: int
    per_s: float
    bytes_broker: float
    bytes_all: float | None = None


def run(*, quick: bool) -> Result:
    count = 20_000 if quick else 100_000
    with Stage() as stage:
        server = stage.start_redis()
        client = stage.connect(server)
        env = stage.standdown_env(server.url, server.url, 20)
        on_redis = {
            "standdown": _into_redis(client, OUR_QUEUE, count, lambda: _through_door(stage, env, count)),
            "standdown, as a purge": _into_redis(
                client,
                OUR_QUEUE,
                count,
                lambda: _through_door(stage, env, count, batch="purge-20260131T120000"),
            ),
            "apply_async": _into_redis(
                client, rivals.QUEUE, RIVALS_COMMANDS, lambda: _apply_async(server.url)
            ),
        }
        rabbit = stage.start_rabbit()
        env = stage.standdown_env(rabbit.url, server.url, 20)
        on_rabbit = {
            "standdown": _at_rabbit(rabbit, OUR_QUEUE, count, _through_door(stage, env, count)),
            "apply_async": _at_rabbit(rabbit, rivals.QUEUE, RIVALS_COMMANDS, _apply_async(rabbit.url)),
        }
    goals = {
        "redis": "to reach: 12,000/s and 900 bytes, ledger included",
        "rabbitmq": "to reach: 8,000/s, confirmed (the ledger in Redis included); apply_async waits for each confirm",
    }
    found = {"redis": on_redis, "rabbitmq": on_rabbit}
    return Result(
        [table_of(broker, of, goals[broker]) for broker, of in found.items()],
        {broker: {who: asdict(one) for who, one in of.items()} for broker, of in found.items()},
    )


def table_of(broker: str, found: dict[str, Enqueued], goal: str) -> Table:
    """One row for each way to enqueue; the last is what the others are compared with."""
    base = found["apply_async"]
    rows = [
        [
            who, number(one.commands), number(one.per_s), times(ratio(one.per_s, base.per_s)),
            number(one.bytes_broker), "-" if one.bytes_all is None else number(one.bytes_all),
        ]
        for who, one in found.items()
    ]  # fmt: skip
    columns = ["who", "commands", "per s", "of apply_async", "bytes in the queue", "bytes, all"]
    return Table(f"enqueue: {broker}", columns, rows, [goal])


def _through_door(stage: Stage, env: dict[str, str], count: int, batch: str | None = None) -> float:
    """How long it takes. The commands are made before: validating them is the producer's, not the door's."""
    made: list[CancelCommand] = list(commands("purge", count, Lane.BULK, batch=batch))
    with stage.door(env) as door:
        door.enqueue(next(commands("warm", 1, Lane.URGENT)))
        began_s = time.perf_counter()
        door.enqueue_many(made)
        return time.perf_counter() - began_s


def _apply_async(url: str) -> float:
    """How long it takes, one at a time; each is confirmed where the broker is RabbitMQ."""
    app = rivals.rival_app(rivals.rival_env(url, "", 20))
    made = [command.payload() for command in commands("purge", RIVALS_COMMANDS, Lane.BULK)]
    task = app.tasks[rivals.BARE]
    task.apply_async(kwargs=made[0], queue="rival.warm")
    began_s = time.perf_counter()
    for payload in made:
        task.apply_async(kwargs=payload, queue=rivals.QUEUE)
    took_s = time.perf_counter() - began_s
    app.close()
    return took_s


def _into_redis(client: redis.Redis, queue: str, count: int, fill: Callable[[], float]) -> Enqueued:
    client.flushall()
    before = _used_bytes(client)
    took_s = fill()
    grown = _used_bytes(client) - before
    in_queue: Any = client.memory_usage(queue, samples=0)
    assert client.llen(queue) == count
    return Enqueued(count, count / took_s, in_queue / count, grown / count)


def _used_bytes(client: redis.Redis) -> int:
    """What the data take: without the buffers of connections and of the append-only file, which come and go."""
    stats: Any = client.memory_stats()
    return int(stats["total.allocated"]) - int(stats["clients.normal"]) - int(stats["aof.buffer"])


def _at_rabbit(rabbit: RabbitServer, queue: str, count: int, took_s: float) -> Enqueued:
    with rivals.rival_app(rivals.rival_env(rabbit.url, "", 20)).connection() as connection:
        channel: Any = connection.default_channel
        message: Message = channel.basic_get(queue, no_ack=True)
        waiting = channel.queue_declare(queue, passive=True).message_count
    assert waiting == count - 1, f"{waiting + 1} of {count} commands are in the queue"
    return Enqueued(count, count / took_s, message_bytes(message))


def message_bytes(message: Message) -> int:
    """Body and properties as they travel."""
    body = message.body.encode() if isinstance(message.body, str) else message.body
    return len(body) + len(message._serialize_properties())
