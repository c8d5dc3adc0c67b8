"""The names of the ledger's keys; all keys of one account share a hash tag, so that a cluster can hold them."""

from dataclasses import dataclass

from tasks.outcome import Lane


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one account."""

    account: str

    @property
    def prefix(self) -> str:
        return f"standdown:{{{self.account}}}:"

    def accepted(self, lane: Lane) -> str:
        """Hash: command id → the command as JSON, until it is done."""
        return f"{self.prefix}accepted:{lane}"

    def leases(self, lane: Lane) -> str:
        """Sorted set: command id → end of its lease, or moment it is due, in ms of Redis' clock."""
        return f"{self.prefix}leases:{lane}"

    def command(self, command_id: str) -> str:
        """Hash: holder, attempts, uncertain, lost, why, outcome, event."""
        return f"{self.prefix}command:{command_id}"

    def job(self, job_key: str) -> str:
        """String: `s:<command id>` settled by it, `r:<lane>:<command id>` carried by it."""
        return f"{self.prefix}job:{job_key}"

    def batch(self, batch_id: str) -> str:
        """Hash: size, created_at, aborted_by, done, one count per outcome, last, event."""
        return f"{self.prefix}batch:{batch_id}"

    @property
    def events(self) -> str:
        """Stream: every event, bounded."""
        return f"{self.prefix}events"

    @property
    def dead(self) -> str:
        """Hash: dead letter id → what a person must look at, as JSON, kept until replayed or dropped."""
        return f"{self.prefix}dead"
