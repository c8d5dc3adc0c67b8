"""The connection to the Redis that keeps the state: limiter, ledger, batches, holds."""

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError as StateError
from redis.retry import Retry

__all__ = ["StateError", "connect_state"]

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 5.0


def connect_state(url: str) -> redis.Redis:
    """A client for `url` that fails fast: who calls decides how long to wait, and can be stopped meanwhile."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
    )
