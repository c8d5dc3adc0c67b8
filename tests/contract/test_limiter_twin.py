"""The Lua script on a real Redis and its twin in Python are one limiter: step by step, on random histories."""

import copy
import random
from collections.abc import Iterator
from itertools import count

import pytest
import redis

from tests.servers import RedisServer
from worker.limiter.script import LEAD_US, LimiterScript, Look, Rules
from worker.limiter.twin import Twin

START_US = 1_760_000_000_000_000
GUARD_MS = 20
STEPS_US = [0, 1, 500, 3_000, 20_000, 51_000, 300_000, 2_000_000, 40_000_000]
ACCOUNTS = count()


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    """A Redis that does not wait for the disk: some ten thousand steps are walked here."""
    with RedisServer(fsync="no") as server, redis.Redis.from_url(server.url) as connected:
        yield connected


class Pair:
    """Both limiters of one new account, walked with the same steps."""

    def __init__(self, client: redis.Redis, seed: int) -> None:
        self.chance = random.Random(seed)
        self.rules = Rules(self.chance.choice([1, 2, 3, 5, 20]), GUARD_MS, self.chance.choice([1, 3, 19]))
        self.script = LimiterScript(client, f"twin-{next(ACCOUNTS)}", self.rules)
        self.script.release(now_us=START_US)  # both begin at the same moment, knowing nothing
        self.twin = Twin.fresh(START_US)
        self.now_us = START_US
        self.told_us = 0

    def step(self) -> str:
        """One random operation on both, compared where it answers; what it was."""
        chance = self.chance
        if chance.random() < 0.4:  # as told, or a moment sooner or later
            self.now_us += max(0, self.told_us + chance.randrange(-4_000, 4_000))
        else:
            self.now_us += int(chance.choice(STEPS_US) * chance.random())
        self.told_us = 0
        if chance.random() < 0.04:
            self.now_us -= chance.randrange(0, 5_000_000)
        kind = chance.choices(
            ["take", "late", "report", "limit", "hold", "release", "look"], [70, 8, 6, 2, 1, 8, 5]
        )[0]
        getattr(self, kind)()
        return kind

    def take(self) -> None:
        chance = self.chance
        lane, client = chance.choice(["urgent", "bulk"]), chance.choice("abcd")
        waiting = chance.choice([1, 1, 2, 5])
        took = (1_000, chance.randrange(1_000, 90_000)) if chance.random() < 0.3 else None
        for _ in range(chance.choice([1, 1, 1, 4, 25])):
            ours = self.script.take(lane, client, waiting, took, now_us=self.now_us)
            assert ours == self.twin.take(
                self.now_us,
                lane=lane,
                client=client,
                waiting=waiting,
                configured=self.rules.limit_per_s,
                guard_start=GUARD_MS * 1000,
                streak_max=self.rules.urgent_streak_max,
                lead=LEAD_US,
                took=took,
            )
            self.told_us = ours.next_wait_us if ours.granted else ours.wait_us

    def late(self) -> None:
        number = max(1, self.twin.granted - self.chance.randrange(0, 25))
        by_us = self.chance.randrange(0, 300_000)
        self.script.late(number, by_us, now_us=self.now_us)
        self.twin.late(self.now_us, number, by_us)

    def report(self) -> None:
        fault = self.chance.choice(["", "throttle", "server", "server", "network", "account"])
        probe, retry_after_s = self.chance.random() < 0.5, self.chance.choice([0, 0, 3])
        for _ in range(self.chance.choice([1, 1, 5])):
            self.script.report(
                fault, retry_after_s=retry_after_s, probe=probe, reason="why", now_us=self.now_us
            )
            self.twin.report(
                self.now_us,
                fault=fault,
                retry_after=retry_after_s * 1_000_000,
                probe=probe,
                guard_start=GUARD_MS * 1000,
                configured=self.rules.limit_per_s,
            )

    def limit(self) -> None:
        limit = self.chance.choice([None, 1, 4, 30])
        self.script.set_limit(limit, now_us=self.now_us)
        self.twin.step_to(self.now_us)
        self.twin.limit, self.twin.slow_limit, self.twin.slow_at = limit, None, None

    def hold(self) -> None:
        until_us = self.chance.choice([None, self.now_us + 1_500_000])
        self.script.hold("a reason", "a person", until_us and until_us / 1e6, now_us=self.now_us)
        self.twin.step_to(self.now_us)
        self.twin.close_gate("person", until_us and int(until_us / 1e6 * 1e6))

    def release(self) -> None:
        self.script.release(now_us=self.now_us)
        self.twin.step_to(self.now_us)
        self.twin.open_gate()

    def look(self) -> None:
        seen = self.script.look(now_us=self.now_us)
        if self.now_us < self.twin.seen:
            self.twin.step_to(self.now_us)
        twin = copy.deepcopy(self.twin)  # looking changes nothing but the clock that went back
        twin.step_to(self.now_us)
        limit = twin.limit_now(self.rules.limit_per_s)
        assert seen == Look(
            now_s=self.now_us / 1e6,
            limit_per_s=limit,
            limit_set_per_s=twin.limit,
            guard_ms=twin.guard(GUARD_MS * 1000) / 1000,
            stop_until_s=_seconds(twin.stop_until),
            gate=twin.gate,
            gate_reason=seen.gate_reason,
            gate_author=seen.gate_author,
            gate_since_s=_seconds(twin.gate_since),
            gate_until_s=_seconds(twin.gate_until),
            probe_at_s=_seconds(twin.probe_at),
            slowed_to_per_s=twin.slow_limit,
        )
        assert (seen.gate_reason is None) == (seen.gate_author is None) == (twin.gate is None)


def _seconds(moment_us: int | None) -> float | None:
    return None if moment_us is None else moment_us / 1e6


@pytest.mark.parametrize("first_seed", range(0, 200, 20))
def test_script_and_twin_agree_step_by_step(client: redis.Redis, first_seed: int) -> None:
    """Every verdict, number, wait, guard and look is the same, whatever came before."""
    for seed in range(first_seed, first_seed + 20):
        pair = Pair(client, seed)
        walked: list[str] = []
        try:
            for _ in range(80):
                walked += [pair.step()]
        except AssertionError as differs:
            raise AssertionError(f"seed {seed}, after {walked}: {differs}") from differs


def test_the_histories_reach_every_state(client: redis.Redis) -> None:
    """The walk above means something: it sees every cause of a refusal, probes, grants ahead, late moves."""
    causes: set[str] = set()
    probes = ahead = 0
    for seed in range(30):
        pair = Pair(client, seed)
        taking = pair.script.take

        def noting(*args: object, taking: object = taking, **kwargs: object) -> object:
            nonlocal probes, ahead
            verdict = taking(*args, **kwargs)  # type: ignore[operator]
            causes.add(verdict.cause)
            probes += verdict.probe
            ahead += verdict.granted and verdict.wait_us > 0
            return verdict

        pair.script.take = noting  # type: ignore[method-assign, assignment]
        for _ in range(80):
            pair.step()
    assert causes == {"", "window", "pacing", "yield", "throttled", "failing", "account", "person", "fresh"}
    assert probes > 10
    assert ahead > 10


def test_a_late_report_after_the_clock_went_back_moves_the_grants_once(client: redis.Redis) -> None:
    """What first notices the step may write nothing of its own: the next ask must not move everything again."""
    script = LimiterScript(client, f"twin-{next(ACCOUNTS)}", Rules(20, GUARD_MS, 19))
    script.release(now_us=START_US - 2_000_000)
    for _ in range(20):
        assert script.take("urgent", "a", 1, now_us=START_US).granted
    stepped_us = START_US - 900_000
    script.late(1, 0, now_us=stepped_us)
    script.look(now_us=stepped_us)
    assert not script.take("urgent", "a", 1, now_us=stepped_us + 1_000_000).granted
    assert script.take("urgent", "a", 1, now_us=stepped_us + 1_020_000).granted


def test_without_a_given_time_redis_own_clock_counts(client: redis.Redis) -> None:
    """The caller's clock plays no part: the moment of a verdict is Redis' own."""
    script = LimiterScript(client, f"twin-{next(ACCOUNTS)}", Rules(20, GUARD_MS, 19))
    before_s, before_us = client.time()
    verdict = script.take("urgent", "a", 1)
    after_s, after_us = client.time()
    assert before_s * 1_000_000 + before_us <= verdict.now_us <= after_s * 1_000_000 + after_us
