"""What waits for a person, in one queue: the questions whose answers free most rows come first.

Rows that ask the same are one question: one answer to a spelling serves all rows that use it, of all imports.
Answers are given with :func:`pingan_geo.workflow.answers.answer`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from pingan_geo.errors import BadChoiceError
from pingan_geo.i18n import mark
from pingan_geo.intake.categories import CategoryBook
from pingan_geo.intake.texts import spelling
from pingan_geo.model.place import Geocoder
from pingan_geo.model.receipt import HOLD_REASONS
from pingan_geo.settings import Settings, read_settings
from pingan_geo.storage.duplicates import count_duplicates, read_duplicates
from pingan_geo.storage.records import (
    batch_options,
    count_held,
    count_held_details,
    count_stated_grids,
    first_held,
    read_held,
    read_stated_grids,
    recent_categories,
)
from pingan_geo.storage.review import read_aliases
from pingan_geo.workflow.held import held_positions
from pingan_geo.workflow.stated_grids import CONFLICT, grid_of_place
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
#: What is proposed for a row that names another grid than the one it lies in.
KEEP_GRID = mark("Both are right: the place counts, the stated grid is kept")
#: What is proposed for one question at most.
MOST_CANDIDATES = 5
#: A code is spelled like another one up to so many changed characters.
_NEAR_SPELLING = 2


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
        Of a held row: changed cells, heading to text; ``code`` and ``name`` of the category or grid that they
        bring.
    keep_grid
        Of a held row: it passes as it is, with the stated grid and the place.
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
    keep_grid: bool = False


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
    why
        Of a place: code of :data:`pingan_geo.model.place.LOCATE_REASONS`, why it is not placed unasked.
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
    why: str = ""
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


def review_queue(
    town: Town,
    *,
    kinds: Sequence[str] = (),
    limit: int = 20,
    geocoder: Geocoder | None = None,
    batch: int | None = None,
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
    batch
        Only questions that rows of this import ask; each still counts the rows of all imports that it frees.

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
        counts = count_held(connection)
        counts["asked"] = _kinds_of(counts)
        grids = unknown_grids(town, connection)
        shared = pd.concat([*_shared_questions(connection, counts), _grid_questions(grids)])
        if batch is not None:
            shared = shared[_asked_by(connection, batch, shared, grids)]
            counts = counts[counts["batch_id"] == batch]
        questions = dict.fromkeys(KINDS, 0) | shared["kind"].value_counts().to_dict()
        rows = dict.fromkeys(KINDS, 0) | shared.groupby("kind")["rows"].sum().to_dict()
        single = counts[counts["asked"] == "held"]
        questions["held"] = rows["held"] = int(single["count"].sum())
        questions["duplicate"] = rows["duplicate"] = count_duplicates(connection, batch)
        words = _Words(town, settings, connection, geocoder, grids)
        items = words.say(_most_telling(shared[shared["kind"].isin(wanted)], limit))
        if "duplicate" in wanted and len(items) < limit:
            items += _duplicate_items(connection, limit - len(items), batch)
        if "held" in wanted and len(items) < limit:
            items += _held_items(connection, settings, single, limit - len(items), batch)
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


# -- questions ---------------------------------------------------------------------------------------


def _kinds_of(counts: pd.DataFrame) -> Any:
    """Return the kind of question that rows of an import and a reason belong to."""
    kinds = counts["reason"].map(ASKED_TOGETHER).fillna("held")
    return kinds.where(counts["kind"] == "reports", "held")


def _shared_questions(connection: Any, counts: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the questions that held rows share: ``kind, words, rows, held_id`` (of the first)."""
    dates = counts[counts["asked"] == "date"]
    yield pd.DataFrame(
        {
            "kind": "date",
            "words": pd.array(dates["batch_id"].astype("str"), dtype="str"),
            "rows": dates["count"].array,
            "held_id": dates["held_id"].array,
        }
    )
    for kind in ("category", "place"):
        reasons = [reason for reason, asked in ASKED_TOGETHER.items() if asked == kind]
        details = count_held_details(connection, "reports", reasons)
        places, words = pd.factorize(np.asarray(folded(details["detail"])))
        first = np.full(len(words), np.iinfo("int64").max)
        np.minimum.at(first, places, details["held_id"].to_numpy())
        rows = np.bincount(places, details["count"], len(words)).astype("int64")
        yield pd.DataFrame(
            {"kind": kind, "words": pd.array(words, dtype="str"), "rows": rows, "held_id": first}
        )


def _asked_by(
    connection: Any, batch: int, shared: pd.DataFrame, grids: Mapping[str, Mapping[str, int]]
) -> Any:
    """Return which of the shared questions rows of one import ask."""
    asking = {("date", str(batch))}
    for kind in ("category", "place"):
        reasons = [reason for reason, asked in ASKED_TOGETHER.items() if asked == kind]
        details = count_held_details(connection, "reports", reasons, batch)["detail"]
        asking |= {(kind, words) for words in np.asarray(folded(details)).tolist()}
    codes = [code for spelled in grids.values() for code in spelled]
    reports = read_stated_grids(connection, codes)
    named = reports["stated_grid"][reports["batch_id"] == batch].unique()
    asking |= {("grid", spelling(code)) for code in named}
    return [pair in asking for pair in zip(shared["kind"], shared["words"], strict=True)]


def _most_telling(shared: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Return the questions that free most rows, those of earlier kinds and words first."""
    rows = shared["rows"].to_numpy()
    if len(rows) > limit:  # only the words of the last place need comparing
        shared = shared[rows >= np.partition(rows, -limit)[-limit]]
    order = shared.assign(rank=shared["kind"].map(KINDS.index), fewer=-shared["rows"])
    return order.sort_values(["fewer", "rank", "words"])[:limit]


def unknown_grids(town: Town, connection: Any) -> dict[str, dict[str, int]]:
    """Return the grids that senders name, the town does not have and nobody has explained yet.

    Returns
    -------
    dict
        Spelling to the codes as they are written, each with its number of reports.
    """
    counts = count_stated_grids(connection)
    known = {spelling(code) for code in town.layer("grids")["code"]}
    known |= set(read_aliases(connection, "grid")["spelling"])
    found: dict[str, dict[str, int]] = {}
    for code, count in zip(counts["stated_grid"], counts["count"].tolist(), strict=True):
        if spelling(code) not in known:
            found.setdefault(spelling(code), {})[code] = count
    return found


def _grid_questions(unknown: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kind": "grid",
            "words": pd.array(list(unknown), dtype="str"),
            "rows": np.array([sum(codes.values()) for codes in unknown.values()], dtype="int64"),
            "held_id": np.zeros(len(unknown), dtype="int64"),
        }
    )


class _Words:
    """Puts questions into words, with what is proposed for each."""

    def __init__(
        self,
        town: Town,
        settings: Settings,
        connection: Any,
        geocoder: Geocoder | None,
        grids: Mapping[str, Mapping[str, int]],
    ) -> None:
        self._town, self._settings, self._connection = town, settings, connection
        self._geocoder = geocoder
        self._unknown_grids = grids
        self._book = CategoryBook.of(settings.categories)
        self._category = {category.code: category for category in settings.categories}

    def say(self, questions: pd.DataFrame) -> list[ReviewItem]:
        """Return the items of questions, in their order."""
        first = self._first_rows(questions)
        items = [
            self._say_grid(question.words)
            if question.kind == "grid"
            else self._say_held(question, first[question.held_id])
            for question in questions.itertuples()
        ]
        return self._propose_places(items)

    def _first_rows(self, questions: pd.DataFrame) -> dict[int, Any]:
        """Return the first held row of each question, with its whole ``words``."""
        numbers = questions["held_id"][questions["held_id"] > 0].tolist()
        if not numbers:
            return {}
        held = read_held(self._connection, held_ids=numbers)
        kinds = held["held_id"].map(questions.set_index("held_id")["kind"])
        held["words"] = cells_of(self._connection, held, kinds)
        return {row.held_id: row for row in held.itertuples()}

    def _say_held(self, question: Any, row: Any) -> ReviewItem:
        values: dict[str, Any] = {"count": int(question.rows), "word": row.words}
        candidates: tuple[Candidate, ...] = ()
        if question.kind == "category":
            message = mark("{count} rows call their category {word}, which is not in the town's list.")
            candidates = self._like_categories(row.words)
        elif question.kind == "date":
            message = mark("{count} rows of {file} name no year: of which year are they?")
            values = {"count": int(question.rows), "file": row.file_name}
        elif row.reason == "ambiguous_place":
            message = mark("{count} rows name the place {word}, which fits no place exactly, or several.")
        else:
            message = mark("{count} rows name the place {word}, which is not in the town's gazetteer.")
        return ReviewItem(
            f"{question.kind}:{question.words}",
            question.kind,
            int(question.rows),
            message,
            values,
            batch=int(row.batch_id),
            file=row.file_name,
            sheet=row.sheet,
            row_number=int(row.row_number),
            reason=row.reason,
            candidates=candidates,
            received=json.loads(row.values),
        )

    def _propose_places(self, items: list[ReviewItem]) -> list[ReviewItem]:
        """Give the questions about places what the geocoder finds, all in one call."""
        asked = [place for place, item in enumerate(items) if item.kind == "place"]
        words = [str(items[place].values["word"]) for place in asked]  # noqa: PD011 - not a table
        if self._geocoder is None or not words:
            return items
        located = self._geocoder.locate(words)
        reasons = located["reason"] if "reason" in located else [""] * len(words)
        for place, found, why in zip(asked, located["candidates"], reasons, strict=True):
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
            items[place] = replace(
                items[place], candidates=candidates, lon=best.lon, lat=best.lat, why=str(why)
            )
        return items

    def _like_categories(self, words: str) -> tuple[Candidate, ...]:
        return tuple(
            Candidate(code, self._category[code].name or code, score=score / 100.0)
            for code, score in self._book.suggest(words)
        )

    def _say_grid(self, plain: str) -> ReviewItem:
        codes = list(self._unknown_grids[plain])
        reports = read_stated_grids(self._connection, codes)
        first = reports.iloc[0]
        grids = self._town.layer("grids")
        inside = reports["grid_id"][reports["grid_id"] != ""].value_counts()
        candidates, steps = _near_grids(plain, grids, inside)
        values: dict[str, Any] = {"count": len(reports), "word": codes[0]}
        message = mark("{count} reports name the grid {word}, which the town does not have.")
        if candidates:
            message = _say_nearest(candidates[0], steps, len(reports))
            values |= {"code": candidates[0].code, "inside": candidates[0].rows}
        return ReviewItem(
            f"grid:{plain}",
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


def _say_nearest(best: Candidate, steps: int, reports: int) -> str:
    """Return the question about a grid's code, with what speaks for the first proposal."""
    if steps > _NEAR_SPELLING:
        if best.rows:
            return mark(
                "{count} reports name the grid {word}, which the town does not have, nor any of a code like it. "
                "{inside} of the places lie in {code}."
            )
        return mark(
            "{count} reports name the grid {word}, which the town does not have, nor any of a code like it; "
            "the places lie in no grid."
        )
    if not best.rows:
        return mark(
            "{count} reports name the grid {word}, which the town does not have. The nearest is {code}, but "
            "none of the places lies in it."
        )
    if reports == 1:
        return mark(
            "A report names the grid {word}, which the town does not have. The nearest is {code}; the place "
            "lies in it too."
        )
    return mark(
        "{count} reports name the grid {word}, which the town does not have. The nearest is {code}; "
        "{inside} of the places lie in it too."
    )


def _near_grids(plain: str, grids: Any, inside: pd.Series[Any]) -> tuple[tuple[Candidate, ...], int]:
    """Return the grids proposed for a code, and how many characters the most similar code or name differs in.

    Those spelled alike come first; where none is, those come first in which the reports lie.
    """
    codes, names = grids["code"].tolist(), grids["name"].tolist()
    if not codes:
        return (), 0
    steps = process.cdist(
        [plain], [*map(spelling, codes), *map(spelling, names)], scorer=Levenshtein.distance
    )[0].astype(float)
    apart = np.minimum(steps[: len(codes)], steps[len(codes) :])
    there = np.array([int(inside.get(code, 0)) for code in codes])
    nearest = int(apart.min())
    keys = (codes, -there, apart) if nearest <= _NEAR_SPELLING else (codes, apart, -there)
    order = np.lexsort(keys)[: MOST_CANDIDATES - 1].tolist()
    most = int(np.lexsort((codes, -there))[0])
    if there[most] and most not in order:
        order.append(most)
    longest = [max(len(plain), len(code), 1) for code in codes]
    candidates = tuple(
        Candidate(
            codes[place],
            names[place] or codes[place],
            rows=int(there[place]),
            score=float(max(0.0, 1.0 - apart[place] / longest[place])),
        )
        for place in order
    )
    return candidates, nearest


def cells_of(connection: Any, held: Any, kinds: Iterable[str]) -> list[str]:
    """Return the whole words that held rows are asked about; their ``detail`` may be shortened.

    Parameters
    ----------
    connection
        A snapshot.
    held
        Rows of :func:`pingan_geo.storage.records.read_held`.
    kinds
        Of the question, for each row: ``category`` or ``place``.
    """
    fields = {
        int(batch): batch_options(connection, int(batch)).get("columns", {}).get("fields", {})
        for batch in held["batch_id"].unique()
    }
    rows = zip(held["batch_id"], held["values"], held["detail"], kinds, strict=True)
    return [
        str(json.loads(values).get(fields[int(batch)].get(kind, ""), "")).strip() or detail
        for batch, values, detail, kind in rows
    ]


# -- single rows -------------------------------------------------------------------------------------


def _held_items(
    connection: Any, settings: Settings, single: pd.DataFrame, most: int, batch: int | None = None
) -> list[ReviewItem]:
    asked = dict.fromkeys(zip(single["kind"], single["reason"], strict=True))
    held = read_held(connection, held_ids=first_held(connection, asked, most, batch))
    lon, lat = held_positions(connection, held)
    propose = _Mending(connection, settings)
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
                candidates=propose.cells(row, received),
                received=received,
                lon=east,
                lat=north,
                can_mend=row.kind == "reports",
            )
        )
    return items


class _Mending:
    """Proposes cells for held rows."""

    def __init__(self, connection: Any, settings: Settings) -> None:
        self._connection = connection
        self._names = {category.code: category.name or category.code for category in settings.categories}

    def cells(self, row: Any, received: Mapping[str, str]) -> tuple[Candidate, ...]:
        """Return what may be wrong with a row, put right: for a few reasons, and for reports only."""
        if row.kind != "reports" or row.reason not in {"swapped_place", "no_category", CONFLICT}:
            return ()
        fields = batch_options(self._connection, int(row.batch_id)).get("columns", {}).get("fields", {})
        if row.reason == "no_category":
            heading = fields.get("category", "")
            codes = self._categories if heading in received else ()
            return tuple(Candidate(code, self._names[code], cells={heading: code}) for code in codes)
        if row.reason == CONFLICT:
            heading, lies = fields.get("grid", ""), grid_of_place(row.detail)
            moved = (
                () if lies is None or heading not in received else (Candidate(lies, cells={heading: lies}),)
            )
            return (*moved, Candidate(keep_grid=True))
        lon, lat = fields.get("lon", ""), fields.get("lat", "")
        if lon == lat or lon not in received or lat not in received:
            return ()
        return (Candidate(cells={lon: received[lat], lat: received[lon]}),)

    @cached_property
    def _categories(self) -> list[str]:
        """Those that came most often of late, then the town's others in its own order."""
        lately = [code for code in recent_categories(self._connection) if code in self._names]
        return list(dict.fromkeys([*lately, *self._names]))[:MOST_CANDIDATES]


def _duplicate_items(connection: Any, most: int, batch: int | None = None) -> list[ReviewItem]:
    pairs = read_duplicates(connection, batch_id=batch, limit=most, asked=True)
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
