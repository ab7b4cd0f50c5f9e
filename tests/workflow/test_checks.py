"""What is incomplete or inconsistent is found, with its place, and nothing is found in a sound town."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
import shapely

from pingan_geo.errors import BadChoiceError
from pingan_geo.i18n import translator
from pingan_geo.outputs import assets
from pingan_geo.settings import BaseTiles
from pingan_geo.workflow.checks import SUBJECTS, check_town
from pingan_geo.workflow.import_layers import import_layer
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import open_town, write_layer

NOW = datetime(2026, 3, 2, 9)


@pytest.fixture
def town(tiny_town, tmp_path):
    """A copy to spoil."""
    folder = tmp_path / "town"
    shutil.copytree(tiny_town.folder, folder)
    opened = open_town(folder)
    yield opened
    opened.close()


def codes(town, subject: str) -> Counter[str]:
    return Counter(one.code for one in check_town(town, subject) if one.problem)


def test_an_unknown_subject_is_refused(tiny_town):
    with pytest.raises(BadChoiceError):
        check_town(tiny_town, "weather")


def test_a_sound_town_has_nothing_to_put_right(tiny_town):
    for subject in ("polygons", "posts", "enterprises", "data"):
        assert codes(tiny_town, subject) == {}
    assert [one.code for one in check_town(tiny_town, "enterprises")] == ["none"]


def test_polygons_that_overlap_leave_gaps_or_name_nobody(town):
    grids = town.layer("grids").copy()
    shapes = grids.geometry.to_numpy().copy()
    shapes[0] = shapely.affinity.translate(shapes[0], 0.001, 0)  # over its neighbour, and a gap behind it
    grids["parent"] = ["330411104999", *grids["parent"][1:]]
    write_layer(town, "grids", grids.set_geometry(shapes))
    found = check_town(town, "polygons")
    assert {"overlap", "gap", "unknown_parent"} <= {one.code for one in found}
    overlap = next(one for one in found if one.code == "overlap")
    assert shapes[0].contains(shapely.Point(overlap.lon, overlap.lat))
    assert overlap.values["area_m2"] > 50_000
    # and the reports are no longer where they are stored to be
    assert codes(town, "data")["other_polygon"] == 1


def test_a_town_without_grids_is_told_so(town):
    town.settings.layer_path("grids").unlink()
    found = check_town(town, "polygons")
    assert [(one.code, one.problem) for one in found] == [("no_layer", False)]


def test_posts_without_place_twice_or_half_filled(town, tmp_path):
    rows = ["编号,名称,经度,纬度,户数"]
    rows += [f"Q{n},岗{n},{120.6005 + n * 0.001:.4f},30.7811,{n}00" for n in range(1, 20)]
    rows += ["Q20,岗9,120.6285,30.7811,", "Q21,岗21,120.6015,30.7811,300"]
    file = tmp_path / "posts.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    import_layer(town, "posts", file, now=NOW)
    found = codes(town, "posts")
    assert found["same_name"] == 2
    assert found["same_place"] == 1
    blank = {one.where: one.values["heading"] for one in check_town(town, "posts") if one.code == "blank"}
    assert blank == {"P1": "户数", "P2": "户数", "P3": "户数", "Q20": "户数"}


def test_held_rows_and_categories_of_nobody_are_named(town, tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text(
        "类别,发生时间,经度,纬度\nRD1,nonsense,120.61,30.79\n怪事,2026-01-01,120.61,30.79\n", encoding="utf-8"
    )
    import_reports(town, file, now=NOW)
    assert codes(town, "data")["held"] == 1
    bare = replace(town, settings=replace(town.settings, categories=()))
    assert codes(bare, "data")["unknown_category"] >= 4


def test_reports_outside_a_smaller_area_are_found(town):
    area = town.layer("area").copy()
    west, south, east, north = town.area.bounds
    write_layer(town, "area", area.set_geometry([shapely.box(west, south, (west + east) / 2, north)]))
    found = [one for one in check_town(town, "data") if one.code == "outside_town"]
    assert found[0].values["count"] > 100
    assert found[0].lon > (west + east) / 2


def test_missing_browser_files_and_maps_are_found(town, monkeypatch, tmp_path):
    (tmp_path / "assets").mkdir()
    monkeypatch.setattr(assets, "ASSETS", tmp_path / "assets")
    assert codes(town, "airgap")["no_asset"] >= 3
    monkeypatch.undo()
    local = replace(town, settings=replace(town.settings, tiles=BaseTiles("pmtiles", "town.pmtiles")))
    assert codes(local, "airgap")["no_tiles"] == 1
    server = replace(
        town, settings=replace(town.settings, tiles=BaseTiles("xyz", "http://10.0.0.1/{z}/{x}/{y}.png"))
    )
    notes = [one for one in check_town(server, "airgap") if one.code == "tile_server"]
    assert [one.problem for one in notes] == [False]


def test_every_finding_can_be_said_in_chinese(town, tmp_path):
    zh = translator("zh")
    town.settings.layer_path("grids").unlink()
    for one in check_town(town):
        assert zh(one.message, **one.values) != one.message.format(**one.values)
        assert one.subject in SUBJECTS
        json.dumps(dict(one.values))
        assert np.isnan(one.lon) == np.isnan(one.lat)
