"""Which commands an account may carry, and how a refusal reads."""

from datetime import UTC, datetime

import pytest

from settings import Account
from tasks.command import parse
from worker.carrier import refusal_of

RAW = {"job_id": "av1", "bucket": "live-eu-1250000000", "region": "ap-beijing", "account": "eu"}


def refusal(carrying: Account, **fields: str) -> str | None:
    return refusal_of(carrying, parse({**RAW, **fields}, now=datetime(2026, 1, 31, tzinfo=UTC)))


def test_without_lists_everything_is_allowed() -> None:
    """The fences are for who sets them up: an account without lists carries any bucket and region."""
    assert refusal(Account(name="eu")) is None
    assert refusal(Account(name="eu"), bucket="x-12345", region="na-ashburn") is None


def test_another_accounts_command_is_refused() -> None:
    """A command in the wrong queue is never sent with this account's credentials."""
    said = refusal(Account(name="eu"), account="us")
    assert said == "the command is for account us, this queue is account eu's"


@pytest.mark.parametrize(
    ("bucket", "allowed"),
    [
        ("live-eu-1250000000", True),
        ("live-us-1250000000", True),
        ("other-1250000001", True),
        ("live-eu-1250000001", False),
        ("xlive-eu-1250000000", False),
    ],
)
def test_buckets_follow_the_patterns(bucket: str, allowed: bool) -> None:
    """A bucket must match one of the patterns as a whole; the refusal names it and them."""
    account = Account(name="eu", allowed_buckets=("live-*-1250000000", "other-1250000001"))
    said = refusal(account, bucket=bucket)
    if allowed:
        assert said is None
    else:
        assert said == (
            f"bucket {bucket} is not among the allowed buckets of account eu "
            "(live-*-1250000000, other-1250000001)"
        )


def test_regions_are_named_in_full() -> None:
    """A region must be in the list; the refusal names it and the list."""
    account = Account(name="eu", allowed_regions=("ap-beijing", "ap-tokyo"))
    assert refusal(account) is None
    assert refusal(account, region="ap-beijing-fsi") == (
        "region ap-beijing-fsi is not among the allowed regions of account eu (ap-beijing, ap-tokyo)"
    )


def test_the_account_is_looked_at_first() -> None:
    """Where all is wrong, the wrong queue is what is said: the other lists are another account's."""
    account = Account(name="eu", allowed_buckets=("a-*",), allowed_regions=("ap-tokyo",))
    said = refusal(account, account="us")
    assert said is not None
    assert said.startswith("the command is for account us")
