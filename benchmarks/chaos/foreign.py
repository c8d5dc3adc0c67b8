"""Producers in another language: plain JSON on the inbox, and rubbish straight onto the bulk queue."""

import json
import threading
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import amqp
import redis

from benchmarks.chaos.clock import RunClock
from benchmarks.chaos.rubbish import Rubbish
from benchmarks.chaos.workload import Order, Workload
from tasks.message import queue_name
from tasks.outcome import Lane
from worker.broker.queues import INBOX

RETRY_S = 0.3
BULK = queue_name("default", Lane.BULK)


def open_amqp(url: str) -> Any:
    """A connection to a RabbitMQ of our own, where the user is guest."""
    parts = urlsplit(url)
    connection = amqp.Connection(
        f"{parts.hostname}:{parts.port}", userid="guest", password="guest", virtual_host="/",  # noqa: S106
        connect_timeout=5, read_timeout=10, write_timeout=10, confirm_publish=True,
    )  # fmt: skip
    connection.connect()
    return connection


class ForeignProducer:
    """Knows neither the door nor the ledger: what the broker confirmed is handed in."""

    def __init__(self, broker_url: str, workload: Workload, clock: RunClock) -> None:
        self._url = broker_url
        self._workload = workload
        self._clock = clock
        self._given_up = threading.Event()
        self.accepted: dict[str, Order] = {}
        self.rubbish: dict[str, Rubbish] = {}
        self.tried_again = 0

    def run(self) -> None:
        todo: list[tuple[float, Order | Rubbish]] = [(order.at_s, order) for order in self._workload.inbox]
        todo += self._workload.rubbish
        for at_s, one in sorted(todo, key=lambda pair: pair[0]):
            self._clock.wait_until(at_s)
            if isinstance(one, Rubbish):
                if self._insist(BULK, one):
                    self.rubbish[one.mark] = one
            elif self._insist(INBOX, self._plain_json(one)):
                self.accepted[one.command_id] = one

    def give_up(self) -> None:
        """Stop trying."""
        self._given_up.set()

    def _plain_json(self, order: Order) -> bytes:
        return json.dumps(self._workload.command(order, datetime.now(UTC)).payload()).encode()

    def _insist(self, queue: str, one: Rubbish | bytes) -> bool:
        while not self._given_up.is_set():
            try:
                self._push(queue, one)
                return True
            except (OSError, amqp.exceptions.AMQPError, redis.exceptions.RedisError):
                self.tried_again += 1
                time.sleep(RETRY_S)
        return False

    def _push(self, queue: str, one: Rubbish | bytes) -> None:
        if self._url.startswith("redis"):
            with redis.Redis.from_url(self._url, socket_timeout=5) as client:
                client.lpush(queue, one if isinstance(one, bytes) else one.redis_item(queue))
            return
        connection = open_amqp(self._url)
        try:
            message = amqp.Message(one, content_type="application/json", delivery_mode=2)
            if isinstance(one, Rubbish):
                message = amqp.Message(
                    one.body, content_type=one.content_type, content_encoding="utf-8",
                    application_headers=one.headers, delivery_mode=2,
                )  # fmt: skip
            connection.channel().basic_publish(message, exchange="", routing_key=queue, timeout=10)
        finally:
            connection.close()
