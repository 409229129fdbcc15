"""Reasons in sentences: a template per code and language, from plugins first, then what ships."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any, Final

ENGLISH: Final[Mapping[str, str]] = {
    "fits.tags": "Offers {tags}, which is what you are looking for",
    "fits.tags.against": "Does not name {asked} among the specialties",
    "fits.words": "Speaks of {words}, as you do",
    "fits.price": "Costs {price} {currency}, within your budget of {budget}",
    "fits.price.against": "Costs {price} {currency}: {over_percent} % over your budget of {budget}",
    "fits.hours": "Has {n_shared} of your hours free",
    "fits.hours.against": "Shares none of your hours",
    "fits.language": "Speaks {languages}",
    "fits.language.against": "Speaks {speaks}, which is not what you asked for",
    "fits.modality": "Coaches the way you want: {modalities}",
    "fits.modality.against": "Coaches {offers}, which is not what you asked for",
    "fits.city": "Lives in {city}, as you do",
    "fits.city.against": "Lives in {city}",
    "fits.level": "Works with people at your level: {level}",
    "fits.level.against": "Works with {for} rather than {level}",
    "fits.rating": "Is rated {rating} by {n_reviews} trainees",
    "fits.seats": "Has {seats_left} of {capacity} places free",
    "fits.base": "Where every comparison starts",
    "order.demand": "Is asked by many at present, so stands a little lower",
    "counts.for": "{fact} – which counts for it here",
    "counts.against": "{fact} – which counts against it here",
}


class ReasonTexts:
    """
    Turns a reason's code and evidence into a sentence.

    Args:
        ask: Returns what plugins offer for a locale, by code.
    """

    def __init__(self, ask: Callable[[str], Sequence[Mapping[str, str]]]) -> None:
        self._ask = ask
        self._by_locale: dict[str, Mapping[str, str]] = {}

    def text(self, code: str, contribution: float, evidence: Mapping[str, Any], locale: str) -> str:
        """
        Return the sentence; a code without a template, or one whose facts are missing, shows code and evidence.

        Where a code has a sentence for and one against, and the facts are those of the other one, it is that one that
        is said: a model may have learned that it counts the other way, and no sentence says what is not so.
        """
        templates = self._templates(locale)
        against = f"{code}.against"
        mine, other = (against, code) if contribution < 0 else (code, against)
        text = _filled(templates.get(mine), evidence)
        if text is not None:
            return text
        said, has_both = templates.get(other), against in templates
        if said is not None and has_both and "{" not in said:
            said = None  # it states no fact, so nothing says that it is so
        text = _filled(said, evidence)
        if text is not None:
            odd = templates["counts.against" if contribution < 0 else "counts.for"]
            return (_filled(odd, {"fact": text}) or text) if has_both else text
        facts = ", ".join(f"{name} {_shown(value)}" for name, value in evidence.items())
        return f"{code}: {facts}" if facts else code

    def _templates(self, locale: str) -> Mapping[str, str]:
        found = self._by_locale.get(locale)
        if found is None:
            merged: dict[str, str] = dict(ENGLISH)
            for name in dict.fromkeys(("en", locale.split("-", maxsplit=1)[0], locale)):  # the nearest is laid on last
                for answer in self._ask(name):
                    merged.update(answer)
            found = merged
            if len(self._by_locale) < 100:  # locales are people's own words: keep a bounded number
                self._by_locale[locale] = found
        return found


def _filled(template: str | None, evidence: Mapping[str, Any]) -> str | None:
    if template is None:
        return None
    parts = []
    for literal, name, form, _ in Formatter().parse(template):
        parts.append(literal)
        if name is not None:  # names only: no attribute and no index; {name:?} has to be there, and is not shown
            if name not in evidence or evidence[name] is None or evidence[name] in ([], ()):
                return None
            if form != "?":
                parts.append(_shown(evidence[name]))
    return "".join(parts)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value).replace("_", " ")
