"""The inbox on RabbitMQ: a quorum queue, read by every node; a body is acknowledged once it is accepted."""

from typing import Any

from worker.broker.link import Link
from worker.broker.queues import INBOX
from worker.inbox import AT_ONCE
from worker.inbox.intake import Intake

WAIT_S = 0.5


class RabbitInbox:
    """One node's reader, with a connection of its own. Any error closes it; the next step opens another."""

    def __init__(self, link: Link, intake: Intake) -> None:
        self._link = link
        self._intake = intake
        self._connection: Any = None
        self._channel: Any = None
        self._messages: list[Any] = []

    def step(self) -> None:
        """Take in what comes within a moment. Raises connection errors, and what the door raises."""
        try:
            self._open()
            self._gather()
            if self._messages:
                self._intake.take_in([_bytes(message.body) for message in self._messages])
                self._channel.basic_ack(self._messages[-1].delivery_tag, multiple=True)
                self._messages.clear()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection: what was not acknowledged comes again."""
        connection, self._connection, self._channel = self._connection, None, None
        self._messages.clear()
        if connection is not None:
            connection.release()

    def _open(self) -> None:
        if self._connection is not None:
            return
        self._connection = self._link.open(heartbeat=True)
        self._channel = self._connection.connection.channel()
        self._channel.basic_qos(0, AT_ONCE, False)
        self._channel.basic_consume(INBOX, callback=self._messages.append)

    def _gather(self) -> None:
        try:
            self._connection.heartbeat_check()
            self._connection.drain_events(timeout=WAIT_S)
            while len(self._messages) < AT_ONCE:
                self._connection.drain_events(timeout=0.005)
        except TimeoutError:
            return


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)
