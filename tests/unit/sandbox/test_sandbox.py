"""The sandbox as a whole, with clock and dice in the test's hand."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from random import Random

import pytest

from worker.sandbox.fault import Ending
from worker.sandbox.http import Request
from worker.sandbox.options import Credential, SandboxOptions
from worker.sandbox.sandbox import Sandbox
from worker.sandbox.verify import format_string, signature, string_to_sign

SECOND_NS = 1_000_000_000
NOW_UNIX_S = 1_628_309_532.0  # 2021-08-07T12:12:12+0800
HOST = "examplebucket-1250000000.ci.ap-beijing.myqcloud.com"


def sandbox_with(**options):
    return Sandbox(
        SandboxOptions(**options), now_ns=lambda: 0, now_unix_s=lambda: NOW_UNIX_S, random=Random(1)
    )


def signed(method, path, credential, host=HOST):
    headers = {"host": host} | ({"content-length": "0"} if method == "POST" else {})
    names, times = ";".join(sorted(headers)), f"{int(NOW_UNIX_S)};{int(NOW_UNIX_S) + 60}"
    to_sign = string_to_sign(times, format_string(method, path, "", headers, names, ""))
    headers["authorization"] = (
        f"q-sign-algorithm=sha1&q-ak={credential.secret_id}&q-sign-time={times}&q-key-time={times}"
        f"&q-header-list={names}&q-url-param-list=&q-signature={signature(credential.secret_key, times, to_sign)}"
    )
    return Request(method, path, "", headers)


def cancel(sandbox, job_id, at_ns=0, credential=None, host=HOST):
    credential = credential or sandbox.options.credentials[0]
    return sandbox.arrive(signed("POST", f"/video/cancel_auditing/{job_id}", credential, host), at_ns)


def query(sandbox, job_id):
    return sandbox.arrive(signed("GET", f"/video/auditing/{job_id}", sandbox.options.credentials[0]), 0)


def code_of(plan):
    return ET.fromstring(plan.answer.body).findtext("Code")  # noqa: S314  our own answer


def detail_of(plan):
    root = ET.fromstring(plan.answer.body)  # noqa: S314  our own answer
    return {child.tag: child.text for child in root.find("JobsDetail")} | {
        "RequestId": root.findtext("RequestId")
    }


def test_a_running_job_is_cancelled_once_and_then_not_found():
    """200 with the documented fields, then 404 AuditingJobNotFound."""
    sandbox = sandbox_with()
    first, second = cancel(sandbox, "av1"), cancel(sandbox, "av1")
    detail = detail_of(first)
    assert first.answer.status == 200
    assert detail["JobId"] == "av1"
    assert detail["CreationTime"] in ("2021-08-07T12:12:12+0800", "2021-08-07T12:12:12+08:00")
    assert dict(first.answer.headers) == {"x-ci-request-id": detail["RequestId"]}
    assert (second.answer.status, code_of(second)) == (404, "AuditingJobNotFound")
    assert {"x-ci-request-id", "x-ci-trace-id"} == set(dict(second.answer.headers))


def test_answers_show_every_variant_that_the_real_ones_have():
    """With and without State and DataId, with and without a colon in the offset."""
    sandbox = sandbox_with(limit_per_s=0)
    details = [detail_of(cancel(sandbox, f"av{number}")) for number in range(100)]
    assert {"State" in detail for detail in details} == {True, False}
    assert {"DataId" in detail for detail in details} == {True, False}
    assert {detail["CreationTime"][-6:] for detail in details} == {"2+0800", "+08:00"}


@pytest.mark.parametrize(("answers", "status"), [("ok", 200), ("not-found", 404), ("conflict", 409)])
def test_a_finished_job_answers_as_told(answers, status):
    """What the documents leave open is an option."""
    sandbox = sandbox_with(finished_answers=answers)
    assert cancel(sandbox, "sandbox-finished-1").answer.status == status


def test_a_query_tells_running_ended_and_unknown_jobs_apart():
    """Auditing, Success, 404."""
    sandbox = sandbox_with()
    assert detail_of(query(sandbox, "av1"))["State"] == "Auditing"
    cancel(sandbox, "av1")
    assert detail_of(query(sandbox, "av1"))["State"] == "Success"
    assert detail_of(query(sandbox, "sandbox-conflict-1"))["State"] == "Success"
    assert detail_of(query(sandbox, "sandbox-teapot-1"))["State"] == "Auditing"
    assert code_of(query(sandbox, "sandbox-unknown-1")) == "AuditingJobNotFound"


def test_the_same_id_in_two_buckets_is_two_jobs():
    """A job belongs to its bucket."""
    sandbox = sandbox_with()
    assert cancel(sandbox, "av1").answer.status == 200
    assert cancel(sandbox, "av1", host="other-" + HOST).answer.status == 200
    assert len(sandbox.jobs.called("av1")) == 2


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("429", 429, "SlowDown"),
        ("500", 500, "InternalError"),
        ("503", 503, "ServiceUnavailable"),
        ("503-slowdown", 503, "SlowDown"),
        ("saturated", 403, "QueueSaturated"),
        ("illegal", 400, "InvalidArgument"),
        ("forbidden", 403, "AccessDenied"),
        ("arrears", 451, "UnavailableForLegalReasons"),
        ("redirect", 307, "TemporaryRedirect"),
        ("teapot", 418, "ImATeapot"),
        ("applied-500", 500, "InternalError"),
        ("unknown", 404, "AuditingJobNotFound"),
        ("conflict", 409, "Conflict"),
    ],
)
def test_an_id_gets_the_error_it_asks_for(name, status, code):
    """A test can have any one error without touching the rest."""
    plan = cancel(sandbox_with(), f"sandbox-{name}-1")
    assert (plan.answer.status, code_of(plan), plan.ending) == (status, code, Ending.ANSWER)


@pytest.mark.parametrize(
    ("name", "ending", "takes_effect"),
    [
        ("reset", Ending.RESET, False),
        ("hang", Ending.HANG, False),
        ("truncated", Ending.TRUNCATED, True),
        ("applied-reset", Ending.RESET, True),
        ("applied-hang", Ending.HANG, True),
        ("brokenxml", Ending.ANSWER, True),
    ],
)
def test_an_id_gets_the_broken_connection_it_asks_for(name, ending, takes_effect):
    """And the job is cancelled exactly if the fault says so."""
    sandbox, job_id = sandbox_with(hang_s=3.0), f"sandbox-{name}-1"
    plan = cancel(sandbox, job_id)
    assert (plan.ending, plan.hang_s) == (ending, 3.0)
    assert sandbox.jobs.called(job_id)[0].running is not takes_effect
    silent = ending in (Ending.RESET, Ending.HANG)
    assert sandbox.witness.stats()["by_status"] == ({"none": 1} if silent else {"200": 1})


def test_after_a_fault_that_took_effect_the_job_is_gone():
    """The second try after an unread success learns that nothing is left."""
    sandbox = sandbox_with()
    cancel(sandbox, "sandbox-applied-reset-1")
    assert code_of(cancel(sandbox, "sandbox-applied-reset-1")) == "AuditingJobNotFound"


def test_broken_xml_is_broken_as_the_documents_sample_is():
    """The closing tag's spelling is wrong, and nothing else."""
    body = cancel(sandbox_with(), "sandbox-broken-xml-1").answer.body
    assert b"</DataID>" in body
    ET.fromstring(body.replace(b"</DataID>", b"</DataId>"))  # noqa: S314  our own answer


def test_a_fault_asked_for_twice_strikes_twice():
    """`x2` fails on the first two cancels and then works."""
    sandbox = sandbox_with()
    statuses = [cancel(sandbox, "sandbox-500x2-1").answer.status for _ in range(3)]
    assert statuses == [500, 500, 200]


def test_rolled_faults_strike_ordinary_jobs_only_and_the_same_with_the_same_seed():
    """A test by id does not depend on luck; a chaos run can be repeated."""

    def statuses(job_id):
        sandbox = sandbox_with(faults={"500": 0.5}, limit_per_s=0)
        return [cancel(sandbox, job_id.format(number)).answer.status for number in range(200)]

    ordinary = statuses("av{}")
    assert ordinary == statuses("av{}")
    assert 70 < ordinary.count(500) < 130
    assert set(statuses("sandbox-429-{}")) == {429}


def test_the_21st_within_a_second_is_throttled_and_each_key_has_a_limit_of_its_own():
    """429 SlowDown, with Retry-After if wanted; the job is untouched."""
    one, other = Credential("one", "key1"), Credential("other", "key2")
    sandbox = sandbox_with(credentials=(one, other), retry_after_s=3)
    for number in range(20):
        assert cancel(sandbox, f"av{number}", 0, one).answer.status == 200
    late = cancel(sandbox, "av20", SECOND_NS - 1, one)
    assert (late.answer.status, code_of(late)) == (429, "SlowDown")
    assert dict(late.answer.headers)["Retry-After"] == "3"
    assert cancel(sandbox, "av20", SECOND_NS - 1, other).answer.status == 200
    assert cancel(sandbox, "av21", SECOND_NS, one).answer.status == 200


def test_the_witness_counts_what_the_limit_refused():
    """Every signed arrival is in the worst second, admitted or not, and accounts are told apart."""
    sandbox = sandbox_with(limit_per_s=2)
    for number in range(5):
        cancel(sandbox, f"av{number}", number * SECOND_NS // 10)
    cancel(sandbox, "av0", 2 * SECOND_NS)
    stats = sandbox.witness.stats()
    assert (stats["requests_total"], stats["admitted"], stats["throttled"]) == (6, 3, 3)
    assert (stats["worst_second_all"], stats["worst_second_admitted"]) == (5, 2)
    assert stats["by_status"] == {"200": 2, "404": 1, "429": 3}
    assert stats["requests_per_job"] == {"max": 2, "histogram": {"1": 4, "2": 1}}
    assert stats["distinct_jobs_cancelled"] == 2
    assert (stats["seconds_active"], stats["average_per_s"]) == (2.0, 2.5)
    assert list(stats["per_account"]) == [sandbox.options.credentials[0].secret_id]


def test_unsigned_requests_are_counted_but_are_in_nobodys_second():
    """A scanner on the port does not spoil the measurement."""
    sandbox = sandbox_with()
    sandbox.arrive(
        Request("POST", "/video/cancel_auditing/av1", "", {"host": HOST, "content-length": "0"}), 0
    )
    stats = sandbox.witness.stats()
    assert (stats["requests_total"], stats["signed"], stats["worst_second_all"]) == (1, 0, 0)
    assert sandbox.jobs.called("av1") == []


def test_a_wrong_signature_counts_as_an_arrival_but_takes_no_place():
    """A client that keeps sending with a bad key is seen."""
    sandbox = sandbox_with(limit_per_s=1)
    wrong = Credential(sandbox.options.credentials[0].secret_id, "wrong")
    assert code_of(cancel(sandbox, "av1", 0, wrong)) == "SignatureDoesNotMatch"
    assert cancel(sandbox, "av1", 0).answer.status == 200
    assert sandbox.witness.stats()["worst_second_all"] == 2


def test_down_answers_nothing_until_it_is_up_again():
    """Requests while down are witnessed, without a status."""
    sandbox = sandbox_with()
    sandbox.options = replace(sandbox.options, down="reset")
    assert cancel(sandbox, "av1").ending is Ending.RESET
    sandbox.options = replace(sandbox.options, down="silent")
    assert cancel(sandbox, "av1").ending is Ending.HANG
    sandbox.options = replace(sandbox.options, down="no")
    assert cancel(sandbox, "av1").answer.status == 200
    assert sandbox.witness.stats()["by_status"] == {"200": 1, "none": 2}


def test_latency_lies_in_its_range():
    """A range is drawn from, a single number is kept."""
    ranged, fixed = (
        sandbox_with(latency_ms=(20.0, 120.0), limit_per_s=0),
        sandbox_with(latency_ms=(80.0, 80.0)),
    )
    drawn = [cancel(ranged, f"av{number}").latency_s for number in range(100)]
    assert 0.02 <= min(drawn) < 0.04
    assert 0.1 < max(drawn) <= 0.12
    assert cancel(fixed, "av1").latency_s == 0.08


def test_memory_is_bounded_and_says_so():
    """The log and the jobs keep the newest, and tell that older ones are gone."""
    sandbox = sandbox_with(log_size=3, job_count_max=2, limit_per_s=0)
    for number in range(5):
        cancel(sandbox, f"av{number}", number)
    log = sandbox.witness.log
    assert [(seq, arrival.job_id) for seq, arrival in log.since(1)] == [(3, "av2"), (4, "av3"), (5, "av4")]
    assert (log.oldest_seq, log.truncated, log.get(2)) == (3, True, None)
    assert (len(sandbox.jobs), sandbox.jobs.forgotten) == (2, 3)
    assert sandbox.witness.stats()["requests_total"] == 5


def test_a_reset_counts_from_zero_but_numbers_go_on():
    """`since` stays true over a reset, and so does the second of the limit."""
    sandbox = sandbox_with(limit_per_s=1)
    cancel(sandbox, "av1")
    sandbox.witness.reset()
    assert cancel(sandbox, "av1").answer.status == 429
    stats = sandbox.witness.stats()
    assert (stats["requests_total"], stats["requests_per_job"]["max"]) == (1, 1)
    assert stats["log"] == {"oldest_seq": 2, "next_seq": 3, "truncated": False}
