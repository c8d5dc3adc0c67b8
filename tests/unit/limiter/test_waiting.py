"""Clients that ask when they are told: no slot is lost, urgent comes first, bulk is not starved."""

import itertools

import pytest

from tests.unit.limiter.fleet import GUARD_US, SECOND_US, START_US, Client, Fleet, Granted

WINDOW_US = SECOND_US + GUARD_US
LANES = {"bulk": ["bulk"], "urgent": ["urgent"], "both": ["bulk", "urgent"]}


def saturating(lanes: str, clients: int) -> list[Client]:
    return [Client(f"c{number}", lane) for number, lane in zip(range(clients), itertools.cycle(LANES[lanes]))]


@pytest.mark.parametrize("limit", [1, 2, 5, 20, 50])
@pytest.mark.parametrize("lanes", LANES)
def test_no_slot_is_lost_while_somebody_waits(lanes: str, limit: int) -> None:
    """One to eight saturating clients get at least 97 % of limit / (1 s + guard), and never more than it."""
    for clients in range(1, 9):
        grants = Fleet(saturating(lanes, clients), limit).run(20, seed=clients)
        possible = limit * 20 * SECOND_US / WINDOW_US
        assert 0.97 * possible <= len(grants) <= possible + limit
        times = [grant.at_us for grant in grants]
        assert all(later - one >= WINDOW_US for one, later in zip(times, times[limit:], strict=False))


def test_waiting_costs_few_questions() -> None:
    """Eight saturating clients at 20 a second ask Redis at most twice a slot."""
    for lanes in LANES:
        fleet = Fleet(saturating(lanes, 8))
        assert fleet.run(20) != []
        assert fleet.asked <= 2 * 20 * 20


@pytest.mark.parametrize("backlog", [1, 2, 10, 19])
@pytest.mark.parametrize("bulk_clients", [1, 4])
def test_urgent_goes_before_all_bulk(backlog: int, bulk_clients: int) -> None:
    """Urgent commands that arrive amid a purge get the next slots there are, with no bulk between them."""
    for seed in range(10):
        begins = 5 * SECOND_US + seed * 7_919
        fleet = Fleet([Client(f"b{number}", "bulk") for number in range(bulk_clients)])
        fleet.clients.append(Client("u", "urgent", backlog, begins))
        grants = fleet.run(8, seed)
        asked_us = START_US + begins + 1000
        urgent = [grant.at_us for grant in grants if grant.lane == "urgent"]
        between = [
            grant for grant in grants if grant.lane == "bulk" and asked_us + 6_000 < grant.at_us < urgent[-1]
        ]
        assert between == []
        spacing_us = WINDOW_US // 20
        assert len(urgent) == backlog
        # one slot frees each spacing while bulk fills the window; a round trip and a lead are on top
        assert urgent[-1] - asked_us <= backlog * spacing_us + 8_000


def test_a_burst_at_rest_is_served_at_once() -> None:
    """Twenty streams that end at once, nobody else sending: all within some round trips."""
    grants = Fleet([Client("u", "urgent", 20)]).run(2)
    assert len(grants) == 20
    assert grants[-1].at_us - START_US <= 40_000


def urgent_runs(grants: list[Granted]) -> list[int]:
    lanes = [grant.lane for grant in sorted(grants, key=lambda grant: grant.at_us)]
    return [len(list(run)) for lane, run in itertools.groupby(lanes) if lane == "urgent"]


@pytest.mark.parametrize("limit", [1, 2, 5, 20, 50])
@pytest.mark.parametrize("streak_max", [1, 3, 19])
def test_an_urgent_flood_does_not_starve_bulk(limit: int, streak_max: int) -> None:
    """A waiting bulk gets a slot after at most `streak_max` urgent ones and what is left of the window."""
    for clients in (2, 4, 8):
        grants = Fleet(saturating("both", clients), limit, streak_max).run(90, seed=clients)
        assert max(urgent_runs(grants)) <= streak_max + limit
        bulk = sum(1 for grant in grants if grant.lane == "bulk")
        assert bulk >= len(grants) // (streak_max + limit + 1) >= 2


def test_the_streak_is_counted_only_while_bulk_waits() -> None:
    """With nobody in the bulk lane urgent has every slot."""
    grants = Fleet(saturating("urgent", 4), streak_max=1).run(10)
    assert len(grants) >= 0.97 * 20 * 10 * SECOND_US / WINDOW_US
