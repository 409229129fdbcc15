"""What the people of the story say and want, and what each step is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PASSWORD: Final = "seven quiet rowing mornings"  # noqa: S105 - of people who live for half a minute
ZONE: Final = "Europe/Berlin"
GOAL: Final = "I want to run my first marathon next autumn, but my knees are grumpy 🏃"

COACHES: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    (
        "Mara Keller",
        "Berlin",
        {
            "specialties": ["marathon", "running"],
            "bio": "First marathons are my favourite kind. Patient with knees.",
            "pricing": "45.00",
            "capacity": 1,
            "languages": ["en", "de"],
        },
    ),
    (
        "Theo Brandt",
        "Hamburg",
        {
            "specialties": ["running", "trail-running"],
            "bio": "Hills, mud and patience.",
            "pricing": "55.00",
            "capacity": 5,
            "languages": ["en"],
        },
    ),
    (
        "Olu Okafor",
        "London",
        {"specialties": ["strength"], "bio": "Barbells.", "pricing": "40.00", "capacity": 8, "languages": ["en"]},
    ),
    (
        "Chiara Conti",
        "Milano",
        {"specialties": ["yoga"], "bio": "Calma.", "pricing": "35.00", "capacity": 4, "languages": ["it", "en"]},
    ),
)


ABOUT: Final[Mapping[str, str]] = {
    "coaches": """A coach has a profile: fields from one vocabulary, a price, languages, and a number of places.
        A place is taken in the database or not at all.""",
    "goal": """A trainee needs an address, a password and a goal. What somebody wants is kept as they said it.""",
    "ranked": """A matcher ranks coaches who have a free place. Each suggestion says why, with numbers that add up.""",
    "ask": """A trainee asks; the coach answers. A request sent twice by mistake is one request.""",
    "accept": """Accepting takes the place. Who asks for a place that is gone learns the reason at once.""",
    "plan": """A plan is a chain of versions. Assigned, it becomes days on the trainee's calendar.""",
    "chat": """The match opened a conversation. A message is acknowledged once it is stored, with its number.""",
    "cut": """Networks fail. A device knows the last number it has, asks for the rest, and repeats what had no
        answer.""",
    "log": """What really happened is logged set by set, with an id of the device's own: sending twice is harmless.""",
    "attention": """Every morning a coach sees who needs a word. Each flag names its rule and its evidence.""",
    "export": """Everything of one's own can be taken along, at any time.""",
}
"""What each step is for, in words for a person who has never seen CoachHub."""


def plan_document(run: str) -> dict[str, Any]:
    """Return four weeks of three runs each: intervals on the first day, then two easy ones."""

    def workout(key: str, offset: int, name: str, n: int, km: float, effort: tuple[float, float]) -> dict[str, Any]:
        low, high = effort
        sets = [
            {
                "key": f"{key}-{i}",
                "type": "working",
                "distance": {"kind": "absolute", "value": km, "unit": "km"},
                "effort": {"kind": "range", "min": low, "max": high, "unit": "rpe"},
            }
            for i in range(1, n + 1)
        ]
        item = {"key": f"{key}-run", "exercise_id": run, "sets": sets}
        block = {"key": f"{key}-block", "kind": "straight", "items": [item]}
        return {"key": key, "phase": "base", "day_offset": offset, "name": name, "blocks": [block]}

    return {
        "phases": [{"key": "base", "name": "Base", "n_cycles": 4}],
        "workouts": [
            workout("intervals", 0, "Short intervals", 3, 1, (6, 7)),
            workout("easy", 2, "Easy run", 1, 5, (3, 4)),
            workout("long", 5, "Long run", 1, 9, (4, 5)),
        ],
    }
