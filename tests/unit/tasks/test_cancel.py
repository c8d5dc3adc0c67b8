"""What becomes of one command: each way through carry_out, and the order of its steps."""

from datetime import timedelta

import pytest

from tasks.answer import Answer, AttemptError, Fault
from tasks.cancel import SNOOZE_S, carry_out
from tasks.command import CancelCommand
from tasks.event import Event, EventData
from tasks.outcome import Outcome
from tasks.ports import SlotTimeoutError, StoppingError
from tasks.retry import RetryRules
from tests.unit.tasks.memory import ACCEPTED, GONE, START, Memory, command_of

RULES = RetryRules()
TIMEOUT = AttemptError("no answer in 5 s", fault="network", uncertain=True)
REFUSED_LINK = AttemptError("connection refused", fault="network")
BROKEN = AttemptError("500", fault="server", http_status=500, uncertain=True)
THROTTLED = AttemptError("slow down", fault="throttle", http_status=429, retry_after_s=2.0)
ARREARS = AttemptError("in arrears", fault="account", code="UserNetworkTooSlow", http_status=403)
BAD_ID = AttemptError("no such id", fault="command", code="InvalidJobId", http_status=400, trace_id="t-9")
ODD = AttemptError("an unknown 4xx", fault="command", code="Odd", http_status=418, explained=False)
SENT_ONCE = ["take", "note 1", "cancel", "report"]


def carry(memory: Memory, command: CancelCommand | None = None, rules: RetryRules = RULES) -> None:
    carry_out(command or command_of(), memory.ports, memory.world, rules)


# done


def test_success_takes_every_step_in_order() -> None:
    """Admit, slot, note before send, settle before publish, publish before published."""
    memory = Memory()
    carry(memory)
    assert memory.calls == ["admit", *SENT_ONCE, "settle cancelled", "publish cancelled", "published"]
    assert memory.ledger.owed == set()


def test_success_is_told_with_the_apis_words() -> None:
    """The event of a cancelled job has the API's texts, one attempt, and when it was sent."""
    memory = Memory()
    carry(memory)
    data = memory.the_event()
    assert (data.outcome, data.confirmed, data.JobId) == (Outcome.CANCELLED, True, "av1")
    assert (data.attempts, data.uncertain_attempts) == (1, 0)
    assert data.sent_at == START + timedelta(seconds=0.01)
    assert data.settled_at == START + timedelta(seconds=0.06)


def test_a_job_that_is_gone_is_settled_as_gone() -> None:
    """Nothing left to cancel is a good end, not an error."""
    memory = Memory([GONE])
    carry(memory)
    data = memory.the_event()
    assert (data.outcome, data.uncertain_attempts) == (Outcome.GONE, 0)
    assert data.error is not None
    assert data.error.code == "NoSuchJob"


def test_gone_after_a_timeout_says_that_we_may_have_ended_it() -> None:
    """An unanswered attempt in the same call counts as uncertain when the next one finds the job gone."""
    memory = Memory([TIMEOUT, GONE])
    carry(memory)
    data = memory.the_event()
    assert (data.outcome, data.attempts, data.uncertain_attempts) == (Outcome.GONE, 2, 1)


def test_gone_after_a_refused_connection_is_certain() -> None:
    """An attempt that cannot have reached the API leaves no doubt."""
    memory = Memory([REFUSED_LINK, GONE])
    carry(memory)
    assert (memory.the_event().attempts, memory.the_event().uncertain_attempts) == (2, 0)


def test_counts_go_on_from_earlier_deliveries() -> None:
    """Attempts and doubts of an earlier delivery are in the event of the last one."""
    memory = Memory([TIMEOUT, TIMEOUT, BROKEN, GONE])
    carry(memory)
    assert memory.calls[-1] == "later"
    carry(memory)
    data = memory.the_event()
    assert (data.outcome, data.attempts, data.uncertain_attempts) == (Outcome.GONE, 4, 3)
    assert "note 4" in memory.calls


def test_a_node_that_died_after_the_note_leaves_a_doubt() -> None:
    """A noted attempt whose answer nobody has may have ended the job."""
    memory = Memory([GONE])
    memory.ledger.known(command_of()).attempts = 1
    memory.ledger.known(command_of()).uncertain = 1
    carry(memory)
    assert (memory.the_event().attempts, memory.the_event().uncertain_attempts) == (2, 1)


# known already


def test_a_settled_command_publishes_its_event_again() -> None:
    """Redelivery costs no slot and no request: the same event with the same id, and then it is done."""
    memory = Memory()
    carry(memory)
    (first,) = memory.publisher.events
    memory.calls.clear()
    carry(memory)
    assert memory.calls == ["admit", "publish cancelled", "published"]
    assert memory.publisher.events == [first, first]


def test_a_settled_job_answers_for_the_second_command() -> None:
    """Another command for the same job gets an event of its own without slot or request."""
    memory = Memory()
    carry(memory)
    memory.calls.clear()
    carry(memory, command_of("c-2"))
    assert memory.calls == ["admit", "settle cancelled", "publish cancelled", "published"]
    first, second = (event.data for event in memory.publisher.events)
    assert isinstance(first, EventData)
    assert isinstance(second, EventData)
    assert [event.id for event in memory.publisher.events] == ["c-1", "c-2"]
    assert second.deduplicated
    assert (second.JobId, second.CreationTime, second.attempts) == (first.JobId, first.CreationTime, 0)


@pytest.mark.parametrize("outcome", ["refused", "expired"])
def test_an_outcome_that_says_nothing_of_the_job_does_not_answer_for_it(outcome: str) -> None:
    """After a refused or expired command the next one for the job is tried."""
    memory = Memory([BAD_ID, ACCEPTED] if outcome == "refused" else [ACCEPTED])
    carry(memory, command_of(not_after="2026-01-31T12:00:00Z") if outcome == "expired" else None)
    carry(memory, command_of("c-2"))
    assert [event.routing_key for event in memory.publisher.events] == [
        f"default.{outcome}",
        "default.cancelled",
    ]


def test_a_command_that_another_node_carries_is_left_alone() -> None:
    """The copy of a message does nothing at all."""
    memory = Memory()
    memory.ledger.known(command_of()).holder = "another"
    carry(memory)
    assert memory.calls == ["admit"]


def test_a_job_that_another_command_carries_is_left_alone() -> None:
    """Two commands for one job never send at the same time; the ledger keeps the second."""
    memory = Memory()
    memory.ledger.known(command_of("c-2")).holder = "another"
    memory.ledger.jobs[command_of().job_key] = ("running", "c-2")
    carry(memory)
    assert memory.calls == ["admit"]


def test_a_command_that_was_taken_over_sends_nothing() -> None:
    """When the note says that another node has the command, this one neither sends nor settles."""
    memory = Memory()
    taking = memory.slots.take

    def taken_over() -> object:
        memory.ledger.known(command_of()).holder = "another"
        return taking()

    memory.slots.take = taken_over  # type: ignore[method-assign, assignment] our own fake, not the code's
    carry(memory)
    assert memory.calls == ["admit", "take", "note 1"]


# ends without a request


def test_an_aborted_batch_sends_nothing() -> None:
    """A command of an aborted batch is settled as aborted, without a slot, and keeps its counts."""
    memory = Memory()
    command = command_of(batch={"id": "b-1", "index": 0, "size": 2})
    memory.ledger.known(command).attempts = 2
    memory.ledger.known(command).uncertain = 1
    memory.ledger.admit(command)
    memory.ledger.batches["b-1"].aborted = True
    memory.calls.clear()
    carry(memory, command)
    assert memory.calls == ["admit", "settle aborted", "publish aborted", "published"]
    assert (memory.the_event().attempts, memory.the_event().uncertain_attempts) == (2, 1)


def test_the_last_command_of_a_batch_publishes_the_batchs_event_after_its_own() -> None:
    """The batch is complete when all its commands are settled, whatever their outcomes; the events follow."""
    memory = Memory([ACCEPTED, GONE])
    for index in range(2):
        carry(
            memory,
            command_of(f"c-{index}", job_id=f"av{index}", batch={"id": "b", "index": index, "size": 2}),
        )
    assert [event.routing_key for event in memory.publisher.events] == [
        "default.cancelled",
        "default.gone",
        "default.batch",
    ]
    assert memory.calls[-3:] == ["publish gone", "publish batch", "published"]


def test_an_expired_command_takes_no_slot() -> None:
    """A deadline that has passed costs nothing, and at the deadline it has passed."""
    memory = Memory()
    carry(memory, command_of(not_after="2026-01-31T12:00:00Z"))
    assert memory.calls == ["admit", "settle expired", "publish expired", "published"]
    assert memory.the_event().attempts == 0


def test_a_command_that_expires_while_it_waits_is_not_sent() -> None:
    """A slot that comes too late is not used."""
    memory = Memory()
    memory.slots.wait_s = 60.0
    carry(memory, command_of(not_after="2026-01-31T12:01:00Z"))
    assert memory.calls == ["admit", "take", "settle expired", "publish expired", "published"]


def test_a_command_that_expires_between_attempts_ends_with_its_counts() -> None:
    """The deadline is looked at before every attempt, and the event tells of those that were made."""
    memory = Memory([TIMEOUT])
    memory.api.call_s = 5.0
    carry(memory, command_of(not_after="2026-01-31T12:00:05Z"))
    data = memory.the_event()
    assert (data.outcome, data.attempts, data.uncertain_attempts) == (Outcome.EXPIRED, 1, 1)


def test_what_policy_forbids_never_reaches_the_api() -> None:
    """A command that may not be carried is refused with the sentence, without admission, slot or request."""
    memory = Memory(refusal=lambda command: f"bucket {command.bucket} is not allowed")
    carry(memory)
    assert memory.calls == ["settle refused", "publish refused", "published"]
    error = memory.the_event().error
    assert error is not None
    assert (error.code, error.message) == ("NotAllowed", "bucket examplebucket-1250000000 is not allowed")


# refused by the API


def test_a_command_fault_is_refused_at_once() -> None:
    """A permanent error is not tried again, and the event says what the API said."""
    memory = Memory([BAD_ID])
    carry(memory)
    assert memory.calls == ["admit", *SENT_ONCE, "settle refused", "publish refused", "published"]
    error = memory.the_event().error
    assert error is not None
    assert (error.code, error.message, error.http_status, error.trace_id) == (
        "InvalidJobId",
        "no such id",
        400,
        "t-9",
    )


@pytest.mark.parametrize(
    ("asked", "outcome", "code"),
    [(GONE, Outcome.GONE, "NoSuchJob"), (None, Outcome.REFUSED, "Odd"), (ACCEPTED, Outcome.REFUSED, "Odd")],
)
def test_an_unexplained_answer_is_settled_by_asking(
    asked: Answer | None, outcome: Outcome, code: str
) -> None:
    """The API is asked for the job, with a slot of its own: gone if it ended, refused if it still runs."""
    memory = Memory([ODD])
    memory.api.asked = asked
    carry(memory)
    assert memory.calls[:8] == ["admit", *SENT_ONCE, "take", "query", "report"]
    data = memory.the_event()
    assert (data.outcome, data.attempts) == (outcome, 1)  # asking is no attempt
    assert data.error is not None
    assert data.error.code == code


def test_asking_in_vain_is_tried_later() -> None:
    """An unexplained answer whose question fails is no reason to refuse: the command comes back."""
    memory = Memory([ODD])
    memory.api.asked = TIMEOUT
    carry(memory)
    assert memory.calls[-1] == "later"
    assert memory.ledger.settled == []
    assert memory.ledger.known(command_of()).attempts == 1


def test_asking_never_uses_a_stale_slot() -> None:
    """The question is a request like any other: its slot must be fresh."""
    memory = Memory([ODD])
    memory.api.asked = GONE
    memory.slots.ages_s = [0.0, 0.2]
    carry(memory)
    assert memory.calls[5:9] == ["take", "take", "query", "report"]
    assert [number for number, _ in memory.slots.reported] == [1, 3]


# tried again


@pytest.mark.parametrize("error", [TIMEOUT, REFUSED_LINK, BROKEN, THROTTLED], ids=lambda e: e.fault)
def test_a_transient_fault_is_tried_again_in_the_call(error: AttemptError) -> None:
    """The second attempt has a slot and a note of its own, and the fleet hears of both."""
    memory = Memory([error, ACCEPTED])
    carry(memory)
    second = ["take", "note 2", "cancel", "report"]
    assert memory.calls == [
        "admit",
        *SENT_ONCE,
        *second,
        "settle cancelled",
        "publish cancelled",
        "published",
    ]
    assert memory.slots.reported == [(1, error.fault), (2, None)]
    assert memory.the_event().attempts == 2


def test_attempts_in_a_call_are_limited_each_with_its_own_slot() -> None:
    """Three attempts by default, three slots, growing pauses, then the queue."""
    memory = Memory([REFUSED_LINK])
    carry(memory)
    assert memory.calls.count("take") == memory.calls.count("cancel") == 3
    assert memory.clock.slept == pytest.approx([0.1, 0.2])
    assert memory.calls[-1] == "later"
    kept = memory.ledger.known(command_of())
    assert (kept.attempts, kept.uncertain, kept.why) == (3, 0, "connection refused")
    assert kept.due_s == 23  # the middle between 5 s and the ceiling after three attempts, 40 s


def test_a_call_that_lasts_long_is_not_prolonged() -> None:
    """After `call_max_s` on our clock no further attempt is made in the same call."""
    memory = Memory([TIMEOUT])
    memory.api.call_s = 5.0
    carry(memory)
    assert memory.calls.count("cancel") == 2
    assert memory.calls[-1] == "later"


@pytest.mark.parametrize("attempts", [1, 2, 7])
def test_the_rules_say_how_many_attempts_a_call_has(attempts: int) -> None:
    """`call_attempts_max` is obeyed, one included."""
    memory = Memory([REFUSED_LINK])
    carry(memory, rules=RetryRules(call_attempts_max=attempts))
    assert memory.calls.count("cancel") == attempts


def test_what_the_api_asked_for_is_waited_for() -> None:
    """A Retry-After longer than our own delay is kept."""
    memory = Memory([AttemptError("busy", fault="server", retry_after_s=120.0)])
    carry(memory)
    assert memory.ledger.known(command_of()).due_s == 120.0


def test_the_command_comes_back_in_time_to_expire() -> None:
    """A delay never goes beyond the deadline."""
    memory = Memory([AttemptError("busy", fault="server", retry_after_s=3600.0)])
    carry(memory, command_of(not_after="2026-01-31T12:00:10Z"))
    left_s = 10 - memory.clock.s
    assert memory.ledger.known(command_of()).due_s == pytest.approx(left_s)


@pytest.mark.parametrize("random", [0.0, 0.999_999])
def test_an_account_fault_never_ends_a_command(random: float) -> None:
    """Bad credentials or arrears keep the command, one attempt a delivery, and tell the fleet."""
    memory = Memory([ARREARS], random=random)
    for delivery in range(1, 30):
        carry(memory)
        assert memory.calls[-1] == "later"
        assert memory.ledger.known(command_of()).attempts == delivery
        assert memory.slots.reported[-1] == (delivery, "account")
    assert memory.ledger.settled == memory.publisher.events == []


# waiting is not an attempt


def test_a_slot_that_does_not_come_snoozes() -> None:
    """Waiting in vain counts no attempt; the command is back some seconds later."""
    memory = Memory()
    memory.slots.fails = [SlotTimeoutError()]
    carry(memory)
    assert memory.calls == ["admit", "take", "later"]
    kept = memory.ledger.known(command_of())
    assert (kept.attempts, kept.uncertain, kept.due_s) == (0, 0, SNOOZE_S)


def test_a_snooze_between_attempts_keeps_their_counts() -> None:
    """The attempt that was made stays counted when the slot for the next one does not come."""
    memory = Memory([TIMEOUT])
    memory.slots.fails = [None, SlotTimeoutError()]
    carry(memory)
    kept = memory.ledger.known(command_of())
    assert (kept.attempts, kept.uncertain, kept.due_s) == (1, 1, SNOOZE_S)


def test_a_stale_slot_is_thrown_away() -> None:
    """A slot of 0.2 s or more is not used; another one is taken, and no attempt is counted for it."""
    memory = Memory()
    memory.slots.ages_s = [0.2, 5.0, 0.199]
    carry(memory)
    assert memory.calls[:8] == ["admit", "take", "note 1", "take", "note 1", "take", "note 1", "cancel"]
    assert memory.the_event().attempts == 1
    assert memory.slots.reported == [(3, None)]


# stopping


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("when", ["before", "after"])
def test_stopping_before_the_request_settles_nothing(index: int, when: str) -> None:
    """A stop at admit, slot or note goes through: nothing was sent, nothing is settled or published."""
    memory = Memory()
    memory.wire.breaks[index] = (when, StoppingError())  # type: ignore[assignment]
    with pytest.raises(StoppingError):
        carry(memory)
    assert "cancel" not in memory.calls
    assert len(memory.calls) == index + 1
    assert memory.ledger.settled == memory.publisher.events == []


def test_stopping_in_the_pause_between_attempts_gives_the_message_back() -> None:
    """A stop while a retry is awaited goes through, with the attempt noted."""
    memory = Memory([TIMEOUT])

    def stop(_: float) -> None:
        raise StoppingError

    memory.world = type(memory.world)(
        sleep=stop, now=memory.clock.now, monotonic=lambda: memory.clock.s, random=lambda: 0.5
    )
    with pytest.raises(StoppingError):
        carry(memory)
    assert memory.calls == ["admit", *SENT_ONCE]
    assert memory.ledger.known(command_of()).uncertain == 1


@pytest.mark.parametrize("fault", ["network", "server", "throttle", "account", "command"])
def test_every_request_is_reported_to_the_fleet_at_once(fault: Fault) -> None:
    """Between an answer and its report to the limiter nothing else happens."""
    memory = Memory([AttemptError("x", fault=fault, explained=False)])
    carry(memory)
    for place, name in enumerate(memory.calls):
        if name in ("cancel", "query"):
            assert memory.calls[place + 1] == "report"


def test_the_event_that_stands_is_the_one_published() -> None:
    """Where somebody settled first, their event is published, not ours."""
    memory = Memory([GONE])
    command = command_of()
    other = Memory()
    carry(other)
    (first,) = other.publisher.events
    settling = memory.ledger.settle

    def settle(late: CancelCommand, event: Event) -> list[Event]:
        settling(late, first)
        return settling(late, event)

    memory.ledger.settle = settle  # type: ignore[method-assign] our own fake, not the code's
    carry(memory, command)
    assert memory.publisher.events == [first]
