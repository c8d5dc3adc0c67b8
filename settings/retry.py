"""How often and how late a command is tried again."""

from typing import ClassVar

from pydantic import Field

from settings.group import Group


class Retry(Group):
    """Short retries stay in the call, longer ones go back to the queue."""

    PREFIX: ClassVar[str] = "STANDDOWN_RETRY_"

    # an in-call retry has covered the first seconds; countdowns are whole seconds, and never between 0 and 1
    delay_min_s: float = Field(default=5.0, ge=1, le=3000)
    # five minutes of 5 h are lost at worst; must stay below the Redis visibility timeout of 1 h
    delay_max_s: float = Field(default=300.0, ge=1, le=3000)
    # each takes a slot of its own: more would be stolen from other commands
    call_attempts_max: int = Field(default=3, ge=1, le=10)
    # a thread that waits serves nobody else; also well inside the grace of a stop
    call_max_s: float = Field(default=10.0, ge=1, le=60)
