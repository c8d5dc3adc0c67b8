"""What `standdown cancel` makes of its options."""

from datetime import UTC, datetime, timedelta

import pytest

from settings import Account
from worker.cli.cancel import joined_wait
from worker.cli.cancel_run import commands_of
from worker.cli.fields import common_of
from worker.cli.problem import Problem

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
OPTIONS = {"bucket": "b-1250000000", "region": "ap-beijing", "lane": "urgent"}


def account(**more: object) -> Account:
    return Account.model_validate({"name": "default", **more})


@pytest.mark.parametrize(
    ("args", "joined"),
    [
        (["--wait", "av1"], ["--wait=60", "av1"]),
        (["av1", "--wait"], ["av1", "--wait=60"]),
        (["--wait", "30", "av1"], ["--wait=30", "av1"]),
        (["--wait", "5m", "av1"], ["--wait=5m", "av1"]),
        (["--wait=7", "av1"], ["--wait=7", "av1"]),
        (["--wait", "--json", "av1"], ["--wait=60", "--json", "av1"]),
        (["--wait", "--", "30"], ["--wait=60", "--", "30"]),
        (["av1", "--", "--wait", "7"], ["av1", "--", "--wait", "7"]),
    ],
)
def test_wait_takes_a_time_and_never_a_job(args: list[str], joined: list[str]) -> None:
    """A job behind --wait stays a job."""
    assert joined_wait(args) == joined


def test_each_job_gets_a_command() -> None:
    """With everything the options say; ids are new each time."""
    first, second = commands_of(
        ["av1", "av2"], account(), **OPTIONS, reason="r", not_after="5m", context='{"a": 1}'
    )
    assert (first.job_id, second.job_id) == ("av1", "av2")
    assert first.command_id != second.command_id
    assert first.context == {"a": 1}
    assert first.not_after - first.requested_at == timedelta(minutes=5)


def test_every_problem_is_told_at_once() -> None:
    """Options and jobs are both looked at; nothing is half enqueued."""
    with pytest.raises(Problem) as raised:
        commands_of(
            ["ok", "no/good", "né"],
            account(),
            **{**OPTIONS, "bucket": "BAD"},
            not_after="5x",
            context="[1]",
        )
    told = raised.value.message
    assert raised.value.exit_code == 2
    for part in ("not_after", "context", "bucket", "'no/good'", "'né'"):
        assert part in told
    assert "'ok'" not in told


@pytest.mark.parametrize(
    ("allowed", "says"),
    [
        ({"allowed_buckets": "live-*"}, "bucket b-1250000000"),
        ({"allowed_regions": "ap-x1"}, "region ap-beijing"),
    ],
)
def test_what_the_account_may_not_touch_is_refused_at_the_door(allowed: dict[str, str], says: str) -> None:
    """Sooner than by a worker, and before anything is enqueued."""
    with pytest.raises(Problem, match=says):
        common_of(account(**allowed), now=NOW, **OPTIONS)


def test_bucket_and_region_are_both_told() -> None:
    """Each is asked alone, so that one correction is enough."""
    with pytest.raises(Problem, match=r"bucket b-1250000000.*region ap-beijing"):
        common_of(account(allowed_buckets="live-*", allowed_regions="ap-x1"), now=NOW, **OPTIONS)


def test_what_no_option_gives_is_not_asked() -> None:
    """A purge without --bucket leaves the bucket to its lines."""
    common = common_of(
        account(allowed_buckets="live-*"), now=NOW, lane="bulk", bucket=None, region=None, reason="r"
    )
    assert "bucket" not in common.fields
    assert common.command.reason == "r"


@pytest.mark.parametrize("passed", ["2020-01-01T00:00:00Z", "0s"])
def test_a_time_that_has_passed_is_refused(passed: str) -> None:
    """Such a command would expire at once."""
    with pytest.raises(Problem, match="has passed already"):
        common_of(account(), now=NOW, **OPTIONS, not_after=passed)
