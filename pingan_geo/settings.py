"""``town.toml`` read into one frozen object.

The file is written by :func:`pingan_geo.workflow.create_town` and edited by people; a key that is absent
takes the default stated here, a key with an unusable value is refused with its name.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pingan_geo.errors import SettingsError, TownNotFoundError
from pingan_geo.model.online import PROVIDERS, OnlineSettings

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
        raw=raw,
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
            raise self._refuse(key, value, "a table")
        return _Reader(self.file, value, f"{self.path}{key}.")

    def tables(self, key: str) -> list[_Reader]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            raise self._refuse(key, value, "a list of tables")
        return [
            _Reader(self.file, row, f"{self.path}{key}[{number}].") for number, row in enumerate(value, 1)
        ]

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self._refuse(key, value, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._refuse(key, value, "a list of texts")
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self._refuse(key, value, "true or false")
        return value

    def number(self, key: str, default: int, low: int, high: int) -> int:
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self._refuse(key, value, f"a whole number from {low} to {high}")
        return value

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(key, default)
        if value not in choices:
            raise self._refuse(key, value, " / ".join(name or '""' for name in choices))
        return value

    def _refuse(self, key: str, value: object, expected: str) -> SettingsError:
        return SettingsError(file=self.file, key=f"{self.path}{key}", value=repr(value), expected=expected)
