"""Celery's consumer, with the parts we use and without the ways it has to lose a message.

Celery deletes what it does not know and acknowledges what it cannot decode. Here each such message becomes a
dead letter with its raw body and reason before it is acknowledged, and the node lives on.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog
from celery import bootsteps
from celery.worker import state as celery_state
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu.utils import json

from tasks.message import BODY_MAX_BYTES, CONTENT_TYPE, TASK_NAME
from worker.inbox.intake import name_of
from worker.stall import StallWatch

_log = structlog.get_logger(__name__)


def why_unreadable(headers: Any, content_type: Any, body: Any) -> str | None:
    """Why a message is no `standdown.cancel` in Celery's protocol 2, as a sentence, or None."""
    if not isinstance(headers, dict) or "task" not in headers:
        return f"expected the header task={TASK_NAME}, got none"
    if headers["task"] != TASK_NAME:
        return f"expected the header task={TASK_NAME}, got {str(headers['task'])[:80]!r}"
    if not isinstance(headers.get("id"), str) or not headers["id"]:
        return "expected the header id with a UUID, got none"
    if content_type != CONTENT_TYPE:
        return f"expected content type {CONTENT_TYPE}, got {str(content_type)[:80]!r}"
    if len(body) > BODY_MAX_BYTES:
        return f"expected at most {BODY_MAX_BYTES} bytes, got {len(body)}"
    try:
        # As Celery will read it in the pool, where an error would drop the message.
        parts = json.loads(body if isinstance(body, str) else bytes(body).decode("utf-8"))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as problem:
        return f"expected the JSON [[], {{command}}, {{}}], got what is no JSON: {str(problem)[:120]!r}"
    match parts:
        case [list(), dict(), (dict() | None) as embedded]:
            if any((embedded or {}).values()):
                return "expected nothing embedded, got callbacks or a chain: they are not carried out here"
            return None
    return f"expected the JSON [[], {{command}}, {{}}], got {repr(parts)[:80]}"


class NodeConsumer(Consumer):  # type: ignore[misc]
    """A consumer without gossip, remote control and delayed queues, that buries what it cannot read."""

    class Blueprint(bootsteps.Blueprint):  # type: ignore[misc]
        name = "Consumer"
        # Celery would add 28 delayed queues to a RabbitMQ with quorum queues; our retries wait in the ledger.
        default_steps = (
            "celery.worker.consumer.connection:Connection",
            "celery.worker.consumer.events:Events",
            "celery.worker.consumer.heart:Heart",
            "celery.worker.consumer.tasks:Tasks",
            "celery.worker.consumer.consumer:Evloop",
        )

        def shutdown(self, parent: Any) -> None:
            self.send_all(parent, "shutdown")

    def ensure_connected(self, conn: Any) -> Any:
        """Wait for the broker, however long; say it once, and be back within seconds (Celery: 32 s, a line each)."""
        lost: list[float] = []

        def say_once(error: Exception, _interval_s: float) -> None:
            if not lost:
                _log.error("broker.lost", error=str(error), effect="nothing is taken until it answers again")
            lost.append(time.monotonic())

        connection = conn.ensure_connection(
            say_once, None, interval_start=0.5, interval_step=0.5, interval_max=3, callback=maybe_shutdown
        )
        if lost:
            _log.info("broker.found", after_s=round(time.monotonic() - lost[0], 1))
        self.first_connection_attempt = False
        return connection

    refused = False

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """The broker answers and yet takes nothing (full, read-only): say it once, and ask once a second."""
        if not self.refused:
            _log.error("broker.refused", error=str(exc), effect="nothing is taken until it does")
        self.refused = True
        time.sleep(1.0)

    def on_ready(self) -> None:
        """The node takes commands from now on."""
        super().on_ready()
        self.refused = False
        _log.info("node.ready")

    def register_with_event_loop(self, hub: Any) -> None:
        """Also look once a second whether deliveries are stalled; Celery cancels this when it reconnects."""
        super().register_with_event_loop(hub)
        watch = StallWatch()
        hub.call_repeatedly(1.0, self._restart_if_stalled, watch)

    def _restart_if_stalled(self, watch: StallWatch) -> None:
        # kombu's virtual transports (Redis) keep this book themselves; RabbitMQ keeps it at the broker.
        qos = getattr(self.task_consumer.channel, "qos", None)
        delivered = getattr(qos, "_delivered", None)
        if qos is None or delivered is None:
            return
        unacknowledged = set(delivered) - set(qos._dirty)
        live = {request.message.delivery_tag for request in list(celery_state.reserved_requests)}
        if count := watch.stalled(unacknowledged, live, time.monotonic()):
            _log.warning("consumer.stalled", deliveries=count, effect="the consumer is started anew")
            raise ConnectionError("deliveries are unacknowledged that nobody works on")

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Celery's handler for the messages that are commands, ours for the rest."""
        handle: Callable[[Any], None] = super().create_task_handler(*args, **kwargs)

        def on_message(message: Any) -> None:
            body = message.body or b""
            problem = why_unreadable(message.headers, message.content_type, body)
            if problem is not None:
                return self._bury(message, problem)
            # Whatever else the producer's Celery asks for (expires, eta, time limits) would lose or delay it.
            message.headers = {"task": TASK_NAME, "id": message.headers["id"]}
            return handle(message)

        return on_message

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """A message kombu could not even unpack; Celery would acknowledge it and go on."""
        self._bury(message, f"expected content that can be unpacked, got: {str(exc)[:120]!r}")

    def _bury(self, message: Any, problem: str) -> None:
        body = message.body or b""
        headers = message.headers if isinstance(message.headers, dict) else {}
        raw = body.encode(errors="replace") if isinstance(body, str) else bytes(body)
        # Not the delivery tag: RabbitMQ counts them per channel, and two nodes' letters would overwrite each other.
        message_id = str(headers.get("id") or message.properties.get("message_id") or name_of(raw))
        _log.warning("message.unreadable", message=message_id[:128], error=problem)
        self.app.standdown_bury(message_id, raw, problem)
        message.ack_log_error(_celery_log, self.connection_errors)


_celery_log = structlog.stdlib.get_logger("celery")
