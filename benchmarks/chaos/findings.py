"""What follows from the evidence: counts, and the ids of whatever should not be. Values in, values out."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.chaos.evidence import Evidence, Seen
from tasks.outcome import Lane

SETTLED_SLACK_S = 0.05
"""An event's time is read before its outcome is written: a request so shortly after it is no second one."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Of one run. Lists hold what should be empty; the rest is told."""

    outcomes: Mapping[str, int]
    deduplicated: int
    stream_distinct: int
    stream_copies: int
    consumed_distinct: int
    consumed_copies: int
    consumed_redelivered: int
    requests_per_job: Mapping[str, int]
    requests_after_settled: int
    longest_resend_s: float
    longest_resend_job: str
    taken_up_s: Sequence[float]
    worst_second: int
    throttled: int
    rubbish_missing: Sequence[str]
    rubbish_held: Sequence[str]
    lost: Sequence[str]
    contradicted: Sequence[str]
    owed: Sequence[str]
    cancelled_unseen: Sequence[str]
    ended_unseen: Sequence[str]
    untold: Sequence[str]
    unexpected: Sequence[str]
    strangers: Sequence[str]
    batch_problems: Sequence[str]
    urgent_wait_p50_s: float
    urgent_wait_p99_s: float
    urgent_wait_max_s: float


def findings_of(of: Evidence) -> Findings:
    """Put what was handed in beside what came out."""
    stream, consumed = of.books.stream, of.consumed
    everywhere = [*stream, *consumed]
    first = {seen.event_id: seen for seen in reversed(stream) if seen.outcome}
    ours = {event_id: seen for event_id, seen in first.items() if event_id in of.accepted}
    cancelled = {request.job_id for request in of.requests if request.cancelled}
    missing = [mark for mark in of.rubbish if mark not in of.books.dead_marks]
    commands_per_job = Counter(order.job_id for order in of.accepted.values())
    waits_s = _urgent_waits_s(ours.values())
    resend_s, resend_job = _longest_resend(of)
    return Findings(
        outcomes=dict(Counter(seen.outcome for seen in ours.values()).most_common()),
        deduplicated=sum(seen.deduplicated for seen in ours.values()),
        stream_distinct=len({seen.event_id for seen in stream}),
        stream_copies=len(stream) - len({seen.event_id for seen in stream}),
        consumed_distinct=len({seen.event_id for seen in consumed}),
        consumed_copies=len(consumed) - len({seen.event_id for seen in consumed}),
        consumed_redelivered=sum(seen.redelivered for seen in consumed),
        requests_per_job=of.stats["requests_per_job"]["histogram"],
        requests_after_settled=_after_settled(of, ours.values()),
        longest_resend_s=resend_s,
        longest_resend_job=resend_job,
        taken_up_s=_taken_up_s(of, ours),
        worst_second=of.stats["worst_second_all"],
        throttled=of.stats["throttled"],
        rubbish_missing=[mark for mark in missing if mark not in of.books.held_marks],
        rubbish_held=[mark for mark in missing if mark in of.books.held_marks],
        lost=_lost(of.accepted, stream, consumed),
        contradicted=_contradicted(everywhere),
        owed=[f"{command_id} ({where})" for command_id, where in of.books.owed.items()],
        cancelled_unseen=[
            seen.event_id for seen in ours.values() if seen.outcome == "cancelled" and seen.job_id not in cancelled
        ],
        ended_unseen=[
            seen.event_id for seen in ours.values() if seen.outcome == "gone" and seen.job_id not in cancelled
        ],
        untold=[
            seen.event_id
            for seen in ours.values()
            if seen.outcome == "gone" and not seen.uncertain_attempts and not seen.deduplicated
            and commands_per_job[seen.job_id] == 1
        ],
        unexpected=[
            f"{seen.event_id} ({seen.outcome})"
            for seen in ours.values()
            if seen.outcome not in ("cancelled", "gone")
        ],
        strangers=sorted(
            {
                seen.event_id
                for seen in everywhere
                if seen.outcome and seen.event_id not in of.accepted and not seen.unreadable
            }
        ),
        batch_problems=_batch_problems(of, everywhere, ours),
        urgent_wait_p50_s=quantile(waits_s, 0.5),
        urgent_wait_p99_s=quantile(waits_s, 0.99),
        urgent_wait_max_s=max(waits_s, default=math.nan),
    )  # fmt: skip


def _lost(accepted: Collection[str], *places: Sequence[Seen]) -> list[str]:
    """Accepted, and yet without an event at one of the places where there must be one."""
    ids = [{seen.event_id for seen in place} for place in places]
    return [command_id for command_id in accepted if not all(command_id in seen for seen in ids)]


def _contradicted(events: Iterable[Seen]) -> list[str]:
    """Ids that were told with more than one outcome, anywhere."""
    outcomes: dict[str, set[str]] = {}
    for seen in events:
        outcomes.setdefault(seen.event_id, set()).add(seen.outcome)
    return [f"{event_id} ({', '.join(sorted(told))})" for event_id, told in outcomes.items() if len(told) > 1]


def _batch_problems(of: Evidence, events: Sequence[Seen], ours: Mapping[str, Seen]) -> list[str]:
    """What is wrong with the batch's last event: it must be one, and count its commands' outcomes rightly."""
    batches = [seen for seen in events if not seen.outcome]
    told = {tuple(sorted(seen.counts.items())) for seen in batches}
    in_batch = [seen for event_id, seen in ours.items() if of.accepted[event_id].batch_index is not None]
    if len(in_batch) < of.batch_size:
        return []  # some were lost or never accepted; that is told elsewhere
    if len(told) != 1 or {seen.job_id for seen in batches} != {of.batch_id}:
        return [f"{len(told)} different last events of the batch"]
    right = Counter(seen.outcome for seen in in_batch)
    [counts] = told
    return (
        [] if dict(counts) == dict(right) else [f"the batch counts {dict(counts)}, its events {dict(right)}"]
    )


def _after_settled(of: Evidence, events: Iterable[Seen]) -> int:
    """Requests for a job after the first command for it had ended."""
    ended: dict[str, float] = {}
    for seen in events:
        ended[seen.job_id] = min(seen.settled_unix_s, ended.get(seen.job_id, math.inf))
    return sum(
        request.at_unix_s > ended.get(request.job_id, math.inf) + SETTLED_SLACK_S for request in of.requests
    )


def _longest_resend(of: Evidence) -> tuple[float, str]:
    """The longest time between two requests for one job: how long a command lay whose node was killed."""
    last: dict[str, float] = {}
    longest_s, job_id = 0.0, ""
    for request in of.requests:
        waited_s = request.at_unix_s - last.get(request.job_id, request.at_unix_s)
        if waited_s > longest_s:
            longest_s, job_id = waited_s, request.job_id
        last[request.job_id] = request.at_unix_s
    return longest_s, job_id


def _taken_up_s(of: Evidence, events: Mapping[str, Seen]) -> list[float]:
    """For each command that was sent by a node that died: how long nothing more was heard of it. In order."""
    heard: dict[str, list[float]] = {}
    for request in of.requests:
        heard.setdefault(request.job_id, []).append(request.at_unix_s)
    longest = []
    for seen in (events[command_id] for command_id in of.books.orphans if command_id in events):
        moments = [*heard.get(seen.job_id, ()), seen.settled_unix_s]
        if len(moments) > 1:
            longest.append(max(after - before for before, after in pairwise(sorted(moments))))
    return sorted(longest)


def _urgent_waits_s(events: Iterable[Seen]) -> list[float]:
    return sorted(
        seen.settled_unix_s - seen.requested_unix_s
        for seen in events
        if seen.lane == Lane.URGENT and not seen.deduplicated and seen.requested_unix_s is not None
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of values in order."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan
