"""What a job id asks for: a test names the fault or the state it wants in the id itself.

`sandbox-<name>-<rest>` always gives the fault or state `<name>`; `sandbox-<name>x2-<rest>` gives the fault on
the first two cancels and then works. Hyphens inside a name may be left out (`brokenxml`).
"""

import re
from dataclasses import dataclass
from typing import Literal

from worker.sandbox.fault import FAULTS, Fault

State = Literal["unknown", "finished", "conflict"]

STATES: dict[State, str] = {
    "unknown": "no such job: 404 AuditingJobNotFound",
    "finished": "ended by itself before: answered as --finished-answers says",
    "conflict": "ended before; the cancel is answered 409, which no document explains",
}

_FAULT_OF = {name.replace("-", ""): fault for name, fault in FAULTS.items()} | FAULTS
_FAULT_RULE = re.compile(
    rf"sandbox-({'|'.join(sorted(_FAULT_OF, key=len, reverse=True))})(?:x([1-9][0-9]{{0,3}}))?-"
)
_STATE_RULE = re.compile(rf"sandbox-({'|'.join(STATES)})-")


@dataclass(frozen=True, slots=True)
class Marker:
    """What the id asks for: a state of the job, or a fault on its first `times` cancels (None: on all)."""

    state: State | None = None
    fault: Fault | None = None
    times: int | None = None


NO_MARKER = Marker()


def marker_of(job_id: str) -> Marker:
    """What `job_id` asks for; NO_MARKER for an ordinary id."""
    if not job_id.startswith("sandbox-"):
        return NO_MARKER
    if found := _FAULT_RULE.match(job_id):
        times = found[2]
        return Marker(fault=_FAULT_OF[found[1]], times=int(times) if times else None)
    if found := _STATE_RULE.match(job_id):
        return Marker(state=next(state for state in STATES if state == found[1]))
    return NO_MARKER
