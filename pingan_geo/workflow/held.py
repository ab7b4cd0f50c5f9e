"""Rows that were held for review, and the file that goes back to the sender."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from pingan_geo.i18n import translator
from pingan_geo.model.receipt import HOLD_REASONS
from pingan_geo.outputs.exports import write_table
from pingan_geo.storage.records import read_held
from pingan_geo.workflow.towns import Town


def held_rows(town: Town, batch: int | None = None) -> pd.DataFrame:
    """Return the rows that were held.

    Parameters
    ----------
    town
        The town.
    batch
        Number of one import; ``None``: of all that were not taken back.

    Returns
    -------
    pandas.DataFrame
        HELD_ROWS and ``batch_id, kind, file_name, source``.
    """
    with town.store.read() as connection:
        held: pd.DataFrame = read_held(connection, batch)
    return held


def export_held(town: Town, file: Path, *, batch: int | None = None, language: str = "") -> int:
    """Write held rows under the sender's own headings, with a column that says why.

    Once mended, the file can be imported as it is: the further column is passed over, and rows that are
    stored already are not stored twice.

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
    held = held_rows(town, batch)
    rows = [json.loads(values) for values in held["values"]]
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    table = pd.DataFrame(
        {heading: pd.array([row.get(heading, "") for row in rows], dtype="str") for heading in headings},
        index=held.index,
    )
    reason = _free_name(t("reason"), headings)
    table[reason] = pd.array(
        [_say(t, code, detail) for code, detail in zip(held["reason"], held["detail"], strict=True)],
        dtype="str",
    )
    write_table(table, Path(file), notice="")
    return len(table)


def _say(t: Any, code: str, detail: str) -> str:
    reason = t(HOLD_REASONS[code]) if code in HOLD_REASONS else code
    return f"{reason}: {detail}" if detail else str(reason)


def _free_name(name: str, taken: list[str]) -> str:
    while name in taken:
        name += "_"
    return name
