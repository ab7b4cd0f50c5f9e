"""Views: what somebody asked on a page, kept under a name that all visitors of the town see."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from pingan_geo.storage.tables import SAVED_VIEW

#: Parameter of the address to its values.
Address = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class SavedView:
    """A question under a name.

    Parameters
    ----------
    name
        As a person typed it: text, never markup.
    page
        Of the app.
    address
        Parameters of the page's address. They were right when the view was saved; who opens it checks them
        as those of any address.
    saved_at
        Wall-clock time of the town.
    """

    name: str
    page: str
    address: Address
    saved_at: datetime


def insert_view(connection: Connection, view: SavedView) -> bool:
    """Keep a view, and say whether it was kept: not when there is one of that name."""
    if read_view(connection, view.name) is not None:
        return False
    address = {name: list(values) for name, values in view.address.items()}
    connection.execute(
        insert(SAVED_VIEW).values(
            name=view.name,
            page=view.page,
            address=json.dumps(address, ensure_ascii=False),
            saved_at=view.saved_at.replace(microsecond=0),
        )
    )
    return True


def read_view(connection: Connection, name: str) -> SavedView | None:
    """Return a view, ``None`` when there is none of that name."""
    row = connection.execute(select(SAVED_VIEW).where(SAVED_VIEW.c.name == name)).first()
    return None if row is None else _view(row)


def read_views(connection: Connection, page: str = "") -> list[SavedView]:
    """Return all views of a page, or of all pages, by name."""
    wanted = select(SAVED_VIEW).order_by(SAVED_VIEW.c.name)
    if page:
        wanted = wanted.where(SAVED_VIEW.c.page == page)
    return [_view(row) for row in connection.execute(wanted)]


def rename_view(connection: Connection, name: str, new_name: str) -> bool:
    """Give a view another name that no view has, and say whether there was one to rename."""
    done = connection.execute(update(SAVED_VIEW).where(SAVED_VIEW.c.name == name).values(name=new_name))
    return done.rowcount > 0


def delete_view(connection: Connection, name: str) -> bool:
    """Forget a view, and say whether there was one."""
    return connection.execute(delete(SAVED_VIEW).where(SAVED_VIEW.c.name == name)).rowcount > 0


def _view(row: Any) -> SavedView:
    return SavedView(row.name, row.page, json.loads(row.address), row.saved_at)
