"""Lines of a file nobody vouches for: bounded in length, decoded, counted. Streaming; no line is trusted."""

import io
from collections.abc import Iterator
from typing import NamedTuple

MAX_LINE_BYTES = 65_536
"""The longest line that is read: 4 KiB of context, each character escaped as six, and room to spare."""
QUOTED_MAX = 80


class LineProblem(NamedTuple):
    """What is wrong with a line; `line` counts from 1."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


class Line(NamedTuple):
    """One line without its end, surrounding blanks or byte order mark."""

    number: int
    text: str


def lines_of(stream: io.BufferedIOBase) -> Iterator[Line | LineProblem]:
    """The lines of `stream`; blank ones are passed over, comments (`#`) too."""
    number = 0
    while raw := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number == 1:
            if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                yield LineProblem(1, "the file is UTF-16, and must be UTF-8")
                return
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            _skip_rest(stream)
            yield LineProblem(
                number, f"is longer than {MAX_LINE_BYTES} bytes: {quoted(raw[:400].decode(errors='replace'))}"
            )
            continue
        try:
            text = raw.decode().strip()
        except UnicodeDecodeError as wrong:
            yield LineProblem(
                number,
                f"is not UTF-8 (byte {wrong.start + 1} is 0x{raw[wrong.start]:02x}): "
                f"{quoted(raw[:400].decode(errors='replace').strip())}",
            )
            continue
        if text and not text.startswith("#"):
            yield Line(number, text)


def quoted(text: str) -> str:
    """`text` in quotes, made harmless, at most 80 characters."""
    shown = repr(text[:QUOTED_MAX])
    return shown if len(shown) <= QUOTED_MAX and len(text) <= QUOTED_MAX else f"{shown[: QUOTED_MAX - 2]}…'"


def _skip_rest(stream: io.BufferedIOBase) -> None:
    while (more := stream.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
        pass
