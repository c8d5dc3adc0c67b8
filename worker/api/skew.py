"""How far our clock is off the API's: found when it refuses a signature's time, used for the next signature.

It stands alone because the decision "sign again once, then it is the account's fault" must hold while many
threads have requests under way: each request is judged by the correction it was signed with.
"""

from dataclasses import dataclass

from tasks.answer import Fault

OFFSET_MAX_S = 86_400.0
"""A day. More is no skew but a wrong Date, and a signature must not reach far into the future."""


@dataclass(frozen=True, slots=True)
class Skew:
    """What is added to our clock when signing; on trial until the API took a signature made with it."""

    offset_s: float = 0.0
    on_trial: bool = False


def fault_of_clock(signed_with: Skew) -> Fault:
    """Whose fault it is that the signature's time was refused: worth one more try, or not."""
    return "account" if signed_with.on_trial else "server"


def after_refusal(signed_with: Skew, *, api_time_s: float | None, now_s: float) -> Skew:
    """The correction to try next, from the Date of the refusal, where it has a plausible one."""
    if api_time_s is None or abs(api_time_s - now_s) > OFFSET_MAX_S:
        return Skew(signed_with.offset_s, on_trial=True)
    return Skew(api_time_s - now_s, on_trial=True)


def after_acceptance(signed_with: Skew) -> Skew:
    """The API took the signature's time: the correction is good."""
    return Skew(signed_with.offset_s)
