"""The control address: what may be changed, what is shown, and that no key is."""

import json
from random import Random

import pytest

from worker.sandbox.control import Lines, control_answer
from worker.sandbox.http import Request
from worker.sandbox.options import Credential, SandboxOptions
from worker.sandbox.sandbox import Sandbox


def fresh_sandbox(**options):
    return Sandbox(SandboxOptions(**options), now_ns=lambda: 0, now_unix_s=lambda: 0.0, random=Random(1))


def ask(sandbox, method, path, body=None):
    path, _, query = path.partition("?")
    sent = b"" if body is None else json.dumps(body).encode()
    answer = control_answer(sandbox, Request(method, path, query, {}, sent))
    if isinstance(answer, Lines):
        return 200, [json.loads(line) for line in b"".join(answer.chunks).splitlines()]
    return answer.status, json.loads(
        answer.body
    ) if answer.content_type == "application/json" else answer.body


@pytest.mark.parametrize(
    ("what", "body", "field", "value"),
    [
        ("faults", {"500": 0.5}, "faults", {"500": 0.5}),
        ("limit", {"limit_per_s": 5}, "limit_per_s", 5),
        ("limit", {"retry_after_s": None}, "retry_after_s", None),
        ("latency", {"latency_ms": "20..120"}, "latency_ms", (20.0, 120.0)),
        ("latency", {"latency_ms": 5, "hang_s": 2}, "latency_ms", (5.0, 5.0)),
        ("down", {"down": True}, "down", "reset"),
        ("down", {"down": "silent"}, "down", "silent"),
        ("down", {"down": False}, "down", "no"),
        ("credentials", {"any": True}, "any_credential", True),
        (
            "credentials",
            {"credentials": [{"secret_id": "a", "secret_key": "b"}]},
            "credentials",
            (Credential("a", "b"),),
        ),
    ],
)
def test_what_is_put_is_in_force(what, body, field, value):
    """Every switch changes its option and no other."""
    sandbox = fresh_sandbox()
    assert ask(sandbox, "PUT", f"/-/{what}", body)[0] == 200
    assert getattr(sandbox.options, field) == value


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("faults", {"nonsense": 0.5}),
        ("faults", {"500": "much"}),
        ("faults", {"500": 0.9, "429": 0.9}),
        ("faults", []),
        ("limit", {}),
        ("limit", {"limit": 5}),
        ("limit", {"limit_per_s": -1}),
        ("limit", {"limit_per_s": True}),
        ("latency", {"latency_ms": "120..20"}),
        ("down", {"down": "maybe"}),
        ("down", {"down": []}),
        ("credentials", {}),
        ("credentials", {"credentials": [{"secret_id": "a"}]}),
        ("credentials", {"credentials": "a:b"}),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_and_changes_nothing(what, body):
    """A switch with a typing error must not half work."""
    sandbox = fresh_sandbox()
    before = sandbox.options
    status, told = ask(sandbox, "PUT", f"/-/{what}", body)
    assert status == 400
    assert told["error"]
    assert sandbox.options is before


def test_unknown_pages_and_methods_are_told():
    """404 and 405, as JSON."""
    assert ask(fresh_sandbox(), "GET", "/-/nonsense")[0] == 404
    assert ask(fresh_sandbox(), "GET", "/-/jobs/never-seen")[0] == 404
    assert ask(fresh_sandbox(), "POST", "/-/stats")[0] == 405
    assert ask(fresh_sandbox(), "GET", "/-/requests?since=x")[0] == 400


def test_no_page_shows_a_key_or_a_token():
    """Ids are shown, keys never."""
    sandbox = fresh_sandbox(credentials=(Credential("shown", "hushhush", "tokentoken"),))
    for page in ("", "stats", "state", "health", "requests"):
        text = str(ask(sandbox, "GET", f"/-/{page}"))
        assert "hushhush" not in text
        assert "tokentoken" not in text
    assert ask(sandbox, "GET", "/-/state")[1]["secret_ids"] == ["shown"]


def test_what_a_client_sent_cannot_become_markup_on_the_page():
    """The page escapes what it shows."""
    sandbox = fresh_sandbox(any_credential=True)
    headers = {"host": "b-1250000000.ci.ap-beijing.myqcloud.com", "content-length": "0"}
    headers["authorization"] = (
        "q-sign-algorithm=sha1&q-ak=<script>&q-sign-time=0;60&q-key-time=0;60"
        f"&q-header-list=content-length;host&q-url-param-list=&q-signature={'0' * 40}"
    )
    assert sandbox.arrive(Request("POST", "/video/cancel_auditing/av1", "", headers), 0).answer.status == 200
    _, page = ask(sandbox, "GET", "/-/")
    assert b"<script>" not in page
    assert b"&lt;script&gt;" in page
