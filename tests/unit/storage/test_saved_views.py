"""Views are kept under their names, and what is not there is said."""

from __future__ import annotations

from datetime import datetime

from pingan_geo.storage.views import (
    SavedView,
    delete_view,
    insert_view,
    read_view,
    read_views,
    rename_view,
)

AT = datetime(2026, 3, 1, 9, 0, 0, 7)
ADDRESS = {"lang": ["zh"], "a": ["grid:东1,东2", "x"], "period": ["30d"]}


def test_a_view_that_is_not_there(store):
    with store.begin() as connection:
        assert read_view(connection, "北街") is None
        assert not rename_view(connection, "北街", "南街")
        assert not delete_view(connection, "北街")
        assert read_views(connection) == []


def test_a_name_is_given_once(store):
    with store.begin() as connection:
        assert insert_view(connection, SavedView("北街", "analysis", ADDRESS, AT))
        assert not insert_view(connection, SavedView("北街", "analysis", {}, AT))
        assert read_view(connection, "北街").address == ADDRESS


def test_views_come_back_as_they_were_saved_by_name_and_page(store):
    hostile = "<img src=x onerror=alert(1)>'; DROP TABLE saved_view; --"
    with store.begin() as connection:
        insert_view(connection, SavedView("b", "analysis", ADDRESS, AT))
        insert_view(connection, SavedView(hostile, "map", {}, AT))
    with store.read() as connection:
        assert [view.name for view in read_views(connection)] == [hostile, "b"]
        assert read_views(connection, "analysis") == [
            SavedView("b", "analysis", ADDRESS, AT.replace(microsecond=0))
        ]


def test_renaming_and_deleting_touch_no_other(store):
    with store.begin() as connection:
        for name in ("a", "b"):
            insert_view(connection, SavedView(name, "analysis", {"a": [name]}, AT))
        assert rename_view(connection, "a", "c")
        assert [view.name for view in read_views(connection)] == ["b", "c"]
        assert read_view(connection, "c").address == {"a": ["a"]}
        assert delete_view(connection, "b")
        assert [view.name for view in read_views(connection)] == ["c"]
