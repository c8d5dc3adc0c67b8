"""Faults: the table, the roll, and what a job id asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.fault import FAULTS, chosen_fault, parse_fault
from worker.sandbox.marker import NO_MARKER, STATES, marker_of
from worker.sandbox.options import SandboxOptions, parse_credential, parse_latency


def test_each_fault_takes_a_stretch_of_the_dice_as_long_as_its_probability():
    """Shares are exact, also at the edges."""
    faults = {"429": 0.25, "hang": 0.5}
    rolls = [0.0, 0.2499, 0.25, 0.7499, 0.75, 0.9999]
    names = [fault.name if (fault := chosen_fault(faults, roll)) else None for roll in rolls]
    assert names == ["429", "429", "hang", "hang", None, None]


@given(st.floats(0, 1, exclude_max=True))
def test_probability_1_always_strikes_and_0_never(roll):
    """The bounds mean what they say."""
    assert chosen_fault({"500": 1.0}, roll) is FAULTS["500"]
    assert chosen_fault({"500": 0.0}, roll) is None


@pytest.mark.parametrize("text", ["500", "500=", "500=x", "nonsense=0.1", "500=1.5", "500=-0.1", "500=nan"])
def test_a_fault_that_cannot_be_is_refused_with_a_sentence(text):
    """Wrong names and probabilities are told, not ignored."""
    with pytest.raises(ValueError, match="must be"):
        parse_fault(text)


def test_faults_that_add_up_to_more_than_1_are_refused():
    """Otherwise the last ones would quietly be rarer than asked for."""
    with pytest.raises(ValueError, match="add up to at most 1"):
        SandboxOptions(faults={"500": 0.6, "429": 0.6})


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_asked_for_by_id_for_ever_or_some_times(name):
    """`sandbox-NAME-…` is for all cancels, `sandbox-NAMExN-…` for the first N; hyphens may be left out."""
    assert (marker_of(f"sandbox-{name}-abc").fault, marker_of(f"sandbox-{name}-abc").times) == (
        FAULTS[name],
        None,
    )
    assert marker_of(f"sandbox-{name.replace('-', '')}x12-abc").fault is FAULTS[name]
    assert marker_of(f"sandbox-{name}x12-abc").times == 12


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_asked_for_by_id(state):
    """`sandbox-STATE-…` is a job in that state."""
    assert marker_of(f"sandbox-{state}-abc").state == state


@pytest.mark.parametrize(
    "job_id",
    ["av123", "sandbox", "sandbox-", "sandbox-500", "sandbox-501-a", "xsandbox-500-a", "sandbox-500x0-a"],
)
def test_any_other_id_is_an_ordinary_job(job_id):
    """Only the documented form is a marker."""
    assert marker_of(job_id) is NO_MARKER


def test_latency_is_a_number_or_a_range():
    """Both forms of the option are read; nonsense is a sentence."""
    assert parse_latency("80") == (80.0, 80.0)
    assert parse_latency("20..120") == (20.0, 120.0)
    with pytest.raises(ValueError, match=r"20\.\.120"):
        parse_latency("fast")
    with pytest.raises(ValueError, match="must be a range"):
        SandboxOptions(latency_ms=(120.0, 20.0))


def test_an_unreadable_credential_is_never_quoted():
    """Errors must not hold keys, nor must reprs."""
    with pytest.raises(ValueError) as wrong:
        parse_credential("hushhush")
    assert "hushhush" not in str(wrong.value)
    credential = parse_credential("id:hushhush:to:ken")
    assert credential.token == "to:ken"
    assert "hushhush" not in repr(SandboxOptions(credentials=(credential,)))
