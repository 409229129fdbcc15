"""
The reasons of ``duet`` in English; names in braces are the evidence.

What was learned may count a fact either way: that two share a city may speak against a
coach. So the facts choose the sentence and never the sign alone: agreement is called
``shared`` and its lack ``asked`` and ``offers``, and no sentence of one does without.
"""

from __future__ import annotations

from collections.abc import Mapping

_COMPARED = {
    "specialties": "Offers {shared}, which is what you are looking for",
    "specialties.against": "Offers {offers} rather than {asked}",
    "goal.bio": "Speaks of {words}, as you do",
    "goal.bio.against": "Speaks of {words}, as you do, which counts against it here",
    "goal.certifications": "Is certified in {words}, which you speak of",
    "goal.certifications.against": "Is certified in {words}, which you speak of, which counts against it here",
    "price": "Costs {price}, against your budget of {budget}",
    "price.against": "Costs {price}: {over_percent} % over your budget of {budget}",
    "hours": "Has {n_shared} of your hours free",
    "hours.against": "Shares {n_shared} of your hours",
    "languages": "Speaks {shared}, as you do",
    "languages.against": "Speaks {offers}",
    "modalities": "Coaches the way you want: {shared}",
    "modalities.against": "Coaches {offers}",
    "city": "Lives in your city{shared:?}",
    "city.against": "Lives in another city than you{offers:?}",
    "currency": "Takes {shared}, which you pay in",
    "currency.against": "Takes {offers}, and you pay in {asked}",
    "levels": "Works with people at your level: {shared}",
    "levels.against": "Works with {offers} rather than {asked}",
    "rating": "Its rating, held against the mean of all: {value} stars",
    "free_seats": "Has places free",
    "free_seats.against": "Has places free, which counts against it here",
    "history": "Fits what you chose before ({n_events} times)",
    "history.against": "Is unlike what you chose before ({n_events} times)",
    "asked": "Was chosen by others who asked in words like yours",
    "asked.against": "Was passed over by others who asked in words like yours",
    "appeal": "Is chosen by many",
    "appeal.against": "Is chosen by few so far",
    "record": "Has a good record so far",
    "record.against": "Has a weaker record so far",
    "you": "How you answer in general",
    "kin": "Is chosen by people like you",
    "kin.against": "Is chosen less by people like you",
    "tower": "Is chosen by people like you",
    "tower.against": "Is chosen less by people like you",
    "fit": "Fits people like you",
    "fit.against": "Fits people like you less well",
}
_COACH = {
    "specialties": "the specialties",
    "certifications": "the certificates",
    "bio": "what the profile says",
    "levels": "the levels",
    "city": "the city",
    "languages": "the languages",
    "modalities": "the way of coaching",
    "price": "the price",
    "currency": "the currency",
    "hours": "the hours",
    "years": "the years of experience",
    "rating": "the rating",
    "free_seats": "the free places",
}  # columns of a coach, as a sentence names them
_TRAINEE = {
    "goal": "a goal like yours",
    "goal_kinds": "a goal like yours",
    "specialties": "wishes like yours",
    "fitness_level": "your level",
    "budget": "a budget like yours",
    "currency": "your currency",
    "languages": "your languages",
    "modalities": "wishes like yours",
    "hours": "hours like yours",
    "city": "your city",
    "equipment": "equipment like yours",
}
_STARTS = {
    "wants": "Where wanting a coach starts",
    "accepts": "Where a coach's yes starts",
    "goes_well": "Where going well starts",
}
_STEPS = {"wants": "", "accepts": " (as to the coach's yes)", "goes_well": " (as to whether it goes well)"}


def _sentences() -> dict[str, str]:
    made = {}
    for step, why in _STEPS.items():
        made[f"{step}.base"] = _STARTS[step]
        for code, text in _COMPARED.items():
            made[f"{step}.{code}"] = text if code == "you" else f"{text}{why}"
        for column, named in _COACH.items():
            made[f"{step}.coach.{column}"] = f"Is liked by people like you for {named}{why}"
            made[f"{step}.coach.{column}.against"] = f"Is liked less by people like you for {named}{why}"
        for column, named in _TRAINEE.items():
            made[f"{step}.you.{column}"] = f"How people with {named} answer in general"
    return made


ENGLISH: Mapping[str, str] = _sentences()
