from tasks.answer import AttemptError
from worker.api.credential import Credential, CredentialsError
from worker.api.second_chance import SecondChance
from worker.api.skew import OFFSET_MAX_S, Skew, after_acceptance, after_refusal, fault_of_clock

OLD = Credential("AKIDold", "oldkey")
NEW = Credential("AKIDnew", "newkey")
NEWEST = Credential("AKIDnewest", "newestkey")


class Source:
    """Credentials that give the next one whenever they are read anew."""

    def __init__(self, *generations: Credential) -> None:
        self.generations = list(generations)

    def current(self) -> Credential:
        return self.generations[0]

    def refresh(self, refused: Credential) -> Credential:
        if self.current() == refused and len(self.generations) > 1:
            self.generations.pop(0)
        return self.current()


class Broken(Source):
    """Credentials that cannot be read anew."""

    def refresh(self, refused: Credential) -> Credential:
        raise CredentialsError("no")


def refused() -> AttemptError:
    return AttemptError(
        "HTTP 400 ExpiredToken: expired", fault="account", code="ExpiredToken", http_status=400
    )


# the clock


def test_first_refusal_is_transient() -> None:
    """The first refusal of a signature's time is worth another try, the second in a row is the account's."""
    first = Skew()
    assert fault_of_clock(first) == "server"
    second = after_refusal(first, api_time_s=1900.0, now_s=1000.0)
    assert second == Skew(900.0, on_trial=True)
    assert fault_of_clock(second) == "account"


def test_accepted_correction_is_kept() -> None:
    """A correction that the API took stays, and the next refusal is a first one again."""
    proved = after_acceptance(Skew(900.0, on_trial=True))
    assert proved == Skew(900.0)
    assert fault_of_clock(proved) == "server"


def test_refusal_without_a_plausible_time() -> None:
    """Without a Date, or with one more than a day off, the correction stays as it was, and on trial."""
    for api_time_s in (None, 1000.0 + OFFSET_MAX_S + 1, -OFFSET_MAX_S):
        assert after_refusal(Skew(5.0), api_time_s=api_time_s, now_s=1000.0) == Skew(5.0, on_trial=True)


def test_many_refusals_at_once() -> None:
    """Requests that were all signed before the correction are all first refusals, and correct it once."""
    chance = SecondChance(Source(OLD))
    before = chance.skew
    chance.clock_refused(before, api_time_s=1900.0, now_s=1000.0)
    chance.clock_refused(before, api_time_s=5000.0, now_s=1000.0)
    assert chance.skew == Skew(900.0, on_trial=True)
    chance.proved(before, OLD)  # a late answer to a request signed before says nothing of the correction
    assert chance.skew.on_trial
    chance.proved(chance.skew, OLD)
    assert chance.skew == Skew(900.0)


# the key


def test_renewed_key_gets_a_chance() -> None:
    """A key that was rotated under a request's hands makes its refusal transient."""
    error = SecondChance(Source(OLD, NEW)).key_refused(OLD, refused())
    assert (error.fault, error.code, error.http_status) == ("server", "ExpiredToken", 400)
    assert "renewed" in error.message


def test_same_key_gets_none() -> None:
    """Where reading anew gives the same key, or nothing, the account is at fault."""
    error = refused()
    assert SecondChance(Source(OLD)).key_refused(OLD, error) is error
    assert SecondChance(Broken(OLD)).key_refused(OLD, error) is error


def test_renewed_key_that_is_refused_too() -> None:
    """A source that gives one bad key after the other does not make its account's fault transient for ever."""
    chance = SecondChance(Source(OLD, NEW, NEWEST))
    assert chance.key_refused(OLD, refused()).fault == "server"
    assert chance.key_refused(NEW, refused()).fault == "account"


def test_renewed_key_that_proved_itself() -> None:
    """Once the API took a renewed key, its own rotation gets a chance again."""
    chance = SecondChance(Source(OLD, NEW, NEWEST))
    assert chance.key_refused(OLD, refused()).fault == "server"
    chance.proved(Skew(), NEW)
    assert chance.key_refused(NEW, refused()).fault == "server"


def test_many_refusals_of_an_old_key() -> None:
    """Requests that were all signed with the old key all get their chance with the new one."""
    chance = SecondChance(Source(OLD, NEW))
    assert [chance.key_refused(OLD, refused()).fault for _ in range(3)] == ["server"] * 3
