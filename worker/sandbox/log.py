"""The log of arrivals: the newest so many, in columns, so that half a million take some 60 MB."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """One API request as it arrived, and what was decided on it.

    status: the status of the answer, 0 where none was sent. admitted: the limit let it pass.
    signed: it carried an Authorization header, right or wrong. account: the secret id it names, if known.
    """

    at_ns: int
    operation: str
    job_id: str
    account: str
    status: int
    fault: str
    signed: bool
    admitted: bool


class ArrivalLog:
    """A ring of arrivals. `seq` counts from 1 and never starts again, not even when the log is cleared."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.next_seq = 1
        self.clear()

    def clear(self) -> None:
        """Forget all entries; the numbers go on."""
        self._first = self.next_seq
        self._at_ns, self._status, self._flags = array("q"), array("H"), array("B")
        self._texts: list[tuple[str, str, str, str]] = []

    @property
    def oldest_seq(self) -> int:
        """The number of the oldest entry still there (next_seq, if there is none)."""
        return self.next_seq - len(self._texts)

    @property
    def truncated(self) -> bool:
        """Whether entries were dropped since the log was last cleared."""
        return self.oldest_seq > self._first

    def add(self, arrival: Arrival) -> int:
        """Write one down; gives its number."""
        seq = self.next_seq
        flags = arrival.signed | arrival.admitted << 1
        texts = (arrival.operation, arrival.job_id, arrival.account, arrival.fault)
        if len(self._texts) < self._size:
            self._at_ns.append(arrival.at_ns)
            self._status.append(arrival.status)
            self._flags.append(flags)
            self._texts.append(texts)
        else:
            place = (seq - self._first) % self._size
            self._at_ns[place], self._status[place] = arrival.at_ns, arrival.status
            self._flags[place], self._texts[place] = flags, texts
        self.next_seq = seq + 1
        return seq

    def get(self, seq: int) -> Arrival | None:
        """The entry of this number, if it is still there."""
        if not self.oldest_seq <= seq < self.next_seq:
            return None
        place = (seq - self._first) % self._size
        operation, job_id, account, fault = self._texts[place]
        flags = self._flags[place]
        return Arrival(
            at_ns=self._at_ns[place],
            operation=operation,
            job_id=job_id,
            account=account,
            status=self._status[place],
            fault=fault,
            signed=bool(flags & 1),
            admitted=bool(flags & 2),
        )

    def since(self, seq: int) -> Iterator[tuple[int, Arrival]]:
        """Entries from number `seq` to the newest at the call, skipping what is dropped meanwhile."""
        for number in range(max(seq, self.oldest_seq), self.next_seq):
            arrival = self.get(number)
            if arrival is not None:
                yield number, arrival
