"""What a patrol brings back, checked against its plan and kept: visits, and finds apart from reports."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely

from pingan_geo.errors import PatrolNotFoundError, PinganError, WrongTeamError
from pingan_geo.i18n import mark
from pingan_geo.intake.patrol_returns import (
    BrokenRow,
    NewFind,
    Picture,
    ReturnFile,
    StopAnswer,
    read_return,
)
from pingan_geo.intake.photos import open_photos
from pingan_geo.model.patrol import VISITS, Patrol, Route, Stop
from pingan_geo.model.receipt import Receipt
from pingan_geo.persons import mask_numbers
from pingan_geo.spatial.cells import cells_of
from pingan_geo.storage.patrols import (
    BROUGHT_FINDS,
    HELD_RETURNS,
    RETURN_PHOTOS,
    PatrolReturn,
    find_return,
    read_held_returns,
    read_patrol,
    set_receipt,
    write_return,
)
from pingan_geo.workflow.photos import PhotoKeeper
from pingan_geo.workflow.placing import Placer
from pingan_geo.workflow.towns import Town

#: A time farther than this from the shift is of another day, or the phone's clock is wrong.
FAR: Final = timedelta(hours=12)


def take_return(
    town: Town,
    files: Path | Sequence[Path],
    *,
    now: datetime,
    dry_run: bool = False,
) -> Receipt:
    """Take in what a team brought back.

    Rows are the stops of the file and the finds that stand for themselves; ``read == accepted + corrected + held +
    repeated``. A row whose telephone or identity numbers were masked counts as corrected, one that says what is
    known as repeated. A stop answered with "found" or "settled" makes a find at its place, unless the file tells
    of a find there itself. Finds never count as reports.

    Parameters
    ----------
    town
        The town.
    files
        One file of the phone, one filled list (XLSX, CSV), or texts with the lines of scanned QR codes.
    now
        The town's wall clock.
    dry_run
        Everything but the writing.

    Returns
    -------
    Receipt
        ``kind`` is ``patrol``, ``batch_id`` the number of the return (``None``: nothing was written).

    Raises
    ------
    FileMissingError, UnreadableFileError, EmptyFileError, MissingColumnsError, PatrolReturnError, QrPartsError
        If a file is not what a patrol brings back, as :func:`pingan_geo.intake.patrol_returns.read_return` says.
    PatrolNotFoundError
        If this town has no such patrol.
    WrongTeamError
        If the patrol has no such team.
    """
    paths = [files] if isinstance(files, Path) else list(files)
    read = read_return(paths, timezone=town.settings.timezone)
    with town.store.read() as connection:
        patrol = read_patrol(connection, read.patrol_id)
        known = find_return(connection, read.patrol_id, read.team, read.sha256)
    if patrol is None:
        raise PatrolNotFoundError(patrol=read.patrol_id[:80])
    route = next((one for one in patrol.routes if one.team.code == read.team), None)
    if route is None:
        teams = [one.team.code for one in patrol.routes]
        raise WrongTeamError(file=read.file, team=read.team[:40], patrol=patrol.patrol_id, known=teams)
    if known:
        note = (mark("This very file was taken in before: nothing was written."), {"count": read.read})
        return Receipt(
            "patrol", read.file, None, read.read, 0, repeated=read.read, notes=(note,), dry_run=dry_run
        )
    checked = _Checked.of(town, read, patrol, route, now)
    try:
        return _write(town, read, checked, now, dry_run=dry_run)
    except _UndoneError as undone:
        return undone.receipt


def held_of_return(town: Town, return_id: int) -> pd.DataFrame:
    """Return the rows of a return that were held: ``row_number``, ``reason``, ``detail``, ``received`` (JSON)."""
    with town.store.read() as connection:
        held: pd.DataFrame = read_held_returns(connection, return_id)
    return held


# -- against the plan --------------------------------------------------------------------------------


@dataclass
class _Checked:
    """A file's rows as they can be kept, and those that cannot."""

    visits: list[dict[str, Any]] = field(default_factory=list)
    finds: list[dict[str, Any]] = field(default_factory=list)
    held: list[BrokenRow] = field(default_factory=list)
    #: Of the file's rows that are kept: number and whether something was masked. The third says which of
    #: ``finds`` a row is; the others were made of stops.
    visit_rows: list[tuple[int, bool]] = field(default_factory=list)
    find_rows: list[tuple[int, bool, int]] = field(default_factory=list)
    masked: int = 0
    pictures: list[tuple[list[dict[str, Any]], Picture]] = field(default_factory=list)

    @classmethod
    def of(cls, town: Town, read: ReturnFile, patrol: Patrol, route: Route, now: datetime) -> _Checked:
        made = cls(held=list(read.broken))
        checker = _Checker(town, patrol, route, now, made)
        told = {find.stop_id for find in read.finds if find.stop_id}
        seen: set[int] = set()
        for answer in read.stops:
            checker.add_stop(answer, seen, told)
        for find in read.finds:
            checker.add_find(find)
        return made


class _HeldError(Exception):
    """A row that is kept aside."""

    def __init__(self, reason: str, detail: object) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, mask_numbers(str(detail)[:80])[0]


class _Checker:
    """Checks one file against the plan of its team."""

    def __init__(self, town: Town, patrol: Patrol, route: Route, now: datetime, made: _Checked) -> None:
        self.town, self.patrol, self.route, self.made = town, patrol, route, made
        self.now = now
        self.stops = {stop.number: stop for stop in route.stops}
        self.placer = Placer.of(town)
        self.categories = {one.code: one for one in town.settings.categories}
        self.usual = town.settings.patrol

    def add_stop(self, answer: StopAnswer, seen: set[int], told: set[str]) -> None:
        """Keep what was answered at a stop, with the find that it tells of."""
        try:
            stop = self._stop_of(answer, seen)
            arrived, left = self._times(answer)
        except _HeldError as held:
            self.made.held.append(BrokenRow(answer.row, held.reason, held.detail, answer.received))
            return
        seen.add(answer.number)
        remarks = (
            answer.remarks if answer.remarks and not answer.remarks.startswith(stop.reason or "\0") else ""
        )
        note, masked = self._masked("；".join(part for part in (answer.note, remarks) if part))
        visit = {
            "patrol_id": self.patrol.patrol_id,
            "team": self.route.team.code,
            "number": stop.number,
            "stop_id": stop.stop_id,
            "kind": stop.kind,
            "cell": stop.cell,
            "planned_arrive": stop.arrive,
            "planned_leave": stop.leave,
            "arrived": arrived,
            "left": left,
            "answer": answer.answer,
            "note": note,
            "photos": "",
        }
        self.made.visits.append(visit)
        self.made.visit_rows.append((answer.row, masked))
        rows = [visit]
        if answer.answer in {"found", "settled"} and stop.kind != "break" and stop.stop_id not in told:
            find = self._find(
                key=f"stop:{stop.stop_id}",
                stop_id=stop.stop_id,
                time=arrived or stop.arrive,
                category=stop.category,
                lon=stop.lon,
                lat=stop.lat,
                note=note,
                state="open" if answer.answer == "found" else "settled",
                due=answer.due,
                office=answer.office,
            )
            rows.append(find)
        self.made.pictures += [(rows, picture) for picture in answer.photos]

    def add_find(self, one: NewFind) -> None:
        """Keep a find that the file tells of itself."""
        try:
            time = self._clock(one.time, one.clock_only) or self.route.team.since
            self._check_day(time)
            self._check_find(one)
        except _HeldError as held:
            self.made.held.append(BrokenRow(one.row, held.reason, held.detail, one.received))
            return
        note, masked = self._masked(one.note)
        ids = {stop.stop_id for stop in self.route.stops}
        find = self._find(
            key=one.key,
            stop_id=one.stop_id if one.stop_id in ids else "",
            time=time,
            category=one.category,
            lon=one.lon,
            lat=one.lat,
            note=note,
            state=one.state,
            due=one.due,
            office=one.office,
        )
        self.made.find_rows.append((one.row, masked, len(self.made.finds) - 1))
        self.made.pictures += [([find], picture) for picture in one.photos]

    def _check_find(self, one: NewFind) -> None:
        if not shapely.contains_xy(self.town.area, one.lon, one.lat):
            raise _HeldError("outside_town", f"{one.lat:.5f}, {one.lon:.5f}")
        if one.category and one.category not in self.categories and not self.town.settings.open_taxonomy:
            raise _HeldError("unknown_category", one.category)

    def _find(self, *, due: datetime | None, office: str, **said: Any) -> dict[str, Any]:
        category = self.categories.get(said["category"])
        lon, lat = float(said["lon"]), float(said["lat"])
        term = due
        if term is None and said["state"] == "open":
            term = said["time"] + timedelta(days=self.usual.due_days)
        find = {
            "find_id": 0,
            "patrol_id": self.patrol.patrol_id,
            "team": self.route.team.code,
            "stop_id": said["stop_id"],
            "time": said["time"],
            "category": said["category"],
            "lon": lon,
            "lat": lat,
            "cell": int(cells_of([lon], [lat], self.town.settings.finest)[0]),
            "grid_id": str(self.placer.zones(np.array([lon]), np.array([lat]))["grid_id"][0]),
            "note": said["note"],
            "photos": "",
            "state": said["state"],
            "due": term,
            "office": mask_numbers(office)[0] or (category.lead_office if category else ""),
            "find_key": said["key"],
        }
        self.made.finds.append(find)
        return find

    def _stop_of(self, answer: StopAnswer, seen: set[int]) -> Stop:
        stop = self.stops.get(answer.number)
        if answer.number in seen:
            raise _HeldError("duplicate_id", answer.number)
        if stop is None or (answer.stop_id and answer.stop_id != stop.stop_id):
            raise _HeldError("wrong_stop", answer.stop_id or answer.number)
        if answer.cell and stop.cell and answer.cell != stop.cell:
            raise _HeldError("wrong_stop", answer.cell)
        return stop

    def _times(self, answer: StopAnswer) -> tuple[datetime | None, datetime | None]:
        arrived = self._clock(answer.arrived, answer.clock_only)
        left = answer.left
        for instant in (arrived, left):
            self._check_day(instant)
        if arrived is not None and left is not None and left < arrived:
            raise _HeldError("bad_time", f"{left:%H:%M} < {arrived:%H:%M}")
        return arrived, left

    def _clock(self, instant: datetime | None, clock_only: bool) -> datetime | None:
        """Return an instant; of a clock alone the day of the shift on which it fits."""
        if instant is None or not clock_only:
            return instant
        since, until = self.route.team.since, self.route.team.until
        middle = since + (until - since) / 2
        days = [datetime.combine(since.date() + timedelta(days=day), instant.time()) for day in (-1, 0, 1, 2)]
        return min(days, key=lambda day: abs(day - middle))

    def _check_day(self, instant: datetime | None) -> None:
        since, until = self.route.team.since - FAR, self.route.team.until + FAR
        if instant is not None and not since <= instant <= until:
            raise _HeldError("wrong_day", instant)

    def _masked(self, note: str) -> tuple[str, bool]:
        masked, phones, ids = mask_numbers(note)
        self.made.masked += phones + ids
        return masked, bool(phones + ids)


# -- writing -----------------------------------------------------------------------------------------


class _UndoneError(Exception):
    """A trial: everything was done, and is taken back."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__("dry run")
        self.receipt = receipt


def _write(town: Town, read: ReturnFile, checked: _Checked, now: datetime, *, dry_run: bool) -> Receipt:
    """Write it all in one step."""
    with (
        _pictures(town, [picture for _, picture in checked.pictures]) as keeper,
        town.store.begin() as connection,
    ):
        photos, lost = _keep_photos(checked, keeper, dry_run=dry_run)
        brought = PatrolReturn(
            patrol_id=read.patrol_id,
            team=read.team,
            file_name=read.file,
            file_sha256=read.sha256,
            kind=read.kind,
            person=mask_numbers(read.person)[0],
            returned_at=now,
            said_at=read.made_at or now,
            visits=_table(checked.visits, VISITS.columns),
            finds=_table(checked.finds, BROUGHT_FINDS.columns),
            held=_held(checked.held),
            photos=_table(photos, RETURN_PHOTOS.columns),
        )
        written = write_return(connection, brought)
        news = dict(zip((row for row, _ in checked.visit_rows), written.new_visits.tolist(), strict=True))
        news |= {row: bool(written.new_finds[at]) for row, _, at in checked.find_rows}
        receipt = _receipt(read, checked, news, len(photos), lost + read.photos_lost)
        if dry_run:
            raise _UndoneError(replace(receipt, dry_run=True))
        receipt = replace(receipt, batch_id=written.return_id)
        set_receipt(connection, written.return_id, json.dumps(receipt.as_dict(), ensure_ascii=False))
    return receipt


def _receipt(
    read: ReturnFile, checked: _Checked, news: Mapping[int, bool], photos: int, lost: int
) -> Receipt:
    masked = {row for row, was, *_ in (*checked.visit_rows, *checked.find_rows) if was}
    new = {row for row, is_new in news.items() if is_new}
    stops = [visit for visit in checked.visits if visit["kind"] != "break"]
    answered = sum(visit["arrived"] is not None or bool(visit["answer"]) for visit in stops)
    notes: list[tuple[str, dict[str, Any]]] = [
        (
            mark("Patrol {patrol}, team {team}: {visited} of {stops} stops were visited, {finds} finds."),
            {
                "patrol": read.patrol_id,
                "team": read.team,
                "visited": answered,
                "stops": len(stops),
                "finds": len(checked.finds),
            },
        )
    ]
    if checked.masked:
        notes.append(
            (mark("{count} telephone or identity numbers in notes were masked."), {"count": checked.masked})
        )
    if photos:
        notes.append(
            (
                mark("{count} photos were kept, without the place and time written into them."),
                {"count": photos},
            )
        )
    if lost:
        notes.append((mark("{count} photos could not be opened and were left out."), {"count": lost}))
    if read.photos_kept:
        notes.append(
            (
                mark("{count} photos are still on the phone: hand back its file to bring them too."),
                {"count": read.photos_kept},
            )
        )
    reasons = Counter(row.reason for row in checked.held)
    return Receipt(
        "patrol",
        read.file,
        None,
        read.read,
        accepted=len(new - masked),
        corrected=len(new & masked),
        held=len(checked.held),
        repeated=len(news) - len(new),
        held_by_reason=dict(sorted(reasons.items())),
        notes=tuple(notes),
    )


@contextmanager
def _pictures(town: Town, pictures: Sequence[Picture]) -> Iterator[PhotoKeeper | None]:
    """Give what keeps photos through the same door as those of reports; ``None`` when there are none to open."""
    if not pictures:
        yield None
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for number, picture in enumerate(pictures, 1):
            (folder / f"{number:06d}.jpg").write_bytes(picture.content)
        try:
            table = open_photos(folder)
        except PinganError:
            yield None
            return
        with PhotoKeeper(town.folder, table) as keeper:
            yield keeper


def _keep_photos(
    checked: _Checked, keeper: PhotoKeeper | None, *, dry_run: bool
) -> tuple[list[dict[str, Any]], int]:
    """Write the photos, name them in their rows, and return RETURN_PHOTOS and how many could not be opened."""
    kept: dict[str, dict[str, Any]] = {}
    lost = 0
    for number, (rows, _) in enumerate(checked.pictures, 1):
        if keeper is None:
            lost += 1
            continue
        try:
            name, photo = keeper.keep_one(number, write=not dry_run)
        except PinganError:
            lost += 1
            continue
        kept[name] = {"file": name, "sha256": photo.sha256, "likeness": photo.likeness}
        for row in rows:
            row["photos"] = ";".join(dict.fromkeys([*filter(None, row["photos"].split(";")), name]))
    return list(kept.values()), lost


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=list(columns))
    return table.astype(dict(columns))


def _held(rows: Sequence[BrokenRow]) -> pd.DataFrame:
    kept = [
        {
            "row_number": one.row,
            "reason": one.reason,
            "detail": mask_numbers(one.detail)[0],
            "received": mask_numbers(one.received)[0],
        }
        for one in rows
    ]
    return _table(kept, HELD_RETURNS.columns)
