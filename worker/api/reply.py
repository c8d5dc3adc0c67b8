"""A reply: what came back over the wire, before anybody read meaning into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

HEADERS_READ = ("date", "retry-after", "x-ci-request-id", "x-ci-trace-id")
"""The only headers that mean something to us; the others are not even copied."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, those of HEADERS_READ that came, and the body; not `whole` where it was cut or broke off."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    whole: bool = True
