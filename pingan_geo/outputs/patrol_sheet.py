"""What a team's sheet says, once for all of its formats: PDF, XLSX, GPX, KML, phone page.

Every number and word that is printed or shown comes from here, so no two formats can differ.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from pingan_geo.coords import from_wgs84
from pingan_geo.i18n import Translator, mark
from pingan_geo.model.patrol import MODES, STOP_KINDS, Halt, Patrol, Route, Stop, Team
from pingan_geo.outputs.exports import plain_text

#: Level of a hotspot to its word.
LEVELS: Final[Mapping[str, str]] = {
    "red": mark("red"),
    "orange": mark("orange"),
    "yellow": mark("yellow"),
    "blue": mark("blue"),
}
#: The list's columns in their order (a town's own ledger has the same), with their headings.
LIST_COLUMNS: Final[Mapping[str, str]] = {
    "task": mark("Task no."),
    "shift": mark("Patrol date and hours"),
    "kind": mark("Kind of patrol"),
    "grid_id": mark("Grid code (15 digits)"),
    "grid": mark("Village and grid"),
    "number": mark("Stop no."),
    "place": mark("Place or address"),
    "lon": mark("Longitude (GCJ-02)"),
    "lat": mark("Latitude (GCJ-02)"),
    "datum": mark("Coordinate system"),
    "cell": mark("H3 cell"),
    "level": mark("Risk level"),
    "category": mark("Main risk"),
    "count_30d": mark("Reports in 30 days"),
    "main_hours": mark("Main hours"),
    "last_visit": mark("Last patrol"),
    "checks": mark("To be checked"),
    "arrived": mark("Arrived at"),
    "found": mark("Anything found"),
    "problem": mark("What is wrong (no names, no telephones)"),
    "photos": mark("Photo nos."),
    "action": mark("Done on the spot"),
    "office": mark("Passed to"),
    "due": mark("To be mended by"),
    "recheck": mark("Recheck"),
    "person": mark("Patrolled by (staff no.)"),
    "signature": mark("Signature"),
    "remarks": mark("Remarks"),
}
#: Columns that stay empty for the patrol to fill in.
FILLED_IN: Final = (
    "arrived", "found", "problem", "photos", "action", "due", "recheck", "person", "signature",
)  # fmt: skip
#: Kinds of road and water that have no name worth printing stand elsewhere; here: Amap's word for each mode.
_AMAP_MODES: Final[Mapping[str, str]] = {"walk": "walk", "ebike": "ride", "car": "car"}
_SAFE_NAME: Final = re.compile(r"[^A-Za-z0-9._]+")
_SUPPRESSED_BELOW: Final = 3
#: Digits of printed degrees: a tenth of a metre.
_DIGITS: Final = 6


@dataclass(frozen=True)
class Ground:
    """What lies under a route: the town's layers as GeoDataFrames in EPSG:4326, each perhaps without rows."""

    roads: Any
    waters: Any
    area: Any
    villages: Any


@dataclass(frozen=True)
class Sheet:
    """One team's route with the words that its reader needs.

    Parameters
    ----------
    categories, offices
        Category code to its word, and to the word of the office that it is passed to.
    past
        ``stop_id`` to the sentence that says what became of last time's finds there.
    phone_address
        Of the team's phone page; ``""`` when it is not served.
    outside
        Whether the list leaves the house: counts under 3 are then written ``<3``.
    kind
        Kind of patrol in words; the title of the patrol when empty.
    """

    patrol: Patrol
    route: Route
    ground: Ground
    t: Translator
    categories: Mapping[str, str] = field(default_factory=dict)
    offices: Mapping[str, str] = field(default_factory=dict)
    past: Mapping[str, str] = field(default_factory=dict)
    phone_address: str = ""
    outside: bool = False
    kind: str = ""

    @property
    def team(self) -> Team:
        """The team."""
        return self.route.team

    @property
    def name(self) -> str:
        """Start of the name of each of the team's files."""
        return team_folder(self.patrol, self.team)

    @property
    def title(self) -> str:
        """What is looked for, in words."""
        return plain_text(self.patrol.title).strip() or self.t("Patrol")

    @property
    def team_words(self) -> str:
        """Team and how it moves, e.g. ``第 1 队 · 步行``."""
        name = plain_text(self.team.name).strip() or self.t("Team {team}", team=self.team.code)
        return f"{name} · {self.t(MODES[self.team.mode]) if self.team.mode in MODES else self.team.mode}"

    @property
    def shift(self) -> str:
        """Date and hours of the team, e.g. ``2025-08-01 19:00-21:00``."""
        return span(self.team.since, self.team.until)

    @property
    def synthetic(self) -> str:
        """The line that says that the data are made up; ``""`` when they are not."""
        return self.t("Synthetic data, not real events") if self.patrol.synthetic else ""

    @property
    def notes(self) -> list[str]:
        """Sentences that everyone who uses the sheet has to know."""
        said = [plain_text(note).strip() for note in self.patrol.notes]
        return [line for line in (self.synthetic, *said) if line]

    def kind_of(self, stop: Stop) -> str:
        """Return the kind of a stop in words."""
        return self.t(STOP_KINDS[stop.kind]) if stop.kind in STOP_KINDS else plain_text(stop.kind)

    def level_of(self, stop: Stop) -> str:
        """Return the level of a stop in words; ``""`` when it has none."""
        return self.t(LEVELS[stop.level]) if stop.level in LEVELS else ""

    def category_of(self, stop: Stop) -> str:
        """Return the main risk of a stop in words; ``""`` when it has none."""
        return plain_text(self.categories.get(stop.category, stop.category))

    def count_of(self, stop: Stop) -> str:
        """Return the reports of the last 30 days; ``<3`` for few of them on a list that leaves the house."""
        few = self.outside and 0 < stop.count_30d < _SUPPRESSED_BELOW
        return f"<{_SUPPRESSED_BELOW}" if few else str(stop.count_30d)

    def last_visit_of(self, stop: Stop) -> str:
        """Return the day of the last patrol there; ``""`` when there was none."""
        return "" if stop.last_visit is None else stop.last_visit.strftime("%Y-%m-%d")

    def grid_of(self, stop: Stop) -> str:
        """Return village and grid; a village that the grid's name begins with is not said twice."""
        grid, village = plain_text(stop.grid).strip(), plain_text(stop.village).strip()
        return grid if grid.startswith(village) else f"{village} {grid}".strip()

    def office_of(self, stop: Stop) -> str:
        """Return the office that a find of the stop's main risk is passed to; ``""`` when it is not known."""
        return plain_text(self.offices.get(stop.category, ""))

    def reason_of(self, stop: Stop) -> str:
        """Return why a stop is on the list; ``""`` on a list that leaves the house, as it may say small counts."""
        return "" if self.outside else plain_text(stop.reason).strip()

    def past_of(self, stop: Stop) -> str:
        """Return what became of last time's finds there; ``""`` when there were none."""
        return plain_text(self.past.get(stop.stop_id, "")).strip()

    def checks_of(self, stop: Stop) -> list[str]:
        """Return what to look at, one each."""
        return [part.strip() for part in plain_text(stop.checks).split("/") if part.strip()]

    def rows(self) -> list[dict[str, Any]]:
        """Return the list, a row a stop, breaks left out: the columns of :data:`LIST_COLUMNS`."""
        rows = []
        for stop in self.route.stops:
            if stop.kind == "break":
                continue
            lon, lat = amap_point(stop.lon, stop.lat)
            known: dict[str, Any] = {
                "task": f"{self.patrol.patrol_id}-{self.team.code}",
                "shift": self.shift,
                "kind": plain_text(self.kind).strip() or self.title,
                "grid_id": stop.grid_id,
                "grid": self.grid_of(stop),
                "number": stop.number,
                "place": stop.name,
                "lon": lon,
                "lat": lat,
                "datum": "GCJ-02",
                "cell": stop.cell,
                "level": self.level_of(stop),
                "category": self.category_of(stop),
                "count_30d": self.count_of(stop),
                "main_hours": stop.main_hours,
                "last_visit": self.last_visit_of(stop),
                "checks": "/".join(self.checks_of(stop)),
                "office": self.office_of(stop),
                "remarks": " ".join(part for part in (self.reason_of(stop), self.past_of(stop)) if part),
            }
            rows.append(
                {
                    column: plain_text(value) if isinstance(value, str) else value
                    for column in LIST_COLUMNS
                    for value in [known.get(column, "")]
                }
            )
        return rows

    def navigation(self, place: Stop | Halt) -> str:
        """Return the address that leads a phone's map app (Amap) from where it is to a place."""
        lon, lat = amap_point(place.lon, place.lat)
        number = place.number if isinstance(place, Stop) else 0
        return (
            f"https://uri.amap.com/navigation?to={lon:.6f},{lat:.6f},{number}"
            f"&mode={_AMAP_MODES.get(self.team.mode, 'walk')}&coordinate=gaode&callnative=1"
        )


def amap_point(lon: float, lat: float) -> tuple[float, float]:
    """Return the GCJ-02 longitude and latitude of a WGS-84 place, to a tenth of a metre."""
    there_lon, there_lat = from_wgs84(lon, lat, "gcj02")
    return round(float(there_lon), _DIGITS), round(float(there_lat), _DIGITS)


def span(since: datetime, until: datetime) -> str:
    """Return two instants as one text; the second day is said only when it is another."""
    end = until.strftime("%H:%M" if since.date() == until.date() else "%Y-%m-%d %H:%M")
    return f"{since:%Y-%m-%d %H:%M}-{end}"


def safe_name(text: str) -> str:
    """Return a text as part of a file name: ASCII letters, digits, ``.``, ``_`` and ``-``, never empty.

    Texts that differ give names that differ: what is lost on the way leaves six digits of a hash.
    """
    plain = _SAFE_NAME.sub("-", text).strip("-.")[:48]
    if plain and plain == text:
        return plain
    mark_of = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{plain}-{mark_of}".lstrip("-")


def team_folder(patrol: Patrol, team: Team) -> str:
    """Return the ASCII name of a team's folder and the start of its files' names."""
    return f"{safe_name(patrol.patrol_id)}-team-{safe_name(team.code)}"


def fill_address(template: str, patrol: Patrol, team: Team) -> str:
    """Return the address of a team's phone page: ``{patrol}`` and ``{team}`` are filled in, percent-encoded."""
    filled = template.replace("{patrol}", quote(patrol.patrol_id, safe=""))
    return filled.replace("{team}", quote(team.code, safe=""))
