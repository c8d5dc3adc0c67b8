"""Opens the producers' door with what the settings say: the ledger and broker behind tasks.door.

from worker.door import open_door
with open_door() as door:
    door.enqueue(CancelCommand(job_id="av…", bucket="…", region="…"))
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError

from settings import Settings, load
from tasks.door import Door, UnreachableError
from worker.broker.publisher import EventPublisher
from worker.broker.queues import EVENTS
from worker.broker.rabbit_sender import NotConfirmedError, RabbitSender
from worker.broker.redis_queue import RedisBindings, RedisSender
from worker.inbox.intake import Bury, Intake
from worker.inbox.rabbit_inbox import RabbitInbox
from worker.inbox.redis_inbox import RedisInbox
from worker.ledger.accept import AcceptedCommands
from worker.servers import Servers, servers_of
from worker.state import StateError, connect_state

UNREACHABLE = (StateError, AMQPError, KombuError, NotConfirmedError, UnreachableError, OSError)
"""What ledger and broker raise when they are away."""


@contextmanager
def open_door(settings: Settings | None = None) -> Iterator[Door]:
    """The door to the broker of `settings` (by default those of the environment)."""
    settings = settings or load()
    with servers_of(settings) as servers, door_to(servers) as door:
        yield door


@contextmanager
def door_to(servers: Servers) -> Iterator[Door]:
    """The door to `servers`; its connections are closed at the end."""
    state = connect_state(servers.state_url)
    sender = sender_to(servers)
    try:
        yield Door(AcceptedCommands(state), sender, UNREACHABLE)
    finally:
        sender.close()
        state.close()


def inbox_of(settings: Settings, servers: Servers, bury: Bury) -> RabbitInbox | RedisInbox:
    """What takes in the plain JSON commands of `standdown.inbox`, through a door of its own."""
    door = Door(AcceptedCommands(connect_state(servers.state_url)), sender_to(servers), UNREACHABLE)
    intake = Intake(door, bury, tuple(settings.accounts))
    if servers.link.rabbitmq:
        return RabbitInbox(servers.link, intake)
    return RedisInbox(connect_state(servers.redis_broker_url), intake)


def publisher_to(servers: Servers, stopping: threading.Event) -> EventPublisher:
    """What publishes events at the broker in use."""
    if servers.link.rabbitmq:
        return EventPublisher(servers.link, stopping)
    bindings = RedisBindings(connect_state(servers.redis_broker_url), EVENTS)
    return EventPublisher(servers.link, stopping, bindings.any)


def sender_to(servers: Servers) -> RabbitSender | RedisSender:
    """What enqueues in bulk at the broker in use."""
    if servers.link.rabbitmq:
        return RabbitSender(servers.link)
    return RedisSender(connect_state(servers.redis_broker_url))
