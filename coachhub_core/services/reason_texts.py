"""Reasons in sentences: a template per code and language, from plugins first, then what ships."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from string import Formatter
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:  # numpy loads only when matching is used
    from coachhub_core.matching.counterfactuals import Counterfactual

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
    # what a trainee could say otherwise, by column, else by its kind; then what would come of it
    "change.budget": "A budget of {becomes} {currency} instead of {was}",
    "change.languages": "Adding {added} to your languages",
    "change.modalities": "Being coached {added} too",
    "change.specialties": "Looking for {added} too",
    "change.city": "{becomes} instead of {was} as your city",
    "change.fitness_level": "{becomes} instead of {was} as your level",
    "change.hour": "1 more free hour ({when})",
    "change.hours": "{n_more} more free hours ({when})",
    "change.labels": "Adding {added} to {column}",
    "change.number": "{becomes} instead of {was} as {column}",
    "change.category": "{becomes} instead of {was} as {column}",
    "change.first": "{change} would put this coach first",
    "change.in": "{change} would bring this coach into your list, at place {rank_after} of {n_eligible}",
    "change.up": "{change} would move this coach from place {rank_before} up to {rank_after} of {n_eligible}",
    "when": "{weekday} {starts}-{ends}",
    "weekday.0": "Monday",
    "weekday.1": "Tuesday",
    "weekday.2": "Wednesday",
    "weekday.3": "Thursday",
    "weekday.4": "Friday",
    "weekday.5": "Saturday",
    "weekday.6": "Sunday",
}
_A_MONDAY = date(2024, 1, 1)
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES


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

    def change(self, change: Counterfactual, locale: str, *, zone: str | None = None, monday: date = _A_MONDAY) -> str:
        """
        Return the sentence for what one change would do.

        The templates are ``change.<column>``, or where there is none, or a fact it names is missing,
        ``change.<kind>``, within ``change.first``, ``change.in`` or ``change.up``.

        Args:
            zone: IANA name of the zone in which hours are told; None: UTC, and said to be so.
            monday: Of the week whose offsets count: zones move with the seasons.
        """
        templates = self._templates(locale)
        facts = dict(change.evidence)
        codes = [f"change.{change.column}", f"change.{change.kind}"]
        if change.kind == "hours":
            facts["when"] = list(_spans(facts["added"], zone, monday, templates))
            if facts["n_more"] == 1:
                codes = ["change.hour", *codes]
        fact = next(
            (text for code in codes if (text := _filled(templates.get(code), facts)) is not None), change.column
        )
        outcome = "first" if change.rank_after == 1 else "in" if change.rank_before is None else "up"
        places = {"rank_before": change.rank_before, "rank_after": change.rank_after, "n_eligible": change.n_eligible}
        return _filled(templates[f"change.{outcome}"], {**places, "change": fact}) or fact

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


def _spans(hours: Sequence[int], zone: str | None, monday: date, templates: Mapping[str, str]) -> Iterator[str]:
    """Give hours of the UTC week as spans of the local one, from its Monday on; its end is its beginning."""
    start = datetime.combine(monday, time(), UTC)
    local = ZoneInfo(zone) if zone else UTC
    begins = [(start + timedelta(hours=hour)).astimezone(local) for hour in hours]
    spans: list[tuple[int, int]] = []  # minutes of the week
    for minute in sorted((at.weekday() * 24 + at.hour) * 60 + at.minute for at in begins):
        if spans and spans[-1][1] == minute:
            spans[-1] = (spans[-1][0], minute + 60)
        else:
            spans.append((minute, minute + 60))
    if len(spans) > 1 and spans[-1][1] - spans[0][0] == _WEEK_MINUTES:
        spans = [*spans[1:-1], (spans[-1][0], spans[0][1])]
    for first, last in spans:
        facts = {
            "weekday": templates[f"weekday.{first // _DAY_MINUTES}"],
            "starts": _clock(first),
            "ends": _clock(last) if zone else f"{_clock(last)} UTC",
        }
        yield _filled(templates["when"], facts) or f"{facts['starts']}-{facts['ends']}"


def _clock(minute: int) -> str:
    return f"{minute % _DAY_MINUTES // 60:02}:{minute % 60:02}"


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
