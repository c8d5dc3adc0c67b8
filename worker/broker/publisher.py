"""Events on their way out: published to the topic exchange and confirmed by the broker."""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, LifoQueue

import structlog
from kombu import Producer

from tasks.event import Event
from tasks.ports import StoppingError
from worker.broker.link import Link
from worker.broker.queues import events_exchange

RETRY_MIN_S, RETRY_MAX_S = 0.2, 5.0

_log = structlog.get_logger(__name__)


class EventPublisher:
    """Publishes events for all threads of one process. Implements tasks.ports.Publisher.

    Each publish uses a connection of its own while it lasts: kombu's connections belong to one thread at a
    time. As many stay open as threads ever published at once.
    is_heard: whether any queue is bound, where the broker would drop the event otherwise (Redis).
    """

    def __init__(
        self, link: Link, stopping: threading.Event, is_heard: Callable[[], bool] = lambda: True
    ) -> None:
        self._link = link
        self._is_heard = is_heard
        self._stopping = stopping
        self._idle: LifoQueue[Producer] = LifoQueue()
        self._lost = False

    def publish(self, event: Event) -> None:
        """Return once the broker has the event. Waits while it is away; StoppingError when told to stop."""
        pause_s = 0.0  # a connection that died while it was idle is no news: the next one may do
        while True:
            try:
                self._publish_once(event)
            except Exception as error:  # noqa: BLE001 each transport has errors of its own; all mean: not yet
                self.close()
                if not self._lost and pause_s:
                    self._lost = True
                    _log.error("publisher.lost", error=repr(error), effect="events wait, none is lost")
            else:
                if self._lost:
                    self._lost = False
                    _log.info("publisher.found")
                return
            if self._stopping.wait(pause_s):
                raise StoppingError
            pause_s = min(RETRY_MAX_S, max(RETRY_MIN_S, pause_s * 2))

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(Empty):
            while True:
                _discard(self._idle.get_nowait())

    def _publish_once(self, event: Event) -> None:
        if not self._is_heard():
            return  # the ledger's stream has the event; on Redis the exchange itself keeps nothing
        try:
            producer = self._idle.get_nowait()
        except Empty:
            producer = self._open()
        try:
            producer.publish(
                event.to_json(),
                exchange=events_exchange(),
                routing_key=event.routing_key,
                content_type="application/cloudevents+json",
                content_encoding="utf-8",
                delivery_mode=2,
                message_id=event.id,
                type=event.type,
                # RabbitMQ drops what no queue is bound for, even with confirms; mandatory makes it an error,
                # and the next connection declares the queue again.
                mandatory=self._link.rabbitmq,
                confirm_timeout=self._link.confirm_timeout_s,
                retry=False,
            )
        except BaseException:
            _discard(producer)  # its state is unknown: a confirm may still be on its way
            raise
        self._idle.put_nowait(producer)

    def _open(self) -> Producer:
        connection = self._link.open()
        try:
            return Producer(connection)
        except BaseException:
            connection.release()
            raise


def _discard(producer: Producer) -> None:
    with suppress(Exception):
        producer.__connection__.release()
