"""The cancel command at the door: what passes, what is refused, and how the refusal reads."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.command import CONTEXT_MAX_DEPTH, JOB_LIFE, CancelCommand, InvalidCommandError, parse
from tasks.message import command_of, payload_of
from tasks.outcome import Lane

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
REQUIRED = {"job_id": "av1", "bucket": "examplebucket-1250000000", "region": "ap-beijing"}


def command(**fields: Any) -> CancelCommand:
    return parse({**REQUIRED, **fields}, now=NOW, command_id="c-1")


def complaint(raw: object) -> str:
    with pytest.raises(InvalidCommandError) as refused:
        parse(raw, now=NOW, command_id="c-1")
    return str(refused.value)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"in": value}
    return value


# defaults


def test_three_fields_are_enough() -> None:
    """Only job_id, bucket and region are required; the rest gets what the design promises."""
    made = command()
    assert made.model_dump() == {
        **REQUIRED,
        "command_id": "c-1",
        "account": "default",
        "lane": Lane.URGENT,
        "reason": None,
        "requested_by": None,
        "requested_at": NOW,
        "not_after": NOW + timedelta(hours=5),
        "batch": None,
        "context": None,
    }


def test_all_fields_are_taken_as_they_are() -> None:
    """What the producer said is not changed."""
    raw = {
        **REQUIRED,
        "command_id": "order:7._-",
        "account": "eu-west",
        "lane": "bulk",
        "reason": "stream_ended",
        "requested_by": "pipeline",
        "requested_at": "2026-01-31T11:00:00.000Z",
        "not_after": "2026-01-31T11:30:00.000Z",
        "batch": {"id": "b-1", "index": 0, "size": 100},
        "context": {"room": 7, "tags": ["a", None]},
    }
    assert parse(raw, now=NOW, command_id="ignored").payload() == raw


def test_the_message_id_stands_in_for_a_missing_command_id() -> None:
    """A producer that named no command_id gets the message's, so that a redelivery is the same command."""
    assert parse({**REQUIRED, "command_id": None}, now=NOW, command_id="m-1").command_id == "m-1"


def test_without_any_id_each_command_is_its_own() -> None:
    """Two commands made by hand without an id are two commands."""
    assert parse(REQUIRED, now=NOW).command_id != parse(REQUIRED, now=NOW).command_id


def test_the_deadline_counts_from_when_it_was_requested() -> None:
    """not_after is five hours after requested_at, not after it was read."""
    made = command(requested_at="2026-01-31T10:00:00Z")
    assert made.not_after == datetime(2026, 1, 31, 15, 0, tzinfo=UTC)


def test_a_command_made_by_hand_gets_its_times() -> None:
    """A Python producer needs no clock: requested_at is the moment of making, not_after five hours later."""
    made = CancelCommand(**REQUIRED, command_id="c-1")  # type: ignore[arg-type]
    assert made.not_after - made.requested_at == JOB_LIFE


def test_a_deadline_beyond_the_calendar_is_the_end_of_the_calendar() -> None:
    """requested_at in the last hours of year 9999 is no reason to fail."""
    made = command(requested_at="9999-12-31T23:00:00Z")
    assert made.not_after.year == 9999
    assert made.not_after > made.requested_at


# each rule

GOOD = [
    ("job_id", "a"),
    ("job_id", "A_z-9" * 25 + "abc"),
    ("bucket", "a-12345"),
    ("bucket", "a" * 50 + "-1250000000"),
    ("region", "ap-beijing"),
    ("region", "na-siliconvalley"),
    ("region", "ap-beijing-fsi"),
    ("command_id", "A.b:c_d-0"),
    ("command_id", "x" * 64),
    ("account", "a"),
    ("account", "a" * 32),
    ("lane", "urgent"),
    ("lane", "bulk"),
    ("reason", "x" * 200),
    ("reason", ""),
    ("requested_by", "流" * 200),
    ("batch", {"id": "b", "index": 9_999_999, "size": 10_000_000}),
    ("context", {}),
    ("context", nested(CONTEXT_MAX_DEPTH)),
    ("context", {"x": "y" * (4096 - 8)}),
]

BAD = [
    ("job_id", ""),
    ("job_id", "a" * 129),
    ("job_id", "a/b"),
    ("job_id", "a?b"),
    ("job_id", "a b"),
    ("job_id", "av1\n"),
    ("job_id", "ä"),
    ("job_id", "\uff05"),
    ("job_id", 5),
    ("job_id", None),
    ("job_id", ["av1"]),
    ("bucket", "examplebucket"),
    ("bucket", "-examplebucket-1250000000"),
    ("bucket", "examplebucket--1250000000x"),
    ("bucket", "Example-1250000000"),
    ("bucket", "a.b-1250000000"),
    ("bucket", "a" * 51 + "-1250000000"),
    ("bucket", "a-1250000000.evil.example"),
    ("bucket", "a-1250000000\n"),
    ("region", "beijing"),
    ("region", "ap-"),
    ("region", "ap-beijing.evil.example"),
    ("region", "AP-beijing"),
    ("region", 1),
    ("command_id", ""),
    ("command_id", "x" * 65),
    ("command_id", "a b"),
    ("command_id", "a\n"),
    ("command_id", 7),
    ("account", ""),
    ("account", "-a"),
    ("account", "a-"),
    ("account", "A"),
    ("account", "a" * 33),
    ("account", "{a}"),
    ("account", None),
    ("lane", "URGENT"),
    ("lane", "slow"),
    ("lane", 1),
    ("lane", None),
    ("reason", "x" * 201),
    ("reason", 1),
    ("reason", "\ud800"),
    ("requested_by", "x" * 201),
    ("requested_by", {}),
    ("requested_at", "2026-01-31T12:00:00"),
    ("requested_at", "yesterday"),
    ("requested_at", "2026-01-31"),
    ("requested_at", "2026-02-31T12:00:00Z"),
    ("requested_at", "1769860800"),
    ("requested_at", 1769860800),
    ("requested_at", datetime(2026, 1, 31)),  # noqa: DTZ001 a naive one is the point
    ("requested_at", "0001-01-01T00:00:00+10:00"),
    ("not_after", "2026-01-31T12:00:00"),
    ("not_after", 0),
    ("not_after", True),
    ("not_after", ["2026-01-31T12:00:00Z"]),
    ("not_after", "0001-01-01T00:00:00+10:00"),
    ("not_after", "9999-12-31T23:59:59-10:00"),
    ("batch", "b"),
    ("batch", []),
    ("batch", {"id": "b", "index": 1, "size": 1}),
    ("context", []),
    ("context", "x"),
    ("context", {"x": float("nan")}),
    ("context", {"x": float("-inf")}),
    ("context", {"x": "\ud800"}),
    ("context", {"x": "y" * (4096 - 7)}),
    ("context", {"x": "流" * 1400}),
    ("context", nested(CONTEXT_MAX_DEPTH + 1)),
    ("context", nested(900)),
]


@pytest.mark.parametrize(("field", "value"), GOOD, ids=lambda value: repr(value)[:30])
def test_what_the_rules_allow_passes(field: str, value: object) -> None:
    """Each rule lets its longest and oddest allowed value through."""
    assert parse({**REQUIRED, field: value}, now=NOW, command_id="c-1").payload()[field] == value


@pytest.mark.parametrize(("field", "value"), BAD, ids=lambda value: repr(value)[:30])
def test_a_bad_field_is_named(field: str, value: object) -> None:
    """A value against its rule is refused, and the one sentence begins with the field's name."""
    said = complaint({**REQUIRED, field: value})
    assert said.startswith((f"{field} must match", f"{field}: ", f"{field}."))
    assert "; " not in said


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({}, ["batch.id is missing", "batch.index is missing", "batch.size is missing"]),
        ({"id": "b", "index": -1, "size": 1}, ["batch.index: "]),
        ({"id": "b", "index": "0", "size": 1}, ["batch.index: "]),
        ({"id": "b", "index": True, "size": 1}, ["batch.index: "]),
        ({"id": "b", "index": 0, "size": 0}, ["batch.size: "]),
        ({"id": "b", "index": 0, "size": 10_000_001}, ["batch.size: "]),
        ({"id": "b", "index": 0, "size": 1.5}, ["batch.size: "]),
        ({"id": "b c", "index": 0, "size": 1}, ["batch.id must match"]),
        ({"id": "b", "index": 0, "size": 1, "of": 2}, ["batch.of is not a field"]),
        ({"id": "b", "index": 3, "size": 3}, ["below size 3, got 3"]),
    ],
)
def test_a_bad_place_in_a_batch_is_named(value: object, named: list[str]) -> None:
    """Each part of `batch` has its rule, and the refusal names the part."""
    said = complaint({**REQUIRED, "batch": value}).split("; ")
    assert len(said) == len(named)
    assert all(name in sentence for name, sentence in zip(named, said, strict=True))


# how a refusal reads


def test_every_problem_is_said_at_once() -> None:
    """Several bad fields take one round, not one each."""
    said = complaint({"bucket": "x", "region": 5, "lane": "slow", "batch": {"index": 0}, "jobid": "av1"})
    for name in ("job_id", "bucket", "region", "lane", "batch.id", "batch.size", "jobid"):
        assert f"{name} " in said or f"{name}: " in said
    assert said.count("; ") == 6


def test_an_unknown_field_is_refused_with_its_name_and_the_known_ones() -> None:
    """A misspelt field is not dropped in silence."""
    said = complaint({**REQUIRED, "notafter": "2026-01-31T12:00:00Z"})
    assert said.startswith("notafter is not a field of a cancel command (known: job_id, bucket, ")
    assert "not_after" in said


@pytest.mark.parametrize("raw", [None, [], "av1", 5, 1.5, True, [REQUIRED]])
def test_what_is_no_object_is_refused(raw: object) -> None:
    """The refusal says what was expected and what came."""
    assert complaint(raw).startswith("expected a JSON object with job_id, bucket and region, got ")


def test_the_empty_object_lacks_three_fields() -> None:
    """Nothing but what is required is called missing."""
    assert complaint({}) == "job_id is missing; bucket is missing; region is missing"


def test_a_bad_requested_at_does_not_make_not_after_missing() -> None:
    """The optional field that hangs on the bad one is not complained about."""
    assert "not_after" not in complaint({**REQUIRED, "requested_at": "2026-01-31T12:00:00"})


@given(st.text(min_size=200, max_size=2000), st.sampled_from(["job_id", "bucket", "reason", "lane", "zz"]))
def test_a_refusal_quotes_little(text: str, field: str) -> None:
    """However long a value or a name is, at most 80 characters of it are quoted."""
    for raw in ({**REQUIRED, field: "\N{BELL}" + text}, {**REQUIRED, "\N{BELL}" + text: 1}):
        assert len(complaint(raw)) < 80 + 250


# times


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31t12:00:00z".replace("t", "T"),
        "2026-01-31T20:00:00+08:00",
        "2026-01-31 07:00:00.000-05:00",
        "2026-01-31T12:00Z",
    ],
)
@pytest.mark.parametrize("field", ["requested_at", "not_after"])
def test_times_are_taken_to_utc(field: str, text: str) -> None:
    """A time with any offset is the same moment in UTC, and is written with Z and milliseconds."""
    made = command(**{field: text})
    assert getattr(made, field) == NOW
    assert getattr(made, field).tzinfo is UTC
    assert made.payload()[field] == "2026-01-31T12:00:00.000Z"


def test_the_clock_of_the_reader_may_be_anywhere() -> None:
    """`now` in another zone gives the same command."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=8)))
    assert parse(REQUIRED, now=elsewhere, command_id="c-1") == command()


# properties

ODD_TEXT = st.text(st.characters() | st.sampled_from("\ud800\udfff\x00"))
"""With lone surrogates, which JSON can carry as escapes."""
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | ODD_TEXT
    | st.sampled_from(
        [
            "av1",
            "default",
            "bulk",
            "2026-01-31T12:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "0001-01-01T00:00+23:59",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(["id", "index", "size"]), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from([*CancelCommand.model_fields, "unknown", ""])


@given(JSON | st.dictionaries(FIELDS | ODD_TEXT, JSON, max_size=8))
def test_whatever_comes_is_a_command_or_refused(raw: object) -> None:
    """No JSON value makes `parse` raise anything but InvalidCommandError, and its text can be written down."""
    for attempt in (raw, {**REQUIRED, **raw} if isinstance(raw, dict) else raw):
        try:
            made = parse(attempt, now=NOW, command_id="c-1")
        except InvalidCommandError as refused:
            str(refused).encode()
        else:
            CancelCommand.model_validate_json(payload_of(made))


COMMANDS = st.fixed_dictionaries(
    {
        "job_id": st.from_regex(r"\A[A-Za-z0-9_-]{1,128}\Z"),
        "bucket": st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,48}[a-z0-9]-[0-9]{5,20}\Z"),
        "region": st.from_regex(r"\A[a-z]{2,12}-[a-z0-9]{1,20}\Z"),
    },
    optional={
        "command_id": st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z"),
        "account": st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,30}[a-z0-9]\Z"),
        "lane": st.sampled_from(["urgent", "bulk"]),
        "reason": st.none() | st.text(max_size=200),
        "requested_at": st.datetimes(
            min_value=datetime(2, 1, 1),  # noqa: DTZ001 hypothesis wants them naive, and adds the zone
            max_value=datetime(9998, 1, 1),  # noqa: DTZ001
            timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-11))]),
        ).map(datetime.isoformat),
        "batch": st.integers(1, 10_000_000).flatmap(
            lambda size: st.fixed_dictionaries(
                {"id": st.just("b"), "index": st.integers(0, size - 1), "size": st.just(size)}
            )
        ),
        "context": st.dictionaries(st.text(max_size=20), st.integers() | st.text(max_size=20), max_size=5),
    },
)


@given(COMMANDS)
def test_a_payload_is_read_back_as_the_same_command(raw: dict[str, Any]) -> None:
    """payload → parse → payload changes nothing, so that ledger, message and memory agree."""
    one = parse(raw, now=NOW, command_id="c-1")
    payload = payload_of(one)
    again = command_of(payload, account=one.account, lane=one.lane, command_id=one.command_id)
    assert payload_of(again) == payload
    assert again.payload() == one.payload()
    assert again == CancelCommand.model_validate(one.payload())


def test_the_same_id_in_another_bucket_is_another_job() -> None:
    """What names a job is bucket, region and id together."""
    keys = {command().job_key, command(region="ap-tokyo").job_key, command(bucket="b-1250000000").job_key}
    assert len(keys) == 3
