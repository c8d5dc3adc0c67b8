"""Reading a body: the few texts the API's XML carries, from whatever came instead of it, too.

It stands alone because bodies are foreign and may be hostile: no document type, no entities, no tree, a bound
on size and depth. Where a body is not well-formed (the vendor's own printed sample is not), what can be read
is read. Source: docs 436/76263, 436/121182 and 1045/43611, read 2026-11-21.
"""

import codecs
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError  # only the name: the parser is defusedxml's

from defusedxml.ElementTree import DefusedXMLParser

BODY_MAX_BYTES = 1_048_576
DEPTH_MAX = 64
"""The API's own answers are at most six deep."""

DETAIL = "JobsDetail"
NAMES = ("JobId", "DataId", "CreationTime", "RequestId", "State", "Code", "Message", "TraceId")

_ROOT = re.compile(r"<([A-Za-z][A-Za-z0-9]{0,63})[\s>/]")
_ELEMENT = re.compile(rf"<({'|'.join(NAMES)})\s*>([^<]*)<")


@dataclass(frozen=True, slots=True)
class Document:
    """The name of the outermost element, and the first text of each of NAMES that has one."""

    root: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    well_formed: bool = False


def document(body: bytes) -> Document:
    """What `body` says; never raises. The texts are unbounded but for the body itself, and not redacted."""
    bounded = body[:BODY_MAX_BYTES]
    if len(body) == len(bounded):
        try:
            return _strictly(bounded)
        except (ParseError, ValueError, LookupError, AssertionError):
            pass  # not well-formed; forbidden or bad text; unknown encoding; pure-Python parser's own checks
    return _tolerantly(bounded)


class _Collector:
    """Keeps the texts of `<root><Name>` and `<root><JobsDetail><Name>`, and nothing else."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.texts: dict[str, str] = {}
        self._path: list[str] = []
        self._pieces: list[str] | None = None

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        if len(self._path) >= DEPTH_MAX:
            raise ValueError("nested too deep")
        name = tag.rpartition("}")[2]
        self._path.append(name)
        if self.root is None:
            self.root = name
        wanted = len(self._path) == 2 or (len(self._path) == 3 and self._path[1] == DETAIL)
        self._pieces = [] if wanted and name in NAMES and name not in self.texts else None

    def data(self, piece: str) -> None:
        if self._pieces is not None:
            self._pieces.append(piece)

    def end(self, _tag: str) -> None:
        name = self._path.pop()
        if self._pieces is not None:
            text = "".join(self._pieces).strip()
            if text:
                self.texts[name] = text
            self._pieces = None

    def close(self) -> None:
        return None


def _strictly(body: bytes) -> Document:
    collector = _Collector()
    parser = DefusedXMLParser(target=collector, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    parser.feed(body)
    parser.close()
    return Document(root=collector.root, texts=collector.texts, well_formed=True)


def _tolerantly(body: bytes) -> Document:
    wide = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = body.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    root = _ROOT.search(text)
    texts: dict[str, str] = {}
    for found in _ELEMENT.finditer(text):
        name, value = found[1], html.unescape(found[2]).strip()
        if value:
            texts.setdefault(name, value)
    return Document(root=root[1] if root else None, texts=texts)
