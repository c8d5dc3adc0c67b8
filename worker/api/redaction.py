"""Making foreign text safe to keep: bounded, no secret of ours, nothing like one, no control characters.

It stands alone because error bodies of the gateway may echo the signed headers, session token included.
"""

import re
from collections.abc import Collection
from urllib.parse import quote

TEXT_MAX_BYTES = 512
"""The longest DataId. Source: doc 436/76263. No other text of the API needs more."""

MASK = "***"
_SECRET_MIN_CHARS = 4
"""Shorter ones would blank half of every text, and nobody can log in with them."""

_LOOKS_SECRET = re.compile(
    r"""q-[a-z-]{1,30}=[^&\s"'<>]*"""
    r"""|(?:authorization|token|secret[\w-]{0,16}|signature|password)["']?\s{0,8}[:=]\s{0,8}["']?[^\s&"'<>]+"""
    r"""|AKID[A-Za-z0-9_-]{8,}"""
    r"""|[0-9A-Fa-f]{40,}""",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def without_secrets(text: str, secrets: Collection[str]) -> str:
    """`text` with each of `secrets` masked, bare or percent-encoded."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SECRET_MIN_CHARS:
            text = text.replace(secret, MASK)
            if "%" in text:
                text = text.replace(quote(secret, safe=""), MASK)
    return text


def without_lookalikes(text: str) -> str:
    """`text` with everything masked that looks like a part of a signature, a token or a key."""
    return _LOOKS_SECRET.sub(MASK, text)


def bounded(text: str) -> str:
    """`text` on one line, without control characters, cut to TEXT_MAX_BYTES."""
    cut = _CONTROL.sub("\ufffd", text[:TEXT_MAX_BYTES]).encode()[:TEXT_MAX_BYTES]
    return cut.decode(errors="ignore")


def kept(text: str, secrets: Collection[str]) -> str:
    """A value of the API: verbatim, unless it is hostile."""
    return bounded(without_secrets(text, secrets))


def told(text: str, secrets: Collection[str]) -> str:
    """A message of the API, for people: what looks like a secret is masked as well."""
    return bounded(without_lookalikes(without_secrets(text, secrets)))
