"""
What a manifest says of a model beside its members: where it comes from, and how good it was.

==============  ==============================================================================
``matcher``     the name of the matcher, and ``version`` the version of its offer
``schema``      the columns it was fitted on, by side: name -> kind; ``schema_hash`` their sha256
``window``      the first and the last moment of the log it learned from; null without a log
``seed``        what its draws were made from
``metrics``     flat names -> rounded numbers: of the ``eval`` that let it become live, else of the
                part of the log that training held out
``prior``       what its coefficients were drawn towards: a ``model_id``, or the name of what ships
``forgot``      where people were erased since: the ``model_id`` it was trained as, and when first
==============  ==============================================================================

No clock has a say in any of it: trained twice on one log, a model is the same file. A model of
before these were kept lacks them, and is read all the same.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from coachhub_core.errors import ArtefactError
from coachhub_core.matching.artefact import ZipArtefactReader
from coachhub_core.matching.outcomes import OutcomeLog
from coachhub_core.matching.tables import CoachTable, Table, TraineeTable
from coachhub_core.ports.matcher import Learned, Matcher, Schema

SIDES = ("coaches", "trainees")
_DIGITS = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_N_LOOKED = 64  # kinds of tables a model is compared with; there are few, and who asks with more is not told again

_MODEL_ID = re.compile(r"[0-9a-f]{64}\Z")

_log = logging.getLogger("coachhub.matching")


def origin(
    fitted: Matcher,
    log: OutcomeLog,
    coaches: CoachTable,
    trainees: TraineeTable,
    *,
    seed: int,
    prior: str | None = None,
    metrics: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """
    Say where a model comes from.

    Args:
        coaches: What the matcher saw of them, and no column more; *trainees* likewise.
        prior: The model_id of the prior that was given; None: the one the matcher ships with, where it says so.
        metrics: Figures of somebody's that count more than those of the matcher's own training.
    """
    schema = Schema.of(coaches, trainees)
    if isinstance(fitted, Learned):
        prior = prior or fitted.prior_id
        metrics = fitted.metrics if metrics is None else metrics
    return {
        "schema": {"coaches": dict(schema.coaches), "trainees": dict(schema.trainees)},
        "schema_hash": schema.hash,
        "window": [_instant(int(log.at.min())), _instant(int(log.at.max()))] if len(log) else None,
        "seed": seed,
        "metrics": rounded(metrics or {}),
        "prior": prior,
    }


def facts_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a manifest says of the model, with whatever a later minor added."""
    return {name: value for name, value in manifest.items() if name not in ("format", "members")}


def known_as(artefact: ZipArtefactReader) -> str:
    """
    Give the model_id by which a model is known: the sha256 of its manifest, as it was trained.

    A file that was written again without people who were erased (:mod:`coachhub_core.matching.forgetting`) has another
    manifest, and answers everybody else as it did before; so the name it goes by stays.

    Raises:
        ArtefactError: If it says of itself what no model_id can be.
    """
    forgot = artefact.manifest.get("forgot")
    if forgot is None:
        return artefact.model_id
    name = forgot.get("of") if isinstance(forgot, Mapping) else None
    if not isinstance(name, str) or not _MODEL_ID.match(name):
        raise ArtefactError(reason="the manifest does not say as it should what was forgotten")
    return name


def rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    """Give figures as a manifest keeps them: six digits behind the point, and what is no number left out."""
    return {str(name): round(float(value), _DIGITS) for name, value in metrics.items() if math.isfinite(value)}


def differences(facts: Mapping[str, Any], side: str, table: Table) -> tuple[str, ...]:
    """
    Tell how a table's columns differ from those a model was fitted on, as one phrase for each.

    A column that is missing, or came later, is legal: the model answers from what there is. It answers worse than it
    could, though, and nobody would notice.

    Args:
        side: ``coaches`` or ``trainees``.
    Returns:
        () where they are the same, or where the model does not say.
    """
    schema = facts.get("schema")
    fitted = schema.get(side) if isinstance(schema, Mapping) else None
    if not isinstance(fitted, Mapping):
        return ()
    found = []
    for name in sorted({*fitted, *table.columns}, key=str):
        column = table.columns.get(name)
        if column is None:
            found.append(f"{side}.{name} is missing")
        elif name not in fitted:
            found.append(f"{side}.{name} was not there to learn from")
        elif column.kind != fitted[name]:
            found.append(f"{side}.{name} is {column.kind} and was {fitted[name]}")
    return tuple(found)


def _instant(micros: int) -> str | int:
    try:
        return (_EPOCH + timedelta(microseconds=micros)).isoformat()
    except OverflowError:  # of a log whose moments are numbers of its own
        return micros


class Watch:
    """Says once where a model is asked with other columns than those it was fitted on; it answers all the same."""

    def __init__(self, model_id: str, facts: Mapping[str, Any]) -> None:
        self._model_id = model_id
        self._facts = facts
        self._found: dict[tuple[str, ...], tuple[str, ...]] = {}

    def look(self, side: str, table: Table) -> None:
        """Compare a table with what the model says, unless one with these columns was compared before."""
        key = (side, *table.columns)
        if key in self._found or len(self._found) >= _N_LOOKED:
            return
        found = self._found[key] = differences(self._facts, side, table)
        if found:
            said = ", ".join(found)
            _log.warning("the model %s was fitted on other columns: %s", self._model_id[:12], said)

    @property
    def differs(self) -> tuple[str, ...]:
        """All that was found so far."""
        return tuple(sorted({said for found in tuple(self._found.values()) for said in found}))
