"""Fixtures for real servers. A missing one fails the test with the command that installs it; none is skipped."""

from collections.abc import Iterator

import pytest
import redis

from tests.servers import MissingServerError, RabbitServer, RedisServer
from tests.servers.server import Server


def _running(kind: type[Server]) -> Iterator[Server]:
    try:
        server = kind().start()
    except MissingServerError as missing:
        pytest.fail(str(missing), pytrace=False)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """One Redis for the whole run. Not empty: take `fresh_redis` for that."""
    yield from _running(RedisServer)


@pytest.fixture(scope="session")
def rabbit_server() -> Iterator[Server]:
    """One RabbitMQ for the whole run: give queues names of your own, or take `own_rabbit`."""
    yield from _running(RabbitServer)


@pytest.fixture
def fresh_redis(redis_server: RedisServer) -> RedisServer:
    """The run's Redis, emptied."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def own_redis() -> Iterator[Server]:
    """A Redis for one test, which may kill it."""
    yield from _running(RedisServer)


@pytest.fixture
def own_rabbit() -> Iterator[Server]:
    """A RabbitMQ for one test, which may kill it. Takes some seconds."""
    yield from _running(RabbitServer)
