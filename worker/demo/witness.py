"""What the sandbox counted, asked over its own address. Never through a proxy: it is on this machine."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from worker.demo.figures import Arrival, Counted

TIMEOUT_S = 5.0


class WitnessLostError(Exception):
    """The sandbox does not answer."""


class Witness:
    """The sandbox at `address`, and the arrivals read from it so far, in order."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.arrivals: list[Arrival] = []
        self._next_seq = 1

    @property
    def page(self) -> str:
        """Where a person can look."""
        return f"{self.address}/-/"

    def look(self) -> list[Arrival]:
        """Read the arrivals that are new; gives these."""
        text = self._get(f"/-/requests?since={self._next_seq}")
        rows = [json.loads(line) for line in text.splitlines()]
        if rows:
            self._next_seq = rows[-1]["seq"] + 1
        new = [arrival_of(row) for row in rows]
        self.arrivals += new
        return new

    def counted(self) -> Counted:
        """Its counts."""
        stats = json.loads(self._get("/-/stats"))
        return Counted(
            requests=stats["requests_total"],
            worst_second=stats["worst_second_all"],
            throttled=stats["throttled"],
        )

    def in_last_second(self, now_unix_s: float) -> int:
        """How many of the arrivals read so far came within the second before `now_unix_s`."""
        return sum(now_unix_s - arrival.at_unix_s < 1.0 for arrival in self.arrivals[-200:])

    def _get(self, path: str) -> str:
        parts = urlsplit(self.address)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                raise WitnessLostError(f"the sandbox answered {path} with {answer.status}")
            return text
        except (OSError, HTTPException) as lost:
            raise WitnessLostError(f"the sandbox does not answer: {lost}") from lost
        finally:
            connection.close()


def arrival_of(row: Mapping[str, Any]) -> Arrival:
    """One line of /-/requests."""
    return Arrival(job_id=row["job_id"] or "", at_unix_s=row["t_unix"])
