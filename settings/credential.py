"""Whether the credentials of one account make sense together. None at all do: a producer needs none."""

from collections.abc import Iterator, Mapping

from settings.reading import Found
from settings.variable import SECRET_FIELDS


def credential_problems(found: Mapping[str, Found], usual: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The field concerned and a sentence, from what was given; `usual` is what each field is called."""
    given = [field for field in SECRET_FIELDS if field in found]
    names = " and ".join(found[field].name for field in given)
    chain = found.get("credentials")
    if chain is not None and chain.value == "chain":
        if given:
            yield (
                "credentials",
                f"{chain.name} is chain, so {names} must not be set: leave out one or the other",
            )
        return
    for field in ("secret_id", "secret_key"):
        if given and field not in found:
            is_set = "is" if len(given) == 1 else "are"
            yield field, f"{usual[field]} is missing: {names} {is_set} set, and id and key work only together"
