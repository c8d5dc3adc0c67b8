"""The witness for human eyes: one plain page that loads itself again every two seconds."""

from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44em;margin:2em auto;padding:0 1em;"
    "color-scheme:light dark}table{border-collapse:collapse;width:100%}"
    "td{padding:.2em .6em;border-bottom:1px solid #8884}td+td{text-align:right;"
    "font-variant-numeric:tabular-nums}.over{color:#c00;font-weight:bold}"
)


def html_page(stats: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """The page: what was counted, then how the sandbox stands."""
    limit = state["limit_per_s"]
    over = bool(limit) and any(tally["worst_second_all"] > limit for tally in stats["per_account"].values())
    verdict = (
        f'<p class="over">An account sent more than {limit} requests within a second.</p>'
        if over
        else f"<p>No account sent more than {limit} requests within a second.</p>"
        if limit
        else "<p>No limit is in force.</p>"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">'
        '<meta name="viewport" content="width=device-width"><title>standdown sandbox</title>'
        f"<style>{_STYLE}</style><h1>standdown sandbox</h1>{verdict}"
        f"<h2>Counted</h2>{_table(stats)}<h2>In force</h2>{_table(state)}"
        '<p>As JSON: <a href="/-/stats">stats</a> · <a href="/-/requests">requests</a></p></html>'
    )


def _table(values: Mapping[str, Any], prefix: str = "") -> str:
    rows = "".join(
        f"<tr><td>{escape(prefix + name)}</td><td>{escape(str(value))}</td></tr>"
        for name, value in _flat(values)
    )
    return f"<table>{rows}</table>"


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat += _flat(value, f"{prefix}{name} · ")
        else:
            flat.append((f"{prefix}{name}", "-" if value is None else value))
    return flat
