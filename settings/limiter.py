"""How fast requests may leave."""

from typing import ClassVar

from pydantic import Field

from settings.group import Group


class Limiter(Group):
    """One limit per account, kept by the whole fleet together."""

    PREFIX: ClassVar[str] = "STANDDOWN_LIMIT_"

    # Source: doc 436/76263, "Default API request rate limit: 20 requests/sec"; it can be raised by ticket
    per_s: int = Field(default=20, ge=1, le=10_000)
    # pays for jitter between grant and arrival; 50.0 ms pacing without one was measured to let 21 pass in 1 s
    guard_ms: float = Field(default=20.0, ge=5, le=250)
    # one slot in twenty for a waiting bulk command, so that no urgent storm stops a purge for good
    urgent_streak_max: int = Field(default=19, ge=1, le=10_000)
    # then the command goes back to the queue; must stay well below RabbitMQ's consumer_timeout of 30 min
    wait_max_s: float = Field(default=120.0, ge=1, le=900)
