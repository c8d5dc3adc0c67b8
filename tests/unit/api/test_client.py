from collections.abc import Callable, Mapping

import pytest

from tasks.answer import Accepted, AttemptError, JobGone
from tasks.command import CancelCommand
from tasks.ports import Api
from worker.api.client import CancelApi, user_agent
from worker.api.credential import Credential, CredentialsError
from worker.api.credentials import StaticCredentials
from worker.api.reply import Reply
from worker.api.transport import Transport

JOB = "vab1ca9fc8a3ed11ea834c525400863904"
HOST = "examplebucket-1250000000.ci.ap-beijing.myqcloud.com"
ACCEPTED = f"<Response><JobsDetail><JobId>{JOB}</JobId><CreationTime>c</CreationTime></JobsDetail></Response>".encode()
NOW_S = 1_763_700_000.0
DATE = "Fri, 21 Nov 2025 05:40:00 GMT"  # an hour after NOW_S


class Wire(Transport):
    """A transport that answers from a list, and keeps what was sent."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.sent: list[tuple[str, str, str, Mapping[str, str]]] = []

    def send(self, method: str, host: str, path: str, headers: Callable[[], Mapping[str, str]]) -> Reply:
        self.sent.append((method, host, path, headers()))
        return self.replies.pop(0)


class Broken:
    """A source that has no credential."""

    def current(self) -> Credential:
        raise CredentialsError("the account has no key")

    def refresh(self, refused: Credential) -> Credential:
        raise CredentialsError("the account has no key")


def api_over(wire: Transport, *, token: str | None = None) -> CancelApi:
    credential = Credential("AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q", "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz", token)
    return CancelApi(
        wire,
        StaticCredentials(credential),
        host_suffix="myqcloud.com",
        signature_life_s=600,
        clock=lambda: NOW_S,
    )


def command() -> CancelCommand:
    return CancelCommand.model_validate(
        {"job_id": JOB, "bucket": "examplebucket-1250000000", "region": "ap-beijing"}
    )


def refused(status: int, code: str, **headers: str) -> Reply:
    return Reply(status, headers, f"<Error><Code>{code}</Code></Error>".encode())


def failure(call: Callable[[CancelCommand], object]) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        call(command())
    return caught.value


def test_it_is_the_api_of_the_tasks() -> None:
    """The client fits the protocol by which the tasks reach it."""
    api: Api = api_over(Wire())
    assert api is not None


def test_cancel() -> None:
    """A cancel is one POST to the job's path, signed over content-length and host."""
    wire = Wire(Reply(200, {}, ACCEPTED))
    answer = api_over(wire).cancel(command())
    assert isinstance(answer, Accepted)
    assert answer.confirmed
    ((method, host, path, headers),) = wire.sent
    assert (method, host, path) == ("POST", HOST, f"/video/cancel_auditing/{JOB}")
    assert headers.keys() == {"Host", "Content-Length", "Authorization"}
    assert "&q-header-list=content-length;host&" in headers["Authorization"]
    assert f"&q-key-time={int(NOW_S) - 60};{int(NOW_S) + 600}&" in headers["Authorization"]


def test_temporary_credential() -> None:
    """The token of a temporary key is sent and signed."""
    wire = Wire(Reply(200, {}, ACCEPTED))
    api_over(wire, token="token").cancel(command())
    headers = wire.sent[0][3]
    assert headers["x-ci-security-token"] == "token"
    assert "&q-header-list=content-length;host;x-ci-security-token&" in headers["Authorization"]


def test_query() -> None:
    """A query is one GET to the job, signed over host."""
    wire = Wire(refused(404, "AuditingJobNotFound"))
    assert isinstance(api_over(wire).query(command()), JobGone)
    ((method, host, path, headers),) = wire.sent
    assert (method, host, path) == ("GET", HOST, f"/video/auditing/{JOB}")
    assert headers.keys() == {"Host", "Authorization"}
    assert "&q-header-list=host&" in headers["Authorization"]


def test_clock_is_corrected() -> None:
    """After a refusal for its time the next signature follows the API's clock, and stays with it."""
    skewed = refused(403, "RequestTimeTooSkewed", date=DATE)
    wire = Wire(skewed, Reply(200, {}, ACCEPTED), skewed)
    api = api_over(wire)
    assert failure(api.cancel).fault == "server"
    api.cancel(command())
    assert failure(api.cancel).fault == "server"
    starts = [headers["Authorization"].partition("q-key-time=")[2][:10] for *_, headers in wire.sent]
    assert [int(start) - int(NOW_S) for start in starts] == [-60, 3540, 3540]


def test_clock_that_cannot_be_corrected() -> None:
    """The second refusal in a row, with the correction applied, is the account's fault."""
    wire = Wire(*[refused(401, "SignatureExpired", date=DATE)] * 2)
    api = api_over(wire)
    assert [failure(api.cancel).fault for _ in range(2)] == ["server", "account"]


def test_bad_key() -> None:
    """A key that is refused and not renewed is the account's fault, at once."""
    error = failure(api_over(Wire(refused(403, "InvalidAccessKeyId"))).cancel)
    assert (error.fault, error.code) == ("account", "InvalidAccessKeyId")
    assert error.__cause__ is not error


def test_no_credential() -> None:
    """Without a credential nothing is sent, and the account is at fault."""
    wire = Wire()
    api = CancelApi(wire, Broken(), host_suffix="myqcloud.com", signature_life_s=600, clock=lambda: NOW_S)
    error = failure(api.cancel)
    assert (error.fault, error.message, error.uncertain) == ("account", "the account has no key", False)
    assert not wire.sent


def test_secrets_stay_inside() -> None:
    """An answer that echoes what was sent gives an error without key, token or signature."""
    body = (
        "<Error><Code>Odd</Code><Message>got AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q, SESSION-TOKEN, "
        "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz</Message></Error>"
    )
    error = failure(api_over(Wire(Reply(409, {}, body.encode())), token="SESSION-TOKEN").cancel)
    assert error.message == (
        'HTTP 409 Odd: the API refuses the request, and no document says why ("got ***, ***, ***")'
    )


def test_user_agent() -> None:
    """We call ourselves by the product's name."""
    assert user_agent().startswith("standdown/")
