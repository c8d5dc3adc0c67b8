"""Real, private servers for tests and benchmarks: each in a folder of its own, ended by its process id."""

from tests.servers.rabbit import RabbitServer
from tests.servers.redis import RedisServer
from tests.servers.server import MissingServerError

__all__ = ["MissingServerError", "RabbitServer", "RedisServer"]
