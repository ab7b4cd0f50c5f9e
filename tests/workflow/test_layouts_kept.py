"""A layout is confirmed once and found again by its name."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from pingan_geo.errors import LayoutFileError, LayoutNotFoundError
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.storage.review import save_layout
from pingan_geo.workflow.layouts import find_layout, forget_layout, list_layouts, remember_layout
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9)
LAYOUT = LedgerLayout(
    headings=("编号", "位置-经度", "位置-纬度"),
    heading_rows=(2, 3),
    fields={"lon": "位置-经度", "lat": "位置-纬度"},
    datum="gcj02",
    year=2025,
)


@pytest.fixture
def town(tiny_town_files, tmp_path):
    town = create_town(tmp_path / "town", area=tiny_town_files / "area.geojson", name="小镇")
    yield town
    town.close()


def test_layout_that_is_not_there_is_told_with_those_that_are(town):
    with pytest.raises(LayoutNotFoundError, match="驿站"):
        find_layout(town, "驿站")
    remember_layout(town, LAYOUT, name="平安驿", now=NOW)
    with pytest.raises(LayoutNotFoundError, match="平安驿"):
        forget_layout(town, "驿站")
    with pytest.raises(LayoutNotFoundError):
        remember_layout(town, LAYOUT, now=NOW)


def test_layout_of_a_newer_version_is_not_guessed_at(town):
    with town.store.begin() as connection:
        save_layout(connection, "新", "reports", '{"version": 99}', NOW)
    with pytest.raises(LayoutFileError):
        find_layout(town, "新")


def test_layout_comes_back_as_it_was_confirmed(town):
    assert list_layouts(town).empty
    named = remember_layout(town, LAYOUT, name=" 平安驿  七月 ", now=NOW)
    assert named.name == "平安驿 七月"
    assert find_layout(town, "平安驿 七月") == named
    assert named.fields == LAYOUT.fields
    again = remember_layout(town, LedgerLayout(name="平安驿 七月", kind="posts"), now=NOW)
    assert find_layout(town, "平安驿 七月") == again
    assert list_layouts(town).to_numpy().tolist() == [["平安驿 七月", "posts", pd.Timestamp(NOW)]]
    forget_layout(town, "平安驿 七月")
    assert list_layouts(town).empty
