"""The private servers the other tests stand on do what their names say."""

import os
import socket
import subprocess
import time

import kombu
import pytest
import redis

from tests.servers import RabbitServer, RedisServer, server


def test_redis_answers_and_is_empty(fresh_redis: RedisServer) -> None:
    """`fresh_redis` is a running server without keys."""
    with redis.Redis.from_url(fresh_redis.url) as client:
        assert client.dbsize() == 0


def test_redis_keeps_port_and_data_over_kill_9(own_redis: RedisServer) -> None:
    """What Redis answered is there after kill -9 and restart, at the same address."""
    url = own_redis.url
    with redis.Redis.from_url(url) as client:
        client.set("kept", "yes")
        own_redis.kill9()
        own_redis.restart()
        assert own_redis.url == url
        assert client.get("kept") == b"yes"


def test_a_paused_redis_is_silent_until_resumed(own_redis: RedisServer) -> None:
    """`pause` keeps the connection open and the answer away."""
    with redis.Redis.from_url(own_redis.url, socket_timeout=0.3, retry=None) as client:
        client.ping()
        own_redis.pause()
        with pytest.raises(redis.exceptions.TimeoutError):
            client.ping()
        own_redis.resume()
        assert client.ping()


def test_a_taken_port_is_not_taken_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that somebody took between choosing and listening leads to another one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        ports = iter([busy, server.free_port()])
        monkeypatch.setattr(server, "free_port", lambda: next(ports))
        with RedisServer() as started:
            assert started.port != busy
            assert started.answers()


def test_rabbit_keeps_messages_over_kill_9_and_leaves_nothing(own_rabbit: RabbitServer) -> None:
    """A confirmed message survives kill -9 and restart; after stop neither node nor port mapper lives."""
    url = own_rabbit.url
    queue = kombu.Queue("kept", durable=True, queue_arguments={"x-queue-type": "quorum"})
    with kombu.Connection(url, transport_options={"confirm_publish": True}) as connection:
        connection.Producer().publish({"n": 1}, routing_key="kept", declare=[queue], delivery_mode=2)
    # RabbitMQ 3.10 notes a new quorum queue on disk up to half a second later; killed before that, the queue is
    # there again but never gets a leader.
    time.sleep(1.5)
    own_rabbit.kill9()
    own_rabbit.restart()
    assert own_rabbit.url == url
    with kombu.Connection(url) as connection:
        bound = queue(connection.default_channel)
        deadline = time.monotonic() + 30  # a quorum queue elects its leader first
        while (message := bound.get()) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        assert message is not None
        assert message.payload == {"n": 1}
        message.ack()
    folder = own_rabbit.folder
    own_rabbit.stop()
    living = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert str(folder) not in living
    assert not folder.exists()


def test_the_runs_rabbit_speaks_amqp(rabbit_server: RabbitServer) -> None:
    """A client connects to the session's RabbitMQ, which is one process of ours."""
    with kombu.Connection(rabbit_server.url) as connection:
        connection.connect()
        assert connection.connected
    os.kill(rabbit_server.pid, 0)
