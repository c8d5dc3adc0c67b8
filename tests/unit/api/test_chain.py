import threading
from collections.abc import Callable, Iterator

import pytest

from settings import Account
from worker.api.chain import FRESH_S, PAUSE_S, ChainCredentials, Info, vendor_chain
from worker.api.credential import Credential, CredentialsError
from worker.api.credentials import credentials_of


class Clock:
    """A clock that stands until it is moved."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def provider(*answers: Info | Exception) -> Callable[[], Info]:
    """A provider that gives these answers, one per call, and the last one for ever."""
    waiting: Iterator[Info | Exception] = iter(answers)
    last = answers[-1]

    def get_credential_info() -> Info:
        answer = next(waiting, last)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return get_credential_info


def test_asked_once_a_minute() -> None:
    """The chain is asked once a minute, however often a credential is wanted."""
    clock = Clock()
    found = provider(("AKID1", "key1", "t1"), ("AKID2", "key2", "t2"))
    source = ChainCredentials(lambda: found, clock=clock)
    assert [source.current() for _ in range(3)] == [Credential("AKID1", "key1", "t1")] * 3
    clock.now_s += FRESH_S
    assert source.current() == Credential("AKID2", "key2", "t2")


def test_failing_chain_keeps_what_it_gave() -> None:
    """While the chain fails, in whatever way, the credential it gave last is used on."""
    clock = Clock()
    found = provider(("AKID1", "key1", None), OSError("PLANTED"), (None, None, None), AttributeError())
    source = ChainCredentials(lambda: found, clock=clock)
    for _ in range(4):
        assert source.current() == Credential("AKID1", "key1")
        clock.now_s += FRESH_S


@pytest.mark.parametrize(
    "answer",
    [OSError("PLANTED"), Exception("PLANTED"), (None, None, None), ("AKID1", "", None), ("a b", "k", None)],
)
def test_chain_without_a_credential(answer: Info | Exception) -> None:
    """A chain that gives nothing at the start is told in a sentence, without the vendor's own words."""
    found = provider(answer)
    with pytest.raises(CredentialsError, match="the credential chain") as caught:
        ChainCredentials(lambda: found).current()
    assert "PLANTED" not in str(caught.value)


def test_hanging_chain() -> None:
    """A chain that never answers costs its timeout, not once per thread, and its late answer is used."""
    clock, release, asked = Clock(), threading.Event(), []

    def hang() -> Info:
        asked.append(threading.current_thread())
        release.wait(30)
        return ("AKID1", "key1", None)

    source = ChainCredentials(lambda: hang, timeout_s=0.05, clock=clock)
    for _ in range(3):
        with pytest.raises(CredentialsError, match=r"did not answer within 0.05 s"):
            source.current()
    release.set()
    asked[0].join(30)
    with pytest.raises(CredentialsError):
        source.current()
    clock.now_s += PAUSE_S
    assert source.current() == Credential("AKID1", "key1")
    assert len(asked) == 1


def test_refresh_searches_anew() -> None:
    """A credential that was refused makes the chain search from its start, past what providers remember."""
    searches = [provider(("AKID1", "key1", None)), provider(("AKID2", "key2", None))]
    source = ChainCredentials(lambda: searches.pop(0), clock=Clock())
    first = source.current()
    assert source.refresh(first) == Credential("AKID2", "key2")
    assert source.refresh(first) == Credential("AKID2", "key2")
    assert not searches


@pytest.mark.parametrize("name", ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"])
def test_token_of_the_environment(name: str) -> None:
    """The session token in the environment, which the vendor's provider forgets, is used."""
    environ = {"TENCENTCLOUD_SECRET_ID": "AKID1", "TENCENTCLOUD_SECRET_KEY": "key1", name: "t1"}
    assert ChainCredentials(vendor_chain(environ)).current() == Credential("AKID1", "key1", "t1")


def test_chosen_by_the_settings() -> None:
    """An account whose credentials are `chain` gets the chain."""
    environ = {"TENCENTCLOUD_SECRET_ID": "AKID1", "TENCENTCLOUD_SECRET_KEY": "key1"}
    account = Account.model_validate({"name": "a", "credentials": "chain"})
    assert credentials_of(account, environ).current() == Credential("AKID1", "key1")
