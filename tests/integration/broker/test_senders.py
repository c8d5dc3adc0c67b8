"""Enqueueing at real brokers: what waited before comes first, and a connection that died while idle is no loss."""

from datetime import UTC, datetime

import amqp
import pytest
import redis

from tasks.command import CancelCommand
from tasks.outcome import Lane
from tests.servers import RabbitServer, RedisServer
from worker.broker.link import Link
from worker.broker.rabbit_sender import RabbitSender
from worker.broker.redis_queue import RedisQueueView, RedisSender

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
QUEUE = "standdown.default.bulk"


def commands(*jobs: str) -> list[CancelCommand]:
    return [
        CancelCommand(
            job_id=job,
            bucket="b-1250000000",
            region="ap-beijing",
            command_id=job,
            lane=Lane.BULK,
            requested_at=NOW,
        )
        for job in jobs
    ]


def waiting(server: RabbitServer, queue: str) -> int:
    host = f"127.0.0.1:{server.port}"
    with amqp.Connection(host) as connection:
        return int(connection.channel().queue_declare(queue, passive=True).message_count)


def test_what_is_enqueued_again_is_taken_first_on_redis(fresh_redis: RedisServer) -> None:
    """A command whose node died does not wait for the whole backlog; those enqueued together keep their order."""
    with redis.Redis.from_url(fresh_redis.url) as client:
        sender = RedisSender(client)
        sender.send(commands("av1", "av2"))
        sender.send(commands("again1", "again2"), again=True)
        taken = [str(client.rpop(QUEUE)) for _ in range(4)]
    order = [next(job for job in ("again1", "again2", "av1", "av2") if job in item) for item in taken]
    assert order == ["again1", "again2", "av1", "av2"]


def test_a_queue_with_rubbish_can_be_looked_into(fresh_redis: RedisServer) -> None:
    """The sweep's look passes over what is no message, however deep it is nested."""
    with redis.Redis.from_url(fresh_redis.url) as client:
        RedisSender(client).send(commands("av1"))
        client.lpush(QUEUE, "[" * 100_000, b"\xff\xfe", "null", '{"body": 5}')
        assert RedisQueueView(client, QUEUE).command_ids() == {"av1"}


@pytest.fixture
def sender(own_rabbit: RabbitServer) -> RabbitSender:
    return RabbitSender(Link(own_rabbit.url, "rabbitmq", 10.0, ("default",)))


def test_a_connection_that_died_while_idle_is_no_failure(
    own_rabbit: RabbitServer, sender: RabbitSender
) -> None:
    """After a restart of RabbitMQ the next send gets through on a new connection; both are confirmed and kept."""
    sender.send(commands("av1"))
    # Quorum queues of RabbitMQ 3.10 that were declared just before a crash may stay without a leader: end it well.
    own_rabbit.restart()
    sender.send(commands("av2"))
    sender.send(commands("again"), again=True)
    assert waiting(own_rabbit, QUEUE) == 2
    assert waiting(own_rabbit, f"{QUEUE}.again") == 1
    sender.close()
