"""The sandbox's own address, `/-/…`: the witness's counts, and the switches for faults while it runs."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from worker.sandbox.change import change_of
from worker.sandbox.http import Answer, Request
from worker.sandbox.job import Job, sent_to_cancel
from worker.sandbox.page import html_page
from worker.sandbox.sandbox import Sandbox

PREFIX = "/-/"
LINES_PER_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Lines:
    """An answer too long to be made at once: its pieces, made as they are sent."""

    chunks: Iterator[bytes]
    content_type: str = "application/x-ndjson"


_Handlers = dict[str, Callable[[], Answer | Lines]]
"""What answers each method of one page."""


def control_answer(sandbox: Sandbox, request: Request) -> Answer | Lines:
    """The answer to a request under `/-/`."""
    name = request.path.removeprefix(PREFIX)
    handlers: _Handlers = _handlers(sandbox, request).get(name, {})
    if name.startswith("jobs/"):
        handlers = {"GET": partial(_jobs, sandbox, name.removeprefix("jobs/"))}
    if not handlers:
        return _json({"error": f"no such page: {request.path}"}, 404)
    handler = handlers.get(request.method)
    if handler is None:
        return _json({"error": f"{request.path} takes {' or '.join(handlers)}"}, 405)
    try:
        return handler()
    except ValueError as wrong:
        return _json({"error": str(wrong)}, 400)


def state_of(sandbox: Sandbox) -> dict[str, Any]:
    """What is in force, without keys."""
    options = sandbox.options
    return {
        "limit_per_s": options.limit_per_s,
        "retry_after_s": options.retry_after_s,
        "faults": dict(options.faults),
        "latency_ms": "{:g}..{:g}".format(*options.latency_ms),
        "hang_s": options.hang_s,
        "finished_answers": options.finished_answers,
        "down": options.down,
        "secret_ids": [credential.secret_id for credential in options.credentials],
        "any_credential": options.any_credential,
        "jobs": len(sandbox.jobs),
        "jobs_forgotten": sandbox.jobs.forgotten,
    }


def _handlers(sandbox: Sandbox, request: Request) -> dict[str, _Handlers]:
    query = {name: values[0] for name, values in parse_qs(request.query).items()}

    def change(what: str) -> Answer:
        sandbox.options = replace(sandbox.options, **change_of(what, _parsed(request.body)))
        return _json(state_of(sandbox))

    def reset() -> Answer:
        sandbox.witness.reset()
        if query.get("jobs") == "true":
            sandbox.jobs.clear()
        return _json({"reset": True, "next_seq": sandbox.witness.log.next_seq})

    def page() -> Answer:
        body = html_page(sandbox.witness.stats(), state_of(sandbox)).encode()
        return Answer(200, body, "text/html; charset=utf-8")

    handlers: dict[str, _Handlers] = {
        "": {"GET": page},
        "health": {"GET": lambda: _json({"status": "ok"})},
        "stats": {"GET": lambda: _json({**sandbox.witness.stats(), "jobs": len(sandbox.jobs)})},
        "state": {"GET": lambda: _json(state_of(sandbox))},
        "requests": {"GET": lambda: Lines(_log_chunks(sandbox, _number(query, "since", 1)))},
        "reset-counts": {"POST": reset},
    }
    for what in ("faults", "limit", "latency", "credentials", "down"):
        handlers[what] = {"PUT": partial(change, what)}
    return handlers


def _jobs(sandbox: Sandbox, job_id: str) -> Answer:
    found = [_job(sandbox, job) for job in sandbox.jobs.called(job_id)]
    if not found:
        return _json({"error": f"no request has named job {job_id}"}, 404)
    return _json({"job_id": job_id, "jobs": found})


def _job(sandbox: Sandbox, job: Job) -> dict[str, Any]:
    witness, sent = sandbox.witness, sent_to_cancel(job)
    rows = [witness.row(seq, arrival) for seq in job.seqs if (arrival := witness.log.get(seq)) is not None]
    return {
        "bucket": job.bucket,
        "region": job.region,
        "running": job.running,
        "cancelled": job.cancelled_by is not None,
        "cancelled_by_seq": job.cancelled_by,
        "sent": asdict(sent) if sent else None,
        "requests": rows,
    }


def _log_chunks(sandbox: Sandbox, since: int) -> Iterator[bytes]:
    witness = sandbox.witness
    lines: list[str] = []
    for seq, arrival in witness.log.since(since):
        lines.append(json.dumps(witness.row(seq, arrival), separators=(",", ":")))
        if len(lines) >= LINES_PER_CHUNK:
            yield ("\n".join(lines) + "\n").encode()
            lines.clear()
    if lines:
        yield ("\n".join(lines) + "\n").encode()


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError as wrong:
        raise ValueError(f"the body must be JSON: {wrong}") from None
    if not isinstance(parsed, dict):
        raise ValueError(f"the body must be a JSON object, got {type(parsed).__name__}")  # noqa: TRY004
    return parsed


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name} must be a whole number, got {text!r}")
    return int(text)


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value, indent=1).encode() + b"\n", "application/json")
