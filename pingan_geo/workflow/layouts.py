"""How the ledgers of a town are laid out: confirmed once, remembered by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pandas as pd

from pingan_geo.errors import LayoutNotFoundError
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.storage.review import delete_layout, read_layout, read_layouts, save_layout
from pingan_geo.workflow.towns import Town


def remember_layout(town: Town, layout: LedgerLayout, *, name: str = "", now: datetime) -> LedgerLayout:
    """Remember a layout that a person has confirmed, in place of what was known under its name.

    Parameters
    ----------
    town
        The town.
    layout
        As it was confirmed.
    name
        Under which to keep it; ``""``: the layout's own.
    now
        Wall-clock time of the town.

    Returns
    -------
    LedgerLayout
        With its name.

    Raises
    ------
    LayoutNotFoundError
        If it has no name.
    """
    name = " ".join((name or layout.name).split())
    if not name:
        raise _not_found(town, name)
    named = replace(layout, name=name)
    with town.store.begin() as connection:
        save_layout(connection, name, named.kind, named.to_json(), now)
    return named


def find_layout(town: Town, name: str) -> LedgerLayout:
    """Return the layout that is remembered under a name.

    Raises
    ------
    LayoutNotFoundError
        If there is none.
    LayoutFileError
        If a newer version of the software wrote it.
    """
    with town.store.read() as connection:
        found = read_layout(connection, " ".join(name.split()))
    if found is None:
        raise _not_found(town, name)
    return LedgerLayout.from_json(str(found["content"]))


def list_layouts(town: Town) -> pd.DataFrame:
    """Return ``name, kind, saved_at`` of the layouts that are remembered, by name."""
    with town.store.read() as connection:
        layouts: pd.DataFrame = read_layouts(connection)[["name", "kind", "saved_at"]]
    return layouts


def forget_layout(town: Town, name: str) -> None:
    """Forget a layout; imports that were made with it stay.

    Raises
    ------
    LayoutNotFoundError
        If there is none of this name.
    """
    with town.store.begin() as connection:
        gone = delete_layout(connection, " ".join(name.split()))
    if not gone:
        raise _not_found(town, name)


def _not_found(town: Town, name: str) -> LayoutNotFoundError:
    return LayoutNotFoundError(name=name or "-", known=", ".join(list_layouts(town)["name"]) or "-")
