"""Independent consumers of the events: what the broker was given, whatever the ledger says.

RabbitMQ: reads the durable queue `standdown.events`, and comes back when the connection dies.
Redis: binds a queue of its own, as the README says, and reads the list in the end: nothing is popped and lost.
"""

import base64
import json
import threading
import time
from contextlib import suppress
from typing import Any

import redis
from kombu import Connection, Queue

from benchmarks.chaos.evidence import Seen
from benchmarks.chaos.foreign import open_amqp
from worker.broker.queues import EVENTS, events_exchange

RETRY_S = 0.3
QUIET_S = 0.5


class RabbitListener:
    """Acknowledges each event after it is written down, so that none is missed and some may come twice."""

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self.seen: list[Seen] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(15)

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(Exception):  # whatever the broker's death looks like: the next connection may do
                self._listen()
            self._stop.wait(RETRY_S)

    def _listen(self) -> None:
        connection = open_amqp(self._url)
        try:
            channel = connection.channel()
            channel.basic_qos(0, 200, False)
            channel.basic_consume(EVENTS, callback=lambda message: self._take(channel, message))
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    connection.drain_events(timeout=QUIET_S)
        finally:
            with suppress(Exception):
                connection.close()

    def _take(self, channel: Any, message: Any) -> None:
        redelivered = bool(message.delivery_info.get("redelivered"))
        self.seen.append(Seen.of(json.loads(message.body), time.time(), redelivered=redelivered))
        channel.basic_ack(message.delivery_tag)


class RedisListener:
    """Events carry no moment of arrival here: `at` is when they were settled."""

    QUEUE = "chaos.events"

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self.seen: list[Seen] = []

    def start(self) -> None:
        with Connection(self._url) as connection, connection.channel() as channel:
            Queue(self.QUEUE, exchange=events_exchange(), routing_key="#").bind(channel).declare()

    def stop(self) -> None:
        with redis.Redis.from_url(self._url, socket_timeout=30) as client:
            items: Any = client.lrange(self.QUEUE, 0, -1)
        self.seen = [Seen.of(_event_in(item)) for item in reversed(items)]


def _event_in(item: bytes) -> Any:
    """The event in kombu's envelope."""
    envelope = json.loads(item)
    body = envelope["body"]
    return json.loads(
        base64.b64decode(body) if envelope["properties"].get("body_encoding") == "base64" else body
    )
