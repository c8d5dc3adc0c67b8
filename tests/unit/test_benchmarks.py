"""The figures of the benchmarks: what is counted, and how, on histories whose answer is known."""

import base64
import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from amqp import Message
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import figures
from benchmarks.command import JOB_ID_LENGTH, commands, job_id_of
from benchmarks.enqueue import Enqueued, message_bytes
from benchmarks.enqueue import table_of as enqueue_table
from benchmarks.figures import SECOND_NS, Arrival
from benchmarks.limit import Run
from benchmarks.limit import table_of as limit_table
from benchmarks.monitor import counted
from benchmarks.process import cpu_ticks
from benchmarks.redis_cost import Cost, together
from benchmarks.report import Result, number, percent, times, write_json
from benchmarks.rival_backlog import message_like
from benchmarks.witness import arrival_of
from tasks.outcome import Lane
from worker.sandbox.limit import BusiestSecond, Limit


def arrivals(*at_s: float, job: str = "bulk-1") -> list[Arrival]:
    return [Arrival(round(moment * SECOND_NS), job, 200) for moment in at_s]


@pytest.mark.parametrize(("percent_", "expected"), [(50, 5), (99, 10), (100, 10), (0, 1), (10, 1), (11, 2)])
def test_percentile_is_a_seen_value(percent_: float, expected: float) -> None:
    """Nearest rank: no value is made up between two samples."""
    assert figures.percentile([3, 1, 2, 10, 9, 8, 7, 6, 5, 4], percent_) == expected


def test_percentile_of_nothing() -> None:
    """Nothing seen is not zero."""
    assert math.isnan(figures.percentile([], 50))


def test_waits_are_milliseconds() -> None:
    """Seconds in, milliseconds out, with their count."""
    assert figures.waits([0.010, 0.030, 0.020]) == figures.Waits(3, 20.0, 30.0, 30.0)


def test_rate_counts_intervals() -> None:
    """Twenty-one arrivals 50 ms apart are 20/s, not 21."""
    assert figures.rate_per_s(arrivals(*[n * 0.05 for n in range(21)])) == pytest.approx(20.0)
    assert figures.rate_per_s(arrivals(1.0)) == 0.0
    assert figures.rate_per_s(arrivals(1.0, 1.0)) == 0.0


def test_window_is_half_open() -> None:
    """The end of one window is the beginning of the next."""
    seen = arrivals(1.0, 2.0, 3.0)
    assert figures.within(seen, 1.0, 3.0) == seen[:2]


def test_worst_second_is_half_open() -> None:
    """Two arrivals exactly a second apart have a second each."""
    assert figures.worst_second(arrivals(0.0, 1.0)) == 1
    assert figures.worst_second(arrivals(0.0, 0.999_999_999)) == 2
    assert figures.worst_second([]) == 0


@given(st.lists(st.integers(0, 5 * SECOND_NS), max_size=60), st.integers(1, 6))
def test_agrees_with_the_sandbox(moments: Sequence[int], limit_per_s: int) -> None:
    """Worst second and refusals are those the sandbox itself would count."""
    seen = [Arrival(at_ns, "bulk-1", 200) for at_ns in sorted(moments)]
    busiest, limit, refused = BusiestSecond(), Limit(), []
    for one in seen:
        busiest.add(one.at_ns)
        if not limit.admits(one.at_ns, limit_per_s):
            refused.append(one)
    assert figures.worst_second(seen) == busiest.most
    assert figures.over_limit(seen, limit_per_s) == refused


def test_waited_until_the_first_arrival() -> None:
    """A retry of the same job does not lengthen its wait; what never arrived is left out."""
    seen = [*arrivals(1.5, 9.0, job="a"), *arrivals(2.0, job="other")]
    assert figures.waited_s({"a": 1.0, "lost": 1.0}, seen) == [0.5]


def test_burst_counts_the_bulk_between() -> None:
    """Only bulk requests between the first and the last of the burst count."""
    seen = [
        *arrivals(1.0),
        *arrivals(2.0, job="urgent-x1-0"),
        *arrivals(2.1),
        *arrivals(2.2, job="urgent-other"),
        *arrivals(2.5, job="urgent-x1-1"),
        *arrivals(2.6),
    ]
    found = figures.burst("urgent-x1-", 1.8, seen)
    assert found is not None
    assert (found.first_to_last_s, found.bulk_between) == (0.5, 1)
    assert found.enqueued_to_last_s == pytest.approx(0.7)
    assert figures.burst("urgent-x2-", 1.8, seen) is None


def test_per_slot_takes_the_idle_part_off() -> None:
    """Heartbeats of a longer window are scaled to it."""
    assert figures.per_slot(busy=1000, busy_s=20, idle=100, idle_s=10, slots=400) == 2.0
    assert math.isnan(figures.per_slot(1, 1, 1, 1, 0))


def test_ratio_of_nothing() -> None:
    """A rival that did nothing gives no ratio."""
    assert figures.ratio(3, 2) == 1.5
    assert math.isnan(figures.ratio(3, 0))


def test_monitor_tells_clients_from_scripts() -> None:
    """Commands inside scripts are counted apart, and the limiter's by operation."""
    lines = [
        b'+1700000000.000001 [0 127.0.0.1:5000] "EVALSHA" "ab12" "2" "standdown:{default}:limiter" '
        b'"standdown:{default}:limiter:grants" "take" "" "bulk"',
        b'+1700000000.000002 [0 lua] "get" "standdown:{default}:limiter"',
        b'+1700000000.000003 [0 lua] "TIME"',
        b'+1700000000.000004 [0 127.0.0.1:5000] "EVALSHA" "cd34" "1" "standdown:{default}:leases:bulk" "x"',
        b'+1700000000.000005 [0 unix:/tmp/s] "BRPOP" "a \\" [0 lua] \\"b" "1"',
        b"+OK",
        b"+17000000",
    ]
    clients, scripts = counted(lines)
    assert clients == {"limiter take": 1, "evalsha": 1, "brpop": 1}
    assert scripts == {"get": 1, "time": 1}


def test_cpu_of_a_process_with_a_nasty_name() -> None:
    """User and system ticks are found behind a name with brackets and blanks."""
    stat = "12 (a) b (c) S 1 12 12 0 -1 4194560 100 0 0 0 70 7 0 0 20 0 17 0 99 1 2"
    assert cpu_ticks(stat) == 77


def test_cpu_of_this_process() -> None:
    """The real file is read, too."""
    assert cpu_ticks(Path("/proc/self/stat").read_text()) >= 0


def test_arrival_of_a_line_of_the_log() -> None:
    """Whole nanoseconds, and no None where nothing was answered."""
    line = b'{"seq":1,"t_unix":1.0,"t_mono":12.345678901,"job_id":null,"status":null}'
    assert arrival_of(line) == Arrival(12_345_678_901, "", 0)


def test_commands_are_as_long_as_real_ones() -> None:
    """A figure in bytes holds for real ids; every job and command is another one."""
    made = list(commands("bulk", 3, Lane.BULK, batch="b"))
    assert {len(command.job_id) for command in made} == {JOB_ID_LENGTH}
    assert len({command.job_id for command in made}) == len({command.command_id for command in made}) == 3
    assert [command.batch.index for command in made if command.batch] == [0, 1, 2]
    assert job_id_of("bulk", 1) == made[1].job_id


def test_a_copied_message_is_another_task() -> None:
    """A copy of Celery's message has its own ids and job, the same form and length."""
    body = base64.b64encode(json.dumps([["job-1"], {}, {"chain": None}]).encode()).decode()
    pattern = {
        "body": body,
        "headers": {"id": "x", "root_id": "x", "argsrepr": "('job-1',)", "task": "rival.bare"},
        "properties": {"correlation_id": "x", "delivery_tag": "y", "body_encoding": "base64"},
    }
    made = json.loads(message_like(json.dumps(pattern).encode(), "job-2"))
    assert json.loads(base64.b64decode(made["body"])) == [["job-2"], {}, {"chain": None}]
    assert made["headers"]["task"] == "rival.bare"
    assert made["headers"]["id"] == made["headers"]["root_id"] == made["properties"]["correlation_id"] != "x"
    assert made["properties"]["delivery_tag"] != "y"


def test_bytes_of_a_message() -> None:
    """Properties count, and text as its bytes."""
    bare, with_headers = Message("é"), Message("é", application_headers={"task": "t"})
    assert message_bytes(with_headers) > message_bytes(bare) >= 2


def test_together_sums_the_servers() -> None:
    """State and broker as one; slots are not counted twice."""
    found = together(
        [Cost(8, "state", 10, 1.0, 2.0, 3.0, 4.0, {}), Cost(8, "broker", 10, 1.0, 0.0, 1.0, 1.0, {})]
    )
    assert found == Cost(8, "state + broker", 10, 2.0, 2.0, 4.0, 5.0, {})


def test_tables_have_a_cell_for_each_column() -> None:
    """Every row fits its table."""
    tables = [
        enqueue_table(
            "redis", {"standdown": Enqueued(2, 20.0, 5.0, 9.0), "apply_async": Enqueued(1, 10.0, 5.0)}, ""
        ),
        limit_table([Run("standdown", 20, 8.0, 0.99, 19.8, 20, 0, math.nan, 0, 1.0, 0.1)]),
    ]
    for table in tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}
    assert "2.00 x" in tables[0].rows[0]
    assert "99.0%" in tables[1].rows[0]


def test_numbers_for_people() -> None:
    """A figure that is none is a dash."""
    assert (number(12345.6), number(math.nan), percent(0.975), percent(math.nan)) == (
        "12,346",
        "-",
        "97.5%",
        "-",
    )
    assert (times(1.5), times(math.nan)) == ("1.50 x", "-")


def test_json_has_no_nan(tmp_path: Path) -> None:
    """What is written can be read by any JSON reader."""
    path = tmp_path / "bench.json"
    write_json(path, {"cores": 2}, {"one": Result([], {"share": math.nan, "runs": [{"p50": 1.23456789}]})})
    found = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert found["results"]["one"] == {"share": None, "runs": [{"p50": 1.234568}]}
