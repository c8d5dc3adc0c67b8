"""Signing a request: each stage a pure function, named after what it returns.

It stands alone because it must agree with the vendor to the byte, which golden vectors prove stage by stage.
Source: doc 436/7778 "Request signature", read 2026-11-21.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from worker.api.credential import Credential

START_EARLIER_S = 60
"""A signature starts in the past, so that a clock some seconds ahead of the API's does no harm."""

Pairs = list[tuple[str, str]]
"""Encoded names and values, sorted by name."""


def key_time(now_s: float, life_s: int) -> str:
    """When a signature made at `now_s` (unix time) is valid: `<start>;<end>`."""
    now = int(now_s)
    return f"{now - START_EARLIER_S};{now + life_s}"


def sign_key(secret_key: str, key_time: str) -> str:
    """The key of one validity; used as this hex text, not as the bytes it stands for."""
    return _hmac_sha1(secret_key, key_time)


def encoded_pairs(values: Mapping[str, str]) -> Pairs:
    """Names (then in lower case) and values, each percent-encoded, sorted by name."""
    return sorted((_encoded(name).lower(), _encoded(value)) for name, value in values.items())


def pair_text(pairs: Pairs) -> str:
    """HttpParameters or HttpHeaders: `a=1&b=2`."""
    return "&".join(f"{name}={value}" for name, value in pairs)


def name_list(pairs: Pairs) -> str:
    """UrlParamList or HeaderList: `a;b`."""
    return ";".join(name for name, _ in pairs)


def http_string(method: str, path: str, params: Pairs, headers: Pairs) -> str:
    """What is sent, in one text. `path` is the decoded one."""
    return f"{method.lower()}\n{path}\n{pair_text(params)}\n{pair_text(headers)}\n"


def http_string_digest(http_string: str) -> str:
    """The fingerprint of what is sent."""
    return hashlib.sha1(http_string.encode(), usedforsecurity=False).hexdigest()


def string_to_sign(key_time: str, http_string: str) -> str:
    """What is signed: validity and fingerprint."""
    return f"sha1\n{key_time}\n{http_string_digest(http_string)}\n"


def signature(sign_key: str, string_to_sign: str) -> str:
    """The signature, as 40 hex digits in lower case."""
    return _hmac_sha1(sign_key, string_to_sign)


def authorization(
    *,
    method: str,
    path: str,
    headers: Mapping[str, str],
    params: Mapping[str, str],
    credential: Credential,
    key_time: str,
) -> str:
    """The Authorization header over exactly these headers and params. `path` is the decoded one."""
    encoded_headers, encoded_params = encoded_pairs(headers), encoded_pairs(params)
    signed = signature(
        sign_key(credential.secret_key, key_time),
        string_to_sign(key_time, http_string(method, path, encoded_params, encoded_headers)),
    )
    return _joined(
        (
            ("q-sign-algorithm", "sha1"),
            ("q-ak", credential.secret_id),
            ("q-sign-time", key_time),
            ("q-key-time", key_time),
            ("q-header-list", name_list(encoded_headers)),
            ("q-url-param-list", name_list(encoded_params)),
            ("q-signature", signed),
        )
    )


def _joined(fields: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in fields)


def _encoded(text: str) -> str:
    return quote(text, safe="")  # leaves A-Za-z0-9-_.~ bare, as RFC 3986 and the document say


def _hmac_sha1(key: str, text: str) -> str:
    return hmac.digest(key.encode(), text.encode(), "sha1").hex()
