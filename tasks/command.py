"""The cancel command: the one thing that comes in, validated strictly, the same at every door."""

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from tasks.outcome import Lane

JOB_LIFE = timedelta(hours=5)
"""The longest a moderation job lives: a cancel later than that is worthless. Source: doc 436/76263."""

CONTEXT_MAX_BYTES = 4096
CONTEXT_MAX_DEPTH = 32
"""Pydantic reads JSON back to a depth of 200 only: what is deeper could be written, and never read again."""
BATCH_MAX_SIZE = 10_000_000

JOB_ID_RULE = r"^[A-Za-z0-9_-]{1,128}$"
"""The id goes into a path that is signed, so nothing that needs encoding passes."""
BUCKET_RULE = r"^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-[0-9]{5,20}$"
"""`name-appid`. Source: doc 436/13312: 1 to 50 of [a-z0-9-], no hyphen at either end."""
REGION_RULE = r"^[a-z]{2,12}(?:-[a-z0-9]{1,20}){1,3}$"
NAME_RULE = r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$"
ID_RULE = r"^[A-Za-z0-9._:-]{1,64}$"


class InvalidCommandError(ValueError):
    """What came is no cancel command. The text names each field, what was expected and what came."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999 in UTC") from None


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[
    AwareDatetime,
    AfterValidator(_in_utc),
    PlainSerializer(_rfc3339, return_type=str, when_used="json"),
]
"""A point in time, in UTC, written in RFC 3339 with milliseconds."""
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


class BatchPlace(BaseModel):
    """Where a command stands in its batch; `index` counts from 0."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str = Field(pattern=ID_RULE)
    index: int = Field(ge=0, lt=BATCH_MAX_SIZE)
    size: int = Field(ge=1, le=BATCH_MAX_SIZE)

    @model_validator(mode="after")
    def _index_in_size(self) -> Self:
        if self.index >= self.size:
            raise ValueError(f"index counts from 0, so it must be below size {self.size}, got {self.index}")
        return self


class CancelCommand(BaseModel):
    """The request to cancel one moderation job.

    Only job_id, bucket and region are required; the rest gets its default when the command is made.
    `command_id` is the idempotency key: a second command with the same one is the same command.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    job_id: str = Field(pattern=JOB_ID_RULE)
    bucket: str = Field(pattern=BUCKET_RULE)
    region: str = Field(pattern=REGION_RULE)
    command_id: str = Field(pattern=ID_RULE, default_factory=lambda: uuid.uuid4().hex)
    account: str = Field(pattern=NAME_RULE, default="default")
    lane: Lane = Field(default=Lane.URGENT, strict=False)
    reason: str | None = Field(default=None, max_length=200)
    requested_by: str | None = Field(default=None, max_length=200)
    requested_at: Moment = Field(strict=False)
    not_after: Moment = Field(strict=False)
    batch: BatchPlace | None = None
    context: dict[str, JsonValue] | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_times(cls, raw: Any) -> Any:
        # `parse` always gives requested_at; this default serves Python producers who build a command by hand.
        if not isinstance(raw, Mapping):
            return raw
        filled = dict(raw)
        if filled.get("requested_at") is None:
            filled["requested_at"] = datetime.now(UTC)
        if filled.get("not_after") is None:
            try:
                filled["not_after"] = _MOMENT.validate_python(filled["requested_at"]) + JOB_LIFE
            except (ValidationError, OverflowError):  # of a bad requested_at its own check says what is wrong
                filled["not_after"] = datetime.max.replace(tzinfo=UTC)
        return filled

    @field_validator("requested_at", "not_after", mode="before")
    @classmethod
    def _no_bare_numbers(cls, value: Any) -> Any:
        if isinstance(value, str) and not re.match(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value):
            raise ValueError("must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
        if not isinstance(value, str | datetime):
            raise ValueError("must be an RFC 3339 time such as 2026-01-31T12:00:00Z")  # noqa: TRY004 pydantic wants ValueError
        return value

    @field_validator("context")
    @classmethod
    def _context_is_small(cls, value: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if value is not None:
            if _depth(value) > CONTEXT_MAX_DEPTH:
                raise ValueError(f"must be nested at most {CONTEXT_MAX_DEPTH} deep")
            size_bytes = len(_compact_json(value))
            if size_bytes > CONTEXT_MAX_BYTES:
                raise ValueError(f"must be at most {CONTEXT_MAX_BYTES} bytes of JSON, got {size_bytes}")
        return value

    @property
    def job_key(self) -> str:
        """What names the job: the same id under another bucket or region is another job."""
        return f"{self.bucket}/{self.region}/{self.job_id}"

    def payload(self) -> dict[str, Any]:
        """The command as JSON values, without fields that hold nothing."""
        return self.model_dump(mode="json", exclude_none=True)


def parse(raw: object, *, now: datetime, command_id: str | None = None) -> CancelCommand:
    """The command in `raw`, with defaults from `now` (aware) and `command_id`.

    Raises InvalidCommandError, whose text names every bad field; it quotes at most 80 characters of each.
    """
    if not isinstance(raw, Mapping):
        raise InvalidCommandError(f"expected a JSON object with job_id, bucket and region, got {_kind(raw)}")
    filled = {str(key): value for key, value in raw.items()}
    if filled.get("requested_at") is None:
        filled["requested_at"] = now
    if filled.get("command_id") is None and command_id is not None:
        filled["command_id"] = command_id
    try:
        return CancelCommand.model_validate(filled)
    except ValidationError as invalid:
        raise InvalidCommandError(_sentences(invalid)) from None


def _compact_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _depth(value: JsonValue) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _sentences(invalid: ValidationError) -> str:
    known = ", ".join(CancelCommand.model_fields)
    sentences = []
    for problem in invalid.errors(include_url=False, include_context=False):
        field = ".".join(str(part) for part in problem["loc"])[:80] or "command"
        came = repr(problem["input"])
        came = came if len(came) <= 80 else came[:77] + "…"
        match problem["type"]:
            case "missing":
                sentences.append(f"{field} is missing")
            case "extra_forbidden":
                sentences.append(f"{field} is not a field of a cancel command (known: {known})")
            case "string_pattern_mismatch":
                sentences.append(f"{field} must match {_RULES.get(field, ID_RULE)}, got {came}")
            case _:
                text = problem["msg"].removeprefix("Value error, ")
                sentences.append(f"{field}: {text[0].lower()}{text[1:]}, got {came}")
    return "; ".join(sentences)


_RULES = {
    "job_id": JOB_ID_RULE,
    "bucket": BUCKET_RULE + " (name-appid)",
    "region": REGION_RULE,
    "account": NAME_RULE,
}
