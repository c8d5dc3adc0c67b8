"""What the sandbox was told: one frozen value, replaced as a whole when the control address changes it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from worker.sandbox.fault import checked_faults

SANDBOX_SECRET_ID = "AKIDsandboxSandboxSandboxSandbox0001"  # noqa: S105  an id
SANDBOX_SECRET_KEY = "sandboxKeyOpenToEveryone00000001"  # noqa: S105  it is published in --help and opens nothing

FinishedAnswers = Literal["ok", "not-found", "conflict"]
Down = Literal["no", "reset", "silent"]


@dataclass(frozen=True, slots=True)
class Credential:
    """A key pair the sandbox accepts; with a token it is a temporary one, and the token is required.

    `secret_key` None accepts every signature (--any-credential).
    """

    secret_id: str
    secret_key: str | None = field(repr=False)
    token: str | None = field(default=None, repr=False)


BUILT_IN = Credential(SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How the sandbox behaves. Raises ValueError, as a sentence, where it cannot.

    limit_per_s: arrivals admitted in any second, per secret id; 0 admits all.
    buckets: the buckets that exist; empty means that every well-formed one does.
    faults: name of a fault → its probability; together at most 1.
    latency_ms: shortest and longest time before an answer.
    log_size: how many arrivals are remembered; older ones are counted, not listed.
    job_count_max: how many jobs are remembered; the oldest are forgotten first.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    credentials: tuple[Credential, ...] = (BUILT_IN,)
    any_credential: bool = False
    limit_per_s: int = 20
    retry_after_s: int | None = None
    finished_answers: FinishedAnswers = "not-found"
    buckets: frozenset[str] = frozenset()
    unbound_buckets: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ("myqcloud.com", "tencentci.cn")
    faults: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    latency_ms: tuple[float, float] = (0.0, 0.0)
    hang_s: float = 30.0
    down: Down = "no"
    seed: int | None = None
    log_size: int = 500_000
    job_count_max: int = 1_000_000

    def __post_init__(self) -> None:
        checked_faults(self.faults)
        shortest, longest = self.latency_ms
        if not (0 <= shortest <= longest < math.inf):
            raise ValueError(f"latency must be a range such as 20..120 in ms, got {shortest:g}..{longest:g}")
        for name, value in (("limit_per_s", self.limit_per_s), ("retry_after_s", self.retry_after_s or 0)):
            if value < 0:
                raise ValueError(f"{name} must be 0 or more, got {value}")
        if not 0 <= self.hang_s < math.inf:
            raise ValueError(f"hang_s must be 0 or more seconds, got {self.hang_s:g}")
        for name, value in (("log_size", self.log_size), ("job_count_max", self.job_count_max)):
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, got {value}")

    def credential(self, secret_id: str) -> Credential | None:
        """The credential of this id, if it is accepted."""
        for known in self.credentials:
            if known.secret_id == secret_id:
                return known
        return Credential(secret_id, None) if self.any_credential else None


def parse_latency(text: str) -> tuple[float, float]:
    """The range in `80` or `20..120`, in milliseconds."""
    shortest, dots, longest = text.partition("..")
    try:
        return float(shortest), float(longest if dots else shortest)
    except ValueError:
        raise ValueError(f"latency must be milliseconds such as 80 or 20..120, got {text!r}") from None


def parse_credential(text: str) -> Credential:
    """The credential in `ID:KEY` or `ID:KEY:TOKEN`. The error never quotes the text: it holds a key."""
    parts = text.split(":", 2)
    if len(parts) < 2 or not all(parts):
        raise ValueError("a credential must be ID:KEY or ID:KEY:TOKEN, without empty parts")
    return Credential(*parts)
