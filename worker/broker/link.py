"""Connections to the broker, opened the way each of them needs it."""

from dataclasses import dataclass
from typing import Any, Literal

from kombu import Connection

from settings.url import redis_spelling
from worker.broker.queues import REDIS_KEYS, VISIBILITY_TIMEOUT_S, declare

CONNECT_TIMEOUT_S = 5.0
HEARTBEAT_S = 10


@dataclass(frozen=True, slots=True)
class Link:
    """Where the broker is and how it is spoken to. `url` may hold a password and is kept out of the repr."""

    url: str
    kind: Literal["rabbitmq", "redis", "embedded"]
    confirm_timeout_s: float
    accounts: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Link({self.kind})"

    @property
    def rabbitmq(self) -> bool:
        return self.kind == "rabbitmq"

    @property
    def redis_url(self) -> str:
        """The Redis broker as redis-py spells it."""
        return redis_spelling(self.url)

    @property
    def transport_options(self) -> dict[str, Any]:
        """What kombu is told of the transport, for nodes and producers alike."""
        if self.rabbitmq:
            return {"confirm_publish": True}
        return {
            **REDIS_KEYS,
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "socket_keepalive": self.kind == "redis",
            "health_check_interval": 30,
        }

    def connection(self, *, heartbeat: bool = False) -> Connection:
        """A connection, not yet open; one thread at a time may use it.

        With `heartbeat` the caller must call heartbeat_check often; without, idle times do not end it.
        """
        return Connection(
            self.url,
            transport_options=self.transport_options,
            connect_timeout=CONNECT_TIMEOUT_S,
            heartbeat=HEARTBEAT_S if heartbeat and self.rabbitmq else 0,
        )

    def open(self, *, heartbeat: bool = False) -> Connection:
        """An open connection to a broker on which everything is declared. Raises what the transport raises."""
        connection = self.connection(heartbeat=heartbeat)
        try:
            connection.ensure_connection(max_retries=1, timeout=CONNECT_TIMEOUT_S)
            declare(connection, self.accounts, rabbitmq=self.rabbitmq)
        except BaseException:
            connection.release()
            raise
        return connection
