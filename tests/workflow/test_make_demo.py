"""The demo town as a folder: whole or not at all, the same bytes, and it says that it is made up."""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from pingan_geo.demo.samples import PATROLS, PRINTED, TOLD_AGAIN
from pingan_geo.demo.spots import CATEGORIES
from pingan_geo.errors import BadChoiceError, Cancelled, TownExistsError
from pingan_geo.settings import LAYER_FILES
from pingan_geo.spatial.grids import PolygonIndex, check_polygons
from pingan_geo.storage.records import (
    insert_batch,
    insert_features,
    read_batches,
    read_features,
    read_reports,
)
from pingan_geo.workflow.make_demo import make_demo
from pingan_geo.workflow.towns import open_town

ROOT = Path(__file__).resolve().parents[2]
REPORTS = 700


def content(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demos") / "demo"
    make_demo(folder, reports=REPORTS).close()
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demos") / "bare"
    make_demo(folder, reports=0).close()
    return folder


@pytest.fixture
def town(folder):
    town = open_town(folder)
    yield town
    town.close()


# -- refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"reports": -1}])
def test_negative_numbers_are_refused(tmp_path, wrong):
    with pytest.raises(BadChoiceError):
        make_demo(tmp_path / "demo", **wrong)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(TownExistsError):
        make_demo(tmp_path)
    assert content(tmp_path).keys() == {"mine.txt"}


@pytest.mark.parametrize("last", [1, 4])
def test_cancelled_at_any_step_leaves_nothing(tmp_path, last):
    def stop(step):
        if step.done >= last:
            raise Cancelled

    with pytest.raises(Cancelled):
        make_demo(tmp_path / "demo", reports=50, on_progress=stop)
    assert not list(tmp_path.iterdir())


# -- bytes --------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_of_every_file(folder, tmp_path):
    """The database too; its name and place do not matter, nor the clock."""
    make_demo(tmp_path / "elsewhere", reports=REPORTS).close()
    assert content(tmp_path / "elsewhere") == content(folder)


def test_one_database_file_is_left(folder):
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    layers = set(LAYER_FILES.values())
    made = {"town.toml", "town.sqlite", "README.md", "risk.parquet", "effort.parquet"}
    assert names == layers | made | {PRINTED, PATROLS, TOLD_AGAIN}


def test_the_number_of_reports_does_not_move_the_ground(folder, bare):
    some, none = content(folder), content(bare)
    same = {name for name in some if some[name] == none[name]}
    assert set(LAYER_FILES.values()) | {"town.toml", "truth/README.md"} <= same
    assert {f"samples/{name}" for name in (PRINTED, PATROLS, TOLD_AGAIN)} <= same
    assert "town.sqlite" not in same
    with_reports, without = open_town(folder), open_town(bare)
    for kind in ("posts", "stations", "enterprises", "places", "volunteers"):
        with with_reports.store.read() as one, without.store.read() as other:
            assert read_features(one, kind).equals(read_features(other, kind))
    with_reports.close()
    without.close()


def test_another_seed_is_another_town(folder, tmp_path):
    make_demo(tmp_path / "demo", seed=2, reports=REPORTS).close()
    some, other = content(folder), content(tmp_path / "demo")
    assert some.keys() == other.keys()
    same = {name for name in some if some[name] == other[name]}
    assert same == {"town.toml", "truth/README.md", f"samples/{PRINTED}"}  # it has words for places only


def test_the_polygons_in_the_repository_are_those_of_seed_1(bare):
    grids = ROOT / "data" / "grids"
    sources = tomllib.loads((grids / "sources.toml").read_text(encoding="utf-8"))["layers"]
    assert set(sources) == {"area", "villages", "grids", "beats", "estates"}
    assert {path.name for path in grids.iterdir()} == {
        "sources.toml",
        *(row["file"] for row in sources.values()),
    }
    for layer, row in sources.items():
        bytes_there = (grids / row["file"]).read_bytes()
        assert bytes_there == (bare / LAYER_FILES[layer]).read_bytes(), "run tools/write_demo_grids.py"
        assert hashlib.sha256(bytes_there).hexdigest() == row["sha256"]
        assert row["synthetic"] is True
        shapes = json.loads(bytes_there)["features"]
        assert len(shapes) == row["shapes"]
        assert all(row["id_column"] in shape["properties"] for shape in shapes)
        assert {"source", "licence", "date", "datum"} <= set(row)


# -- the town -----------------------------------------------------------------------------------------


def test_it_says_that_it_is_made_up(town):
    settings = town.settings
    assert settings.synthetic
    assert "示意" in settings.notice
    assert "synthetic" in settings.notice
    assert settings.name == "新塍镇"
    assert settings.slogan == "在新塍享受平安'塍'光"
    assert settings.today == "2026-09-01"
    assert town.now(datetime(2031, 1, 5, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))) == datetime(
        2026, 9, 1, 9, 30
    )
    assert len(settings.boards) == 3
    assert not settings.open_taxonomy
    for layer in LAYER_FILES:
        assert town.layer(layer)["synthetic"].all()


def test_every_category_of_the_taxonomy_happens(town):
    assert {category.code for category in town.settings.categories} == set(CATEGORIES)


def test_layers_are_sound(town):
    for layer in ("villages", "grids", "beats"):
        assert check_polygons(town.layer(layer), town.area, tolerance_m2=0.0001).sound
    assert len(town.layer("villages")) == 28
    assert 60 <= len(town.layer("grids")) <= 90


def test_exactly_as_many_reports_all_placed(town):
    with town.store.read() as connection:
        reports = read_reports(connection)
        batches = read_batches(connection)
    assert len(reports) == REPORTS
    assert reports["report_id"].is_unique
    for column, layer in (("grid_id", "grids"), ("village_id", "villages"), ("beat_id", "beats")):
        frame = town.layer(layer)
        again = PolygonIndex(frame["code"], frame.geometry.to_numpy()).assign(reports["lon"], reports["lat"])
        assert (reports[column].to_numpy(dtype=object) == again).all()
        assert (reports[column] != "").all()
    assert (reports["grid_id"].str[:12] == reports["village_id"]).all()
    assert (reports["cell"] > 0).all()
    assert reports["time"].min() >= pd.Timestamp("2025-03-01")
    assert reports["time"].max() < pd.Timestamp("2026-09-01")
    ledgers = batches[batches["kind"] == "reports"]
    assert set(ledgers["source"]) == set(reports["source"])
    receipts = [json.loads(text) for text in batches["receipt"]]
    assert all(receipt["read"] == receipt["accepted"] for receipt in receipts)
    assert all(receipt["held"] == receipt["repeated"] == receipt["merged"] == 0 for receipt in receipts)
    accepted = sum(receipt["accepted"] for receipt in receipts if receipt["kind"] == "reports")
    assert accepted == REPORTS
    assert (batches["imported_at"] == pd.Timestamp("2026-09-01")).all()


def test_a_town_without_reports(bare):
    town = open_town(bare)
    with town.store.read() as connection:
        assert len(read_reports(connection)) == 0
        assert len(read_features(connection, "posts")) == 22
        assert set(read_batches(connection)["kind"]) == {
            "posts",
            "stations",
            "enterprises",
            "places",
            "volunteers",
        }
    town.close()


def test_features_are_placed(town):
    with town.store.read() as connection:
        for kind in ("posts", "stations", "enterprises", "places"):
            table = read_features(connection, kind)
            assert (table["cell"] > 0).all()
            assert (table["grid_id"].str[:12] == table["village_id"]).all()
            assert table["grid_id"].str.len().eq(15).all()
        volunteers = read_features(connection, "volunteers")
    assert volunteers["lon"].isna().all()
    assert volunteers["village_id"].isin(town.layer("villages")["code"]).all()


def test_there_is_room_for_more_stations(tmp_path):
    town = make_demo(tmp_path / "demo", reports=0)
    with town.store.begin() as connection:
        station = read_features(connection, "stations")
        batch = insert_batch(
            connection,
            kind="stations",
            source="",
            file_name="more.csv",
            file_sha256="",
            datum="wgs84",
            layout="",
            imported_at=datetime(2026, 9, 1),
        )
        insert_features(connection, "stations", batch, station.assign(feature_id="YZ02", name="凤舞平安驿"))
        assert len(read_features(connection, "stations")) == 2
    town.close()


# -- the truth ----------------------------------------------------------------------------------------


def test_the_truth_stands_beside_it(folder):
    risk = pd.read_parquet(folder / "truth" / "risk.parquet")
    effort = pd.read_parquet(folder / "truth" / "effort.parquet")
    assert set(risk["category"]) == set(CATEGORIES)
    assert set(risk["cell"]) == set(effort["cell"])
    assert effort["month"].nunique() == 18
    assert risk["incidents_per_year"].gt(0).groupby(risk["category"], observed=True).mean().min() > 0.99
    assert effort["share"].between(0, 1).all()
    # Seen more in the last month than in the first, everywhere or nearly.
    by_month = effort.pivot_table(index="cell", columns="month", values="share", observed=True)
    assert (by_month["2026-08"] >= by_month["2025-03"]).mean() > 0.95
    assert np.median(by_month["2026-08"]) < 0.5
    text = (folder / "truth" / "README.md").read_text(encoding="utf-8")
    assert "合成" in text
    assert "Synthetic" in text
