"""Spellings that the town has explained: listed, added, removed, carried to another town's file and back."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.errors import AliasFileError, AnswerError, BadChoiceError, EmptyFileError, MissingColumnsError
from pingan_geo.i18n import mark
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.texts import arrow_text, parse_numbers, spelling
from pingan_geo.model.place import LEVELS
from pingan_geo.model.receipt import Receipt
from pingan_geo.model.tables import ALIASES
from pingan_geo.outputs.exports import write_table
from pingan_geo.persons import mask_name
from pingan_geo.settings import read_settings
from pingan_geo.storage.review import ALIAS_KINDS, LONGEST_SPELLING, delete_alias, read_aliases, save_alias
from pingan_geo.workflow.placing import Placer
from pingan_geo.workflow.towns import Town

#: Columns of a file of aliases that cannot be done without.
_NEEDED = ("kind", "spelling", "target")
_SHOWN = 10


def list_aliases(town: Town, kind: str = "") -> pd.DataFrame:
    """Return ALIASES of a kind (``category``, ``grid``, ``place``), or all, by kind and spelling.

    Raises
    ------
    BadChoiceError
        If the kind is not known.
    """
    if kind and kind not in ALIAS_KINDS:
        raise _bad_kind(kind)
    with town.store.read() as connection:
        aliases: pd.DataFrame = read_aliases(connection, kind)
    return aliases


def add_alias(
    town: Town,
    kind: str,
    text: str,
    target: str,
    *,
    now: datetime,
    lon: float = math.nan,
    lat: float = math.nan,
    level: str = "",
    radius_m: float = math.nan,
) -> None:
    """Explain a spelling, in place of what was known of it; held rows are not read again.

    Parameters
    ----------
    town
        The town.
    kind
        ``category``, ``grid`` or ``place``.
    text
        As senders write it.
    target
        Code of the category or grid (``""``: leave the grid empty), name of the place.
    now
        Wall-clock time of the town.
    lon, lat, level, radius_m
        Of a place; WGS-84 degrees, a level of :data:`pingan_geo.model.place.LEVELS`.

    Raises
    ------
    BadChoiceError
        If the kind is not known.
    AnswerError
        If the town has no such category or grid, or the place cannot be used.
    """
    if kind not in ALIAS_KINDS:
        raise _bad_kind(kind)
    row = {"kind": kind, "spelling": spelling(text), "target": target, "lon": lon, "lat": lat}
    row |= {"level": level, "radius_m": radius_m, "learned_at": now}
    table = pd.DataFrame([row]).astype(dict(ALIASES.columns))
    if fault := _faults(town, table)[0]:
        raise AnswerError(item=text, detail=fault)
    with town.store.begin() as connection:
        _save(connection, table)


def remove_alias(town: Town, kind: str, text: str) -> bool:
    """Forget what a spelling means, and say whether it was known; reports that it gave stay as they are."""
    with town.store.begin() as connection:
        return delete_alias(connection, kind, spelling(text))


def export_aliases(town: Town, file: Path) -> int:
    """Write all aliases as a table that :func:`import_aliases` takes, and return their number.

    Raises
    ------
    ExportFormatError
        If the file's ending is not known.
    """
    aliases = list_aliases(town)
    write_table(aliases, Path(file), notice="")
    return len(aliases)


def import_aliases(town: Town, file: Path, *, now: datetime) -> Receipt:
    """Take aliases from a table; what it says of a spelling wins over what was known.

    Parameters
    ----------
    town
        The town.
    file
        CSV or workbook with the columns of ALIASES; ``learned_at`` is not needed.
    now
        Wall-clock time of the town, for aliases that are new or changed.

    Returns
    -------
    Receipt
        ``accepted``: new ones; ``corrected``: those that meant something else; ``repeated``: known already.

    Raises
    ------
    FileMissingError, UnreadableFileError, EmptyFileError
        If the file is not a table with rows.
    MissingColumnsError
        If a column is missing.
    AliasFileError
        If a row means nothing in this town, or a spelling stands twice; nothing is taken in then.
    """
    table, numbers = _read(Path(file))
    faults = _faults(town, table)
    twice = table.duplicated(["kind", "spelling"], keep=False).to_numpy()
    faults = [
        fault or (mark("the spelling stands twice") if two else "")
        for fault, two in zip(faults, twice, strict=True)
    ]
    if bad := [place for place, fault in enumerate(faults) if fault]:
        rows = [int(numbers[place]) for place in bad[:_SHOWN]] + (["…"] if len(bad) > _SHOWN else [])
        raise AliasFileError(file=Path(file).name, rows=rows, detail=faults[bad[0]])
    table["learned_at"] = np.full(len(table), np.datetime64(now, "s"))
    with town.store.begin() as connection:
        known = read_aliases(connection)
        both = table.merge(known, on=["kind", "spelling"], how="left", suffixes=("", "_known"))
        there = both["target_known"].notna().to_numpy()
        same = there & (both["target"] == both["target_known"]).to_numpy(dtype=bool)
        same &= (both["level"] == both["level_known"]).to_numpy(dtype=bool)
        for name in ("lon", "lat", "radius_m"):
            new, old = both[name].to_numpy(), both[f"{name}_known"].to_numpy()
            same &= (new == old) | (np.isnan(new) & np.isnan(old))
        _save(connection, table[~same])
    return Receipt(
        kind="aliases",
        file=mask_name(Path(file).name),
        batch_id=None,
        read=len(table),
        accepted=int((~there).sum()),
        corrected=int((there & ~same).sum()),
        repeated=int(same.sum()),
    )


def _read(file: Path) -> tuple[pd.DataFrame, list[int]]:
    """Return ALIASES of a file, without ``learned_at`` yet, and the number of each row."""
    source = open_table(file)
    missing = [name for name in _NEEDED if name not in source.headings]
    if missing:
        raise MissingColumnsError(
            file=source.name,
            fields=missing,
            columns=", ".join(source.headings),
            examples=", ".join(ALIASES.columns),
        )
    chunks = [chunk.rows for chunk in read_rows(source)]
    if not sum(map(len, chunks)):
        raise EmptyFileError(file=source.name)
    rows = pd.concat(chunks)
    texts = {name: arrow_text(rows[name]) for name in ALIASES.columns if name in rows}
    table = ALIASES.empty().reindex(range(len(rows)))
    for name, dtype in ALIASES.columns.items():
        if dtype == "float64":
            table[name] = parse_numbers(texts[name])[0] if name in texts else np.full(len(rows), np.nan)
        elif dtype == "str":
            table[name] = pd.array(
                texts[name].to_pylist() if name in texts else [""] * len(rows), dtype="str"
            )
    table["spelling"] = pd.array([spelling(text) for text in table["spelling"]], dtype="str")
    return table, rows.index.tolist()


def _faults(town: Town, table: Any) -> list[str]:
    """Return what is wrong with each alias, ``""`` for nothing."""
    categories = {each.code for each in read_settings(town.folder).categories}
    grids = set(town.layer("grids")["code"])
    lon, lat = table["lon"].to_numpy(), table["lat"].to_numpy()
    placed = np.isfinite(lon) & np.isfinite(lat)
    inside = np.zeros(len(table), dtype=bool)
    inside[placed] = Placer.of(town).inside(lon[placed], lat[placed])
    faults = []
    for row, is_inside in zip(table.itertuples(), inside.tolist(), strict=True):
        fault = ""
        if row.kind not in ALIAS_KINDS:
            fault = mark("the kind must be category, grid or place")
        elif not row.spelling:
            fault = mark("the spelling is empty")
        elif len(row.spelling) > LONGEST_SPELLING:
            fault = mark("a spelling of more than 400 characters cannot be remembered")
        elif row.kind == "category" and row.target not in categories:
            fault = mark("the town has no such category")
        elif row.kind == "grid" and row.target and row.target not in grids:
            fault = mark("the town has no such grid; a new one comes with an import of the grids' polygons")
        elif row.kind == "place" and row.level not in LEVELS:
            fault = mark("the level of the place is not known")
        elif row.kind == "place" and not is_inside:
            fault = mark("the place is outside the town")
        faults.append(fault)
    return faults


def _save(connection: Any, table: Any) -> None:
    for row in table.itertuples():
        save_alias(
            connection,
            row.kind,
            row.spelling,
            row.target,
            learned_at=row.learned_at.to_pydatetime(),
            lon=_or_none(row.lon),
            lat=_or_none(row.lat),
            level=row.level,
            radius_m=_or_none(row.radius_m),
        )


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _bad_kind(kind: str) -> BadChoiceError:
    return BadChoiceError(name="kind", value=kind, expected=" / ".join(ALIAS_KINDS))
