"""Which broker and state are in use: the configured ones, or the embedded server."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from settings import Settings
from worker.broker.link import Link
from worker.embedded import Embedded


@dataclass(frozen=True, slots=True)
class Servers:
    """Where broker and state are. `state_url` may hold a password and is kept out of the repr."""

    link: Link
    state_url: str
    embedded: Embedded | None

    def __repr__(self) -> str:
        return f"Servers({self.link!r})"

    @property
    def redis_broker_url(self) -> str:
        """Where the queues are, if Redis is the broker: an embedded server is its own state, others need not be."""
        return self.state_url if self.embedded else self.link.redis_url


@contextmanager
def servers_of(settings: Settings) -> Iterator[Servers]:
    """The servers in use; the embedded one lives while anybody is inside. Raises EmbeddedError."""
    accounts, timeout_s = tuple(settings.accounts), settings.broker.confirm_timeout_s
    if settings.broker.kind == "embedded":
        data_dir, binary = settings.embedded.data_dir, settings.embedded.server
        with Embedded.ensure(data_dir, server_path=binary) as embedded:
            link = Link(embedded.broker_url, "embedded", timeout_s, accounts)
            yield Servers(link, embedded.state_url, embedded)
        return
    broker, state = settings.broker.kombu_url, settings.state.redis_url
    if broker is None or state is None:
        raise RuntimeError("settings without broker or state were let through")
    link = Link(broker.get_secret_value(), settings.broker.kind, timeout_s, accounts)
    yield Servers(link, state.get_secret_value(), None)
