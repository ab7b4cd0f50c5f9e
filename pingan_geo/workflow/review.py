"""What waits for a person, in one queue: the questions whose answers free most rows come first.

Rows that ask the same are one question: one answer to a spelling serves all rows that use it, of all imports.
Answers are given with :func:`pingan_geo.workflow.answers.answer`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from pingan_geo.errors import BadChoiceError
from pingan_geo.i18n import mark
from pingan_geo.intake.texts import spelling
from pingan_geo.model.place import Geocoder
from pingan_geo.model.receipt import HOLD_REASONS
from pingan_geo.settings import Settings, read_settings
from pingan_geo.storage.duplicates import count_duplicates, read_duplicates
from pingan_geo.storage.records import (
    batch_options,
    count_held,
    count_stated_grids,
    read_held,
    read_stated_grids,
)
from pingan_geo.workflow.held import held_positions
from pingan_geo.workflow.towns import Town

#: Kinds of questions, in the order in which those that free equally many rows are asked.
KINDS = ("category", "place", "grid", "date", "duplicate", "held")
#: Reason of held rows of reports → kind of the question that they share.
ASKED_TOGETHER: Mapping[str, str] = {
    "unknown_category": "category",
    "unknown_place": "place",
    "ambiguous_place": "place",
    "no_year": "date",
}
#: What is proposed for one question at most.
MOST_CANDIDATES = 5
#: Below this likeness, of 100, a category is not proposed.
_LEAST_LIKENESS = 50.0


@dataclass(frozen=True)
class Candidate:
    """A proposed answer.

    Parameters
    ----------
    code
        Of a category or grid; ``""`` for others.
    name
        For people: of the category, grid or place.
    rows
        Of a grid: how many of the reports in question lie in it.
    lon, lat, level, radius_m
        Of a place, WGS-84; NaN otherwise.
    score
        0–1, only orders.
    cells
        Of a held row: changed cells, heading to text.
    """

    code: str = ""
    name: str = ""
    rows: int = 0
    lon: float = math.nan
    lat: float = math.nan
    level: str = ""
    radius_m: float = math.nan
    score: float = 0.0
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReviewItem:
    """One question.

    Parameters
    ----------
    key
        For :func:`pingan_geo.workflow.answers.answer`.
    kind
        Of :data:`KINDS`.
    rows
        That an answer frees.
    message, values
        The question in one sentence: msgid, and what fills it.
    batch, file, sheet, row_number
        Where the (first) row stands.
    reason
        Code of :data:`pingan_geo.model.receipt.HOLD_REASONS`, ``""`` for reports that are stored.
    candidates
        Best first.
    received
        The (first) row as received, persons masked; of duplicates both reports, ``first_…`` and ``second_…``.
    lon, lat
        WGS-84; NaN where not known. Of duplicates the first's.
    can_mend
        Whether the row's cells can be changed here.
    """

    key: str
    kind: str
    rows: int
    message: str
    values: Mapping[str, Any]
    batch: int = 0
    file: str = ""
    sheet: str = ""
    row_number: int = 0
    reason: str = ""
    candidates: tuple[Candidate, ...] = ()
    received: Mapping[str, Any] = field(default_factory=dict)
    lon: float = math.nan
    lat: float = math.nan
    can_mend: bool = False


@dataclass(frozen=True)
class Queue:
    """The first questions of the review.

    Parameters
    ----------
    items
        In the order in which to ask.
    questions, rows
        Kind to how many questions, and how many rows wait for them, shown here or not.
    """

    items: tuple[ReviewItem, ...]
    questions: Mapping[str, int]
    rows: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many questions there are."""
        return sum(self.questions.values())


@dataclass(frozen=True)
class _Asked:
    """A question before it is put into words."""

    key: str
    kind: str
    rows: int
    held_id: int = 0
    words: str = ""


def review_queue(
    town: Town, *, kinds: Sequence[str] = (), limit: int = 50, geocoder: Geocoder | None = None
) -> Queue:
    """Return what waits for a person.

    Parameters
    ----------
    town
        The town.
    kinds
        Of :data:`KINDS`; empty: all.
    limit
        Questions returned at most; the counts are always whole.
    geocoder
        Proposes places for words; without it a person points at the map.

    Returns
    -------
    Queue

    Raises
    ------
    BadChoiceError
        If a kind is not known.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise BadChoiceError(name="kind", value=kind, expected=" / ".join(KINDS))
    wanted = set(kinds or KINDS)
    settings = read_settings(town.folder)
    with town.store.read() as connection:
        asked, single = _shared_questions(connection)
        asked += _grid_questions(town, connection)
        questions = {kind: sum(each.kind == kind for each in asked) for kind in KINDS}
        rows = {kind: sum(each.rows for each in asked if each.kind == kind) for kind in KINDS}
        questions["held"] = rows["held"] = int(single["count"].sum())
        questions["duplicate"] = rows["duplicate"] = count_duplicates(connection)
        asked = [each for each in asked if each.kind in wanted]
        asked.sort(key=lambda each: (-each.rows, KINDS.index(each.kind), each.key))
        asked = asked[:limit]
        first = _first_rows(connection, asked)
        words = _Words(town, settings, connection, geocoder)
        items = [words.say(each, first.get(each.held_id)) for each in asked]
        words.propose_places(items)
        if "duplicate" in wanted and len(items) < limit:
            items += _duplicate_items(connection, limit - len(items))
        if "held" in wanted and len(items) < limit and len(single):
            items += _held_items(connection, single, limit - len(items))
    items.sort(key=lambda item: -item.rows)  # stable: the kinds stay in their order
    return Queue(tuple(items), questions, rows)


def folded(texts: Any) -> Any:
    """Return texts as :func:`pingan_geo.intake.texts.spelling` does, whole columns at a time.

    A few letters of other scripts, whose capitals are two letters, come out otherwise; they are only used to
    group rows, and each group is asked by the spelling of its own words.
    """
    plain = pc.utf8_lower(pc.utf8_normalize(pa.array(texts, pa.large_string()), form="NFKC"))
    plain = plain.combine_chunks() if isinstance(plain, pa.ChunkedArray) else plain
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, r"\s+", " "))


def kinds_of(counts: Any) -> Any:
    """Return the kind of question that each row of :func:`count_held` belongs to."""
    kinds = counts["reason"].map(ASKED_TOGETHER).fillna("held")
    return kinds.where(counts["kind"] == "reports", "held")


# -- questions ---------------------------------------------------------------------------------------


def _shared_questions(connection: Any) -> tuple[list[_Asked], pd.DataFrame]:
    """Return the questions that rows share, and the counts of the held rows that stand for themselves."""
    counts = count_held(connection)
    counts["asked"] = kinds_of(counts)
    shared = counts[counts["asked"] != "held"].copy()
    shared["words"] = pd.array(folded(shared["detail"]), dtype="str")
    dates = shared["asked"] == "date"
    shared.loc[dates, "words"] = shared["batch_id"][dates].astype("str")
    groups = shared.groupby(["asked", "words"], sort=False).agg(
        count=("count", "sum"), held_id=("held_id", "min")
    )
    asked = [
        _Asked(f"{kind}:{words}", kind, count, held_id, words)
        for (kind, words), count, held_id in zip(
            groups.index, groups["count"].tolist(), groups["held_id"].tolist(), strict=True
        )
    ]
    return asked, counts[counts["asked"] == "held"]


def unknown_grids(town: Town, connection: Any) -> dict[str, list[str]]:
    """Return the grid codes that senders name and the town does not have: spelling to codes as written."""
    counts = count_stated_grids(connection)
    known = {spelling(code) for code in town.layer("grids")["code"]}
    found: dict[str, list[str]] = {}
    for code in counts["stated_grid"]:
        if spelling(code) not in known:
            found.setdefault(spelling(code), []).append(code)
    return found


def _grid_questions(town: Town, connection: Any) -> list[_Asked]:
    counts = count_stated_grids(connection)
    rows = dict(zip(counts["stated_grid"], counts["count"].tolist(), strict=True))
    return [
        _Asked(f"grid:{plain}", "grid", sum(rows[code] for code in codes), words=plain)
        for plain, codes in unknown_grids(town, connection).items()
    ]


def _first_rows(connection: Any, asked: Iterable[_Asked]) -> dict[int, Any]:
    numbers = [each.held_id for each in asked if each.held_id]
    if not numbers:
        return {}
    held = read_held(connection, held_ids=numbers)
    return {row.held_id: row for row in held.itertuples()}


class _Words:
    """Puts questions into words, with what is proposed for each."""

    def __init__(self, town: Town, settings: Settings, connection: Any, geocoder: Geocoder | None) -> None:
        self._town, self._settings, self._connection = town, settings, connection
        self._geocoder = geocoder
        self._names = [
            (category.code, word)
            for category in settings.categories
            for word in (category.name, category.name_en, *category.aliases, category.code)
            if word
        ]
        self._category = {category.code: category for category in settings.categories}

    def say(self, asked: _Asked, row: Any) -> ReviewItem:
        """Return the item of a question; ``row`` is its first held row."""
        if asked.kind == "grid":
            return self._say_grid(asked)
        words = cells_of(self._connection, pd.DataFrame([row]), asked.kind)[0]
        where = {
            "batch": int(row.batch_id),
            "file": row.file_name,
            "sheet": row.sheet,
            "row_number": int(row.row_number),
            "reason": row.reason,
            "received": json.loads(row.values),
        }
        if asked.kind == "category":
            message = mark("{count} rows call their category {word}, which is not in the town's list.")
            values: dict[str, Any] = {"count": asked.rows, "word": words}
            candidates = self._like_categories(words)
        elif asked.kind == "place":
            message = (
                mark("{count} rows name the place {word}, which fits no place exactly, or several.")
                if row.reason == "ambiguous_place"
                else mark("{count} rows name the place {word}, which is not in the town's gazetteer.")
            )
            values, candidates = {"count": asked.rows, "word": words}, ()
        else:
            message = mark("{count} rows of {file} name no year: of which year are they?")
            values, candidates = {"count": asked.rows, "file": row.file_name}, ()
        return ReviewItem(asked.key, asked.kind, asked.rows, message, values, candidates=candidates, **where)

    def propose_places(self, items: list[ReviewItem]) -> None:
        """Give the questions about places what the geocoder finds, all in one call."""
        asked = [place for place, item in enumerate(items) if item.kind == "place"]
        words = [str(items[place].values["word"]) for place in asked]  # noqa: PD011 - not a table
        if self._geocoder is None or not words:
            return
        located = self._geocoder.locate(words)
        for place, found in zip(asked, located["candidates"], strict=True):
            candidates = tuple(
                Candidate(
                    name=str(one["name"]),
                    lon=float(one["lon"]),
                    lat=float(one["lat"]),
                    level=str(one["level"]),
                    radius_m=math.nan if one.get("radius_m") is None else float(one["radius_m"]),
                    score=float(one["score"]),
                )
                for one in json.loads(found or "[]")
            )
            best = candidates[0] if candidates else Candidate()
            items[place] = ReviewItem(
                **{**vars(items[place]), "candidates": candidates, "lon": best.lon, "lat": best.lat}
            )

    def _like_categories(self, words: str) -> tuple[Candidate, ...]:
        names = [spelling(name) for _, name in self._names]
        found: dict[str, float] = {}
        for _, score, place in process.extract(
            spelling(words),
            names,
            scorer=fuzz.WRatio,
            limit=4 * MOST_CANDIDATES,
            score_cutoff=_LEAST_LIKENESS,
        ):
            code = self._names[place][0]
            found[code] = max(found.get(code, 0.0), score / 100.0)
        best = sorted(found.items(), key=lambda each: (-each[1], each[0]))[:MOST_CANDIDATES]
        return tuple(Candidate(code, self._category[code].name or code, score=score) for code, score in best)

    def _say_grid(self, asked: _Asked) -> ReviewItem:
        codes = unknown_grids(self._town, self._connection)[asked.words]
        reports = read_stated_grids(self._connection, codes)
        first = reports.iloc[0]
        grids = self._town.layer("grids")
        inside = reports["grid_id"][reports["grid_id"] != ""].value_counts()
        candidates = _near_grids(asked.words, grids, inside)
        values: dict[str, Any] = {"count": len(reports), "word": codes[0]}
        message = mark("{count} reports name the grid {word}, which the town does not have.")
        if candidates:
            values |= {"code": candidates[0].code, "inside": candidates[0].rows}
            message = mark(
                "{count} reports name the grid {word}, which the town does not have. The nearest is {code}; "
                "{inside} of the places lie in it too."
            )
        return ReviewItem(
            asked.key,
            "grid",
            len(reports),
            message,
            values,
            batch=int(first["batch_id"]),
            row_number=int(first["row_number"]),
            candidates=candidates,
            received={"stated_grid": str(first["stated_grid"]), "grid_id": str(first["grid_id"])},
            lon=float(first["lon"]),
            lat=float(first["lat"]),
        )


def _near_grids(plain: str, grids: Any, inside: pd.Series[Any]) -> tuple[Candidate, ...]:
    """Return the grids with the most similar codes or names, and the one where most of the reports lie."""
    codes, names = grids["code"].tolist(), grids["name"].tolist()
    if not codes:
        return ()
    steps = process.cdist(
        [plain], [*map(spelling, codes), *map(spelling, names)], scorer=Levenshtein.distance
    )[0].astype(float)
    apart = np.minimum(steps[: len(codes)], steps[len(codes) :])
    there = np.array([int(inside.get(code, 0)) for code in codes])
    order = np.lexsort((codes, -there, apart))[: MOST_CANDIDATES - 1].tolist()
    most = int(np.lexsort((codes, -there))[0])
    if there[most] and most not in order:
        order.append(most)
    longest = [max(len(plain), len(code), 1) for code in codes]
    return tuple(
        Candidate(
            codes[place],
            names[place] or codes[place],
            rows=int(there[place]),
            score=float(max(0.0, 1.0 - apart[place] / longest[place])),
        )
        for place in order
    )


def cells_of(connection: Any, held: Any, kind: str) -> list[str]:
    """Return the whole words that held rows are asked about; their ``detail`` may be shortened."""
    fields = {
        int(batch): batch_options(connection, int(batch)).get("columns", {}).get("fields", {})
        for batch in held["batch_id"].unique()
    }
    rows = zip(held["batch_id"], held["values"], held["detail"], strict=True)
    return [
        str(json.loads(values).get(fields[int(batch)].get(kind, ""), "")).strip() or detail
        for batch, values, detail in rows
    ]


# -- single rows -------------------------------------------------------------------------------------


def _held_items(connection: Any, single: pd.DataFrame, most: int) -> list[ReviewItem]:
    reasons = sorted(set(single["reason"]))
    held = read_held(connection, reasons=reasons, limit=most)
    lon, lat = held_positions(connection, held)
    items = []
    for row, east, north in zip(held.itertuples(), lon.tolist(), lat.tolist(), strict=True):
        received = json.loads(row.values)
        where = {"file": row.file_name, "row": int(row.row_number)}
        reason = {"reason": HOLD_REASONS.get(row.reason, row.reason)}
        message = mark("{file}, row {row}: {reason}.")
        values: dict[str, Any] = {**where, **reason}
        if row.detail:
            message, values = mark("{file}, row {row}: {reason} ({word})."), {**values, "word": row.detail}
        items.append(
            ReviewItem(
                f"held:{row.held_id}",
                "held",
                1,
                message,
                values,
                batch=int(row.batch_id),
                file=row.file_name,
                sheet=row.sheet,
                row_number=int(row.row_number),
                reason=row.reason,
                candidates=_exchanged(connection, row, received) if row.reason == "swapped_place" else (),
                received=received,
                lon=east,
                lat=north,
                can_mend=row.kind == "reports",
            )
        )
    return items


def _exchanged(connection: Any, row: Any, received: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Propose to exchange latitude and longitude where they look swapped."""
    fields = batch_options(connection, int(row.batch_id)).get("columns", {}).get("fields", {})
    lon, lat = fields.get("lon", ""), fields.get("lat", "")
    if lon == lat or lon not in received or lat not in received:
        return ()
    return (Candidate(cells={lon: received[lat], lat: received[lon]}),)


def _duplicate_items(connection: Any, most: int) -> list[ReviewItem]:
    pairs = read_duplicates(connection, limit=most)
    return [
        ReviewItem(
            f"duplicate:{pair['first']}-{pair['second']}",
            "duplicate",
            1,
            mark("Two reports may tell of one incident: {distance} m and {gap} hours apart."),
            {"distance": round(pair["distance_m"]), "gap": round(pair["gap_h"], 1)},
            batch=pair["batch_id"],
            row_number=pair["second_row_number"],
            received=pair,
            lon=pair["first_lon"],
            lat=pair["first_lat"],
        )
        for pair in pairs.to_dict("records")
    ]
