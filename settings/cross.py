"""The rules that tie groups of settings to each other."""

from collections.abc import Iterator

from settings.root import Settings

Clash = tuple[frozenset[str], str]
"""The settings concerned, and the sentence. Where one of them is wrong in itself, that is said instead."""


def clashes(settings: Settings) -> Iterator[Clash]:
    """What does not fit together."""
    yield from _broker_and_state(settings)
    yield from _grace_and_timeouts(settings)
    yield from _shortest_and_longest_delay(settings)


def _broker_and_state(settings: Settings) -> Iterator[Clash]:
    concerned = frozenset({"STANDDOWN_BROKER_URL", "STANDDOWN_STATE_URL"})
    if settings.broker.kind == "rabbitmq" and settings.state.url is None:
        yield (
            concerned,
            "STANDDOWN_STATE_URL is missing: the broker is RabbitMQ, so limiter and ledger need a Redis, "
            "e.g. redis://127.0.0.1:6379/0",
        )
    if settings.broker.kind == "embedded" and settings.state.url is not None:
        yield (
            concerned,
            "STANDDOWN_BROKER_URL is missing: STANDDOWN_STATE_URL is set, but the embedded server keeps "
            "its own state; set both or neither",
        )


def _grace_and_timeouts(settings: Settings) -> Iterator[Clash]:
    call_s = settings.api.connect_timeout_s + settings.api.read_timeout_s
    if settings.node.grace_s <= call_s:
        yield (
            frozenset(
                {
                    "STANDDOWN_NODE_GRACE_S",
                    "STANDDOWN_API_CONNECT_TIMEOUT_S",
                    "STANDDOWN_API_READ_TIMEOUT_S",
                }
            ),
            "STANDDOWN_NODE_GRACE_S must be longer than STANDDOWN_API_CONNECT_TIMEOUT_S and "
            f"STANDDOWN_API_READ_TIMEOUT_S together ({call_s:g}), so that a node that is stopped can end "
            f"its call, got {settings.node.grace_s:g}",
        )


def _shortest_and_longest_delay(settings: Settings) -> Iterator[Clash]:
    shortest_s, longest_s = settings.retry.delay_min_s, settings.retry.delay_max_s
    if longest_s < shortest_s:
        yield (
            frozenset({"STANDDOWN_RETRY_DELAY_MIN_S", "STANDDOWN_RETRY_DELAY_MAX_S"}),
            f"STANDDOWN_RETRY_DELAY_MAX_S must not be below STANDDOWN_RETRY_DELAY_MIN_S ({shortest_s:g}), "
            f"got {longest_s:g}",
        )
