"""Events as people read them, and the question which of them were asked for. Pure."""

from dataclasses import dataclass

from tasks.event import BatchData, Event, EventData
from tasks.outcome import Outcome
from worker.cli.batch_text import outcomes_text
from worker.cli.moment import moment_text
from worker.cli.output import harmless


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are shown; None asks for all."""

    job_id: str | None = None
    batch_id: str | None = None
    outcome: Outcome | None = None

    def takes(self, event: Event) -> bool:
        """Whether `event` is among them. A batch's own event belongs to its batch, and to no job or outcome."""
        data = event.data
        if self.batch_id is not None and data.batch_id != self.batch_id:
            return False
        if not isinstance(data, EventData):
            return self.job_id is None and self.outcome is None
        if self.outcome is not None and data.outcome != self.outcome:
            return False
        return self.job_id is None or self.job_id in (event.subject, data.JobId)


def event_line(event: Event) -> str:
    """One line: when, how, which job, and what is worth knowing of it."""
    parts = _of_job(event.subject, event.data) if isinstance(event.data, EventData) else _of_batch(event.data)
    return harmless("  ".join([moment_text(event.time), *(part for part in parts if part)]))


def _of_job(job_id: str, data: EventData) -> list[str]:
    return [
        f"{data.outcome:<9}",
        job_id,
        f"{data.bucket} {data.region}" if data.bucket else "",
        f"JobId {data.JobId}" if data.JobId else "",
        f"CreationTime {data.CreationTime}" if data.CreationTime else "",
        "not confirmed" if data.outcome is Outcome.CANCELLED and not data.confirmed else "",
        "deduplicated" if data.deduplicated else "",
        f"{data.attempts} attempts" if data.attempts > 1 else "",
        f"{data.uncertain_attempts} uncertain" if data.uncertain_attempts else "",
        f"batch {data.batch_id}" if data.batch_id else "",
        f"reason {data.reason}" if data.reason else "",
        f"error {data.error.code or 'unknown'}: {data.error.message}" if data.error else "",
    ]


def _of_batch(data: BatchData) -> list[str]:
    return ["completed", f"batch {data.batch_id}", f"{data.size} commands", outcomes_text(data.outcomes)]
