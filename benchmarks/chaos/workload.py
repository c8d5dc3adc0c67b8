"""What the producers hand in and when, derived from the seed. Commands are named now and made when their time comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from benchmarks.chaos.plan import Plan, Strike
from benchmarks.chaos.rubbish import KINDS, Rubbish, rubbish_of
from tasks.command import BatchPlace, CancelCommand
from tasks.outcome import Lane

PLACE = {"bucket": "examplebucket-1250000000", "region": "ap-beijing"}
BEFORE_S, AFTER_S, BEFORE_SHARE = 0.2, 2.0, 3
"""A portion arrives shortly before each strike, so that it strikes at work, and a third as much shortly after."""


@dataclass(frozen=True, slots=True)
class Order:
    """One command to come. `copy`: the same command once more, with the same id."""

    at_s: float
    command_id: str
    job_id: str
    lane: Lane
    batch_index: int | None = None
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything to hand in, each list in order of time."""

    batch_id: str
    batch_size: int
    purge: Sequence[Order]
    urgent: Sequence[Order]
    inbox: Sequence[Order]
    rubbish: Sequence[tuple[float, Rubbish]]

    def command(self, order: Order, now: datetime) -> CancelCommand:
        """The command of `order`, requested at `now`."""
        place = None
        if order.batch_index is not None:
            place = BatchPlace(id=self.batch_id, index=order.batch_index, size=self.batch_size)
        return CancelCommand(
            job_id=order.job_id,
            command_id=order.command_id,
            lane=order.lane,
            requested_at=now,
            not_after=now + timedelta(hours=1),
            batch=place,
            bucket=PLACE["bucket"],
            region=PLACE["region"],
        )

    def roll_call(self, number: int, lane: Lane, count: int) -> list[Order]:
        """Commands for jobs of their own, to see whether a node works."""
        name = f"{self.batch_id}-call-{number}"
        return [Order(0.0, f"{name}-{index}", f"av-{name}-{index}", lane) for index in range(count)]


def workload_of(plan: Plan, strikes: Sequence[Strike], seed: int) -> Workload:
    """The purge with its copies, the urgent ones with second commands for purged jobs, inbox and rubbish."""
    random = Random(f"workload {seed}")
    tag = f"{seed & 0xFFFFFFFF:08x}"
    moments = _moments(plan, strikes, random)
    purge = [
        Order(at_s, f"purge-{tag}-{index}", f"av{tag}p{index:06d}", Lane.BULK, index)
        for index, at_s in enumerate(moments)
    ]
    copies = [
        Order(_later(plan, one, random), one.command_id, one.job_id, one.lane, one.batch_index, copy=True)
        for one in random.sample(purge, plan.some(3))
    ]
    urgent = [
        Order(random.uniform(0.5, plan.lasts_s), f"urgent-{tag}-{index}", f"av{tag}u{index:06d}", Lane.URGENT)
        for index in range(plan.urgent)
    ]
    seconds = [
        Order(_later(plan, one, random), f"second-{tag}-{index}", one.job_id, random.choice(list(Lane)))
        for index, one in enumerate(random.sample(purge + urgent, plan.some(3)))
    ]
    inbox = [
        Order(
            random.uniform(0.5, plan.lasts_s),
            f"inbox-{tag}-{index}",
            f"av{tag}i{index:06d}",
            random.choice(list(Lane)),
        )
        for index in range(plan.inbox)
    ]
    rubbish = [
        (
            random.uniform(0.5, plan.lasts_s),
            rubbish_of(KINDS[index % len(KINDS)], f"rubbish-{tag}-{index}", PLACE),
        )
        for index in range(plan.some(len(KINDS)))
    ]
    by_time = lambda order: order.at_s  # noqa: E731
    return Workload(
        batch_id=f"purge-{tag}",
        batch_size=plan.commands,
        purge=sorted(purge + copies, key=by_time),
        urgent=sorted(urgent + seconds, key=by_time),
        inbox=sorted(inbox, key=by_time),
        rubbish=sorted(rubbish, key=lambda one: one[0]),
    )


def _moments(plan: Plan, strikes: Sequence[Strike], random: Random) -> list[float]:
    """When each command of the purge comes: a backlog at the start, the rest around the strikes."""
    backlog = round(plan.commands * plan.backlog_share)
    around = [max(0.0, strike.at_s - BEFORE_S) for strike in strikes] * BEFORE_SHARE
    around += [strike.at_s + AFTER_S for strike in strikes]
    rest = [random.choice(around or [0.0]) for _ in range(plan.commands - backlog)]
    return sorted([0.0] * backlog + rest)


def _later(plan: Plan, order: Order, random: Random) -> float:
    """At the same time as `order`, a moment later, or much later."""
    delay_s = random.choice([0.0, random.uniform(0, 1), random.uniform(0, plan.lasts_s)])
    return min(order.at_s + delay_s, max(plan.lasts_s, order.at_s))
