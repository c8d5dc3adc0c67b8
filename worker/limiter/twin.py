"""The limiter's rules in Python, line for line those of limiter.lua.

It stands alone so that the rules can be walked through millions of moments without a server, and so that a
property test can hold the script against it step by step. Nothing in production runs it.
All times are integers in microseconds.
"""

from dataclasses import dataclass

from worker.limiter.fixed import (
    FAILURES_MAX,
    GUARD_KEPT_US,
    GUARD_MAX_US,
    GUARD_MIN_US,
    PROBE_US,
    RECOVERY_US,
    SECOND_US,
    STALE_US,
    WAIT_MAX_US,
)
from worker.limiter.memory import Memory
from worker.limiter.verdict import Verdict


@dataclass
class Twin(Memory):
    """The rules over what the limiter of one account remembers."""

    def guard(self, start: int) -> int:
        measured = start if self.jitter is None else 2 * self.jitter
        if self.guard_until is not None and self.seen < self.guard_until:
            measured = max(measured, self.guard_kept)
        return max(GUARD_MIN_US, min(GUARD_MAX_US, int(measured)))

    def widest(self, guarded: int) -> int:
        if self.wide_at is None or self.seen - self.wide_at >= SECOND_US + GUARD_MAX_US:
            self.wide, self.wide_before, self.wide_at = guarded, self.wide, self.seen
        self.wide = max(self.wide, guarded)
        return max(self.wide, self.wide_before)  # of the grants that still count

    def limit_now(self, configured: int) -> int:
        limit = self.limit or configured
        if self.slow_limit is not None and self.slow_at is not None:
            step = max(1, limit // 20)
            risen = self.slow_limit + step * (max(0, self.seen - self.slow_at) // RECOVERY_US)
            if risen < limit:
                return risen
            self.slow_limit = self.slow_at = None
        return limit

    def grant_at(self, place: int) -> int | None:
        return sorted(self.grants.values(), reverse=True)[place - 1] if place <= len(self.grants) else None

    def told(self, lane: str) -> dict[str, int]:
        return self.urgent if lane == "urgent" else self.bulk

    def before(self, lane: str, client: str) -> int:
        waiting = self.told(lane)
        mine = (waiting[client], client) if client in waiting else None
        return sum(name != client and (mine is None or (told, name) < mine) for name, told in waiting.items())

    def turn(self, lane: str, client: str, limit: int, window: int, earliest: int) -> int:
        count = self.before(lane, client)
        if lane == "urgent":
            grant = self.grant_at(max(1, limit - count))
            return earliest if grant is None else max(earliest, grant + window)
        return earliest + count * (window // limit)

    def refusal(self, wake: int, lead: int, cause: str) -> Verdict:
        wait = max(1000, min(wake - self.seen - lead // 2, WAIT_MAX_US))
        return Verdict(False, wait, self.seen, cause)

    def take(
        self,
        now: int,
        *,
        lane: str,
        client: str,
        waiting: int,
        configured: int,
        guard_start: int,
        streak_max: int,
        lead: int,
        took: tuple[int, int] | None = None,
    ) -> Verdict:
        self.step_to(now)
        self.measure(took, guard_start)
        limit = self.limit_now(configured)
        guarded = self.guard(guard_start)
        window = SECOND_US + self.widest(guarded)
        spacing = window // limit
        self.cap = max(self.cap, self.limit or configured)
        self.urgent = {name: told for name, told in self.urgent.items() if told + STALE_US >= now}
        self.bulk = {name: told for name, told in self.bulk.items() if told + STALE_US >= now}

        probe = False
        if self.gate and self.gate_until is not None and now >= self.gate_until:
            self.open_gate()
        if self.gate:
            if self.probe_at is None:
                return self.refusal(self.gate_until or now + WAIT_MAX_US, 0, self.gate)
            if now < self.probe_at:
                return self.refusal(self.probe_at, 0, self.gate)
            probe = True
        if self.fresh_until is not None and now < self.fresh_until:
            return self.refusal(self.fresh_until, 0, "fresh")
        if self.stop_until is not None and now < self.stop_until:
            return self.refusal(self.stop_until, 0, "throttled")

        earliest, blocked, cause = max(now, self.last or 0), False, "window"
        if (oldest := self.grant_at(limit)) is not None:
            earliest = max(earliest, oldest + window)
        if lane == "bulk":
            paced = (self.bulk_at or 0) + spacing
            if paced > earliest:
                earliest, cause = paced, "pacing"
            if not probe and self.urgent and self.streak < streak_max:
                earliest, cause, blocked = max(earliest, now + spacing), "yield", True
        elif self.streak >= streak_max and self.bulk:
            second = self.grant_at(limit - 1) if limit > 1 else None
            if limit == 1:
                earliest, cause, blocked = max(earliest, now + spacing), "yield", True
            elif second is not None and second + window > earliest:
                earliest, cause = second + window, "yield"

        if blocked or earliest > now + lead:
            wake = self.turn(lane, client, limit, window, earliest)
            self.told(lane)[client] = wake
            return self.refusal(wake, lead, cause)

        self.granted += 1
        self.grants[self.granted] = earliest
        # Redis breaks a tie of two times by comparing the members as text
        oldest_first = sorted(self.grants, key=lambda number: (self.grants[number], str(number)))
        for number in oldest_first[: -self.cap]:
            del self.grants[number]
        self.last = earliest
        if lane == "bulk":
            self.bulk_at, self.streak = earliest, 0
        else:
            self.streak = self.streak + 1 if self.bulk else 0
        if probe and self.gate and self.probe_every is not None:
            self.probe_every = min(self.probe_every * 2, PROBE_US[self.gate][1])
            self.probe_at = now + self.probe_every
        self.told(lane).pop(client, None)
        next_wait = 0
        if waiting > 1:
            soonest = now
            if (freed := self.grant_at(limit)) is not None:
                soonest = max(soonest, freed + window)
            if lane == "bulk":
                soonest = max(soonest, earliest + spacing)
            self.told(lane)[client] = told = self.turn(lane, client, limit, window, soonest)
            next_wait = max(0, told - now - lead // 2)
        watch = self.failures > 0 or self.gate is not None
        quickest = int(self.quickest or 0)
        return Verdict(
            True, earliest - now, now, "", probe, watch, next_wait, self.granted, guarded, quickest
        )

    def measure(self, took: tuple[int, int] | None, start: int) -> None:
        if took is None:
            return
        low, mean = took
        kept = low if self.quickest is None else self.quickest + (low - self.quickest) / 128
        self.quickest = min(low, kept)
        jitter = start / 2 if self.jitter is None else self.jitter
        self.jitter = jitter + (mean - self.quickest - jitter) / 32

    def late(self, now: int, number: int, by: int) -> None:
        self.step_to(now)
        if number in self.grants:
            self.grants[number] += by

    def report(
        self, now: int, *, fault: str, retry_after: int, probe: bool, guard_start: int, configured: int
    ) -> None:
        self.step_to(now)
        if fault == "throttle":
            if self.slow_at is None or now >= self.slow_at:
                self.slow_limit = max(1, self.limit_now(configured) // 2)
            self.stop_until = max(self.stop_until or 0, now + max(SECOND_US, retry_after))
            self.slow_at = self.stop_until
            self.guard_kept = min(GUARD_MAX_US, self.guard(guard_start) * 2)
            self.guard_until = now + GUARD_KEPT_US
            self.failures = 0
            if self.gate == "failing":
                self.open_gate()
        elif fault in ("server", "network"):
            self.failures += 1
            if not self.gate and self.failures >= FAILURES_MAX:
                self.close_gate("failing")
        elif fault == "account":
            if self.gate in (None, "failing"):
                self.close_gate("account")
        else:
            self.failures = 0
            if self.gate == "failing" or (self.gate == "account" and probe):
                self.open_gate()

    def close_gate(self, kind: str, until: int | None = None) -> None:
        self.gate, self.gate_since, self.gate_until = kind, self.seen, until
        first = PROBE_US[kind][0] if kind in PROBE_US else None
        self.probe_every = first
        self.probe_at = self.seen + first if first is not None else None

    def open_gate(self) -> None:
        self.gate = self.gate_since = self.gate_until = self.probe_every = self.probe_at = None
        self.failures = 0
