"""``town.toml`` read into one frozen object.

The file is written by :func:`pingan_geo.workflow.create_town` and edited by people; a key that is absent
takes the default stated here, a key with an unusable value is refused with its name.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pingan_geo.errors import SettingsError, TownNotFoundError
from pingan_geo.model.online import PROVIDERS, OnlineSettings
from pingan_geo.model.patrol_settings import NoGo, PatrolSettings

TOWN_FILE = "town.toml"
#: Environment variable that says which town is meant.
TOWN_VARIABLE = "PINGAN_TOWN"
DATABASE_FILE = "town.sqlite"
#: Layers of polygons and lines kept as files in the town's folder.
LAYER_FILES = {
    "area": "area.geojson",
    "grids": "grids.geojson",
    "villages": "villages.geojson",
    "beats": "beats.geojson",
    "estates": "estates.geojson",
    "roads": "roads.geojson",
    "waters": "waters.geojson",
}
#: Polygons that no patrol enters; few towns have such a file.
NO_GO_FILE = "no_go.geojson"
DATUMS = ("wgs84", "gcj02", "bd09", "cgcs2000")
LANGUAGES = ("zh", "en")


def town_folder(stated: str = "") -> Path:
    """Return the folder of the town that is meant: as stated, else ``PINGAN_TOWN``, else ``./town``."""
    return Path(stated or os.environ.get(TOWN_VARIABLE) or "town")


@dataclass(frozen=True)
class Category:
    """One kind of report in the town's taxonomy.

    Parameters
    ----------
    code, name, name_en
        The code is what tables hold; the names are for people.
    board
        ``home``, ``enterprise``, ``commerce``, or ``""``.
    aliases
        Other spellings found in ledgers.
    private
        Exact places of this category are for few eyes (theft, disputes).
    lead_office
        Office that receives the case.
    """

    code: str
    name: str
    name_en: str = ""
    board: str = ""
    aliases: tuple[str, ...] = ()
    private: bool = False
    lead_office: str = ""


@dataclass(frozen=True)
class Board:
    """One of the three boards (三大板块)."""

    code: str
    name: str
    name_en: str = ""


@dataclass(frozen=True)
class BaseTiles:
    """A configured tile server or local tile file for the base map; none is the default."""

    kind: str = ""  # "" | xyz | pmtiles
    url: str = ""  # of the intranet server, or file name inside the town's folder
    attribution: str = ""


@dataclass(frozen=True)
class Settings:
    """All that ``town.toml`` says.

    Parameters
    ----------
    folder
        The town's folder.
    name, name_en, code
        Of the town.
    timezone
        IANA name; all times are wall-clock times there.
    language
        ``zh`` or ``en``: the language a visitor sees first.
    synthetic
        The data are made up, which every map and export must say.
    notice
        Line under every map, e.g. the map approval number (审图号) or how the area was made.
    datum
        Of ledgers that do not state one.
    finest, leader_resolution, patrol_resolution
        H3 resolutions.
    open_taxonomy
        Unknown categories are added as they come (for open data of any city); otherwise held.
    within
        Names of what the town lies in, largest first; they may stand before any address.
    online
        An online geocoder; none by default.
    neighbours
        Names of places outside the town; words that name one are not looked for inside.
    grid_conflict
        What counts when a report names another 网格 than the one it lies in: ``point`` (its place counts, both
        are kept) or ``hold`` (a person decides).
    today
        ISO date that stands for today in a synthetic town; ``""`` for the real clock.
    """

    folder: Path
    name: str
    name_en: str = ""
    code: str = ""
    timezone: str = "Asia/Shanghai"
    language: str = "zh"
    synthetic: bool = False
    notice: str = ""
    slogan: str = ""
    datum: str = "wgs84"
    finest: int = 11
    leader_resolution: int = 9
    patrol_resolution: int = 10
    open_taxonomy: bool = False
    today: str = ""
    database_url: str = ""
    tiles: BaseTiles = BaseTiles()
    within: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()
    online: OnlineSettings = field(default_factory=OnlineSettings)
    grid_conflict: str = "point"
    boards: tuple[Board, ...] = ()
    categories: tuple[Category, ...] = ()
    patrol: PatrolSettings = field(default_factory=PatrolSettings)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def layer_path(self, layer: str) -> Path:
        """Return where the file of a layer of ``LAYER_FILES`` stands, whether or not it exists."""
        return self.folder / LAYER_FILES[layer]

    @property
    def category_names(self) -> dict[str, str]:
        """Code to the name in the town's own language."""
        return {category.code: category.name for category in self.categories}

    @property
    def board_of(self) -> dict[str, str]:
        """Category code to board code."""
        return {category.code: category.board for category in self.categories}


def read_settings(folder: Path) -> Settings:
    """Read ``town.toml`` of a town.

    Parameters
    ----------
    folder
        The town's folder.

    Returns
    -------
    Settings
        With ``database_url`` from ``PINGAN_DATABASE_URL``, else the file, else SQLite in the folder.

    Raises
    ------
    TownNotFoundError
        If there is no ``town.toml``.
    SettingsError
        If a value cannot be used.
    """
    file = folder / TOWN_FILE
    if not file.is_file():
        raise TownNotFoundError(folder=folder)
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            file=file.name, key="file", value=str(error), expected="a TOML file in UTF-8"
        ) from error
    read = _Reader(file.name, raw)
    town, cells = read.table("town"), read.table("cells")
    timezone = town.text("timezone", "Asia/Shanghai")
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, LookupError) as error:
        raise SettingsError(
            file=file.name, key="town.timezone", value=timezone, expected="an IANA time zone"
        ) from error
    tiles, taxonomy, geocoding = read.table("tiles"), read.table("taxonomy"), read.table("geocoding")
    return Settings(
        folder=folder,
        name=town.text("name", folder.name),
        name_en=town.text("name_en", ""),
        code=town.text("code", ""),
        timezone=timezone,
        language=town.choice("language", "zh", LANGUAGES),
        synthetic=town.flag("synthetic", default=False),
        notice=town.text("notice", ""),
        slogan=town.text("slogan", ""),
        datum=town.text("datum", "wgs84"),
        finest=cells.number("finest", 11, 5, 13),
        leader_resolution=cells.number("leader", 9, 5, 13),
        patrol_resolution=cells.number("patrol", 10, 5, 13),
        open_taxonomy=taxonomy.flag("open", default=False),
        today=town.text("today", ""),
        database_url=os.environ.get("PINGAN_DATABASE_URL")
        or read.table("database").text("url", "")
        or f"sqlite:///{(folder / DATABASE_FILE).as_posix()}",
        tiles=BaseTiles(
            tiles.choice("kind", "", ("", "xyz", "pmtiles")),
            tiles.text("url", ""),
            tiles.text("attribution", ""),
        ),
        within=geocoding.texts("within"),
        neighbours=geocoding.texts("neighbours"),
        online=OnlineSettings(
            online=geocoding.choice("online", "", ("", *PROVIDERS)),
            key=geocoding.text("key", ""),
            url=geocoding.text("url", ""),
            region="".join(geocoding.texts("within")) + town.text("name", folder.name),
            per_day=geocoding.number("per_day", OnlineSettings.per_day, 0, 10_000_000),
        ),
        grid_conflict=read.table("rules").choice("grid_conflict", "point", ("point", "hold")),
        boards=tuple(
            Board(row.text("code"), row.text("name"), row.text("name_en", ""))
            for row in read.tables("boards")
        ),
        categories=tuple(
            Category(
                code=row.text("code"),
                name=row.text("name"),
                name_en=row.text("name_en", ""),
                board=row.text("board", ""),
                aliases=row.texts("aliases"),
                private=row.flag("private", default=False),
                lead_office=row.text("lead_office", ""),
            )
            for row in read.tables("categories")
        ),
        patrol=_patrol(read.table("patrol")),
        raw=raw,
    )


def _patrol(read: _Reader) -> PatrolSettings:
    from pingan_geo.model.patrol import MODES  # late: its tables need pandas, which `pingan --help` does not

    usual = PatrolSettings()
    levels = read.amounts("levels", usual.levels)
    if len(levels) != 3 or not 0 < levels[0] < levels[1] < levels[2] < 1:
        raise read.refuse("levels", list(levels), "three ascending shares between 0 and 1")
    return PatrolSettings(
        teams=read.number("teams", usual.teams, 1, 50),
        mode=read.choice("mode", usual.mode, tuple(MODES)),
        start=read.text("start", usual.start),
        dwell_min=read.amount("dwell_min", usual.dwell_min, 1, 60),
        sign_in_min=read.amount("sign_in_min", usual.sign_in_min, 0, 60),
        break_after_h=read.amount("break_after_h", usual.break_after_h, 1, 24),
        break_min=read.number("break_min", usual.break_min, 0, 120),
        control_share=read.amount("control_share", usual.control_share, 0, 0.5),
        variety=read.amount("variety", usual.variety, 0, 0.2),
        spacing_m=read.amount("spacing_m", usual.spacing_m, 0, 2_000),
        walk_kmh=read.amount("walk_kmh", usual.walk_kmh, 1, 10),
        ebike_kmh=read.amount("ebike_kmh", usual.ebike_kmh, 2, 40),
        car_kmh=read.amount("car_kmh", usual.car_kmh, 5, 120),
        straight_factor=read.amount("straight_factor", usual.straight_factor, 1, 5),
        due_days=read.number("due_days", usual.due_days, 0, 3_650),
        levels=(levels[0], levels[1], levels[2]),
        windows={code: read.table("windows").span(code) for code in read.table("windows").values},
        checks={code: read.table("checks").texts(code) for code in read.table("checks").values},
        no_go=tuple(
            NoGo(
                row.amount("lon", None, -180, 180),
                row.amount("lat", None, -90, 90),
                row.amount("radius_m", None, 1, 100_000),
                row.text("name", ""),
            )
            for row in read.tables("no_go")
        ),
    )


@dataclass(frozen=True)
class _Reader:
    """A TOML table that names itself when a value is refused."""

    file: str
    values: Mapping[str, Any]
    path: str = ""

    def table(self, key: str) -> _Reader:
        value = self.values.get(key, {})
        if not isinstance(value, Mapping):
            raise self.refuse(key, value, "a table")
        return _Reader(self.file, value, f"{self.path}{key}.")

    def tables(self, key: str) -> list[_Reader]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            raise self.refuse(key, value, "a list of tables")
        return [
            _Reader(self.file, row, f"{self.path}{key}[{number}].") for number, row in enumerate(value, 1)
        ]

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self.refuse(key, value, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.refuse(key, value, "a list of texts")
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.refuse(key, value, "true or false")
        return value

    def number(self, key: str, default: int, low: int, high: int) -> int:
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.refuse(key, value, f"a whole number from {low} to {high}")
        return value

    def amount(self, key: str, default: float | None, low: float, high: float) -> float:
        value = self.values.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise self.refuse(key, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def amounts(self, key: str, default: tuple[float, ...]) -> tuple[float, ...]:
        value = self.values.get(key, list(default))
        if not isinstance(value, list) or not all(
            isinstance(one, int | float) and not isinstance(one, bool) for one in value
        ):
            raise self.refuse(key, value, "a list of numbers")
        return tuple(float(one) for one in value)

    def span(self, key: str) -> tuple[int, int]:
        """Minutes of the day of ``21:00-24:00``; an end before the beginning is of the next day."""
        found = re.fullmatch(r"\s*(\d{1,2}):(\d\d)\s*[-–~]\s*(\d{1,2}):(\d\d)\s*", self.text(key))
        hours = [int(part) for part in found.groups()] if found else []
        if not found or max(hours[::2]) > 24 or max(hours[1::2]) > 59 or hours[0] == 24:
            raise self.refuse(key, self.values[key], "hours like 21:00-24:00")
        since, until = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
        if until > 1440 or since == until:
            raise self.refuse(key, self.values[key], "hours like 21:00-24:00")
        return since, until if until > since else until + 1440

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(key, default)
        if value not in choices:
            raise self.refuse(key, value, " / ".join(name or '""' for name in choices))
        return value

    def refuse(self, key: str, value: object, expected: str) -> SettingsError:
        return SettingsError(file=self.file, key=f"{self.path}{key}", value=repr(value), expected=expected)
