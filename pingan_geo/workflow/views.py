"""Save what was asked on a page under a name, and find it again: on this screen or on a colleague's."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from pingan_geo.errors import ViewExistsError, ViewNameError, ViewNotFoundError
from pingan_geo.storage import views
from pingan_geo.storage.views import Address, SavedView
from pingan_geo.workflow.towns import Town

MOST_CHARACTERS = 60

__all__ = [
    "MOST_CHARACTERS",
    "SavedView",
    "delete_view",
    "find_view",
    "list_views",
    "rename_view",
    "save_view",
]


def save_view(town: Town, name: str, page: str, address: Address, *, now: datetime) -> SavedView:
    """Keep a question under a name.

    Parameters
    ----------
    town
        Everybody who opens the town sees the view.
    name
        Typed by a person; blanks at its ends and doubled ones inside do not count.
    page
        Of the app.
    address
        Parameters of its address.
    now
        Wall-clock time of the town.

    Raises
    ------
    ViewNameError
        If the name is empty, too long, or has a character that no line of text has.
    ViewExistsError
        If a view has that name: none is overwritten unasked.
    """
    view = SavedView(_clean_name(name), page, address, now)
    with town.store.begin() as connection:
        if not views.insert_view(connection, view):
            raise ViewExistsError(name=view.name)
    return view


def list_views(town: Town, page: str = "") -> list[SavedView]:
    """Return the views of a page, or of all pages, by name."""
    with town.store.read() as connection:
        return views.read_views(connection, page)


def find_view(town: Town, name: str) -> SavedView:
    """Return a view by its name.

    Raises
    ------
    ViewNotFoundError
        If there is none.
    """
    with town.store.read() as connection:
        found = views.read_view(connection, name)
    if found is None:
        raise ViewNotFoundError(name=name[:MOST_CHARACTERS])
    return found


def rename_view(town: Town, name: str, new_name: str) -> str:
    """Give a view another name and return it as it is kept.

    Raises
    ------
    ViewNameError, ViewExistsError
        As :func:`save_view`.
    ViewNotFoundError
        If there is none to rename.
    """
    clean = _clean_name(new_name)
    with town.store.begin() as connection:
        if clean != name and views.read_view(connection, clean) is not None:
            raise ViewExistsError(name=clean)
        if not views.rename_view(connection, name, clean):
            raise ViewNotFoundError(name=name[:MOST_CHARACTERS])
    return clean


def delete_view(town: Town, name: str) -> None:
    """Forget a view.

    Raises
    ------
    ViewNotFoundError
        If there is none.
    """
    with town.store.begin() as connection:
        if not views.delete_view(connection, name):
            raise ViewNotFoundError(name=name[:MOST_CHARACTERS])


def _clean_name(name: str) -> str:
    # Two spellings that look the same are one name, and none may hide or turn what stands beside it.
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    hidden = any(unicodedata.category(letter)[0] == "C" for letter in clean)
    if hidden or not 1 <= len(clean) <= MOST_CHARACTERS:
        raise ViewNameError(most=MOST_CHARACTERS)
    return clean
