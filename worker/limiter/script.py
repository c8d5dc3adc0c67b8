"""Runs limiter.lua at Redis for one account: the thin ring around the rules.

The caller's clock plays no part; Redis' own does. RedisError passes through: who asks decides how to wait.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from worker.limiter.verdict import Verdict

LEAD_US = 5_000
"""How far ahead of its moment a slot may be granted; the caller sleeps the rest, and wakes half of it early to
ask. Longer would let a bulk grant stand in the way of an urgent one; without, each slot would lose the round trip
and the wake-up (measured: 1 to 3 ms of 50)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say of one account's limiter."""

    limit_per_s: int
    guard_ms: float
    urgent_streak_max: int


@dataclass(frozen=True, slots=True)
class Look:
    """What is in force, and why. Times are unix seconds on Redis' clock."""

    now_s: float
    limit_per_s: int
    limit_set_per_s: int | None
    guard_ms: float
    stop_until_s: float | None
    gate: str | None
    gate_reason: str | None
    gate_author: str | None
    gate_since_s: float | None
    gate_until_s: float | None
    probe_at_s: float | None
    slowed_to_per_s: int | None


class LimiterScript:
    """The operations of limiter.lua on one account's state."""

    def __init__(self, client: redis.Redis, account: str, rules: Rules) -> None:
        text = (Path(__file__).parent / "limiter.lua").read_text(encoding="utf-8")
        self._run = client.register_script(text)
        prefix = f"standdown:{{{account}}}:limiter"
        self._keys = [prefix, f"{prefix}:grants"]
        self._rules = rules
        self._guard_us = int(rules.guard_ms * 1000)

    def _call(self, operation: str, *args: str | float, now_us: int | None = None) -> list[Any]:
        now: str | int = "" if now_us is None else now_us
        answer: list[Any] = self._run(keys=self._keys, args=[operation, now, *args])
        return answer

    def take(
        self,
        lane: str,
        client: str,
        waiting: int,
        took_us: tuple[int, int] | None = None,
        *,
        lead_us: int = LEAD_US,
        now_us: int | None = None,
    ) -> Verdict:
        """Ask for a slot for the first of `waiting` waiters in this process.

        took_us: quickest and mean time from grant to answer since the last call.
        """
        rules = self._rules
        low, mean = took_us or ("", "")
        granted, wait, now, cause, probe, watch, next_wait, number, guard, quickest = self._call(
            "take", lane, client, waiting, rules.limit_per_s, self._guard_us, rules.urgent_streak_max,
            lead_us, low, mean, now_us=now_us,
        )  # fmt: skip
        return Verdict(
            bool(granted),
            wait,
            now,
            _text(cause),
            bool(probe),
            bool(watch),
            next_wait,
            number,
            guard,
            quickest,
        )

    def report(
        self, fault: str, *, retry_after_s: float, probe: bool, reason: str, now_us: int | None = None
    ) -> None:
        """Tell the fleet how an attempt went; `fault` is '' where the API answered."""
        retry_after_us = int(retry_after_s * 1e6)
        self._call(
            "report", fault, retry_after_us, int(probe), reason, self._guard_us, self._rules.limit_per_s,
            now_us=now_us,
        )  # fmt: skip

    def late(self, number: int, by_us: int, *, now_us: int | None = None) -> None:
        """The request of grant `number` may have arrived `by_us` later than the quickest would."""
        self._call("late", number, by_us, now_us=now_us)

    def set_limit(self, limit_per_s: int | None, *, now_us: int | None = None) -> None:
        """Change the limit for everyone, at once; None returns to the configured one."""
        self._call("limit", "" if limit_per_s is None else limit_per_s, now_us=now_us)

    def hold(self, reason: str, author: str, until_s: float | None, *, now_us: int | None = None) -> None:
        """Send nothing until released, or until `until_s` (unix seconds on Redis' clock)."""
        self._call("hold", reason, author, "" if until_s is None else int(until_s * 1e6), now_us=now_us)

    def release(self, *, now_us: int | None = None) -> None:
        """Open the gate, whatever closed it."""
        self._call("release", now_us=now_us)

    def look(self, *, now_us: int | None = None) -> Look:
        """What is in force now."""
        answer = self._call("look", self._rules.limit_per_s, self._guard_us, now_us=now_us)
        fields = [_text(value) for value in answer]
        return Look(
            now_s=int(fields[0]) / 1e6,
            limit_per_s=int(float(fields[1])),
            limit_set_per_s=int(float(fields[2])) if fields[2] else None,
            guard_ms=float(fields[3]) / 1000,
            stop_until_s=_seconds(fields[4]),
            gate=fields[5] or None,
            gate_reason=fields[6] or None,
            gate_author=fields[7] or None,
            gate_since_s=_seconds(fields[8]),
            gate_until_s=_seconds(fields[9]),
            probe_at_s=_seconds(fields[10]),
            slowed_to_per_s=int(float(fields[11])) if fields[11] else None,
        )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _seconds(text: str) -> float | None:
    return int(text) / 1e6 if text else None
