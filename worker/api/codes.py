"""What each error code and status means to us: the error table, as data.

It stands alone so that it can be held against the document row by row.
Source: doc 1045/43611 "Error codes" of Cloud Infinite, read 2026-11-21.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What an answer that is no 200 means."""

    GONE = "gone"
    REFUSED = "refused"
    CLOCK = "clock"
    ACCOUNT = "account"
    THROTTLED = "throttled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rule:
    """A verdict, and what to tell the operator. Not `explained` where no document led to it."""

    verdict: Verdict
    advice: str
    explained: bool = True


_KEY = Rule(Verdict.ACCOUNT, "the API does not take the credential: check secret id, secret key and token")
_DENIED = Rule(
    Verdict.ACCOUNT, "the credential may not do this: it needs ci:CancelAuditingJobs on the bucket"
)
_UNBOUND = Rule(Verdict.ACCOUNT, "the bucket is not bound to Cloud Infinite: bind it in the console")
_ROUTE = Rule(Verdict.ACCOUNT, "the API does not know this address: check bucket, region and host suffix")
_CLOCK = Rule(
    Verdict.CLOCK, "the signature is too old or too new for the API: check the clock of this machine"
)
_FAILED = Rule(Verdict.FAILED, "the API failed")
_THROTTLED = Rule(Verdict.THROTTLED, "over the rate limit")
_MOVED = Rule(
    Verdict.ACCOUNT, "misrouted: the answer is a redirect, which is never followed; check base URL and proxy"
)

CODES: Mapping[str, Rule] = {
    "AuditingJobNotFound": Rule(Verdict.GONE, "the API does not know the job"),
    "InvalidUrl": _ROUTE,
    "InvalidArgument": Rule(Verdict.REFUSED, "the API takes the job id for illegal"),
    "SignatureExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "MissingAuthorization": Rule(Verdict.ACCOUNT, "the signature did not arrive: does a proxy drop it?"),
    "InvalidAuthorization": _KEY,
    "AccessDenied": _DENIED,
    "SecretidNotExist": _KEY,
    "InvalidAccessKeyId": _KEY,
    "SignatureDoesNotMatch": _KEY,
    "ExpiredToken": Rule(Verdict.ACCOUNT, "the temporary credential has expired: renew it"),
    "NoSuchBucket": Rule(Verdict.ACCOUNT, "the bucket does not exist in this region"),
    "MediaBucketUnBinded": _UNBOUND,
    "SlowDown": _THROTTLED,
    "InternalError": _FAILED,
    "ServiceUnavailable": _FAILED,
    "QueueSaturated": Rule(Verdict.FAILED, "the API's own queue is full"),
}

UNBOUND_SUFFIX = "UnBinded"
"""Every service of the bucket has a code of its own for this, and all end so."""

NAMES: Mapping[str, str] = {
    "1007": "InternalError",
    "1010": "InvalidUrl",
    "1012": "MissingAuthorization",
    "1013": "InvalidAuthorization",
    "1014": "SignatureExpired",
    "1015": "InvalidArgument",
    "1018": "AccessDenied",
    "1019": "SecretidNotExist",
    "1020": "SlowDown",
    "1111": "MediaBucketUnBinded",
}
"""The names of the numbers that some answers carry in place of a name."""

STATUSES: Mapping[int, Rule] = {
    400: Rule(Verdict.REFUSED, "the API refuses the request"),
    402: Rule(Verdict.ACCOUNT, "the account is in arrears"),
    404: _ROUTE,
    429: _THROTTLED,
    451: Rule(Verdict.ACCOUNT, "the account or bucket is closed for legal reasons"),
    # Not in the document. Whoever answers so dislikes all our requests alike, so no command is to blame.
    401: Rule(Verdict.ACCOUNT, "the API does not take the signature", explained=False),
    403: Rule(Verdict.ACCOUNT, "the API or something before it forbids this", explained=False),
    407: Rule(Verdict.ACCOUNT, "the proxy wants a user and password", explained=False),
    408: Rule(Verdict.FAILED, "the API gave up waiting for the request", explained=False),
}

CLOCK_CODES = frozenset(code for code, rule_ in CODES.items() if rule_.verdict is Verdict.CLOCK)
"""What a signature is told whose time the API does not take: correcting our clock may help."""

STALE_KEY_CODES = frozenset(
    {
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidAuthorization",
        "SecretidNotExist",
        "SignatureDoesNotMatch",
    }
)
"""What a key that was rotated meanwhile is told: reading the credential again may help."""


def rule(status: int, code: str | None) -> Rule:
    """The rule for an answer that is no 200: by code, and by status where the code says nothing.

    A redirect is never asked for its code, and "job not found" is believed only under 4xx: where other parts
    of the answer contradict it, a command must not end on it.
    """
    if 300 <= status < 400:
        return _MOVED
    known = CODES.get(code or "")
    if known is not None and (known.verdict is not Verdict.GONE or 400 <= status < 500):
        return known
    if code is not None and code.endswith(UNBOUND_SUFFIX):
        return _UNBOUND
    if status in STATUSES:
        return STATUSES[status]
    if 400 <= status < 500:
        return Rule(Verdict.REFUSED, "the API refuses the request, and no document says why", explained=False)
    return _FAILED
