"""
Write the reference pages and the changelog from the code.

``python docs/generate.py`` writes them; ``--check`` writes nothing and fails when
one is not as the code would have it. ``tests/test_docs.py`` checks the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

from generating.changelog import changelog
from generating.commands import commands_page
from generating.errors import errors_page
from generating.hooks import hooks_page
from generating.limits import limits_page
from generating.rest import rest_pages
from generating.settings import settings_page

DOCS = Path(__file__).parent
CHANGELOG = DOCS.parent / "CHANGELOG.md"


def pages() -> dict[Path, str]:
    """Return every generated file with what belongs into it."""
    reference = DOCS / "reference"
    found = {
        reference / "settings.md": settings_page(),
        reference / "errors.md": errors_page(),
        reference / "hooks.md": hooks_page(),
        reference / "command-line.md": commands_page(),
        reference / "limits.md": limits_page(),
    }
    found |= {reference / name: text for name, text in rest_pages().items()}
    former = CHANGELOG.read_text("utf-8") if CHANGELOG.exists() else ""
    found[CHANGELOG] = changelog(DOCS / "changes", former)
    return found


def outdated(found: dict[Path, str]) -> list[Path]:
    """Return the files that are not as they should be."""
    return [path for path, text in found.items() if not path.exists() or path.read_text("utf-8") != text]


def main(arguments: list[str]) -> int:
    """Write what is outdated, or with ``--check`` only name it."""
    found = pages()
    wrong = outdated(found)
    for path in wrong:
        if "--check" in arguments:
            print(f"{path.relative_to(DOCS.parent)} is outdated; run python docs/generate.py", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found[path], "utf-8")
            print(f"{path.relative_to(DOCS.parent)} written")
    return 1 if wrong and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
