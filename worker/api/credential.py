"""A credential: the id, key and token that sign together. Its repr shows no secret."""

import re
from dataclasses import dataclass, field

PLAIN_RULE = r"[!-~]+"
"""What may stand in a header and in a signature without a doubt: printable ASCII, no spaces."""


class CredentialsError(Exception):
    """No credential can be had. The text is a sentence for an operator and holds no secret."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Id, key and token of one generation; the token only with a temporary key."""

    secret_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, value in (
            ("secret id", self.secret_id),
            ("secret key", self.secret_key),
            ("token", self.token),
        ):
            if value is not None and not re.fullmatch(PLAIN_RULE, value):
                raise CredentialsError(
                    f"the {name} must be plain ASCII without spaces or line breaks, and not empty: "
                    "was more, or less, than the value copied?"
                )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any text that leaves us."""
        return (self.secret_id, self.secret_key, *((self.token,) if self.token else ()))

    def __repr__(self) -> str:
        kind = "temporary" if self.token else "permanent"
        return f"Credential({self.secret_id[:4]}…, {kind})"
