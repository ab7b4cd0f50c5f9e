"""Answers to the questions of the review: each is one transaction, and the last one can be taken back.

An answer about a spelling is remembered as an alias, and every held row that it frees is read again by the
rules of its own file. What stood there before is kept with the answer, so that taking it back restores the
same data.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import tomlkit

from pingan_geo.errors import AnswerError, ReviewItemError
from pingan_geo.i18n import mark
from pingan_geo.intake.places import Locate
from pingan_geo.intake.texts import spelling
from pingan_geo.model.place import LEVELS
from pingan_geo.model.tables import ALIASES
from pingan_geo.persons import PHONE_MASK
from pingan_geo.settings import TOWN_FILE, Category, Settings, read_settings
from pingan_geo.storage.duplicates import decide_duplicates, read_duplicates
from pingan_geo.storage.records import (
    batch_options,
    count_held_details,
    delete_reports,
    dismiss_held,
    is_category_used,
    read_held,
    read_stated_grids,
    release_held,
    restore_held,
    update_held,
    update_options,
    update_stated_grids,
)
from pingan_geo.storage.review import (
    LONGEST_SPELLING,
    delete_alias,
    delete_answer,
    delete_corrections,
    insert_answer,
    last_answer,
    last_answered,
    read_aliases,
    rows_of_imports,
    save_alias,
)
from pingan_geo.workflow.duplicates import queue_duplicates_of
from pingan_geo.workflow.file_swaps import finish_swaps, note_swaps, settle_swaps, stage_file
from pingan_geo.workflow.placing import Placer
from pingan_geo.workflow.reread import Point, Stored, reread_held, store_reread
from pingan_geo.workflow.review import ASKED_TOGETHER, cells_of, folded, unknown_grids
from pingan_geo.workflow.towns import Town

#: What can be done, by kind of question.
WAYS: Mapping[str, tuple[str, ...]] = {
    "category": ("use", "new", "dismiss"),
    "place": ("use", "dismiss"),
    "grid": ("use", "leave"),
    "date": ("year", "dismiss"),
    "duplicate": ("merge", "apart"),
    "held": ("mend", "dismiss"),
}
_YEARS = range(1990, 2100)


@dataclass(frozen=True)
class Answer:
    """What a person answers.

    Parameters
    ----------
    way
        Of :data:`WAYS`: ``use`` a code or a place, ``new`` category, ``leave`` the grid empty, ``year``,
        ``merge`` or keep ``apart``, ``mend`` the row, ``dismiss`` the rows.
    code
        Of a category or grid.
    name, name_en, board
        Of a new category; ``name`` also of a place.
    lon, lat, level, radius_m
        Of a place, WGS-84; with ``mend`` too, where a person points at the map. NaN: not said.
    cells
        With ``mend``: heading to text.
    year
        Of the times of a file that name none.
    keep_grid
        With ``mend``: the row becomes a report although it names another grid than the one it lies in; both are
        kept.
    """

    way: str
    code: str = ""
    name: str = ""
    name_en: str = ""
    board: str = ""
    lon: float = math.nan
    lat: float = math.nan
    level: str = "point"
    radius_m: float = math.nan
    cells: Mapping[str, str] = field(default_factory=dict)
    year: int = 0
    keep_grid: bool = False


@dataclass(frozen=True)
class Outcome:
    """What an answer, or taking it back, did.

    Parameters
    ----------
    key
        Of the question.
    accepted, corrected, repeated
        Held rows that became reports, by a spelling and by changed cells; and that were stored already.
    held
        Rows that were read again and are held still, for another reason perhaps.
    reason, detail
        Why, of the first of them.
    dismissed
        Rows put aside.
    changed
        Reports whose stated grid, or pairs whose decision, was written.
    alias
        Whether the answer is remembered for later files.
    written
        Whether anything was: mending that leaves the row held writes nothing.
    """

    key: str
    accepted: int = 0
    corrected: int = 0
    repeated: int = 0
    held: int = 0
    reason: str = ""
    detail: str = ""
    dismissed: int = 0
    changed: int = 0
    alias: bool = False
    written: bool = True


@dataclass
class _Before:
    """What stood there before an answer; all plain, for JSON."""

    batches: list[int] = field(default_factory=list)  # whose held rows it is about
    alias: dict[str, Any] | None = None
    reports: list[int] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    dismissed: list[int] = field(default_factory=list)
    reasons: list[tuple[int, str, str]] = field(default_factory=list)
    corrections: list[int] = field(default_factory=list)
    options: dict[int, dict[str, Any]] = field(default_factory=dict)
    grids: list[tuple[int, str]] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def add(self, stored: Stored) -> None:
        """Remember what re-reading wrote."""
        self.reports, self.settled, self.reasons = stored.reports, stored.settled, stored.reasons
        self.corrections = stored.corrections

    def still_there(self, connection: Any) -> _Before:
        """Return it without the rows of imports that were taken back since; others may bear their numbers now."""
        own = partial(rows_of_imports, connection, batch_ids=self.batches)
        held = set(own("held", [*self.settled, *self.dismissed, *(row[0] for row in self.reasons)]))
        return replace(
            self,
            reports=own("report", self.reports),
            corrections=own("correction", self.corrections),
            settled=[number for number in self.settled if number in held],
            dismissed=[number for number in self.dismissed if number in held],
            reasons=[row for row in self.reasons if row[0] in held],
        )


def answer(town: Town, key: str, said: Answer, *, now: datetime, locate: Locate | None = None) -> Outcome:
    """Answer a question of the review, as one step.

    Parameters
    ----------
    town
        The town.
    key
        Of a :class:`pingan_geo.workflow.review.ReviewItem`.
    said
        The answer.
    now
        Wall-clock time of the town.
    locate
        Finds places for words, for rows that are read again; the import's own.

    Returns
    -------
    Outcome

    Raises
    ------
    ReviewItemError
        If the question is not open.
    AnswerError
        If the answer does not fit the question.
    RereadError
        If rows of an import of an older version would have to be read again.
    """
    kind, _, words = key.partition(":")
    if kind not in WAYS:
        raise ReviewItemError(item=key)
    if said.way not in WAYS[kind]:
        raise AnswerError(item=key, detail=mark("that is no answer to such a question"))
    with town.store.begin() as connection:
        settle_swaps(connection, town.folder)
        work = _Work(town, connection, key, said, now, locate)
        outcome = {
            "category": work.category,
            "place": work.place,
            "grid": work.grid,
            "date": work.date,
            "duplicate": work.duplicate,
            "held": work.held,
        }[kind](words)
        if outcome.written:
            insert_answer(connection, key, _plain(said), asdict(work.before), now)
    finish_swaps(town.folder, town.store)
    return outcome


def take_back_answer(town: Town, key: str = "") -> Outcome | None:
    """Take the last answer back, so that all data are as they were before it.

    Rows of an import that was taken back since stay gone.

    Parameters
    ----------
    town
        The town.
    key
        Of the question whose answer is meant; ``""``: whichever was answered last.

    Returns
    -------
    Outcome or None
        What was taken back, in the numbers of the answer; ``None`` when no answer is left.

    Raises
    ------
    AnswerError
        If another question was answered since, by somebody else perhaps.
    """
    with town.store.begin() as connection:
        settle_swaps(connection, town.folder)
        last = last_answer(connection)
        if last is None:
            return None
        if key and last["item"] != key:
            raise AnswerError(item=key, detail=mark("another answer was given since, take that back first"))
        before = _Before(**last["before"]).still_there(connection)
        settled = release_held(connection, before.settled, again=False)
        reports = delete_reports(connection, before.reports)
        dismissed = restore_held(connection, before.dismissed)
        _restore_rows(connection, before)
        _restore_words(connection, before)
        if before.settings:
            _restore_settings(town, connection, before.settings)
        delete_answer(connection, last["answer_id"])
    finish_swaps(town.folder, town.store)
    return Outcome(
        last["item"],
        accepted=reports - len(before.corrections),
        corrected=len(before.corrections),
        repeated=settled - reports,
        dismissed=dismissed,
        changed=len(before.grids) + len(before.pairs),
        alias=before.alias is not None,
    )


def last_question(town: Town) -> str:
    """Return the key of the question that was answered last and can be taken back, ``""`` without one."""
    with town.store.read() as connection:
        return last_answered(connection)


def _number(words: str) -> int:
    """Return the number that a key holds, -1 where it holds none."""
    return int(words) if re.fullmatch(r"[0-9]{1,19}", words) else -1


def _plain(said: Answer) -> dict[str, Any]:
    """Return an answer for JSON, which has no NaN."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(said).items()
    }


# -- answering ---------------------------------------------------------------------------------------


class _Work:
    """One answer under way."""

    def __init__(
        self, town: Town, connection: Any, key: str, said: Answer, now: datetime, locate: Locate | None
    ) -> None:
        self.town, self.connection, self.key, self.said, self.now = town, connection, key, said, now
        self.locate = locate
        self.new_categories: list[Category] = []
        self.before = _Before()

    def category(self, words: str) -> Outcome:
        """Use a category for a spelling, make a new one, or put its rows aside."""
        rows, word = self._waiting("category", words)
        if self.said.way == "dismiss":
            return self._dismiss(rows)
        if len(spelling(word)) > LONGEST_SPELLING:  # its rows are read again by what is remembered
            raise self._error(
                mark(
                    "words of more than 400 characters cannot be remembered; put the rows aside, or mend them in "
                    "the file and import it again"
                )
            )
        settings = read_settings(self.town.folder)
        code = self._new_category(settings) if self.said.way == "new" else self.said.code
        if self.said.way == "use" and code not in {each.code for each in settings.categories}:
            raise self._error(mark("the town has no such category"))
        self._learn("category", spelling(word), code)
        return self._reread(rows, alias=True)

    def place(self, words: str) -> Outcome:
        """Say where the place is that rows name, or put the rows aside."""
        rows, word = self._waiting("place", words)
        if self.said.way == "dismiss":
            return self._dismiss(rows)
        self._check_point()
        said = self.said
        learned = self._learn(
            "place",
            spelling(word),
            said.name or word,
            lon=said.lon,
            lat=said.lat,
            level=said.level,
            radius_m=None if math.isnan(said.radius_m) else said.radius_m,
        )
        point = Point(said.lon, said.lat, said.level, said.radius_m, "gazetteer")
        return self._reread(rows, alias=learned, points=dict.fromkeys(rows["held_id"].tolist(), point))

    def date(self, words: str) -> Outcome:
        """Say of which year the times of a file are, or put the rows aside."""
        rows = read_held(self.connection, _number(words), reasons=["no_year"])
        if rows.empty:
            raise ReviewItemError(item=self.key)
        if self.said.way == "dismiss":
            return self._dismiss(rows)
        if self.said.year not in _YEARS:
            raise self._error(mark("the year must be one of four digits"))
        batch = _number(words)
        options = batch_options(self.connection, batch)
        outcome = self._reread(rows, year=self.said.year)
        self.before.options[batch] = options
        changed = {**options, "rules": {**options["rules"], "year": self.said.year}}
        update_options(self.connection, batch, changed)
        return outcome

    def held(self, words: str) -> Outcome:
        """Change cells of a held row, or put it aside."""
        rows = read_held(self.connection, held_ids=[_number(words)])
        if rows.empty:
            raise ReviewItemError(item=self.key)
        if self.said.way == "dismiss":
            return self._dismiss(rows)
        row = rows.iloc[0]
        if row["kind"] != "reports":
            raise self._error(mark("only rows of reports can be mended here; write the others to a file"))
        options = batch_options(self.connection, int(row["batch_id"]))
        known = {*json.loads(row["values"]), *options.get("columns", {}).get("fields", {}).values()}
        if unknown := sorted(set(self.said.cells) - known):
            raise AnswerError(item=self.key, detail=", ".join(unknown))
        number = int(row["held_id"])
        points = {}
        if not (math.isnan(self.said.lon) and math.isnan(self.said.lat)):
            self._check_point()
            points = {
                number: Point(self.said.lon, self.said.lat, self.said.level, self.said.radius_m, "stated")
            }
        return self._reread(
            rows,
            cells={number: self.said.cells},
            points=points,
            keep_grids=[number] if self.said.keep_grid else (),
            only_settled=True,
        )

    def grid(self, words: str) -> Outcome:
        """Say which grid a code means, or leave the reports without a stated one."""
        codes = list(unknown_grids(self.town, self.connection).get(words, ()))
        if not codes:
            raise ReviewItemError(item=self.key)
        code = self.said.code if self.said.way == "use" else ""
        if self.said.way == "use" and code not in set(self.town.layer("grids")["code"]):
            raise self._error(
                mark("the town has no such grid; a new one comes with an import of the grids' polygons")
            )
        learned = self._learn("grid", words, code)
        reports = read_stated_grids(self.connection, codes)
        self.before.grids = list(
            zip(reports["report_id"].tolist(), reports["stated_grid"].tolist(), strict=True)
        )
        update_stated_grids(self.connection, reports["report_id"], [code] * len(reports))
        return Outcome(self.key, changed=len(reports), alias=learned)

    def duplicate(self, words: str) -> Outcome:
        """Decide whether two reports tell of one incident."""
        first, _, second = words.partition("-")
        pair = (_number(first), _number(second))
        if read_duplicates(self.connection, pairs=[pair]).empty:
            raise ReviewItemError(item=self.key)
        decision = "merged" if self.said.way == "merge" else "apart"
        self.before.pairs = [pair]
        return Outcome(self.key, changed=decide_duplicates(self.connection, [pair], decision, self.now))

    def _waiting(self, kind: str, words: str) -> tuple[Any, str]:
        """Return the held rows that ask this, and their whole words."""
        reasons = [reason for reason, asked in ASKED_TOGETHER.items() if asked == kind]
        counts = count_held_details(self.connection, "reports", reasons)
        details = counts["detail"][np.asarray(folded(counts["detail"])) == words].unique().tolist()
        if not details:
            raise ReviewItemError(item=self.key)
        rows = read_held(self.connection, reasons=reasons, details=details)
        rows = rows[rows["kind"] == "reports"].sort_values("held_id")
        cells = cells_of(self.connection, rows, [kind] * len(rows))
        word = cells[0]
        same = [spelling(cell) == spelling(word) for cell in cells]
        return rows[same], word

    def _dismiss(self, rows: Any) -> Outcome:
        self.before.batches = rows["batch_id"].unique().tolist()
        self.before.dismissed = rows["held_id"].tolist()
        return Outcome(self.key, dismissed=dismiss_held(self.connection, self.before.dismissed, self.now))

    def _reread(
        self,
        rows: Any,
        *,
        alias: bool = False,
        only_settled: bool = False,
        cells: Mapping[int, Mapping[str, str]] | None = None,
        points: Mapping[int, Point] | None = None,
        keep_grids: Collection[int] = (),
        **over: Any,
    ) -> Outcome:
        """Read rows again and store what comes of it; ``only_settled``: nothing, if they are held still."""
        reread = reread_held(
            self.town,
            self.connection,
            rows,
            cells=cells,
            points=points,
            now=self.now,
            locate=self.locate,
            new_categories=self.new_categories,
            keep_grids=keep_grids,
            **over,
        )
        first = reread.held.iloc[0] if len(reread.held) else {"reason": "", "detail": ""}
        if only_settled and len(reread.held):
            return Outcome(
                self.key,
                held=len(reread.held),
                reason=str(first["reason"]),
                detail=str(first["detail"]),
                written=False,
            )
        self.before.batches = rows["batch_id"].unique().tolist()
        stored = store_reread(self.connection, reread)
        self.before.add(stored)
        queue_duplicates_of(self.town, self.connection, stored.reports)
        return Outcome(
            self.key,
            accepted=stored.accepted,
            corrected=stored.corrected,
            repeated=stored.repeated,
            held=stored.held,
            reason=str(first["reason"]),
            detail=str(first["detail"]),
            alias=alias,
        )

    def _learn(self, kind: str, plain: str, target: str, **where: Any) -> bool:
        """Remember what a spelling means, and say whether: a place with a masked number would be everybody's."""
        if len(plain) > LONGEST_SPELLING:
            return False
        if kind != "category" and PHONE_MASK in plain:
            return False
        known = read_aliases(self.connection, kind)
        known = known[known["spelling"] == plain]
        row = None if known.empty else _alias_row(known)
        self.before.alias = {"kind": kind, "spelling": plain, "row": row}
        save_alias(self.connection, kind, plain, target, learned_at=self.now, **where)
        return True

    def _new_category(self, settings: Settings) -> str:
        said = self.said
        if not said.code or not said.name:
            raise self._error(mark("a new category needs a code and a name"))
        taken = {
            spelling(word)
            for each in settings.categories
            for word in (each.code, each.name, each.name_en)
            if word
        }
        if taken & {spelling(said.code), spelling(said.name)}:
            raise self._error(mark("the town has a category of this code or name"))
        if said.board and said.board not in {board.code for board in settings.boards}:
            raise self._error(mark("the town has no such board"))
        file = self.town.folder / TOWN_FILE
        text = file.read_bytes().decode("utf-8")
        document = tomlkit.parse(text)
        if "categories" not in document:
            document.add(tomlkit.nl())
            document.add("categories", tomlkit.aot())
        new = {name: getattr(said, name) for name in ("code", "name", "name_en", "board")}
        document["categories"].append(tomlkit.item(new))
        content = tomlkit.dumps(document).encode("utf-8")
        note_swaps(self.connection, stage_file(file, content))
        sha256 = hashlib.sha256(content).hexdigest()
        self.before.settings = {"text": text, "sha256": sha256, "code": said.code}
        self.new_categories.append(Category(said.code, said.name, said.name_en, said.board))
        return said.code

    def _check_point(self) -> None:
        said = self.said
        if not (math.isfinite(said.lon) and math.isfinite(said.lat)):
            raise self._error(mark("longitude and latitude are needed"))
        if said.level not in LEVELS:
            raise self._error(mark("the level of the place is not known"))
        if not Placer.of(self.town).inside(np.array([said.lon]), np.array([said.lat]))[0]:
            raise self._error(mark("the place is outside the town"))

    def _error(self, detail: str) -> AnswerError:
        return AnswerError(item=self.key, detail=detail)


# -- taking back -------------------------------------------------------------------------------------


def _restore_rows(connection: Any, before: _Before) -> None:
    """Let the reasons of held rows, the corrections and how files are read be as they were."""
    reasons = pd.DataFrame(before.reasons, columns=["held_id", "reason", "detail"])
    update_held(connection, reasons["held_id"].astype("int64"), reasons["reason"], reasons["detail"])
    delete_corrections(connection, before.corrections)
    for batch, options in before.options.items():
        update_options(connection, int(batch), options)


def _restore_words(connection: Any, before: _Before) -> None:
    """Let the alias, the stated grids and the decision on a pair be as they were."""
    if before.alias is not None:
        kind, plain, row = before.alias["kind"], before.alias["spelling"], before.alias["row"]
        delete_alias(connection, kind, plain)
        if row is not None:
            row["learned_at"] = datetime.fromisoformat(row["learned_at"])
            save_alias(connection, kind, plain, **row)
    grids = pd.DataFrame(before.grids, columns=["report_id", "code"])
    update_stated_grids(connection, grids["report_id"].astype("int64"), grids["code"])
    decide_duplicates(connection, [(first, second) for first, second in before.pairs], "", None)


def _alias_row(table: Any) -> dict[str, Any]:
    """Return an alias for JSON: what :func:`save_alias` needs to write it again."""
    row = ALIASES.check(table).iloc[0]
    numbers = {name: None if pd.isna(row[name]) else float(row[name]) for name in ("lon", "lat", "radius_m")}
    learned = pd.Timestamp(row["learned_at"]).to_pydatetime().isoformat()
    return {"target": str(row["target"]), "level": str(row["level"]), "learned_at": learned, **numbers}


def _restore_settings(town: Town, connection: Any, settings: Mapping[str, str]) -> None:
    """Take a new category out of ``town.toml`` again.

    It stays where a person has edited the file since, or reports of another import use the category.
    """
    file = town.folder / TOWN_FILE
    unchanged = hashlib.sha256(file.read_bytes()).hexdigest() == settings["sha256"]
    if unchanged and not is_category_used(connection, settings["code"]):
        note_swaps(connection, stage_file(file, settings["text"].encode("utf-8")))
