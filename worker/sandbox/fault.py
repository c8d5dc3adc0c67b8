"""What can go wrong on purpose: the closed table of faults, and the choice of one by a roll of the dice."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Ending(StrEnum):
    """What the connection does with an answer."""

    ANSWER = "answer"  # send it whole
    RESET = "reset"  # TCP reset instead of an answer
    HANG = "hang"  # silence, then the connection ends without an answer
    TRUNCATED = "truncated"  # the connection ends in the middle of the body


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one request.

    takes_effect: the job is cancelled although the client cannot read so. Such a fault strikes only a cancel
    of a running job; otherwise the request is answered as if there were no fault.
    """

    name: str
    tells: str
    status: int = 0
    code: str = ""
    message: str = ""
    ending: Ending = Ending.ANSWER
    takes_effect: bool = False
    broken_xml: bool = False
    throttle: bool = False


_ALL = (
    Fault("429", "429 SlowDown", 429, "SlowDown", "Please reduce your request rate.", throttle=True),
    Fault("500", "500 InternalError", 500, "InternalError", "We encountered an internal error."),
    Fault("503", "503 ServiceUnavailable", 503, "ServiceUnavailable", "Please try again later."),
    Fault("503-slowdown", "503 SlowDown", 503, "SlowDown", "Please reduce your request rate.", throttle=True),
    Fault("saturated", "403 QueueSaturated", 403, "QueueSaturated", "The queue is saturated."),
    Fault("illegal", "400 InvalidArgument", 400, "InvalidArgument", "auditing jobId is illegal."),
    Fault("forbidden", "403 AccessDenied", 403, "AccessDenied", "Access Denied."),
    Fault(
        "arrears", "451, the account owes", 451, "UnavailableForLegalReasons", "The account is in arrears."
    ),
    Fault("redirect", "307 TemporaryRedirect", 307, "TemporaryRedirect", "Please use the Location header."),
    Fault("teapot", "418, a 4xx that no document explains", 418, "ImATeapot", "Short and stout."),
    Fault("reset", "connection reset, no effect", ending=Ending.RESET),
    Fault("hang", "no answer for --hang-s, no effect", ending=Ending.HANG),
    Fault("applied-500", "cancelled, then 500", 500, "InternalError", "Internal error.", takes_effect=True),
    Fault("applied-reset", "cancelled, then reset", ending=Ending.RESET, takes_effect=True),
    Fault("applied-hang", "cancelled, then no answer", ending=Ending.HANG, takes_effect=True),
    Fault("truncated", "cancelled, 200 cut in mid-body", ending=Ending.TRUNCATED, takes_effect=True),
    Fault("broken-xml", "cancelled, 200 malformed as in the docs", takes_effect=True, broken_xml=True),
)
FAULTS = {fault.name: fault for fault in _ALL}
"""Every fault by its name, in the order in which a roll meets them."""


def chosen_fault(faults: Mapping[str, float], roll: float) -> Fault | None:
    """The fault that a roll in [0, 1) hits: each takes a stretch as long as its probability."""
    for name, probability in faults.items():
        if roll < probability:
            return FAULTS[name]
        roll -= probability
    return None


def checked_faults(faults: Mapping[str, float]) -> Mapping[str, float]:
    """The same faults; ValueError where a name or probability is not one."""
    for name, probability in faults.items():
        if name not in FAULTS:
            raise ValueError(f"fault must be one of {', '.join(FAULTS)}, got {name!r}")
        if not 0 <= probability <= 1:
            raise ValueError(f"probability of fault {name} must be between 0 and 1, got {probability:g}")
    total = sum(faults.values())
    if total > 1 + 1e-9:
        raise ValueError(f"probabilities of faults must add up to at most 1, got {total:g}")
    return faults


def parse_fault(text: str) -> tuple[str, float]:
    """Name and probability in `500=0.05`."""
    name, _, number = text.partition("=")
    try:
        probability = float(number)
    except ValueError:
        raise ValueError(f"fault must be NAME=PROBABILITY such as 500=0.05, got {text!r}") from None
    checked_faults({name: probability})
    return name, probability
