"""The fields that options give to every command of one command line, validated before anything is enqueued."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from settings import Account
from tasks.command import JOB_LIFE, CancelCommand, InvalidCommandError, parse
from worker.carrier import refusal_of
from worker.cli.exit_code import ExitCode
from worker.cli.moment import moment_ahead
from worker.cli.problem import Problem

_STAND_IN = {"job_id": "job", "bucket": "bucket-10000", "region": "ap-beijing"}
"""For what an option does not give: the lines of a file do."""


@dataclass(frozen=True, slots=True)
class Common:
    """`fields` as `parse` takes them; `command` the same as a command, with stand-ins where they give nothing."""

    fields: dict[str, Any]
    command: CancelCommand


def common_of(account: Account, *, now: datetime, lane: str, **options: Any) -> Common:
    """The common fields of `options` (None: not given). Raises Problem with all that is wrong with them."""
    problems: list[str] = []
    fields = {name: value for name, value in options.items() if value is not None}
    fields |= {"account": account.name, "lane": lane, "requested_at": now, "not_after": now + JOB_LIFE}
    if options.get("not_after") is not None:
        try:
            fields["not_after"] = moment_ahead(options["not_after"], now=now)
            if fields["not_after"] <= now:
                raise ValueError(f"has passed already: {options['not_after']}")
        except ValueError as wrong:
            problems.append(f"not_after {wrong}")
            fields["not_after"] = now + JOB_LIFE
    if isinstance(text := options.get("context"), str):
        fields["context"] = _object(text, problems)
    command = parse({**_STAND_IN, "requested_at": now}, now=now)
    try:
        command = parse({**_STAND_IN, **fields}, now=now)
    except InvalidCommandError as invalid:
        problems.append(str(invalid))
    else:
        problems += _refusals(account, command, fields)
    if problems:
        raise Problem("; ".join(problems), ExitCode.BAD_INPUT)
    return Common(fields, command)


def _object(text: str, problems: list[str]) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        problems.append(f"context is not JSON: {str(wrong)[:80]}")
        return None
    if not isinstance(value, dict):
        problems.append(f"context must be a JSON object, got {text[:60]!r}")
        return None
    return value


def _refusals(account: Account, command: CancelCommand, fields: dict[str, Any]) -> list[str]:
    """Why the account may not touch the bucket or the region that the options give: each asked alone."""
    any_region = account.model_copy(update={"allowed_regions": ()})
    any_bucket = account.model_copy(update={"allowed_buckets": ()})
    asked = [(any_region, "bucket"), (any_bucket, "region")]
    refusals = [refusal_of(one, command) for one, name in asked if name in fields]
    return [refusal for refusal in refusals if refusal is not None]
