"""The closed set of outcomes, and what each of them says."""

import pytest

from tasks.outcome import Lane, Outcome


@pytest.mark.parametrize(
    ("outcome", "needs_a_person", "settles_the_job"),
    [
        ("cancelled", False, True),
        ("gone", False, True),
        ("refused", True, False),
        ("expired", True, False),
        ("aborted", False, False),
    ],
)
def test_what_an_outcome_means(outcome: str, needs_a_person: bool, settles_the_job: bool) -> None:
    """The design's table: which outcomes leave a dead letter, and which answer for the job."""
    assert Outcome(outcome).needs_a_person is needs_a_person
    assert Outcome(outcome).settles_the_job is settles_the_job


def test_the_sets_are_closed() -> None:
    """Five outcomes and two lanes: one more is a change of the protocol."""
    assert [str(outcome) for outcome in Outcome] == ["cancelled", "gone", "refused", "expired", "aborted"]
    assert [str(lane) for lane in Lane] == ["urgent", "bulk"]
