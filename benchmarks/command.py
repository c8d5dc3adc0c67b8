"""The commands that are measured: as long as real ones, each of a job of its own."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from tasks.command import BatchPlace, CancelCommand, parse
from tasks.outcome import Lane

BUCKET, REGION = "examplebucket-1250000000", "ap-beijing"
HOST = f"{BUCKET}.ci.{REGION}.myqcloud.com"
JOB_ID_LENGTH = 34
"""Of the API's own ids: `av` and 32 hexadecimal digits."""


def job_id_of(prefix: str, index: int) -> str:
    """A job id of the usual length that tells which job it is."""
    return f"{prefix}-{index:06d}-".ljust(JOB_ID_LENGTH, "0")


def commands(prefix: str, count: int, lane: Lane, *, batch: str | None = None) -> Iterator[CancelCommand]:
    """`count` commands whose job ids begin with `prefix`; in a batch they know their place."""
    common = parse(
        {"job_id": prefix, "bucket": BUCKET, "region": REGION, "lane": lane}, now=datetime.now(UTC)
    )
    for index in range(count):
        place = BatchPlace(id=batch, index=index, size=count) if batch else None
        fields = {"job_id": job_id_of(prefix, index), "command_id": uuid.uuid4().hex, "batch": place}
        yield common.model_copy(update=fields)
