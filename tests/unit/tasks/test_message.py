"""The message that carries a command, read back the way a consumer would."""

import json
from datetime import UTC, datetime, timedelta

from celery import Celery
from kombu.serialization import loads

from tasks.command import CancelCommand, parse
from tasks.message import (
    CONTENT_ENCODING,
    CONTENT_TYPE,
    command_of,
    message_body,
    message_headers,
    payload_of,
    queue_name,
)
from tasks.outcome import Lane

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def command() -> CancelCommand:
    raw = {
        "job_id": "av1",
        "bucket": "examplebucket-1250000000",
        "region": "ap-beijing",
        "reason": 'quote " and 流',
        "context": {"deep": [1, {"x": None}]},
        "batch": {"id": "b-1", "index": 0, "size": 2},
    }
    return parse(raw, now=NOW, command_id="c-1")


def test_the_body_is_celerys_protocol_2() -> None:
    """kombu reads the body as args, kwargs and embed, and the kwargs are the command."""
    args, kwargs, embed = loads(
        message_body(payload_of(command())).encode(), CONTENT_TYPE, CONTENT_ENCODING, accept=[CONTENT_TYPE]
    )
    assert (args, embed) == ([], {})
    assert parse(kwargs, now=NOW, command_id="c-1") == command()


def test_what_the_place_tells_is_not_written_twice() -> None:
    """Account, lane and id stand in key, queue and header, the usual deadline nowhere; all come back."""
    one = command()
    payload = payload_of(one)
    assert not {"account", "lane", "command_id", "not_after"} & json.loads(payload).keys()
    assert command_of(payload, account="default", lane=Lane.URGENT, command_id="c-1") == one
    hurried = one.model_copy(update={"not_after": one.not_after - timedelta(hours=1)})
    again = command_of(payload_of(hurried), account="default", lane=Lane.URGENT, command_id="c-1")
    assert again == hurried


def test_celery_writes_a_body_that_means_the_same() -> None:
    """A Python producer that uses Celery's own API sends the same command under the same name."""
    made = Celery().amqp.as_task_v2("c-1", "standdown.cancel", kwargs=command().payload())
    _, kwargs, _ = made.body
    ours = message_headers("c-1")
    assert parse(kwargs, now=NOW) == parse(json.loads(payload_of(command())), now=NOW, command_id="c-1")
    assert {name: made.headers[name] for name in ours} == ours


def test_the_id_of_the_message_is_the_commands() -> None:
    """Redelivery keeps the id, whatever becomes of the body."""
    assert message_headers("c-1") == {"task": "standdown.cancel", "id": "c-1"}


def test_fields_that_hold_nothing_are_not_sent() -> None:
    """The payload has no nulls of its own; those inside the context stay."""
    sent = json.loads(payload_of(command()))
    assert "requested_by" not in sent
    assert sent["context"] == {"deep": [1, {"x": None}]}


def test_each_account_and_lane_has_its_queue() -> None:
    """The names that producers in other languages write to."""
    assert queue_name("default", Lane.URGENT) == "standdown.default.urgent"
    assert queue_name("eu-west", Lane.BULK) == "standdown.eu-west.bulk"
