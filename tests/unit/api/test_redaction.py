import pytest

from worker.api.redaction import (
    MASK,
    TEXT_MAX_BYTES,
    bounded,
    kept,
    told,
    without_lookalikes,
    without_secrets,
)


def test_secrets_in_every_spelling() -> None:
    """A secret is masked bare and percent-encoded."""
    token = "abc+/=="
    text = f"a {token} b abc%2B%2F%3D%3D c"
    assert without_secrets(text, [token]) == f"a {MASK} b {MASK} c"


def test_longest_first() -> None:
    """Where one secret is a part of another, nothing of the longer one is left over."""
    assert without_secrets("x secretlonger y", ["secret", "secretlonger"]) == f"x {MASK} y"


@pytest.mark.parametrize(
    "text",
    [
        "q-signature=1058a6286653b9dd89f150cf664293fc2476dd19",
        "Authorization: Bearer",
        "x-ci-security-token=PLANTED",
        '"SecretKey": "PLANTED"',
        "Token : PLANTED",
        "AKIDQjz3ltompVjBni5Litk",
        "1058a6286653b9dd89f150cf664293fc2476dd19",
    ],
)
def test_lookalikes(text: str) -> None:
    """What looks like a part of a signature, a token or a key is masked."""
    masked = without_lookalikes(f"before {text} after")
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert MASK in masked
    for part in ("PLANTED", "Bearer", "Qjz3", "1058"):
        assert part not in masked


def test_masked_before_it_is_cut() -> None:
    """A secret that lies across the bound leaves no part of itself behind."""
    text = "x" * (TEXT_MAX_BYTES - 5) + "SECRETSECRET"
    assert "SEC" not in kept(text, ["SECRETSECRET"])


def test_bounded() -> None:
    """Text stays on one line, without control characters and directions, within its bound in bytes."""
    assert bounded("a\r\nb\x1b[31m\u202ec\x85") == "a\ufffd\ufffdb\ufffd[31m\ufffdc\ufffd"
    assert bounded("é" * 1000) == "é" * 256


def test_harmless_text_stays() -> None:
    """Ordinary values and messages are not touched."""
    for text in ("auditing jobId is illegal.", "NTk0MjdmODlfMjQ4OGY3XzYzYzhf", "2021-08-07T12:12:12+0800"):
        assert kept(text, ["SECRETSECRET"]) == text
        assert told(text, ["SECRETSECRET"]) == text
