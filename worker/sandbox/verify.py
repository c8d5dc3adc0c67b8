"""Whether a request is signed as the documents say; written from them alone, apart from our client's signer.

Order of the questions: is there a signature, is it whole, is the key known, is the time right, does it
cover what it must, does it match. Stricter than the document in one thing: Host, a Content-Length that was
sent, and the token must be covered, because an uncovered Host lets a signature be replayed elsewhere.

Source: Tencent Cloud doc 436/7778 (request signature), 1045/43611 (error codes), read 2026-11-21.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from worker.sandbox.options import Credential

SKEW_MAX_S = 15 * 60
TOKEN_HEADER = "x-ci-security-token"  # noqa: S105  a header's name
_FIELDS = ("algorithm", "ak", "sign-time", "key-time", "header-list", "url-param-list", "signature")
_TIME_RULE = re.compile(r"([0-9]{1,12});([0-9]{1,12})")
_SIGNATURE_RULE = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Verified:
    """The signature is right, or was not to be checked."""

    secret_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why it is not, as the API answers. `echo` holds what the server signed itself, to be compared."""

    status: int
    code: str
    message: str
    secret_id: str | None = None
    echo: Mapping[str, str] = field(default_factory=dict, repr=False)


def verdict(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    lookup: Callable[[str], Credential | None],
    now_s: float,
) -> Verified | Rejected:
    """What the API says at `now_s` (unix seconds). `path` and `query` are as sent, names are lower case."""
    authorization = headers.get("authorization")
    if authorization is None:
        return Rejected(401, "MissingAuthorization", "Authorization header is missing.")
    fields = authorization_fields(authorization)
    if isinstance(fields, str):
        return Rejected(401, "InvalidAuthorization", fields)
    secret_id = fields["ak"]
    credential = lookup(secret_id)
    if credential is None:
        return Rejected(401, "SecretidNotExist", "The SecretId does not exist.", secret_id)
    wrong = (
        _wrong_time(fields, headers, now_s)
        or _wrong_cover(fields, headers)
        or _wrong_token(credential, headers)
    )
    if wrong:
        return Rejected(*wrong, secret_id)
    if credential.secret_key is None:
        return Verified(credential.secret_id)
    return _compared(credential, credential.secret_key, fields, method, path, query, headers)


def authorization_fields(text: str) -> dict[str, str] | str:
    """The parts of an Authorization header without their `q-`, or the sentence that says what is wrong."""
    pairs = [part.partition("=") for part in text.strip().split("&")]
    fields = {name: value for name, _, value in pairs}
    expected = [f"q-{'sign-' if name == 'algorithm' else ''}{name}" for name in _FIELDS]
    if len(pairs) != len(expected) or set(fields) != set(expected):
        return f"Authorization must hold {', '.join(expected)}, once each."
    named = {name: fields[long] for name, long in zip(_FIELDS, expected, strict=True)}
    if named["algorithm"] != "sha1":
        return "q-sign-algorithm must be sha1."
    for name in ("sign-time", "key-time"):
        times = _TIME_RULE.fullmatch(named[name])
        if times is None or int(times[1]) >= int(times[2]):
            return f"q-{name} must be <start>;<end> in unix seconds, the start first."
    if not _SIGNATURE_RULE.fullmatch(named["signature"]):
        return "q-signature must be 40 lower-case hex digits."
    for name in ("header-list", "url-param-list"):
        listed = named[name].split(";") if named[name] else []
        if listed != sorted({one.lower() for one in listed}):
            return f"q-{name} must be lower case, sorted and without repetition."
    return named


def format_string(
    method: str, path: str, query: str, headers: Mapping[str, str], header_list: str, param_list: str
) -> str:
    """The document's HttpString, over the listed headers and parameters that the request has."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    params = {_encoded(unquote(name)).lower(): _encoded(unquote(value)) for name, _, value in pairs}
    sent = ((name, headers.get(unquote(name))) for name in header_list.split(";"))
    named = {name: _encoded(value) for name, value in sent if value is not None}
    return (
        f"{method.lower()}\n{unquote(path, errors='surrogateescape')}\n"
        f"{_listed(params, param_list)}\n{_listed(named, header_list)}\n"
    )


def string_to_sign(sign_time: str, http_string: str) -> str:
    """The document's StringToSign."""
    return f"sha1\n{sign_time}\n{hashlib.sha1(_bytes(http_string), usedforsecurity=False).hexdigest()}\n"


def signature(secret_key: str, key_time: str, to_sign: str) -> str:
    """The signature this key gives; SignKey is used as the text of its hex digits."""
    sign_key = hmac.digest(_bytes(secret_key), _bytes(key_time), "sha1").hex()
    return hmac.digest(sign_key.encode(), _bytes(to_sign), "sha1").hex()


def _wrong_time(
    fields: Mapping[str, str], headers: Mapping[str, str], now_s: float
) -> tuple[int, str, str] | None:
    for name in ("sign-time", "key-time"):
        start, end = (int(part) for part in fields[name].split(";"))
        if start - now_s > SKEW_MAX_S:
            return (
                403,
                "RequestTimeTooSkewed",
                f"q-{name} begins more than 15 minutes after the server's time.",
            )
        if now_s > end:
            return 401, "SignatureExpired", f"q-{name} has ended: the signature is expired."
    return None


def _wrong_cover(fields: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, str, str] | None:
    covered = fields["header-list"].split(";")
    for name in ("host", "content-length", TOKEN_HEADER):
        if name in headers and name not in covered:
            return 401, "InvalidAuthorization", f"{name} must be signed (q-header-list does not list it)."
    return None


def _wrong_token(credential: Credential, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
    if credential.token is None:
        return None
    sent = headers.get(TOKEN_HEADER)
    if sent is None:
        return 403, "InvalidAccessKeyId", f"The key is a temporary one, and {TOKEN_HEADER} is missing."
    if not hmac.compare_digest(_bytes(sent), _bytes(credential.token)):
        return 400, "ExpiredToken", "The security token is not that of this key, or is expired."
    return None


def _compared(
    credential: Credential,
    secret_key: str,
    fields: Mapping[str, str],
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
) -> Verified | Rejected:
    http_string = format_string(method, path, query, headers, fields["header-list"], fields["url-param-list"])
    to_sign = string_to_sign(fields["sign-time"], http_string)
    if hmac.compare_digest(signature(secret_key, fields["key-time"], to_sign), fields["signature"]):
        return Verified(credential.secret_id)
    return Rejected(
        403,
        "SignatureDoesNotMatch",
        "The Signature you specified is invalid.",
        credential.secret_id,
        {"StringToSign": to_sign, "FormatString": http_string},
    )


def _listed(values: Mapping[str, str], names: str) -> str:
    return "&".join(f"{name}={values[name]}" for name in names.split(";") if name in values)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
