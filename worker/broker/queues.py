"""The names and kinds of queues and exchanges, as both brokers are to have them."""

from collections.abc import Iterable
from typing import Any

from kombu import Connection, Exchange, Queue

from tasks.message import again_queue_name, queue_name
from tasks.outcome import Lane

EVENTS = "standdown.events"
DEAD = "standdown.dead"
EVENTS_QUEUE_MAX = 100_000
"""How many events wait for a consumer at RabbitMQ; the oldest go first. The ledger's stream keeps its own."""
DEAD_QUEUE_MAX = 100_000
INBOX = "standdown.inbox"
"""Plain JSON commands for every account."""
DELIVERY_LIMIT = 20
"""How often RabbitMQ delivers a message before it becomes a dead letter; a node killed with it counts once."""

REDIS_KEYS = {
    # kombu's own names are the same for every application on a Redis; ours must not meet them
    "unacked_key": "standdown:broker:unacked",
    "unacked_index_key": "standdown:broker:unacked_index",
    "unacked_mutex_key": "standdown:broker:unacked_mutex",
}
VISIBILITY_TIMEOUT_S = 3600
"""When kombu hands a message of a dead node out again; the ledger's leases are long done with it by then."""


def events_exchange() -> Exchange:
    """Where events are published, by `<account>.<outcome>`."""
    return Exchange(EVENTS, type="topic", durable=True)


def command_queue(account: str, lane: Lane, *, rabbitmq: bool) -> Queue:
    """The queue of one account and lane."""
    name = queue_name(account, lane)
    if rabbitmq:
        return _quorum_queue(name)
    return Queue(name, exchange=Exchange("", type="direct"), routing_key=name, durable=True)


def consumed_queues(account: str, lane: Lane, *, rabbitmq: bool) -> list[Queue]:
    """All that a node of this account and lane takes from."""
    queue = command_queue(account, lane, rabbitmq=rabbitmq)
    return [queue, _quorum_queue(again_queue_name(account, lane))] if rabbitmq else [queue]


def _quorum_queue(name: str) -> Queue:
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    exchange = Exchange("", type="direct")
    return Queue(name, exchange=exchange, routing_key=name, durable=True, queue_arguments=arguments)


def declare(connection: Connection, accounts: Iterable[str], *, rabbitmq: bool) -> None:
    """Declare everything, so that nothing published is without a queue. Repeating it changes nothing."""
    with connection.channel() as channel:
        events_exchange().declare(channel=channel)
        if rabbitmq:
            dead = Exchange(DEAD, type="fanout", durable=True)
            kinds = {"x-queue-type": "quorum"}
            bounded = {**kinds, "x-max-length": DEAD_QUEUE_MAX}
            Queue(DEAD, exchange=dead, durable=True, queue_arguments=bounded, channel=channel).declare()
            _quorum_queue(INBOX).bind(channel).declare()
            # On Redis an unread queue would grow for ever; there the ledger's stream keeps the events.
            Queue(
                EVENTS,
                exchange=events_exchange(),
                routing_key="#",
                durable=True,
                queue_arguments={**kinds, "x-max-length": EVENTS_QUEUE_MAX},
                channel=channel,
            ).declare()
        for account in accounts:
            for lane in Lane:
                for queue in consumed_queues(account, lane, rabbitmq=rabbitmq):
                    queue.bind(channel).declare()
