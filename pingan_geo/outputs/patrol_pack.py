"""The pack of a patrol: for each team a sheet to print, a list, tracks, and one page for the phone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from pingan_geo.errors import FolderMissingError
from pingan_geo.i18n import Translator
from pingan_geo.model.patrol import Patrol, Route
from pingan_geo.outputs.exports import table_bytes
from pingan_geo.outputs.patrol_page import sheet_page
from pingan_geo.outputs.patrol_print import sheet_pdf
from pingan_geo.outputs.patrol_sheet import LIST_COLUMNS, Ground, Sheet, fill_address, team_folder
from pingan_geo.outputs.patrol_tracks import sheet_gpx, sheet_kml

__all__ = ["Ground", "phone_page", "team_folder", "team_pack", "write_pack"]

_NOTHING: Final[Mapping[str, str]] = {}


def write_pack(
    patrol: Patrol,
    folder: Path,
    *,
    ground: Ground,
    categories: Mapping[str, str],
    offices: Mapping[str, str],
    t: Translator,
    past: Mapping[str, str] = _NOTHING,
    phone_address: str = "",
    outside: bool = False,
    kind: str = "",
) -> list[Path]:
    """Write the files of all teams, each team's in a folder of its own.

    Parameters
    ----------
    patrol
        What was planned; coordinates in WGS-84.
    folder
        Must be there; files of the same name are replaced.
    ground
        The town's layers, in EPSG:4326.
    categories, offices
        Category code to its word in the reader's language, and to the office that a find is passed to. All
        categories may be chosen on the phone for a new find.
    t
        Language of every file.
    past
        ``stop_id`` to a sentence: what became of last time's finds there.
    phone_address
        Where the app serves a team's phone page, with ``{patrol}`` and ``{team}`` in it; ``""`` when it serves none.
    outside
        Whether lists leave the house: counts under 3 are then written ``<3``.
    kind
        Kind of patrol in words; the patrol's title when empty.

    Returns
    -------
    list of Path
        All files, sorted. The same plan gives the same bytes.

    Raises
    ------
    FolderMissingError
        If the folder is not there.
    AssetsMissingError
        If the browser files have not been fetched.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FolderMissingError(
            folder=folder, file=team_folder(patrol, patrol.routes[0].team) if patrol.routes else ""
        )
    written = []
    for route in patrol.routes:
        files = team_pack(
            patrol,
            route,
            ground=ground,
            categories=categories,
            offices=offices,
            t=t,
            past=past,
            phone_address=phone_address,
            outside=outside,
            kind=kind,
        )
        place = folder / team_folder(patrol, route.team)
        place.mkdir(exist_ok=True)
        for name, content in files.items():
            file = place / name
            unfinished = file.with_name(f".{name}.writing")
            unfinished.write_bytes(content)
            unfinished.replace(file)
            written.append(file)
    return sorted(written)


def team_pack(
    patrol: Patrol,
    route: Route,
    *,
    ground: Ground,
    categories: Mapping[str, str],
    offices: Mapping[str, str],
    t: Translator,
    past: Mapping[str, str] = _NOTHING,
    phone_address: str = "",
    outside: bool = False,
    kind: str = "",
) -> dict[str, bytes]:
    """Return the files of one team, name to content; parameters as for :func:`write_pack`.

    Raises
    ------
    AssetsMissingError
        If the browser files have not been fetched.
    """
    sheet = Sheet(
        patrol,
        route,
        ground,
        t,
        categories=categories,
        offices=offices,
        past=past,
        phone_address=fill_address(phone_address, patrol, route.team),
        outside=outside,
        kind=kind,
    )
    name = sheet.name
    return {
        f"{name}.pdf": sheet_pdf(sheet),
        f"{name}.xlsx": sheet_xlsx(sheet),
        f"{name}-wgs84.gpx": sheet_gpx(sheet, "wgs84").encode("utf-8"),
        f"{name}-gcj02.gpx": sheet_gpx(sheet, "gcj02").encode("utf-8"),
        f"{name}.kml": sheet_kml(sheet),
        f"{name}-phone.html": sheet_page(sheet).encode("utf-8"),
    }


def phone_page(
    patrol: Patrol,
    route: Route,
    *,
    ground: Ground,
    categories: Mapping[str, str],
    t: Translator,
    past: Mapping[str, str] = _NOTHING,
    outside: bool = False,
) -> str:
    """Return one team's phone page as HTML, as the pack holds it; parameters as for :func:`write_pack`.

    Raises
    ------
    AssetsMissingError
        If the browser files have not been fetched.
    """
    return sheet_page(Sheet(patrol, route, ground, t, categories=categories, past=past, outside=outside))


def sheet_xlsx(sheet: Sheet) -> bytes:
    """Return a team's list as XLSX: the columns of ``LIST_COLUMNS``, coordinates in GCJ-02, breaks left out."""
    t = sheet.t
    rows = pd.DataFrame(sheet.rows(), columns=list(LIST_COLUMNS))
    table = rows.astype(
        {column: "str" for column in LIST_COLUMNS if column not in ("number", "lon", "lat")}
        | {"number": "int64", "lon": "float64", "lat": "float64"}
    )
    about: list[tuple[str, Any]] = [
        (t("Team"), sheet.team_words),
        (t("Shift"), sheet.shift),
        (t("Coordinate system"), "GCJ-02"),
        *((t("Note"), note) for note in sheet.notes),
    ]
    if sheet.outside:
        about.append((t("Reports in 30 days"), t("Counts under {limit} are written <{limit}.", limit=3)))
    return table_bytes(
        table,
        ".xlsx",
        notice=sheet.synthetic,
        title=f"{sheet.title} {sheet.name}",
        about=about,
        headings={column: t(heading) for column, heading in LIST_COLUMNS.items()},
        sheet_names=(t("Patrol list"), t("About")),
        datum="gcj02",
    )
