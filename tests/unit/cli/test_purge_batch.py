"""The commands of a purge: one batch, the same each time."""

from datetime import UTC, datetime

from tasks.command import CancelCommand, parse
from tasks.door import CHUNK
from worker.cli.purge_batch import (
    SHOWN_MAX,
    BatchCommands,
    Collected,
    command_id_of,
    new_batch_id,
)
from worker.cli.purge_file import Duplicate, Entry
from worker.cli.purge_line import LineProblem

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
COMMON = {"bucket": "b-1250000000", "region": "ap-beijing", "lane": "bulk", "requested_at": NOW}


def common() -> CancelCommand:
    return parse({**COMMON, "job_id": "stand-in"}, now=NOW)


def entry(number: int) -> Entry:
    job = f"av{number}"
    return Entry(number, f"b-1250000000/ap-beijing/{job}", {"job_id": job})


def test_each_command_has_its_place_and_stands_at_every_door() -> None:
    """What is built without validation is what validation would have built."""
    entries = [
        entry(1),
        Entry(2, "o-12345/ap-x1/av2", {"job_id": "av2", "bucket": "o-12345", "region": "ap-x1"}),
    ]
    made = list(BatchCommands("b1", common(), entries))
    assert [(one.job_id, one.bucket, one.lane) for one in made] == [
        ("av1", "b-1250000000", "bulk"),
        ("av2", "o-12345", "bulk"),
    ]
    for index, one in enumerate(made):
        assert one.batch is not None
        assert (one.batch.id, one.batch.index, one.batch.size) == ("b1", index, 2)
        assert CancelCommand.model_validate(one.payload()) == one
        assert one.command_id == command_id_of("b1", one.job_key)


def test_the_same_purge_makes_the_same_commands() -> None:
    """So that running it again with its batch id cancels nothing twice; another batch's are others."""
    first, again, other = (
        [one.command_id for one in BatchCommands(batch, common(), [entry(1), entry(2)])]
        for batch in ("b1", "b1", "b2")
    )
    assert first == again
    assert not set(first) & set(other)


def test_only_whole_chunks_count_as_accepted() -> None:
    """The door takes a chunk, and has it once it asks for the next."""
    commands = BatchCommands("b1", common(), [entry(number) for number in range(CHUNK + 2)])
    assert commands.accepted_at_least == 0
    taken = iter(commands)
    for _ in range(CHUNK):
        next(taken)
    assert commands.accepted_at_least == 0
    next(taken)
    assert commands.accepted_at_least == CHUNK


def test_problems_are_counted_and_the_first_kept() -> None:
    """A file full of rubbish takes no memory for all of it."""
    collected = Collected()
    for line in range(1, 101):
        collected.add(LineProblem(line, "bad"))
        collected.add(Duplicate(line, 1, "av1"))
    assert (collected.problems, len(collected.first_problems)) == (100, SHOWN_MAX)
    assert (collected.duplicates, len(collected.first_duplicates)) == (100, SHOWN_MAX)


def test_batch_ids_tell_their_age_and_differ() -> None:
    """Two purges in one second are two batches."""
    assert new_batch_id(NOW).startswith("purge-20260131T120000-")
    assert new_batch_id(NOW) != new_batch_id(NOW)
