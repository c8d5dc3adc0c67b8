"""The play: a purge of 200 ids from a file, ten urgent cancels in the middle, and a look until all have ended."""

import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources

from tasks.command import CancelCommand, parse
from tasks.door import Door, UnreachableError
from tasks.event import Event, EventData
from tasks.outcome import Lane
from worker.demo.figures import Figures, figures_of, waits_s
from worker.demo.rows import wait_text
from worker.demo.screen import Screen, Standing
from worker.demo.stage import LIMIT_PER_S, Stage
from worker.demo.stopping import Stopping
from worker.demo.witness import WitnessLostError
from worker.door import UNREACHABLE, door_to
from worker.ledger.history import History
from worker.state import connect_state

ACCOUNT, BUCKET, REGION = "default", "examplebucket-1250000000", "ap-beijing"
JOB_IDS = "job_ids.txt"
URGENT_AT_S = (1.5, 2.7, 3.9, 5.1, 6.3, 7.8, 7.8, 7.8, 7.8, 7.8)
"""When streams end, from the start of the purge on: five one at a time, then five at once."""
KNOWN_PLACE = 4
"""The one among them whose job the purge has cancelled already."""
LOOK_EVERY_S = 0.2
PATIENCE_S = 60.0
"""After that long without an end, what has no event is said to have none."""


def play(stage: Stage, stopping: Stopping, screen: Screen) -> Figures:
    """Run it to its end and give the figures. Raises what the stage, ledger or broker raise when they fail."""
    job_ids = read_job_ids()
    with _history(stage) as history, door_to(stage.servers) as door, screen.moving():
        run = _Run(stage, history, door, screen)
        try:
            run.purge(job_ids)
            while not run.done and run.elapsed_s < PATIENCE_S:
                run.cancel_due()
                run.look()
                stopping.wait(run.pause_s)
            run.look()
            return run.figures()
        except BrokenPipeError:
            raise  # that is our own output
        except (WitnessLostError, UnreachableError, *UNREACHABLE):
            stopping.wait(0.3)
            stage.check()  # a process that ended says more than what it left unanswered
            raise


def read_job_ids() -> list[str]:
    """The ids to purge, from the file that comes along."""
    return resources.files("worker.demo").joinpath(JOB_IDS).read_text().split()


@dataclass(slots=True)
class _Run:
    stage: Stage
    history: History
    door: Door
    screen: Screen
    commands: dict[str, CancelCommand] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    ended: dict[str, EventData] = field(default_factory=dict)
    untold: dict[str, int] = field(default_factory=dict)
    position: str = "0-0"
    began_s: float = 0.0
    to_come: deque[tuple[int, float, str]] = field(default_factory=deque)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.began_s

    @property
    def done(self) -> bool:
        return not self.to_come and self.commands.keys() <= self.ended.keys()

    @property
    def pause_s(self) -> float:
        """Until the next look, or the next urgent cancel if that comes first."""
        next_s = self.to_come[0][1] - self.elapsed_s if self.to_come else LOOK_EVERY_S
        return max(0.0, min(LOOK_EVERY_S, next_s))

    def purge(self, job_ids: Sequence[str]) -> None:
        """Hand the purge in, by the door `standdown purge` uses; the clock starts."""
        now, batch_id = datetime.now(UTC), uuid.uuid4().hex
        commands = [
            _command(
                job_id,
                Lane.BULK,
                now,
                reason="purge",
                batch={"id": batch_id, "index": place, "size": len(job_ids)},
            )
            for place, job_id in enumerate(job_ids)
        ]
        self.door.open_batch(ACCOUNT, batch_id, len(commands), now)
        self.began_s = time.monotonic()
        self.door.enqueue_many(commands)
        self.commands |= {command.command_id: command for command in commands}
        streams = [f"av{uuid.uuid4().hex}" for _ in URGENT_AT_S]
        streams[KNOWN_PLACE] = job_ids[0]
        self.to_come = deque(
            (place, at_s, job_id)
            for place, (at_s, job_id) in enumerate(zip(URGENT_AT_S, streams, strict=True), 1)
        )
        self.screen.say(f"  0.0 s  a purge of {len(commands)} ids is handed in")

    def cancel_due(self) -> None:
        """Hand in the urgent cancels whose time has come."""
        while self.to_come and self.to_come[0][1] <= self.elapsed_s:
            place, _, job_id = self.to_come.popleft()
            command = _command(job_id, Lane.URGENT, datetime.now(UTC), reason="stream_ended")
            self.door.enqueue(command)
            self.commands[command.command_id] = command
            self.untold[command.command_id] = place

    def look(self) -> None:
        """Read what is new from the ledger and from the sandbox, and show it."""
        self.stage.check()
        for position, event in self.history.events(self.position):
            self.position = position
            self.events.append(event)
            if isinstance(event.data, EventData):
                self.ended[event.id] = event.data
        self.stage.witness.look()
        self._tell_urgent()
        lanes = [command.lane for command in self.commands.values()]
        ended = [self.commands[one].lane for one in self.ended if one in self.commands]
        self.screen.stand(
            Standing(
                elapsed_s=self.elapsed_s,
                bulk=ended.count(Lane.BULK),
                bulk_size=lanes.count(Lane.BULK),
                urgent=ended.count(Lane.URGENT),
                urgent_size=len(URGENT_AT_S),
                last_second=self.stage.witness.in_last_second(time.time()),
                limit_per_s=LIMIT_PER_S,
            )
        )

    def figures(self) -> Figures:
        """What it came to, the sandbox being asked once more."""
        witness = self.stage.witness
        return figures_of(
            self.commands.values(), self.events, witness.arrivals, witness.counted(), LIMIT_PER_S
        )

    def _tell_urgent(self) -> None:
        waits = waits_s([self.commands[one] for one in self.untold], self.stage.witness.arrivals)
        for command_id, place in list(self.untold.items()):
            event = self.ended.get(command_id)
            if event is not None and event.deduplicated:
                how = "is answered at once, without a request: the purge had cancelled that job"
            elif command_id in waits:
                how = f"reached the sandbox after {wait_text(waits[command_id])}"
            else:
                continue
            del self.untold[command_id]
            self.screen.say(
                f"{self.elapsed_s:5.1f} s  stream ended: urgent cancel {place} of {len(URGENT_AT_S)} {how}"
            )


def _command(job_id: str, lane: Lane, now: datetime, **more: object) -> CancelCommand:
    place = {"account": ACCOUNT, "bucket": BUCKET, "region": REGION}
    return parse({"job_id": job_id, "lane": lane, "requested_by": "standdown demo", **place, **more}, now=now)


@contextmanager
def _history(stage: Stage) -> Iterator[History]:
    with connect_state(stage.servers.state_url) as state:
        yield History(state, ACCOUNT)
