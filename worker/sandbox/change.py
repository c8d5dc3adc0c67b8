"""What a PUT to the control address changes: JSON values in, fields of SandboxOptions out."""

from collections.abc import Mapping
from typing import Any, cast

from worker.sandbox.fault import checked_faults
from worker.sandbox.options import Credential, parse_latency

_DOWN = {True: "reset", False: "no", "reset": "reset", "silent": "silent", "no": "no"}


def change_of(what: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `PUT /-/<what>` with this body replaces. Raises ValueError as a sentence."""
    match what:
        case "faults":
            return {"faults": _faults(body)}
        case "limit":
            return _picked(body, {"limit_per_s": _whole, "retry_after_s": _whole_or_none})
        case "latency":
            return _picked(body, {"latency_ms": _latency, "hang_s": _number})
        case "credentials":
            return _credentials(body)
        case "down":
            return _picked(body, {"down": _down})
    raise ValueError(f"nothing called {what} can be changed")


def _faults(body: Mapping[str, Any]) -> Mapping[str, float]:
    return checked_faults({name: _number(f"probability of {name}", value) for name, value in body.items()})


def _credentials(body: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(body) - {"credentials", "any"}
    if unknown or not body:
        raise ValueError('credentials takes {"credentials": [{"secret_id", "secret_key", "token"}]} or "any"')
    changed: dict[str, Any] = {"any_credential": body.get("any") is True}
    if "credentials" in body:
        listed = body["credentials"]
        if not isinstance(listed, list):
            raise ValueError("credentials must be a list")
        changed["credentials"] = tuple(_credential(one) for one in listed)
    return changed


def _credential(value: object) -> Credential:
    fields = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    texts = {name: fields.get(name) for name in ("secret_id", "secret_key", "token")}
    token = texts["token"]
    if set(fields) - set(texts) or not all(
        isinstance(texts[name], str) and texts[name] for name in ("secret_id", "secret_key")
    ):
        raise ValueError("a credential must hold the texts secret_id and secret_key, and may hold token")
    if token is not None and not (isinstance(token, str) and token):
        raise ValueError("a credential's token must be a text, or be left out")
    return Credential(cast(str, texts["secret_id"]), cast(str, texts["secret_key"]), token)


def _picked(body: Mapping[str, Any], readers: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(body) - set(readers)
    if unknown or not body:
        raise ValueError(f"expected {' or '.join(readers)}, got {', '.join(sorted(unknown)) or 'nothing'}")
    return {name: readers[name](name, value) for name, value in body.items()}


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be a whole number, 0 or more, got {value!r}")
    return value


def _whole_or_none(name: str, value: object) -> int | None:
    return None if value is None else _whole(name, value)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number, got {value!r}")  # noqa: TRY004  one kind of error for all wrong input
    return float(value)


def _latency(name: str, value: object) -> tuple[float, float]:
    return parse_latency(value if isinstance(value, str) else str(_number(name, value)))


def _down(name: str, value: object) -> str:
    if not isinstance(value, bool | str) or value not in _DOWN:
        raise ValueError(f"{name} must be true, false, reset, silent or no, got {value!r}")
    return _DOWN[value]
