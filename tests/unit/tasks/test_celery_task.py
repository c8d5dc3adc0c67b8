"""The Celery task around carry_out: what reaches it is carried, and nothing escapes it."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import Reject

from tasks.celery_task import register
from tasks.message import TASK_NAME
from tasks.ports import StoppingError


@dataclass
class Recorder:
    """A carrier that writes down what it was handed, and fails if told so."""

    fails: Exception | None = None
    carried: list[tuple[str, object]] = field(default_factory=list)

    def carry(self, message_id: str, raw: object) -> None:
        self.carried.append((message_id, raw))
        if self.fails is not None:
            raise self.fails


def deliver(carrier: Recorder, *args: Any, **kwargs: Any) -> Any:
    app = Celery("test", set_as_current=False)
    register(app, lambda: carrier)
    task = app.tasks[TASK_NAME]
    task.push_request(id="m-1")
    try:
        return task.run(*args, **kwargs)
    finally:
        task.pop_request()


@pytest.mark.parametrize(
    "kwargs",
    [
        {"job_id": "av1", "batch": {"id": "b"}},
        {},
        {"batch": 5, "command_id": None},
        {"self": 1},
    ],
)
def test_the_keyword_arguments_are_the_command(kwargs: dict[str, Any]) -> None:
    """Whatever the fields are called, they reach the carrier with the message's id."""
    carrier = Recorder()
    assert deliver(carrier, **kwargs) is None
    assert carrier.carried == [("m-1", kwargs)]


def test_positional_arguments_are_no_command() -> None:
    """A message with positional arguments arrives as what it is, and is refused there."""
    carrier = Recorder()
    deliver(carrier, "av1", bucket="b")
    assert carrier.carried == [("m-1", {"unexpected positional arguments": ["av1"]})]


def test_a_stop_gives_the_message_back() -> None:
    """StoppingError requeues the message: it was not carried."""
    with pytest.raises(Reject) as rejected:
        deliver(Recorder(StoppingError()))
    assert rejected.value.requeue is True


def test_a_surprise_leaves_the_command_to_the_ledger() -> None:
    """An unexpected error does not put the message back into a loop: the sweep brings the command again."""
    with pytest.raises(Reject) as rejected:
        deliver(Recorder(ZeroDivisionError()), job_id="av1")
    assert rejected.value.requeue is False


def test_the_task_is_acknowledged_late_and_keeps_no_result() -> None:
    """The two options on which crash safety stands."""
    app = Celery("test", set_as_current=False)
    register(app, Recorder)
    assert app.tasks[TASK_NAME].acks_late is True
    assert app.tasks[TASK_NAME].ignore_result is True
