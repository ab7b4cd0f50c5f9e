"""What the review says: kinds of questions, why something is proposed, what an answer did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pingan_geo.i18n import Translator, mark
from pingan_geo.model.place import LOCATE_REASONS
from pingan_geo.model.receipt import HOLD_REASONS
from pingan_geo.workflow.answers import Answer, Outcome
from pingan_geo.workflow.review import KEEP_GRID, Candidate, ReviewItem
from pingan_geo.workflow.stated_grids import CONFLICT

#: A msgid and its values: said in the language that the visitor reads when it is shown.
Said = tuple[str, Mapping[str, Any]]

KIND_NAMES: Mapping[str, str] = {
    "category": mark("Unknown categories"),
    "place": mark("Unclear places"),
    "grid": mark("Unknown grids"),
    "date": mark("Files without a year"),
    "duplicate": mark("Duplicates"),
    "held": mark("Single rows"),
}
_LEVELS: Mapping[str, str] = {
    "point": mark("exact point"),
    "door": mark("house number, exact"),
    "building": mark("building"),
    "place": mark("named place"),
    "estate": mark("estate"),
    "crossing": mark("crossing"),
    "segment": mark("stretch of a road"),
    "road": mark("whole road"),
    "village": mark("whole village"),
}
#: Field of a ledger that a reason for holding a row is about.
FAULTS: Mapping[str, tuple[str, ...]] = {
    "no_place": ("lon", "lat", "lonlat", "place", "estate", "road"),
    "bad_place": ("lon", "lat", "lonlat"),
    "null_island": ("lon", "lat", "lonlat"),
    "swapped_place": ("lon", "lat", "lonlat"),
    "outside_town": ("lon", "lat", "lonlat"),
    "unknown_datum": ("datum",),
    "no_time": ("time", "clock"),
    "bad_time": ("time", "clock"),
    "future_time": ("time", "clock"),
    "no_year": ("time", "clock"),
    "no_category": ("category",),
    "unknown_category": ("category",),
    "id_conflict": ("source_id",),
    "ambiguous_place": ("place", "estate", "road", "house_number"),
    "unknown_place": ("place", "estate", "road", "house_number"),
    "closed_before_opened": ("closed", "time"),
    "grid_conflict": ("grid", "lon", "lat"),
    "unlike_places": ("lon", "lat", "lonlat", "place"),
}


def say_item(item: ReviewItem, t: Translator) -> str:
    """Return the question in one sentence."""
    return t(item.message, **item.values)


def say_why(item: ReviewItem, t: Translator) -> str:
    """Return why a place is not placed unasked, ``""`` where the geocoder gives no reason."""
    return t(LOCATE_REASONS.get(item.why, item.why)) if item.why else ""


def say_candidate(item: ReviewItem, one: Candidate, t: Translator) -> str:
    """Return a proposed answer and why it is proposed; plain text."""
    if one.keep_grid:
        return t(KEEP_GRID)
    if item.reason == CONFLICT:
        if not one.code:
            return t("The place is right, and it lies in no grid")
        return t("The place is right: it belongs to the grid {code}", code=one.code)
    if item.kind == "held" and not one.code:
        return t("Exchange latitude and longitude")
    said = [one.name or one.code]
    if one.code and one.code != one.name:
        said[0] = t("{name} ({code})", name=one.name, code=one.code)
    if item.kind == "held":
        return said[0]
    if item.kind == "grid":
        said.append(t("{inside} of {count} lie in it", inside=one.rows, count=item.rows))
        return " · ".join(said)
    if one.level:
        said.append(t(_LEVELS.get(one.level, one.level)))
    if one.radius_m > 0:
        said.append(t("within {distance} m", distance=round(one.radius_m)))
    said.append(_alike(one.score, t))
    return " · ".join(said)


def say_key(item_key: str) -> str:
    """Return the words that a question is about, ``""`` when it is about no words."""
    kind, _, words = item_key.partition(":")
    return words if kind in {"category", "place", "grid"} else ""


def say_outcome(item: ReviewItem, said: Answer, outcome: Outcome, name: str) -> list[Said]:
    """Return what an answer did, in parts.

    Parameters
    ----------
    item
        The question.
    said
        The answer.
    outcome
        What came of it.
    name
        Of what was chosen, for people.
    """
    told: list[Said] = []
    stored = outcome.accepted + outcome.corrected
    if stored:
        told.append((mark("{count} stored"), {"count": stored}))
    if outcome.repeated:
        told.append((mark("{count} stored before"), {"count": outcome.repeated}))
    if outcome.held:
        reason = HOLD_REASONS.get(outcome.reason, outcome.reason)
        told.append((mark("{count} still waiting: {reason}"), {"count": outcome.held, "reason": reason}))
        if outcome.detail and not outcome.written:
            told.append((mark("it says {word}"), {"word": outcome.detail}))
    if not outcome.written:
        told.append((mark("nothing was changed"), {}))
    if outcome.dismissed:
        told.append((mark("{count} put aside"), {"count": outcome.dismissed}))
    if item.kind == "duplicate":
        merged = mark("the two reports count as one, both tellers stay")
        told.append((merged if said.way == "merge" else mark("the two reports stay two"), {}))
    if said.way == "leave":
        told.append((mark("grid left empty: {count}"), {"count": outcome.changed}))
    elif item.kind == "grid":
        told.append((mark("grid {name} for {count}"), {"count": outcome.changed, "name": name}))
    if outcome.alias and name:
        word = item.values.get("word", "")
        told.append((mark("{word} = {name} is remembered"), {"word": word, "name": name}))
    if said.way == "year":
        told.append((mark("{year} is remembered for this file"), {"year": said.year}))
    return told


def say_parts(parts: list[Said], t: Translator) -> str:
    """Return parts as one sentence."""
    said = t("; ").join(t(msgid, **values) for msgid, values in parts)
    return t("{sentence}.", sentence=said[:1].upper() + said[1:]) if said else ""


def _alike(score: float, t: Translator) -> str:
    if math.isnan(score) or score < 0.6:
        return t("little alike")
    return t("much alike") if score >= 0.85 else t("rather alike")
