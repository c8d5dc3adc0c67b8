"""What the limiter of an account does right now and why, as a sentence. Pure."""

from datetime import UTC, datetime

from worker.limiter.script import Look


def sentence(account: str, look: Look) -> str:
    """The rate in force and its cause; what is closed, by whom, and when it is tried again."""
    parts = [f"account {account}: {look.limit_per_s}/s in force", f"guard {look.guard_ms:.0f} ms"]
    if look.slowed_to_per_s is not None:
        parts.append(f"lowered to {look.slowed_to_per_s}/s by throttled answers, rising again")
    elif look.limit_set_per_s is not None:
        parts.append("set by `standdown limit`")
    if look.stop_until_s is not None and look.stop_until_s > look.now_s:
        parts.append(f"stopped for {look.stop_until_s - look.now_s:.1f} s after a throttled answer")
    if look.gate is not None:
        what = {
            "failing": "the API fails, only probes pass",
            "account": "on hold, only probes pass",
            "person": "on hold, nothing passes",
        }
        parts.append(
            f"{what[look.gate]}: {look.gate_reason} (by {look.gate_author}, since {_clock(look.gate_since_s)})"
        )
        if look.gate_until_s is not None:
            parts.append(f"ends {_clock(look.gate_until_s)}")
        if look.probe_at_s is not None:
            parts.append(f"next probe {_clock(look.probe_at_s)}")
    return "; ".join(parts)


def _clock(unix_s: float | None) -> str:
    return "?" if unix_s is None else datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
