"""What ``coachhub plugin new`` writes: the files of a package that offers one matcher."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import Final

PYPROJECT: Final = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$name"
version = "0.1"
description = "The matcher $name for CoachHub."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["coachhub", "numpy"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points.coachhub]
$name = "$module"

[tool.hatch.build.targets.wheel]
packages = ["src/$module"]

[tool.pytest.ini_options]
testpaths = ["tests"]

[tool.ruff]
line-length = 120

[tool.ruff.lint]
extend-select = ["I", "B", "UP"]
"""

HOOK: Final = '''\
"""Offers the matcher ``$name`` to CoachHub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coachhub_core import hookimpl

if TYPE_CHECKING:
    from coachhub_core.ports.matcher import MatcherOffer


@hookimpl
def coachhub_matchers() -> dict[str, MatcherOffer]:
    """Offer it under the name that ``matching.matcher`` selects."""
    from $module.scorer import offer  # numpy loads when somebody asks for matchers, not before

    return {"$name": offer}
'''

SCORER: Final = '''\
"""The idea of ``$name``: who teaches what the trainee asks for, and of those the experienced."""

from __future__ import annotations

import numpy as np
from coachhub_core.domain.vocabulary import tags_in
from coachhub_core.matching import CoachRow, CoachTable, Reason, TraineeRow, matcher_from_scores
from numpy.typing import NDArray


def wishes(trainee: TraineeRow) -> list[str]:
    """Give the specialties that the trainee's goals speak of."""
    return sorted({tag for goal in trainee.texts("goal") for tag in tags_in(goal)})


def score(trainee: TraineeRow, coaches: CoachTable) -> NDArray[np.float64]:
    """Give a number per coach: larger is better, -inf is never."""
    scores = np.zeros(len(coaches))
    for tag in wishes(trainee):
        scores += coaches.has("specialties", tag)
    years = np.nan_to_num(coaches.number("years"))
    return scores + years / (years + 10)


def reasons(trainee: TraineeRow, coach: CoachRow, score: float) -> list[Reason]:
    """Say why, in facts of this trainee and this coach alone."""
    offered = coach.texts("specialties")
    return [Reason("$module.specialty", 1.0, {"tags": [tag]}) for tag in wishes(trainee) if tag in offered]


offer = matcher_from_scores(score, name="$name", reasons=reasons, needs={"goal", "specialties", "years"})
'''

TEST: Final = '''\
"""Every promise of a matcher, checked on ``$name``."""

from __future__ import annotations

import pytest
from coachhub_core.ports.matcher import MatcherOffer
from coachhub_core.testing.matcher import MatcherContract

import $module


class $test_class(MatcherContract):
    """The kit draws its own tables; there is nothing to write but the name of the offer."""

    @pytest.fixture
    def offer(self) -> MatcherOffer:
        return $module.coachhub_matchers()["$name"]
'''

README: Final = """\
# $name

A matcher for CoachHub: the idea is `src/$module/scorer.py`, a function that gives every coach a number. From this
folder, in an environment where CoachHub is installed:

```bash
pip install -e '.[test]'
pytest
COACHHUB_MATCHING_MATCHER=$name coachhub up --data studio --demo
COACHHUB_MATCHING_MATCHER=$name coachhub match explain ada.lindqvist@example.org --data studio
```

They install it, prove it right, serve with it, and, in a second terminal, say why somebody of the demo gets the coaches
they get.

Columns to read: `coachhub_core.matching.schema` names those CoachHub fills. Whatever your function reads stands in
`needs`; it sees no others.
"""

GITIGNORE: Final = "__pycache__/\n*.egg-info/\n.pytest_cache/\n.ruff_cache/\ndist/\n.venv/\n"


def plugin_files(name: str) -> Mapping[str, str]:
    """
    Give the files of a package.

    Args:
        name: Small letters, digits and single hyphens: the distribution's name, and the matcher's.
    Returns:
        Text by path within the package's folder.
    """
    module = name.replace("-", "_")
    words = {
        "name": name,
        "module": module,
        "test_class": "Test" + "".join(part.capitalize() for part in name.split("-")),
    }
    files = {
        ".gitignore": GITIGNORE,
        "README.md": README,
        "pyproject.toml": PYPROJECT,
        f"src/{module}/__init__.py": HOOK,
        f"src/{module}/py.typed": "",
        f"src/{module}/scorer.py": SCORER,
        f"tests/test_{module}.py": TEST,
    }
    return {path: Template(text).substitute(words) for path, text in files.items()}
