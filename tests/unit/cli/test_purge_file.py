"""The purge file's parser: three formats, every problem with its line, nothing raised whatever comes."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.command import CancelCommand
from worker.cli.purge_file import Duplicate, Entry, Found, IgnoredColumns, read_purge
from worker.cli.purge_line import MAX_LINE_BYTES, LineProblem, quoted

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
BUCKET, REGION = "examplebucket-1250000000", "ap-beijing"


def read(
    data: bytes, file_name: str = "-", *, place: bool = True, allowed: str = "", **fields: Any
) -> list[Found]:
    common: Mapping[str, Any] = {"requested_at": NOW, "not_after": NOW + timedelta(hours=5), **fields}
    if place:
        common = {**common, "bucket": BUCKET, "region": REGION}

    def refusal(command: CancelCommand) -> str | None:
        return None if allowed in ("", command.bucket) else f"bucket {command.bucket} is not allowed"

    return list(
        read_purge(
            io.BufferedReader(io.BytesIO(data)),  # type: ignore[arg-type]  # BytesIO is a raw stream here
            file_name=file_name,
            common=common,
            refusal=refusal,
        )
    )


def jobs(found: list[Found]) -> list[tuple[int, str]]:
    assert all(isinstance(one, Entry) for one in found), found
    return [(one.line, one.fields["job_id"]) for one in found if isinstance(one, Entry)]


@pytest.mark.parametrize(
    "data",
    [
        b"av1\nav2\n",
        b"av1\nav2",
        b"\xef\xbb\xbfav1\r\nav2\r\n",
        b"  av1\t\n av2 \n\n",
        b"job_id\nav1\nav2\n",
    ],
)
def test_plain_ids_are_read_however_lines_end(data: bytes) -> None:
    """Byte order mark, CRLF, blanks around and a missing last line end change nothing."""
    assert [job for _, job in jobs(read(data))] == ["av1", "av2"]


def test_blank_lines_and_comments_count_as_lines() -> None:
    """They are passed over, and line numbers stay those of the file."""
    assert jobs(read(b"# dead streams\n\nav1\n   # more\nav2\n")) == [(3, "av1"), (5, "av2")]


def test_csv_takes_what_its_columns_say() -> None:
    """A line's own bucket, region and reason come before the common ones; empty cells give nothing."""
    found = read(
        b'JobId,Bucket,region,reason\nav1,other-1250000000,ap-shanghai,"ended, late"\nav2,,,\n', "x.txt"
    )
    assert [one.fields for one in found if isinstance(one, Entry)] == [
        {"job_id": "av1", "bucket": "other-1250000000", "region": "ap-shanghai", "reason": "ended, late"},
        {"job_id": "av2"},
    ]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_csv_of_other_countries_is_read(delimiter: str) -> None:
    """Spreadsheets write semicolons or tabs where the comma is taken."""
    text = delimiter.join(["job_id", "reason"]) + "\n" + delimiter.join(["av1", "it, ended"]) + "\n"
    [one] = read(text.encode(), "x.csv")
    assert isinstance(one, Entry)
    assert one.fields == {"job_id": "av1", "reason": "it, ended"}


def test_csv_columns_that_mean_nothing_are_named_once() -> None:
    """They are ignored, and that is said."""
    first, *rest = read(b"job_id,stream,size\nav1,s1,3\nav2,s2,4\n")
    assert isinstance(first, IgnoredColumns)
    assert first.names == ("stream", "size")
    assert jobs(rest) == [(2, "av1"), (3, "av2")]


def test_csv_context_is_json() -> None:
    """A context column holds an object; anything else is a problem of its line."""
    good, bad, worse = read(b'job_id,context\nav1,"{""a"": 1}"\nav2,{\nav3,7\n')
    assert isinstance(good, Entry)
    assert good.fields["context"] == {"a": 1}
    assert [one.line for one in (bad, worse) if isinstance(one, LineProblem)] == [3, 4]


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"id,bucket\nav1,b\n", 1, "without a column job_id"),
        (b"job_id,reason,reason\nav1,a,b\n", 1, "reason twice"),
        (b"job_id\nav1,too,many\n", 2, "has 3 cells, the header 1"),
        (b'job_id\n"av1\nav2"\n', 2, "no CSV record"),
    ],
)
def test_bad_csv_is_told_with_its_line(data: bytes, line: int, says: str) -> None:
    """An open quote is the problem of its own line, and swallows no other."""
    problem = read(data, "x.csv")[0]
    assert isinstance(problem, LineProblem)
    assert problem.line == line
    assert says in problem.text


def test_jsonl_takes_objects() -> None:
    """By name or by its first character; null is as good as nothing."""
    lines = [{"job_id": "av1", "context": {"n": [1, None]}, "bucket": None}, {"job_id": "av2", "reason": "é"}]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    for name in ("x.jsonl", "-"):
        found = [one.fields for one in read(data, name) if isinstance(one, Entry)]
        assert found == [
            {"job_id": "av1", "context": {"n": [1, None]}},
            {"job_id": "av2", "reason": "é"},
        ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"[1]", "no JSON object"),
        (b'{"job_id": ', "not JSON"),
        (b'{"job_id": "av1", "lane": "urgent"}', "'lane', which a purge cannot take"),
        (b'{"job_id": "av1", "command_id": "x"}', "'command_id'"),
        (b'{"job_id": 7}', "job_id"),
        (b'{"reason": "x"}', "job_id is missing"),
        (b'{"job_id": "av1", "context": {"a": NaN}}', "NaN"),
        (b'{"job_id": "av1", "context": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, ""),
        (b'{"job_id": "av1", "context": {"a": ' + b"9" * 6000 + b"}}", ""),
        (b'{"job_id": "av1", "reason": "\\ud800"}', ""),
        (b'{"job_id": "av1", "not_after": "tomorrow"}', "RFC 3339"),
    ],
)
def test_bad_json_is_told_with_its_line(line: bytes, says: str) -> None:
    """Whatever an object holds, it is an entry or a sentence."""
    good, problem = read(b'{"job_id": "av0"}\n' + line + b"\n")
    assert isinstance(good, Entry)
    assert isinstance(problem, LineProblem)
    assert problem.line == 2
    assert says in problem.text
    assert len(problem.text) < 400


def test_a_line_of_a_megabyte_is_a_problem_and_nothing_is_lost_behind_it() -> None:
    """It is quoted with at most 80 characters, and the next line keeps its number."""
    before, problem, after = read(b"av1\n" + b"x" * 1_000_000 + b"\nav3\n")
    assert isinstance(problem, LineProblem)
    assert problem.line == 2
    assert str(MAX_LINE_BYTES) in problem.text
    assert len(problem.text) < 130
    assert jobs([before, after]) == [(1, "av1"), (3, "av3")]


def test_the_longest_line_is_just_read() -> None:
    """The bound is the bound: one byte more is too long."""
    fits, over = b"#" + b"x" * (MAX_LINE_BYTES - 1), b"#" + b"x" * MAX_LINE_BYTES
    assert jobs(read(fits + b"\nav1\n")) == [(2, "av1")]
    assert [type(one) for one in read(over + b"\nav1\n")] == [LineProblem, Entry]


def test_what_is_not_utf8_is_told_with_its_line() -> None:
    """The first bad byte is named; UTF-16 is told as what it is, once."""
    good, problem = read(b"av1\nav\xff2\n")
    assert isinstance(good, Entry)
    assert isinstance(problem, LineProblem)
    assert (problem.line, "byte 3 is 0xff" in problem.text) == (2, True)
    [utf16] = read("av1\nav2\n".encode("utf-16"))
    assert isinstance(utf16, LineProblem)
    assert "UTF-16" in utf16.text


def test_duplicates_name_both_lines() -> None:
    """The same job in the same bucket and region; elsewhere the same id is another job."""
    found = read(b"job_id,region\nav1,\nav1,ap-shanghai\nav1,ap-beijing\n")
    assert [type(one) for one in found] == [Entry, Entry, Duplicate]
    assert found[-1] == Duplicate(4, 2, "av1")
    assert str(found[-1]) == "line 4: av1 stands on line 2 already"


def test_a_bucket_that_is_not_allowed_is_the_problem_of_its_line() -> None:
    """The account's fence is checked here, before anything is enqueued."""
    found = read(b"job_id,bucket\nav1,other-1250000000\nav2,\n", allowed=BUCKET)
    assert found[0] == LineProblem(2, "bucket other-1250000000 is not allowed")
    assert isinstance(found[1], Entry)


def test_a_file_that_names_no_place_needs_the_options() -> None:
    """One sentence for the file, not one for each line."""
    assert read(b"av1\nav2\n", place=False) == [
        LineProblem(1, "the file names no bucket and no region: give --bucket and --region")
    ]
    found = read(b'{"job_id":"av1"}\n{"job_id":"av2","bucket":"b-12345","region":"ap-x1"}\n', place=False)
    assert [type(one) for one in found] == [LineProblem, Entry]


def test_an_empty_file_holds_nothing() -> None:
    """Nothing is found, and nothing raised."""
    assert read(b"") == read(b"\n\r\n# only this\n") == []


@settings(max_examples=300)
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from([b"av1", b"{", b'{"job_id":"a"}', b'"', b",", b"job_id", b"\n", b"\x00", b"\xff"]))
        .map(b"".join),
        st.text(max_size=100).map(str.encode),
    ),
    file_name=st.sampled_from(["-", "x.csv", "x.jsonl"]),
)  # fmt: skip
def test_any_bytes_are_entries_or_problems_with_a_line(data: bytes, file_name: str) -> None:
    """Nothing raises, no line is beyond the file, and nothing in a problem steers a terminal."""
    lines = data.count(b"\n") + 1
    for one in read(data, file_name):
        assert 1 <= one.line <= lines
        if isinstance(one, LineProblem):
            assert str(one).startswith(f"line {one.line}: ")
            assert str(one).isprintable()


@settings(max_examples=300)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_any_json_is_an_entry_or_a_problem(value: object) -> None:
    """As the whole line, as context, and as job id."""
    for line in (value, {"job_id": "av1", "context": value}, {"job_id": value}):
        [one] = read(json.dumps(line).encode() + b"\n", "x.jsonl")
        assert isinstance(one, Entry | LineProblem)
        assert one.line == 1


@given(st.text())
def test_quotes_are_short_and_harmless(text: str) -> None:
    """At most 80 characters, whatever the escapes."""
    assert len(quoted(text)) <= 80
    assert quoted(text).isprintable()
