"""What the limiter answers, from the script and from its twin alike. Times are microseconds."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """The script's answer to `take`: granted after `wait_us`, or refused for at least `wait_us`."""

    granted: bool
    wait_us: int
    now_us: int
    cause: str = ""
    probe: bool = False
    watch: bool = False
    next_wait_us: int = 0
    number: int = 0
    guard_us: int = 0
    quickest_us: int = 0
