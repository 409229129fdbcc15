"""
JSON read strictly: what is ambiguous, unbounded or not text is refused.

The standard ``json`` with hooks, because a repeated member, ``NaN``, ``1e400``,
a lone surrogate and a thousand brackets must all be an answer, never a surprise.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from coachhub_core.errors import BadRequest

MAX_DEPTH: Final = 64

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


def loads(raw: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """
    Read one JSON text, strictly.

    Args:
        raw: UTF-8 bytes without a byte order mark.
        max_depth: How deep arrays and objects may nest.
    Returns:
        dict, list, str, int, float, bool or None.
    Raises:
        BadRequest: If it is no JSON, nests too deeply, repeats a member, or holds
            a number that is not finite or a lone surrogate.
    """
    if raw.count(b"[") + raw.count(b"{") > max_depth and _depth(raw) > max_depth:
        raise BadRequest(reason=f"the JSON text nests deeper than {max_depth} levels")
    try:
        value: Any = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_members_once,
            parse_float=_finite,
            parse_int=_bounded,
            parse_constant=_no_constant,
        )
    except BadRequest:
        raise
    except UnicodeDecodeError as exc:
        raise BadRequest(reason=f"the body is not UTF-8 (byte {exc.start})") from exc
    except RecursionError as exc:
        raise BadRequest(reason=f"the JSON text nests deeper than {max_depth} levels") from exc
    except json.JSONDecodeError as exc:
        raise BadRequest(reason=f"the body is not JSON: {exc.msg} at character {exc.pos}") from exc
    except ValueError as exc:
        raise BadRequest(reason="the body is not JSON") from exc
    if _SURROGATE_ESCAPE.search(raw):
        _refuse_surrogates(value)
    return value


def _depth(raw: bytes) -> int:
    deepest = depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", raw)):
        if bracket.group() in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add() is None on purpose
        raise BadRequest(reason=f"the member {_shown(twice)} stands twice in one object")
    return members


def _finite(literal: str) -> float:
    value: float = float(literal)
    if not math.isfinite(value):
        raise BadRequest(reason=f"the number {_shown(literal)} is not finite")
    return value


def _bounded(literal: str) -> int:
    if len(literal) > 40:
        raise BadRequest(reason="a number has more than 40 digits")
    return int(literal)


def _no_constant(literal: str) -> Any:
    raise BadRequest(reason=f"{literal} is not JSON")


def _refuse_surrogates(value: Any) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if any("\ud800" <= c <= "\udfff" for c in item):
                raise BadRequest(reason="a string holds a lone surrogate")
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _shown(value: str) -> str:
    text = value if len(value) <= 60 else value[:57] + "..."
    return json.dumps(text)
