"""Which messages are commands in Celery's protocol 2, and why the others are not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.exceptions import DecodeError
from kombu.serialization import loads

from worker.consumer import BODY_MAX_BYTES, why_unreadable

HEADERS = {"task": "standdown.cancel", "id": "m-1"}
JSON = "application/json"
BODY = b'[[], {"job_id": "av1"}, {}]'


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        BODY.decode(),
        b"[[],{},{}]",
        b"[[], {}, null]",
        b'[["positional"], {}, {}]',
        b'[[], {"job_id": 5}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
        b"[[], {" + b'"x": "' + b"y" * (BODY_MAX_BYTES - 19) + b'"}, {}]',
        '[[], {"reason": "流"}, {}]'.encode(),
    ],
    ids=lambda body: repr(body)[:40],
)
def test_a_celery_message_is_readable(body: bytes | str) -> None:
    """Args, kwargs and embed in JSON, up to the largest size; what the kwargs hold is not judged here."""
    assert why_unreadable(HEADERS, JSON, body) is None


@pytest.mark.parametrize(
    ("headers", "content_type", "body", "reason"),
    [
        (None, JSON, BODY, "expected the header task=standdown.cancel, got none"),
        ({}, JSON, BODY, "expected the header task=standdown.cancel, got none"),
        ([], JSON, BODY, "expected the header task=standdown.cancel, got none"),
        ({"task": "celery.ping", "id": "m"}, JSON, BODY, "got 'celery.ping'"),
        ({"task": None, "id": "m"}, JSON, BODY, "got 'None'"),
        ({"task": "x" * 500, "id": "m"}, JSON, BODY, "x" * 80 + "'"),
        ({"task": "standdown.cancel"}, JSON, BODY, "expected the header id with a UUID, got none"),
        ({**HEADERS, "id": ""}, JSON, BODY, "expected the header id"),
        ({**HEADERS, "id": 7}, JSON, BODY, "expected the header id"),
        (HEADERS, None, BODY, "expected content type application/json, got 'None'"),
        (HEADERS, "application/x-python-serialize", BODY, "got 'application/x-python-serialize'"),
        (HEADERS, JSON, b"", "got what is no JSON"),
        (HEADERS, JSON, b"\xff\xfe\x00", "got what is no JSON"),
        (HEADERS, JSON, b"[[], {", "got what is no JSON"),
        (HEADERS, JSON, b"[" * 100_000, "got what is no JSON"),
        (HEADERS, JSON, b"[[], {}, {}] x", "got what is no JSON"),
        (HEADERS, JSON, b"1" * 5000, "got what is no JSON"),
        (
            HEADERS,
            JSON,
            b" " * (BODY_MAX_BYTES + 1),
            f"expected at most 262144 bytes, got {BODY_MAX_BYTES + 1}",
        ),
        (HEADERS, JSON, b"{}", "expected the JSON [[], {command}, {}], got {}"),
        (HEADERS, JSON, b"[]", "got []"),
        (HEADERS, JSON, b"[[], {}]", "got [[], {}]"),
        (HEADERS, JSON, b"[{}, [], {}]", "got [{}, [], {}]"),
        (HEADERS, JSON, b"[[], {}, []]", "got [[], {}, []]"),
        (HEADERS, JSON, b"[[], {}, {}, {}]", "got [[], {}, {}, {}]"),
        (HEADERS, JSON, b'{"job_id": "av1"}', "got {'job_id': 'av1'}"),
        (HEADERS, JSON, b"null", "got None"),
        (HEADERS, JSON, json.dumps("x" * 1000).encode(), "got '" + "x" * 79),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_command_is_told_why(headers: Any, content_type: Any, body: bytes, reason: str) -> None:
    """Each reason says what was expected and what came, in few words."""
    said = why_unreadable(headers, content_type, body)
    assert said is not None
    assert reason in said
    assert len(said) < 250


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MAYBE_HEADERS = st.one_of(
    ANYTHING,
    st.fixed_dictionaries({"task": st.just("standdown.cancel") | ANYTHING, "id": st.just("m") | ANYTHING}),
    st.just(HEADERS),
)
MAYBE_BODY = st.one_of(
    st.binary(),
    st.text(),
    ANYTHING.map(lambda value: json.dumps(value).encode()),
    st.lists(ANYTHING, max_size=4).map(lambda value: json.dumps(value).encode()),
    st.tuples(st.lists(ANYTHING, max_size=2), st.dictionaries(st.text(), ANYTHING), st.just({})).map(
        lambda value: json.dumps(value).encode()
    ),
)


@given(MAYBE_HEADERS, st.just(JSON) | ANYTHING, MAYBE_BODY)
def test_no_message_raises(headers: Any, content_type: Any, body: bytes | str) -> None:
    """Whatever the broker hands over is a command or has a short reason: the consumer lives on."""
    said = why_unreadable(headers, content_type, body)
    assert said is None or 0 < len(said) < 300


@given(st.dictionaries(st.text(), ANYTHING))
def test_what_is_readable_is_readable_for_celery_too(command: dict[str, Any]) -> None:
    """A message that passes is decoded by kombu as well, which would acknowledge it otherwise."""
    body = json.dumps([[], command, {}]).encode()
    assert why_unreadable(HEADERS, JSON, body) is None
    args, _, embed = loads(body, JSON, "utf-8", accept=[JSON])
    assert (args, embed) == ([], {})


@pytest.mark.parametrize(
    "body",
    [
        BODY.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + BODY,
        b'[[], {"context": {"__type__": "unknown", "__value__": 1}}, {}]',
        b'[[], {"context": {"__type__": "datetime", "__value__": "soon"}}, {}]',
    ],
    ids=["utf-16", "byte order mark", "unknown type", "bad datetime"],
)
def test_what_kombu_cannot_decode_is_unreadable(body: bytes) -> None:
    """Celery acknowledges what it cannot decode: such a message must become a dead letter before."""
    with pytest.raises(DecodeError):
        loads(body, JSON, "utf-8", accept=[JSON])
    assert why_unreadable(HEADERS, JSON, body) is not None


def test_a_reason_can_be_written_down() -> None:
    """A lone surrogate in a body does not get into the reason, on which a line of the log would fail."""
    said = why_unreadable(HEADERS, JSON, b'"\\ud800"')
    assert said is not None
    said.encode()
