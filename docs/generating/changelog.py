"""The changelog: what fragments in ``docs/changes/`` say, above what was released before."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from coachhub_core.version import __version__

KINDS: Final = {
    "added": "Added",
    "changed": "Changed",
    "fixed": "Fixed",
    "security": "Security",
    "removed": "Removed",
}
"""How a fragment's name begins, and the heading it comes under."""

MARK: Final = "<!-- Below this line is what was released; above it, what docs/generate.py writes from docs/changes. -->"

HEAD: Final = """# Changelog

What changed for the people who use CoachHub. Versions follow [semantic versioning](https://semver.org): what the
reference pages say holds within a major version from 1.0 on; before it, a minor version may change it and says so here.
"""


def changelog(folder: Path, former: str) -> str:
    """
    Return the changelog's text.

    Args:
        folder: Holds a fragment per change, ``<kind>-<name>.md``.
        former: The changelog as it is; what is below the mark stays.
    Raises:
        ValueError: If a fragment's name begins with no kind.
    """
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for file in sorted(folder.glob("*.md")):
        if file.name == "README.md":
            continue
        kind = file.name.partition("-")[0]
        if kind not in found:
            raise ValueError(f"docs/changes/{file.name}: a name begins with one of {', '.join(KINDS)} and a dash")
        found[kind].append(file.read_text("utf-8").strip())
    parts = [HEAD, f"## {__version__}, not released yet\n"]
    for kind, texts in found.items():
        if texts:
            parts.append(f"### {KINDS[kind]}\n\n" + "\n".join(_item(text) for text in texts) + "\n")
    return "\n".join([*parts, MARK + "\n"]) + former.partition(MARK)[2].lstrip("\n")


def _item(text: str) -> str:
    first, *rest = text.splitlines()
    return "\n".join([f"- {first}", *(f"  {line}" if line else "" for line in rest)])
