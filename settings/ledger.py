"""How long and how much the ledger remembers."""

from typing import ClassVar

from pydantic import Field

from settings.group import Group


class Ledger(Group):
    """What is known of each command and job, kept in the state Redis."""

    PREFIX: ClassVar[str] = "STANDDOWN_LEDGER_"

    # a day: a job lives 5 h at most, and "what happened last night?" is asked in the morning
    retention_s: int = Field(default=86_400, ge=60, le=2_592_000)
    # one purge of 100,000: the largest that is promised; an event is about 1 KiB (estimated)
    events_max: int = Field(default=100_000, ge=100, le=10_000_000)
    # longer than one call (3 s connect + 10 s read), short enough that a dead node's command moves on soon
    lease_s: float = Field(default=15.0, ge=1, le=300)
