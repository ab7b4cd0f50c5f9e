"""A question's row as it was received, and two reports beside each other. All text of users is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components.review_words import FAULTS
from pingan_geo.ui.routes import PHOTOS
from pingan_geo.workflow.duplicates import REASONS
from pingan_geo.workflow.photos import report_photos, row_photos
from pingan_geo.workflow.review import ReviewItem

_LONGEST = 600
_LEAST_SHARED = 2
_REPORTS = (
    ("time", mark("Time")),
    ("category", mark("Category")),
    ("place", mark("Place")),
    ("description", mark("Description")),
    ("grid_id", mark("Grid")),
    ("source", mark("Source")),
    ("source_id", mark("No.")),
    ("reporter", mark("Reporter")),
)
#: What can be said of a report beside its ledger's own headings.
_OF_GRIDS = {"stated_grid": mark("Grid that is named"), "grid_id": mark("Grid in which it lies")}


def faults_of(item: ReviewItem, columns: Mapping[str, str]) -> frozenset[str]:
    """Return the headings whose cells are at fault.

    Parameters
    ----------
    item
        The question.
    columns
        Of its file: field to heading.
    """
    named = {columns.get(field, "") for field in FAULTS.get(item.reason, ())}
    word = str(item.values.get("word", "")).strip()  # noqa: PD011 - not a table
    said = {heading for heading, cell in item.received.items() if word and str(cell).strip() == word}
    return frozenset((named | said) & set(item.received))


def show_row(item: ReviewItem, faults: Collection[str], t: Translator) -> None:
    """Draw the first row as received, the cells at fault first and marked."""
    cells = sorted(item.received.items(), key=lambda cell: cell[0] not in faults)
    rows = []
    for heading, cell in cells:
        text = str(cell).strip()
        if not text and heading not in faults:
            continue
        label = t(_OF_GRIDS[heading]) if item.kind == "grid" and heading in _OF_GRIDS else heading
        shown = html.escape(text[:_LONGEST]) or f"<i>{html.escape(t('empty'))}</i>"
        fault = ' class="fault"' if heading in faults else ""
        sign = "▸ " if heading in faults else ""
        rows.append(f"<tr{fault}><th>{sign}{html.escape(label)}</th><td>{shown}</td></tr>")
    st.html(f'<table class="facts review_row">{"".join(rows)}</table>')


def show_where(item: ReviewItem, t: Translator) -> None:
    """Say in which file and row it stands, and how many rows an answer frees."""
    if item.kind == "duplicate":  # said at the head of either report
        return
    parts = [item.file, item.sheet]
    if item.row_number:
        parts.append(t("row {row}", row=item.row_number))
    if item.batch:
        parts.append(t("import {batch}", batch=item.batch))
    said = " · ".join(part for part in parts if part)
    frees = f"<b>{html.escape(t.plural('frees 1 row', 'frees {count} rows', item.rows))}</b>"
    st.html(f'<p class="review_where">{frees}<span>{html.escape(said)}</span></p>')


def show_photos(visit: Visit, item: ReviewItem) -> None:
    """Draw the photos that came with a row."""
    if item.batch and item.row_number:
        shown = _photos(
            row_photos(visit.town, item.batch, item.row_number), visit.t("Photo {number} of this row")
        )
        if shown:
            st.html(f'<p class="review_photos">{shown}</p>')


def _photos(files: Sequence[str], said: str) -> str:
    """Return photos as HTML, fetched when they come into view; a click opens one by itself.

    Parameters
    ----------
    files
        Names in ``media/``: only ours.
    said
        What each is, for those who do not see it, with ``{number}``.
    """
    return "".join(
        f'<a href="{PHOTOS}{file}" target="_blank"><img src="{PHOTOS}{file}" loading="lazy" '
        f'alt="{html.escape(said.replace("{number}", str(number)))}"></a>'
        for number, file in enumerate(files, 1)
    )


def show_pair(visit: Visit, item: ReviewItem) -> None:
    """Draw two reports beside each other, what differs marked and shared words highlighted."""
    t, pair = visit.t, item.received
    names = visit.choices().of("categories")
    said = [t(REASONS.get(code, code)) for code in str(pair["reason"]).split(";") if code]
    for likeness, words in (
        ("text_likeness", t("words alike")),
        ("photo_likeness", t("photos alike")),
    ):
        if not math.isnan(float(pair[likeness])):
            said.append(f"{words} {t.percent(float(pair[likeness]), 0)}")
    head = "".join(
        f"<td>{html.escape(label)}<br><small>{html.escape(_where(pair, side, t))}</small></td>"
        for side, label in (("first", t("First report")), ("second", t("Second report")))
    )
    rows = [f"<tr><th></th>{head}</tr>", *_pair_photos(visit, pair)]
    for field, label in _REPORTS:
        one, other = (_say(pair[f"{side}_{field}"], field, names, t) for side in ("first", "second"))
        if not one and not other:
            continue
        if field in {"place", "description"}:
            cells = _shared(one, other)
        else:
            cells = (html.escape(one), html.escape(other))
        unlike = "" if one == other else ' class="unlike"'
        rows.append(
            f"<tr{unlike}><th>{html.escape(t(label))}</th><td>{cells[0]}</td><td>{cells[1]}</td></tr>"
        )
    st.html(
        f'<p class="review_where"><span>{html.escape(" · ".join(said))}</span></p>'
        f'<table class="facts pair">{"".join(rows)}</table>'
    )


def _pair_photos(visit: Visit, pair: Mapping[str, Any]) -> list[str]:
    """Return a line of the table with the photos of both reports, where either has any."""
    t = visit.t
    first, second = (report_photos(visit.town, int(pair[side])) for side in ("first", "second"))
    if not first and not second:
        return []
    one = _photos(first, t("Photo {number} of the first report"))
    other = _photos(second, t("Photo {number} of the second report"))
    return [
        f'<tr class="review_photos"><th>{html.escape(t("Photos"))}</th><td>{one}</td><td>{other}</td></tr>'
    ]


def _where(pair: Mapping[str, Any], side: str, t: Translator) -> str:
    batch, row = int(pair[f"{side}_batch_id"]), int(pair[f"{side}_row_number"])
    return t("import {batch}, row {row}", batch=batch, row=row)


def _say(value: Any, field: str, names: Mapping[str, str], t: Translator) -> str:
    if field == "time":
        return "" if pd.isna(value) else t.minute(value.to_pydatetime())
    text = str(value)[:_LONGEST]
    return names.get(text, text) if field == "category" else text


def _shared(one: str, other: str) -> tuple[str, str]:
    """Return two texts as HTML with the words that both hold marked."""
    blocks = [
        block
        for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
        if block.size >= _LEAST_SHARED
    ]
    return (
        _marked(one, [(block.a, block.size) for block in blocks]),
        _marked(other, [(block.b, block.size) for block in blocks]),
    )


def _marked(text: str, spans: list[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, size in spans:
        parts.append(html.escape(text[at:start]))
        parts.append(f"<mark>{html.escape(text[start : start + size])}</mark>")
        at = start + size
    return "".join([*parts, html.escape(text[at:])])
