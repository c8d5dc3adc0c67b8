"""The embedded server: a private redis-server that is broker and state for everything on one machine."""

from worker.embedded.binary import EmbeddedError
from worker.embedded.embedded import Embedded

__all__ = ["Embedded", "EmbeddedError"]
