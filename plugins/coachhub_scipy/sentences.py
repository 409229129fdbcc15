"""The reasons of ``duet`` in English; names in braces are the evidence."""

from __future__ import annotations

from collections.abc import Mapping

_COMPARED = {
    "specialties": "Offers {shared}, which is what you are looking for",
    "specialties.against": "Offers {offers} rather than {asked}",
    "goal.bio": "Speaks of {words}, as you do",
    "goal.certifications": "Is certified in {words}, which you speak of",
    "price": "Costs {price}, against your budget of {budget}",
    "price.against": "Costs {price}: {over_percent} % over your budget of {budget}",
    "hours": "Has {n_shared} of your hours free",
    "hours.against": "Shares {n_shared} of your hours",
    "languages": "Speaks {shared}, as you do",
    "languages.against": "Speaks {offers}",
    "modalities": "Coaches the way you want: {shared}",
    "modalities.against": "Coaches {offers}",
    "city": "Lives in {offers}",
    "levels": "Works with people at your level: {asked}",
    "levels.against": "Works with {offers} rather than {asked}",
    "rating": "Is rated {value} from the mean of all",
    "free_seats": "Has places free",
    "history": "Fits what you chose before ({n_events} times)",
    "asked": "Was chosen by others who asked in words like yours",
    "appeal": "Is chosen by many",
    "appeal.against": "Is chosen by few so far",
    "record": "Has a good record so far",
    "record.against": "Has a weaker record so far",
    "you": "How you answer in general",
    "kin": "Is chosen by people like you",
    "tower": "Is chosen by people like you",
    "fit": "Fits people like you",
    "base": "Where every comparison starts",
}
_STEPS = {"wants": "", "accepts": " (so a yes is likelier)", "goes_well": " (so it is likelier to go well)"}


def _sentences() -> dict[str, str]:
    made = {}
    for step, why in _STEPS.items():
        for code, text in _COMPARED.items():
            is_neutral = code.endswith(".against") or code in ("base", "you")
            made[f"{step}.{code}"] = text if is_neutral else f"{text}{why}"
    return made


ENGLISH: Mapping[str, str] = _sentences()
