"""The pretended moderation jobs: every well-formed id is a running job until it is cancelled."""

import re
import zlib
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from worker.sandbox.answer import Sent
from worker.sandbox.marker import Marker, marker_of

JOB_ID_RULE = re.compile(r"[A-Za-z0-9_-]{1,128}")
SEQS_KEPT = 100
_CHINA = timezone(timedelta(hours=8))


@dataclass(slots=True)
class Job:
    """One job of one bucket, and what was asked of it.

    seqs: the numbers of its last requests. cancelled_by: the number of the request that ended it, and
    sent_request_id and sent_state what that was told. resets, requests: the witness's count for this job.
    next: the job of the same id in another bucket. (Flat, because there are a million of these.)
    """

    job_id: str
    bucket: str
    region: str
    created_unix_s: int
    marker: Marker
    running: bool
    struck: int = 0
    cancelled_by: int | None = None
    sent_request_id: str | None = None
    sent_state: str | None = None
    seqs: "array[int]" = field(default_factory=lambda: array("q"))
    resets: int = 0
    requests: int = 0
    next: "Job | None" = None

    def seen(self, seq: int) -> None:
        """Remember one more request."""
        if len(self.seqs) >= SEQS_KEPT:
            del self.seqs[0]
        self.seqs.append(seq)


class Jobs:
    """All jobs by id, bucket and region; the oldest are forgotten when there are more than `count_max`."""

    def __init__(self, count_max: int) -> None:
        self._jobs: dict[str, Job] = {}
        self._count_max = count_max
        self._count = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return self._count

    def get(self, job_id: str, bucket: str, region: str, unix_s: int) -> Job:
        """The job, made now if it was never seen."""
        found = first = self._jobs.get(job_id)
        while found is not None:
            if found.bucket == bucket and found.region == region:
                return found
            found = found.next
        marker = marker_of(job_id)
        job = Job(job_id, bucket, region, unix_s, marker, marker.state is None, next=first)
        self._jobs[job_id] = job
        self._count += 1
        if self._count > self._count_max:
            self._forget_oldest()
        return job

    def called(self, job_id: str) -> list[Job]:
        """The jobs of this id, in whichever bucket, the newest first."""
        jobs = []
        job = self._jobs.get(job_id)
        while job is not None:
            jobs.append(job)
            job = job.next
        return jobs

    def clear(self) -> None:
        """Forget all jobs: every id is a running job again."""
        self._jobs.clear()
        self._count, self.forgotten = 0, 0

    def _forget_oldest(self) -> None:
        oldest = next(iter(self._jobs))
        gone = len(self.called(oldest))
        del self._jobs[oldest]
        self._count -= gone
        self.forgotten += gone


def sent_of(job: Job, request_id: str, state: str | None) -> Sent:
    """What a 200 says of the job. The same id always shows the same variant of the documented looks."""
    variant = zlib.crc32(job.job_id.encode())
    return Sent(
        JobId=job.job_id,
        CreationTime=creation_time(job.created_unix_s, with_colon=variant % 4 == 1),
        DataId=None if variant % 8 == 3 else f"data-{job.job_id[:64]}",
        RequestId=request_id,
        State=state,
    )


def sent_to_cancel(job: Job) -> Sent | None:
    """What the cancel that ended the job was told, if one did."""
    return None if job.sent_request_id is None else sent_of(job, job.sent_request_id, job.sent_state)


def cancel_state(job: Job) -> str | None:
    """The State of a cancel's answer, which only the newest document has: some answers carry it."""
    if zlib.crc32(job.job_id.encode()) % 3:
        return None
    return query_state(job)


def query_state(job: Job) -> str:
    """The documents know no state for a cancelled job, so it shows as ended."""
    return "Auditing" if job.running else "Success"


def creation_time(unix_s: int, *, with_colon: bool) -> str:
    """`2021-08-07T12:12:12+0800`, or with the colon that has been seen too."""
    moment = datetime.fromtimestamp(unix_s, UTC).astimezone(_CHINA)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + ("+08:00" if with_colon else "+0800")
