"""Rows that were held for review, and the file that goes back to the sender."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.coords import to_wgs84
from pingan_geo.i18n import LOCALES, translator
from pingan_geo.intake.texts import arrow_text, parse_numbers
from pingan_geo.model.receipt import HOLD_REASONS
from pingan_geo.outputs.exports import write_table
from pingan_geo.storage.records import batch_options, dismiss_held, read_held, restore_held
from pingan_geo.workflow.returned import held_numbers
from pingan_geo.workflow.towns import Town


def held_rows(town: Town, batch: int | None = None, *, dismissed: bool = False) -> pd.DataFrame:
    """Return the rows that were held.

    Parameters
    ----------
    town
        The town.
    batch
        Number of one import; ``None``: of all that were not taken back.
    dismissed
        Also those that a person put aside.

    Returns
    -------
    pandas.DataFrame
        HELD_ROWS and ``batch_id, kind, file_name, source, held_id, dismissed_at``.
    """
    with town.store.read() as connection:
        held: pd.DataFrame = read_held(connection, batch, dismissed=dismissed)
    return held


def dismiss_rows(town: Town, held_ids: Any, *, now: datetime) -> int:
    """Put held rows aside for good; they stay in the receipt as held, and can be brought back.

    Returns
    -------
    int
        Rows put aside: those that still waited.
    """
    with town.store.begin() as connection:
        return dismiss_held(connection, held_ids, now)


def restore_rows(town: Town, held_ids: Any) -> int:
    """Let dismissed rows wait again, and return how many.

    Rows that were mended are not touched; :func:`pingan_geo.workflow.answers.take_back_answer` does that.
    """
    with town.store.begin() as connection:
        rows = read_held(connection, dismissed=True, held_ids=np.asarray(held_ids, dtype=np.int64).tolist())
        return restore_held(connection, rows["held_id"])


def held_positions(connection: Any, held: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where held rows say that they are, for a map beside them.

    Parameters
    ----------
    connection
        A snapshot.
    held
        Rows of :func:`pingan_geo.storage.records.read_held`.

    Returns
    -------
    tuple of NDArray
        WGS-84 longitudes and latitudes, NaN where the row gives no place on the earth. The place may be the
        very thing that is wrong with the row.
    """
    lon, lat = np.full(len(held), np.nan), np.full(len(held), np.nan)
    batches = held["batch_id"].to_numpy()
    for batch in np.unique(batches).tolist():
        options = batch_options(connection, batch)
        fields = options.get("columns", {}).get("fields", {})
        if "lon" not in fields or "lat" not in fields:
            continue
        rows = np.flatnonzero(batches == batch)
        rules = options["rules"]
        cells = [json.loads(values) for values in held["values"].array[rows]]
        x, y = (
            parse_numbers(
                arrow_text(pd.array([str(row.get(fields[name], "")) for row in cells], dtype="str")),
                decimal_comma=bool(rules.get("decimal_comma")),
            )[0]
            for name in ("lon", "lat")
        )
        usable = np.isfinite(x) & np.isfinite(y) & ~((x == 0.0) & (y == 0.0))
        if not str(rules["datum"]).startswith("EPSG:"):
            usable &= (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
        east, north = to_wgs84(x[usable], y[usable], rules["datum"])
        on_earth = np.isfinite(east) & np.isfinite(north) & (np.abs(east) <= 180.0) & (np.abs(north) <= 90.0)
        lon[rows[usable][on_earth]], lat[rows[usable][on_earth]] = east[on_earth], north[on_earth]
    return lon, lat


def export_held(town: Town, file: Path, *, batch: int | None = None, language: str = "") -> int:
    """Write held rows under the sender's own headings, with why they are held and their numbers here.

    Once mended, the file can be imported as it is: by their numbers the rows are read as they were before, and
    wait no longer here (:mod:`pingan_geo.workflow.returned`). Without the column of numbers they are rows like
    any others, and the old ones stay. Rows that were mended here or put aside are not written.

    Parameters
    ----------
    town
        The town.
    file
        Ends in ``.csv`` (UTF-8 with byte order mark, no live formulas) or another format of
        :func:`pingan_geo.outputs.exports.write_table`.
    batch
        Number of one import; ``None``: of all. Rows of several files stand under all of their headings.
    language
        Of the reasons; ``""``: the town's.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ExportFormatError
        If the file's ending is not known.
    """
    t = translator(language or town.settings.language)
    with town.store.read() as connection:
        held: pd.DataFrame = read_held(connection, batch)
        rows = _own_cells(connection, held)
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    table = pd.DataFrame(
        {heading: pd.array([row.get(heading, "") for row in rows], dtype="str") for heading in headings},
        index=held.index,
    )
    if (held["sheet"] != "").any():
        table.insert(0, _free_name(t("sheet"), headings), held["sheet"])
    reason = _free_name(t("reason"), list(table.columns))
    table[reason] = pd.array(
        [_say(t, code, detail) for code, detail in zip(held["reason"], held["detail"], strict=True)],
        dtype="str",
    )
    are_reports = (held["kind"] == "reports").to_numpy()
    if are_reports.any():
        number = _free_name(t("held number"), list(table.columns))
        table[number] = pd.array(np.where(are_reports, held_numbers(held), ""), dtype="str")
    write_table(table, Path(file), notice="")
    return len(table)


def _own_cells(connection: Any, held: pd.DataFrame) -> list[dict[str, str]]:
    """Return the sender's cells of each row, without what an earlier export put behind them."""
    ours = {
        int(batch): batch_options(connection, int(batch))
        .get("columns", {})
        .get("fields", {})
        .get("held_id", "")
        for batch in held["batch_id"].unique()
    }
    reasons = tuple(translator(language)("reason") for language in LOCALES)
    rows = []
    for batch, values in zip(held["batch_id"], held["values"], strict=True):
        row: dict[str, str] = json.loads(values)
        before = dict(zip([*row][1:], row, strict=False)).get(ours[int(batch)], "")
        if (
            before.rstrip("_") in reasons
        ):  # a column that the sender calls so himself does not follow a reason
            row = {
                heading: text for heading, text in row.items() if heading not in {before, ours[int(batch)]}
            }
        rows.append(row)
    return rows


def _say(t: Any, code: str, detail: str) -> str:
    reason = t(HOLD_REASONS[code]) if code in HOLD_REASONS else code
    return f"{reason}: {detail}" if detail else str(reason)


def _free_name(name: str, taken: list[str]) -> str:
    while name in taken:
        name += "_"
    return name
