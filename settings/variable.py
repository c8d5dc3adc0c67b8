"""The names of all settings in the environment, derived from the groups, so that they cannot drift apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from settings.account import Account
from settings.group import Group
from settings.root import GROUPS

FILE_SUFFIX = "_FILE"
DEFAULT_ACCOUNT = "default"

SECRET_FIELDS = ("secret_id", "secret_key", "token")
ACCOUNT_FIELDS = (
    "credentials",
    *SECRET_FIELDS,
    "allowed_buckets",
    "allowed_regions",
    "limit_per_s",
)
_PLAIN_NAMES: Mapping[str, tuple[str, ...]] = {
    "credentials": ("STANDDOWN_CREDENTIALS",),
    # the vendor's own names; TENCENTCLOUD_SECURITY_TOKEN is that of its Terraform and Pulumi providers
    "secret_id": ("TENCENTCLOUD_SECRET_ID",),
    "secret_key": ("TENCENTCLOUD_SECRET_KEY",),
    "token": ("TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"),
    "allowed_buckets": ("STANDDOWN_ALLOWED_BUCKETS",),
    "allowed_regions": ("STANDDOWN_ALLOWED_REGIONS",),
}


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting: the field it fills and the names it may have, the usual one first."""

    field: str
    names: tuple[str, ...]
    from_file: bool

    @property
    def name(self) -> str:
        """What the setting is called where it was not given."""
        return self.names[0]

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every name that sets it, those of files included."""
        return self.names + tuple(name + FILE_SUFFIX for name in self.names if self.from_file)


def group_variables(group: type[Group]) -> list[Variable]:
    """The variables of a group, in the order of its fields."""
    return [
        Variable(field, (group.PREFIX + field.upper(),), _may_be_in_a_file(field))
        for field in group.model_fields
    ]


def account_variables(account: str) -> list[Variable]:
    """The variables of an account; the default one also has plain names."""
    key = account_key(account)
    return [
        Variable(
            field,
            (_PLAIN_NAMES.get(field, ()) if account == DEFAULT_ACCOUNT else ())
            + (f"{Account.PREFIX}{key}__{field.upper()}",),
            _may_be_in_a_file(field),
        )
        for field in ACCOUNT_FIELDS
    ]


def account_key(account: str) -> str:
    """How an account is spelt inside a variable's name."""
    return account.upper().replace("-", "_")


def account_of(name: str) -> str | None:
    """The account that the variable `name` belongs to, if it is one of an account and well spelt."""
    key, separator, _ = name.removeprefix(Account.PREFIX).rpartition("__")
    if not name.startswith(Account.PREFIX) or not separator or key != account_key(key):
        return None
    account = key.lower().replace("_", "-")
    known = (spelling for variable in account_variables(account) for spelling in variable.spellings)
    return account if name in known else None


def fixed_spellings() -> Iterator[str]:
    """Every name that can be listed beforehand: all but those of accounts other than the default one."""
    variables = [variable for group in GROUPS.values() for variable in group_variables(group)]
    for variable in variables + account_variables(DEFAULT_ACCOUNT):
        yield from variable.spellings


def _may_be_in_a_file(field: str) -> bool:
    """Secrets may, and URLs, which can hold one."""
    return field.endswith("url") or field in SECRET_FIELDS
