"""The impartial witness: counts every API request that arrived, exactly, whatever was decided on it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from worker.sandbox.job import Job
from worker.sandbox.limit import SECOND_NS, BusiestSecond
from worker.sandbox.log import Arrival, ArrivalLog

ACCOUNT_COUNT_MAX = 1000
OTHER_ACCOUNTS = "(others)"
NO_ACCOUNT = "(unknown)"


class Tally:
    """Counts of one account, or of all together."""

    def __init__(self) -> None:
        self.requests, self.signed, self.admitted, self.throttled = 0, 0, 0, 0
        self.by_status: Counter[str] = Counter()
        self.worst_all, self.worst_admitted = BusiestSecond(), BusiestSecond()
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    def add(self, arrival: Arrival, *, throttled: bool) -> None:
        self.requests += 1
        self.throttled += throttled
        self.by_status[str(arrival.status) if arrival.status else "none"] += 1
        if arrival.signed:
            self.signed += 1
            self.worst_all.add(arrival.at_ns)
            self.first_ns = arrival.at_ns if self.first_ns is None else self.first_ns
            self.last_ns = arrival.at_ns
        if arrival.admitted:
            self.admitted += 1
            self.worst_admitted.add(arrival.at_ns)

    def told(self, unix_of: Callable[[int], float]) -> dict[str, Any]:
        """As JSON values. Rates are over signed requests: n arrivals have n - 1 intervals between them."""

        def when(at_ns: int | None) -> float | None:
            return None if at_ns is None else round(unix_of(at_ns), 6)

        active_ns = (self.last_ns or 0) - (self.first_ns or 0)
        return {
            "requests_total": self.requests,
            "signed": self.signed,
            "admitted": self.admitted,
            "throttled": self.throttled,
            "by_status": dict(sorted(self.by_status.items())),
            "worst_second_all": self.worst_all.most,
            "worst_second_all_ended_unix_s": when(self.worst_all.at_ns),
            "worst_second_admitted": self.worst_admitted.most,
            "first_arrival_unix_s": when(self.first_ns),
            "last_arrival_unix_s": when(self.last_ns),
            "seconds_active": round(active_ns / SECOND_NS, 6),
            "average_per_s": round((self.signed - 1) * SECOND_NS / active_ns, 3) if active_ns else None,
        }


class Witness:
    """All counts since the last reset, and the log of arrivals."""

    def __init__(self, log_size: int, unix_of: Callable[[int], float]) -> None:
        self.log = ArrivalLog(log_size)
        self.unix_of = unix_of
        self._resets = 0
        self.reset()

    def reset(self) -> None:
        """Start counting anew. Numbers of requests go on, and so does the limit's own second."""
        self._resets += 1
        self.log.clear()
        self._all = Tally()
        self._accounts: dict[str, Tally] = {}
        self._by_fault: Counter[str] = Counter()
        self._by_operation: Counter[str] = Counter()
        self._per_job: Counter[int] = Counter()
        self._cancelled = 0
        self.lag_max_ns = 0
        self.unreadable = 0

    def note(self, arrival: Arrival, job: Job | None, *, throttled: bool, cancelled: bool) -> int:
        """Count one arrival; gives its number. `cancelled`: it ended the job."""
        seq = self.log.add(arrival)
        self._all.add(arrival, throttled=throttled)
        self._account(arrival.account).add(arrival, throttled=throttled)
        self._by_operation[arrival.operation] += 1
        if arrival.fault:
            self._by_fault[arrival.fault] += 1
        self._cancelled += cancelled
        if job is not None:
            job.seen(seq)
            if job.resets != self._resets:
                job.resets, job.requests = self._resets, 0
            if job.requests:
                self._per_job[job.requests] -= 1
            job.requests += 1
            self._per_job[job.requests] += 1
        return seq

    def lagged(self, late_ns: int) -> None:
        """The witness itself looked `late_ns` too late: an arrival may bear a time later by that much."""
        self.lag_max_ns = max(self.lag_max_ns, late_ns)

    def stats(self) -> dict[str, Any]:
        """All counts as JSON values."""
        histogram = {str(times): jobs for times, jobs in sorted(self._per_job.items()) if jobs}
        return {
            **self._all.told(self.unix_of),
            "by_operation": dict(sorted(self._by_operation.items())),
            "by_fault": dict(sorted(self._by_fault.items())),
            "unreadable_requests": self.unreadable,
            "distinct_jobs_cancelled": self._cancelled,
            "requests_per_job": {"max": max(map(int, histogram), default=0), "histogram": histogram},
            "per_account": {name: tally.told(self.unix_of) for name, tally in self._accounts.items()},
            "log": {
                "oldest_seq": self.log.oldest_seq,
                "next_seq": self.log.next_seq,
                "truncated": self.log.truncated,
            },
            "witness_lag_max_ms": round(self.lag_max_ns / 1e6, 3),
        }

    def row(self, seq: int, arrival: Arrival) -> dict[str, Any]:
        """One arrival as JSON values."""
        return {
            "seq": seq,
            "t_unix": round(self.unix_of(arrival.at_ns), 6),
            "t_mono": arrival.at_ns / SECOND_NS,
            "operation": arrival.operation,
            "job_id": arrival.job_id or None,
            "account": arrival.account,
            "status": arrival.status or None,
            "fault": arrival.fault or None,
            "signed": arrival.signed,
            "admitted": arrival.admitted,
        }

    def _account(self, name: str) -> Tally:
        tally = self._accounts.get(name)
        if tally is None:
            if len(self._accounts) >= ACCOUNT_COUNT_MAX:
                name = OTHER_ACCOUNTS
            tally = self._accounts.setdefault(name, Tally())
        return tally
