"""Crashes anywhere: whatever was under way, one outcome stands, and its event goes out."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.answer import Answer, AttemptError
from tasks.cancel import carry_out
from tasks.command import CancelCommand
from tasks.event import EventData
from tasks.retry import RetryRules
from tests.unit.tasks.memory import ACCEPTED, GONE, Crash, Memory, command_of

TIMEOUT = AttemptError("no answer", fault="network", uncertain=True)
THROTTLED = AttemptError("slow down", fault="throttle", retry_after_s=1.0)
ARREARS = AttemptError("in arrears", fault="account")
BAD_ID = AttemptError("bad id", fault="command")
ODD = AttemptError("an unknown 4xx", fault="command", explained=False)
ANSWERS = [ACCEPTED, GONE, TIMEOUT, THROTTLED, ARREARS, BAD_ID, ODD]
WHENS: list[Literal["before", "after"]] = ["before", "after"]
BATCH = {"id": "b-1", "index": 0, "size": 1}


def deliver_until_done(memory: Memory, command: CancelCommand) -> int:
    """Deliver the message again after each crash and each `later`, as broker and sweep do; how many crashes."""
    crashes = 0
    for _ in range(60):
        memory.ledger.leases_run_out()
        try:
            carry_out(command, memory.ports, memory.world, RetryRules())
        except Crash:
            crashes += 1
            continue
        if command.command_id not in memory.ledger.owed:
            return crashes
    raise AssertionError("never done")


def check(memory: Memory, command: CancelCommand) -> None:
    (settled,) = memory.ledger.settled
    assert isinstance(settled.data, EventData)
    own = [event for event in memory.publisher.events if event.id == command.command_id]
    assert own
    assert all(event == settled for event in own)
    if command.batch:
        (batch,) = memory.ledger.batches.values()
        assert batch.counts == {settled.data.outcome: 1}
        assert batch.event in memory.publisher.events
    sent = memory.calls.count("cancel")
    assert settled.data.attempts >= sent  # a noted attempt that was never sent counts, the other way is a lie


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("index", range(9))
def test_one_crash_at_any_call_of_a_success(index: int, when: Literal["before", "after"]) -> None:
    """A kill at each of the nine calls, before or after its effect: one outcome, its event at least once."""
    memory, command = Memory(), command_of(batch=BATCH)
    memory.wire.breaks[index] = (when, Crash())
    assert deliver_until_done(memory, command) == 1
    check(memory, command)


def test_there_are_nine_calls_to_crash_at() -> None:
    """The test above reaches every call of the way: admit to published, with the batch's event."""
    memory = Memory()
    assert deliver_until_done(memory, command_of(batch=BATCH)) == 0
    assert len(memory.calls) == 9


@given(
    st.lists(st.sampled_from(ANSWERS), max_size=6),
    st.sampled_from([ACCEPTED, GONE, BAD_ID]),
    st.sampled_from([None, GONE, TIMEOUT, ACCEPTED]),
    st.dictionaries(st.integers(0, 40), st.sampled_from(WHENS), max_size=5),
    st.booleans(),
)
def test_crashes_anywhere_leave_one_outcome_and_its_event(
    answers: list[Answer | AttemptError],
    last: Answer | AttemptError,
    asked: Answer | AttemptError | None,
    crashes: dict[int, Literal["before", "after"]],
    in_batch: bool,
) -> None:
    """Any answers, any crashes: at most one outcome, published at least once, and no attempt is left out."""
    memory = Memory([*answers, last])
    memory.api.asked = asked
    memory.wire.breaks = {index: (when, Crash()) for index, when in crashes.items()}
    command = command_of(batch=BATCH if in_batch else None)
    deliver_until_done(memory, command)
    check(memory, command)


@given(
    st.dictionaries(st.integers(0, 30), st.sampled_from(WHENS), max_size=4),
    st.lists(st.sampled_from([0, 1]), min_size=2, max_size=8),
)
def test_two_commands_for_one_job_are_both_answered(
    crashes: dict[int, Literal["before", "after"]], order: list[int]
) -> None:
    """Whatever crashes and in whichever order they come, each of two commands has its one event."""
    memory = Memory([ACCEPTED])
    memory.wire.breaks = {index: (when, Crash()) for index, when in crashes.items()}
    commands = [command_of("c-0"), command_of("c-1")]
    for turn in order:
        memory.ledger.leases_run_out()
        try:
            carry_out(commands[turn], memory.ports, memory.world, RetryRules())
        except Crash:
            continue
    for command in commands:
        deliver_until_done(memory, command)
    assert sorted(event.id for event in memory.ledger.settled) == ["c-0", "c-1"]
    assert {event.id for event in memory.publisher.events} == {"c-0", "c-1"}
    deduplicated = [event.data.deduplicated for event in memory.ledger.settled]  # type: ignore[union-attr]
    assert sorted(deduplicated) == [False, True]


def test_a_crash_between_send_and_answer_leaves_its_doubt() -> None:
    """The job that our lost attempt cancelled is found gone, and the event says that we may have done it."""
    memory = Memory([ACCEPTED, GONE])
    memory.wire.breaks[3] = ("after", Crash())
    assert memory.wire.calls == []
    assert deliver_until_done(memory, command_of()) == 1
    data = memory.the_event()
    assert (data.outcome, data.attempts, data.uncertain_attempts) == ("gone", 2, 1)


def test_doubts_from_before_the_crash_are_kept() -> None:
    """A timeout and then a lost attempt are two doubts, although the first was never settled."""
    memory = Memory([TIMEOUT, ACCEPTED, GONE])
    memory.wire.breaks[7] = ("after", Crash())  # in the second request
    assert deliver_until_done(memory, command_of()) == 1
    data = memory.the_event()
    assert (data.outcome, data.attempts, data.uncertain_attempts) == ("gone", 3, 2)
