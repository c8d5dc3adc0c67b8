"""The retry decision: what becomes of a command after an attempt that brought no decision.

Pure: error, counts and a random number in, a step out. Waiting, snoozing and redelivery never count as
attempts; only requests do.

    soon     again in the same call: the fault is fresh and transient
    later    back to the queue: exponential with full jitter, until the command's deadline
    ask      the answer is unexplained: ask the API whether the job still runs
    refuse   the command itself is wrong
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from tasks.answer import AttemptError


class Step(Enum):
    """What to do next with a command whose attempt failed."""

    SOON = auto()
    LATER = auto()
    ASK = auto()
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class RetryRules:
    """How often and how long to try. Times in seconds; `call` is one stay in a worker thread."""

    call_attempts_max: int = 3
    call_max_s: float = 10.0
    delay_min_s: float = 5.0
    delay_max_s: float = 300.0


def next_step(error: AttemptError) -> Step:
    """What kind of retry `error` asks for; whether `soon` is still allowed is the call's own limit."""
    if error.fault == "command":
        return Step.REFUSE if error.explained else Step.ASK
    # An account's fault holds the account: its commands wait in the queue, none of them is to blame.
    return Step.LATER if error.fault == "account" else Step.SOON


def pause_s(attempt_in_call: int, random: float) -> float:
    """The pause before the next attempt of the same call, in seconds: 0.2 s doubling, full jitter.

    attempt_in_call: the one that failed, counted from 1. random: from [0, 1).
    """
    return random * min(2.0, 0.2 * 2.0 ** (attempt_in_call - 1))


def retry_delay_s(attempts: int, random: float, rules: RetryRules) -> int:
    """How long the command stays away before it is enqueued again, in whole seconds.

    Full jitter between the least delay and a ceiling that doubles with each attempt made (`attempts` ≥ 0).
    """
    doublings = min(max(0, attempts - 1), 32)
    ceiling_s = min(rules.delay_max_s, rules.delay_min_s * 2 * 2.0**doublings)
    return math.ceil(rules.delay_min_s + random * (ceiling_s - rules.delay_min_s))


def due_in_s(delay_s: float, *, now: datetime, not_after: datetime) -> float:
    """`delay_s`, but not beyond the deadline: the command comes back in time to expire."""
    left = not_after - now
    return max(0.0, min(delay_s, left / timedelta(seconds=1)))
