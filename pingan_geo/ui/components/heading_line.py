"""The first rows of a file, with two lines about its heading that can be dragged or moved by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from pingan_geo.i18n import Translator, mark
from pingan_geo.intake.proposals import PreviewRow
from pingan_geo.outputs.assets import ASSETS

_WORDS = {
    "first": mark("The heading begins here"),
    "last": mark("The heading ends here"),
    "above": mark("above"),
    "heading": mark("heading"),
    "row": "",
    "title": mark("title"),
    "total": mark("total: skipped"),
    "note": mark("note: skipped"),
    "blank": mark("blank"),
}
#: So many cells of a wide ledger are enough to know it by.
_CELLS, _SIGNS = 40, 60
_INSTANT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?$")


def as_written(text: str) -> str:
    """Return a cell as people write it: an instant of a workbook without its T and seconds."""
    return _INSTANT.sub(r"\1 \2", text)


def show_heading_line(
    rows: Sequence[PreviewRow],
    first: int,
    last: int,
    t: Translator,
    *,
    key: str,
    on_move: Callable[[int, int], None],
) -> None:
    """Draw the first rows of a file and let the heading be moved.

    Parameters
    ----------
    rows
        Of :class:`pingan_geo.intake.proposals.LayoutProposal`; their numbers follow each other.
    first, last
        Rows of the heading.
    key
        Of the component.
    on_move
        Called with the first and the last row of the heading when they were changed.
    """
    if not rows:
        return
    width = min(max(len(row.cells) for row in rows), _CELLS)
    shown = [
        {
            "number": row.number,
            "cells": [as_written(cell)[:_SIGNS] for cell in (*row.cells, *[""] * width)[:width]],
            "role": row.role,
        }
        for row in rows
    ]
    newest = rows[-1].number

    def moved() -> None:
        told: Any = st.session_state[key].get("rows")
        if told and rows[0].number <= int(told["first"]) <= int(told["last"]) <= newest:
            on_move(int(told["first"]), int(told["last"]))

    _component()(
        data={
            "rows": shown,
            "first": first,
            "last": min(last, newest),
            "words": {name: t(word) if word else "" for name, word in _WORDS.items()},
        },
        key=key,
        on_rows_change=moved,
    )


@lru_cache(maxsize=1)
def _component() -> Callable[..., Any]:
    """Register the component once; its files hold nothing of a user's."""
    made: Callable[..., Any] = component(
        "pingan_heading",
        html='<div class="heading-lines"></div>',
        css=(ASSETS / "pingan_heading.css").read_text(encoding="utf-8"),
        js=(ASSETS / "pingan_heading.js").read_text(encoding="utf-8"),
    )
    return made
