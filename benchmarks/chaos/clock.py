"""One clock for producers and saboteur: seconds since the start of the run."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RunClock:
    """Starts when it is made."""

    began_s: float = field(default_factory=time.monotonic)
    began_unix_s: float = field(default_factory=time.time)

    def now_s(self) -> float:
        return time.monotonic() - self.began_s

    def wait_until(self, at_s: float) -> None:
        """Return at `at_s`, or at once if that is over."""
        time.sleep(max(0.0, at_s - self.now_s()))
