"""`make chaos` in its short form on both brokers, and that its report would notice what it is there to notice."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chaos.evidence import Books, Evidence, Seen
from benchmarks.chaos.findings import findings_of
from benchmarks.chaos.plan import FULL, SHORT, Kind, strikes_of
from benchmarks.chaos.recovery import recoveries_of
from benchmarks.chaos.rubbish import KINDS, marks_in, rubbish_of
from benchmarks.chaos.saboteur import Struck
from benchmarks.chaos.verdict import musts_of
from benchmarks.chaos.witness import Request, request_of
from benchmarks.chaos.workload import PLACE, Order, workload_of
from tasks.outcome import Lane

ROOT = Path(__file__).parents[2]
SEED = 20


@pytest.mark.timeout(170)
@pytest.mark.parametrize("broker", ["rabbitmq", "redis"])
def test_a_short_chaos_run_keeps_every_promise(broker: str, tmp_path: Path) -> None:
    """Nodes, broker and state killed, a node suspended, a rolling restart, a failing API: nothing lost or twice."""
    command = [sys.executable, "-m", "benchmarks.chaos", "--broker", broker, "--short", "--seed", str(SEED)]
    run = subprocess.Popen(
        [*command, "--json", str(tmp_path / "chaos.json")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        report, _ = run.communicate(timeout=160)
    finally:
        if run.poll() is None:
            run.terminate()  # it ends what it started
            report, _ = run.communicate(timeout=30)
    assert run.returncode == 0, report


def _event(command_id: str, **changes: Any) -> Seen:
    seen = Seen(command_id, "cancelled", f"job-{command_id}", "bulk", 11.0, 11.0, 9.0, attempts=1)
    return replace(seen, **changes)


def _request(command_id: str, at_unix_s: float = 10.0, **changes: Any) -> Request:
    request = Request(at_unix_s, f"job-{command_id}", 200, "", cancelled=True, succeeded=True)
    return replace(request, **changes)


def _evidence(events: Sequence[Seen] | None = None, **changes: Any) -> Evidence:
    """Two commands of one batch that went well, and one piece of rubbish with its dead letter."""
    batch = _event("batch-b", outcome="", job_id="b", lane="", counts={"cancelled": 2})
    stream = [_event("a"), _event("b"), batch] if events is None else [*events, batch]
    whole = Evidence(
        broker="rabbitmq",
        limit_per_s=100,
        batch_id="b",
        batch_size=2,
        accepted={name: Order(0.0, name, f"job-{name}", Lane.BULK, index) for index, name in enumerate("ab")},
        copies=0,
        tried_again=0,
        rubbish={"rubbish-0-0": "unknown task"},
        books=Books(stream, {}, {"standdown.default.bulk": 0}, 1, frozenset({"rubbish-0-0"})),
        consumed=list(stream),
        requests=[_request("a"), _request("b")],
        stats={"requests_per_job": {"histogram": {"1": 2}}, "worst_second_all": 100, "throttled": 0},
        struck=[Struck(Kind.KILL_NODE, 1.0, 9.5, 9.5, 0.5)],
        planned_strikes=1,
        problems=[],
        idle_nodes=[],
        duration_s=12.0,
        drain_s=1.0,
    )
    return replace(whole, **changes)


def _broken(evidence: Evidence) -> set[str]:
    return {must.name for must in musts_of(evidence, findings_of(evidence)) if not must.holds}


def test_a_run_that_went_well_breaks_no_promise() -> None:
    """Evidence without fault passes, and a repeated event is none."""
    assert _broken(_evidence()) == set()
    twice = [_event("a"), _event("a"), _event("b")]
    assert _broken(_evidence(twice)) == set()
    assert findings_of(_evidence(twice)).stream_copies == 1


def _books(**changes: Any) -> Books:
    return replace(_evidence().books, **changes)


@pytest.mark.parametrize(
    ("evidence", "broken"),
    [
        (_evidence([_event("a")]), {"lost"}),
        (_evidence(consumed=[_event("a")]), {"lost"}),
        (
            _evidence([_event("a"), _event("a", outcome="gone", uncertain_attempts=1), _event("b")]),
            {"settled twice with different outcomes"},
        ),
        (_evidence(books=_books(owed={"a": "lane bulk"})), {"still waiting"}),
        (_evidence(books=_books(queued={"standdown.inbox": 1})), {"waiting in a queue"}),
        (_evidence(requests=[_request("a")]), {"cancelled, but not at the API"}),
        (
            _evidence([_event("a"), _event("b", outcome="refused")]),
            {"refused, expired or aborted", "batch miscounted"},
        ),
        (
            _evidence([_event("a"), _event("b", outcome="gone")]),
            {"gone, our own cancel not told", "batch miscounted"},
        ),
        (
            _evidence([_event("a"), _event("b"), _event("c")], requests=[_request(name) for name in "abc"]),
            {"events of nobody's command"},
        ),
        (_evidence(stats={**_evidence().stats, "worst_second_all": 101}), {"worst second"}),
        (_evidence(stats={**_evidence().stats, "throttled": 1}), {"throttled by the limit itself"}),
        (_evidence(books=_books(dead_marks=frozenset())), {"rubbish without a dead letter"}),
        (_evidence(idle_nodes=["a bulk node"]), {"idle nodes"}),
        (_evidence(log_counts={"command.surprised": 1}), {"surprises in the log"}),
        (_evidence(struck=[]), {"strikes that did not go as planned"}),
    ],
)
def test_each_broken_promise_is_noticed(evidence: Evidence, broken: set[str]) -> None:
    """Whatever goes wrong has a row of its own in the report, and a sentence with the ids."""
    assert _broken(evidence) == broken
    sentences = [must.sentence for must in musts_of(evidence, findings_of(evidence)) if not must.holds]
    assert all(sentences)


def test_rubbish_in_the_hands_of_a_dead_node_is_told_apart_from_lost_rubbish() -> None:
    """On Redis the broker gives it out again after an hour: it is neither buried nor lost."""
    found = findings_of(
        _evidence(books=_books(dead_marks=frozenset(), held_marks=frozenset({"rubbish-0-0"})))
    )
    assert (list(found.rubbish_missing), list(found.rubbish_held)) == ([], ["rubbish-0-0"])


def test_recovery_of_a_server_counts_from_the_strike_to_the_first_success_after_its_return() -> None:
    """What was in flight when it died says nothing of recovery."""
    struck = Struck(Kind.KILL_BROKER, 0.0, 9.9, 10.5, 0.6)
    requests = [_request("a", 10.0), _request("b", 12.9)]
    [recovery] = recoveries_of(_evidence(struck=[struck], requests=requests))
    assert recovery.request_s == pytest.approx(3.0)
    assert recovery.bulk_s == pytest.approx(1.1)
    assert recovery.urgent_s != recovery.urgent_s  # NaN: no urgent event came any more


def test_requests_after_the_outcome_are_counted() -> None:
    """A request that arrives after its job's first outcome is told."""
    requests = [_request("a"), _request("b"), _request("a", 14.0, cancelled=False, status=404)]
    found = findings_of(_evidence(requests=requests))
    assert found.requests_after_settled == 1
    assert (found.longest_resend_s, found.longest_resend_job) == (4.0, "job-a")


@pytest.mark.parametrize(
    ("status", "fault", "cancelled"),
    [
        (200, None, True),
        (404, None, False),
        (None, "applied-reset", True),
        (500, "500", False),
        (None, "down", False),
    ],
)
def test_the_witness_row_says_whether_the_job_was_cancelled(
    status: int | None, fault: str | None, cancelled: bool
) -> None:
    """A plain 200 and every fault that takes effect cancel; nothing else does."""
    row = {"t_unix": 1.0, "job_id": "av1", "operation": "cancel", "status": status, "fault": fault}
    assert request_of(row).cancelled is cancelled


@pytest.mark.parametrize("plan", [SHORT, FULL])
def test_the_same_seed_strikes_and_hands_in_the_same(plan: Any) -> None:
    """A run can be repeated; another seed is another run; every kind strikes as often as planned, in time."""
    strikes = strikes_of(plan, 1)
    assert strikes == strikes_of(plan, 1) != strikes_of(plan, 2)
    assert workload_of(plan, strikes, 1) == workload_of(plan, strikes, 1) != workload_of(plan, strikes, 2)
    for kind, count in plan.strikes.items():
        assert sum(strike.kind is kind for strike in strikes) == count
    assert all(0 < strike.at_s < plan.lasts_s for strike in strikes)
    work = workload_of(plan, strikes, 1)
    assert len({order.command_id for order in work.purge}) == plan.commands
    assert sum(order.copy for order in work.purge) >= plan.commands // 100
    assert {one.kind for _, one in work.rubbish} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_rubbish_can_be_found_again(kind: str) -> None:
    """Each piece holds its mark, in the body and in the item of a Redis list."""
    rubbish = rubbish_of(kind, "rubbish-ab-7", PLACE)
    assert marks_in(rubbish.body) == {"rubbish-ab-7"} == marks_in(rubbish.redis_item("q"))
