"""A town is made whole or not at all, from any area in the world, and opens again as it was made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import tomllib
from datetime import UTC, datetime
from importlib import resources

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pingan_geo.errors import (
    BadChoiceError,
    BrokenPolygonsError,
    DatabaseDamagedError,
    DatabaseWriteError,
    DuplicateCodesError,
    EmptyFileError,
    FileMissingError,
    GeometryKindError,
    MissingColumnsError,
    NoCrsError,
    NoPlacesError,
    OutsideTownError,
    SettingsError,
    TownExistsError,
    TownNotFoundError,
    UnreadableFileError,
)
from pingan_geo.intake.categories import CategoryBook
from pingan_geo.settings import LAYER_FILES, read_settings
from pingan_geo.spatial.cells import cells_of, disk, outlines
from pingan_geo.storage import database, records
from pingan_geo.workflow.towns import create_town, layer_bytes, open_town, town_text, write_layer

AREA = shapely.box(120.60, 30.78, 120.64, 30.81)
WEST, EAST = shapely.box(120.60, 30.78, 120.62, 30.81), shapely.box(120.62, 30.78, 120.64, 30.81)
BOW_TIE = shapely.Polygon([(120.60, 30.78), (120.62, 30.81), (120.62, 30.78), (120.60, 30.81)])
TWICE_ROUND = shapely.Polygon([(0, 0), (4, 0), (4, 4), (1, 4), (1, 1), (3, 1), (3, 3), (0, 3)])


def save(file, shapes, crs=4326, **columns):
    columns = columns or {"code": [f"G{number}" for number in range(1, len(shapes) + 1)]}
    gpd.GeoDataFrame(columns, geometry=shapes, crs=crs).to_file(file)
    return file


@pytest.fixture
def area(tmp_path):
    return save(tmp_path / "area.geojson", [AREA])


@pytest.fixture
def town(area, tmp_path):
    made = create_town(tmp_path / "town", area=area, name="小镇")
    yield made
    made.close()


def left_behind(folder):
    """What stands in the folder beside the inputs."""
    return sorted(path.name for path in folder.iterdir() if path.suffix not in {".geojson", ".csv", ".shp"})


# -- refused: nothing is made ------------------------------------------------------------------------


def cross_itself(folder):
    return {"area": save(folder / "bad.geojson", [TWICE_ROUND])}


def hold_points(folder):
    return {"area": save(folder / "bad.geojson", [AREA.centroid])}


def hold_lines(folder):
    return {"area": save(folder / "bad.geojson", [AREA.exterior])}


def be_absent(folder):
    return {"area": folder / "no.geojson"}


def be_broken(folder):
    (folder / "bad.geojson").write_bytes(b"{")
    return {"area": folder / "bad.geojson"}


def be_without_rows(folder):
    (folder / "bad.csv").write_text("lon,lat\n", encoding="utf-8")
    return {"area": folder / "bad.csv"}


def be_empty(folder):
    (folder / "bad.csv").touch()
    return {"area": folder / "bad.csv"}


def lack_places(folder):
    (folder / "bad.csv").write_text("lon,lat\n0,0\n,\nx,y\n500,900\n", encoding="utf-8")
    return {"area": folder / "bad.csv"}


def lack_columns(folder):
    (folder / "bad.csv").write_text("类别,时间\nFW1,2025-07-01\n", encoding="utf-8")
    return {"area": folder / "bad.csv"}


def not_say_coordinates(folder):
    file = save(folder / "bad.shp", [AREA], crs=4326)
    file.with_suffix(".prj").unlink()
    for beside in folder.glob("bad.*"):
        if beside.suffix not in {".shp", ".shx", ".dbf"}:
            beside.unlink()
    return {"area": file}


def have_grids_without_codes(folder):
    return {"grids": save(folder / "grids.geojson", [WEST, EAST], colour=["red", "blue"])}


def have_grids_with_one_code(folder):
    return {"grids": save(folder / "grids.geojson", [WEST, EAST], code=["G1", "G1"])}


def have_grids_elsewhere(folder):
    far = [shapely.affinity.translate(shape, 5.0) for shape in (WEST, EAST)]
    return {"grids": save(folder / "grids.geojson", far)}


def have_grids_of_lines(folder):
    return {"grids": save(folder / "grids.geojson", [WEST.exterior, EAST.exterior])}


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (cross_itself, BrokenPolygonsError),
        (hold_points, GeometryKindError),
        (hold_lines, GeometryKindError),
        (be_absent, FileMissingError),
        (be_broken, UnreadableFileError),
        (be_without_rows, EmptyFileError),
        (be_empty, EmptyFileError),
        (lack_places, NoPlacesError),
        (lack_columns, MissingColumnsError),
        (not_say_coordinates, NoCrsError),
        (have_grids_without_codes, MissingColumnsError),
        (have_grids_with_one_code, DuplicateCodesError),
        (have_grids_elsewhere, OutsideTownError),
        (have_grids_of_lines, GeometryKindError),
    ],
)
def test_bad_input_makes_nothing(area, tmp_path, spoil, error):
    files = {"area": area, **spoil(tmp_path)}
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(error):
        create_town(tmp_path / "town", **files)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "words", [{"language": "fr"}, {"timezone": "Mars/Olympus"}, {"timezone": "../../etc/passwd"}]
)
def test_unknown_words_are_refused(area, tmp_path, words):
    with pytest.raises(BadChoiceError):
        create_town(tmp_path / "town", area=area, **words)
    assert not (tmp_path / "town").exists()


def test_folder_that_holds_something_is_left_alone(area, tmp_path):
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(TownExistsError):
        create_town(tmp_path / "town", area=area)
    with pytest.raises(TownExistsError):
        create_town(tmp_path / "town" / "letter.txt", area=area)
    assert [path.name for path in (tmp_path / "town").iterdir()] == ["letter.txt"]


def test_place_that_cannot_be_written_is_one_sentence(area, tmp_path):
    with pytest.raises(DatabaseWriteError, match="cannot be written"):
        create_town(area / "town", area=area)


def test_no_town_and_no_database(town, tmp_path):
    with pytest.raises(TownNotFoundError):
        open_town(tmp_path / "elsewhere")
    town.close()
    (town.folder / "town.sqlite").unlink()
    with pytest.raises(DatabaseDamagedError, match="missing"):
        open_town(town.folder)


def test_unknown_layer_is_refused(town):
    with pytest.raises(BadChoiceError):
        town.layer("../../secret")
    with pytest.raises(BadChoiceError):
        write_layer(town, "sewers", town.layer("area"))


def test_killed_while_it_is_made_there_is_no_town(area, tmp_path):
    code = textwrap.dedent(f"""
        from pathlib import Path
        from pingan_geo.workflow import towns
        print("ready", flush=True)
        opened = towns.open_store
        def open_slowly(*words, **more):
            store = opened(*words, **more)
            print("half made", flush=True)
            import time; time.sleep(60)
            return store
        towns.open_store = open_slowly
        towns.create_town(Path({str(tmp_path / "town")!r}), area=Path({str(area)!r}))
    """)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        assert child.stdout.readline() == "half made\n"
        os.kill(child.pid, signal.SIGKILL)
    assert not (tmp_path / "town").exists()
    town = create_town(tmp_path / "town", area=area)  # and what was left behind is no hindrance
    town.close()
    assert left_behind(tmp_path) == ["town"]


# -- made --------------------------------------------------------------------------------------------


def test_town_opens_as_it_was_made(area, tmp_path):
    grids = save(tmp_path / "g.geojson", [EAST, WEST], 网格编码=["G2", "G1"], 网格名称=["东", "西"])
    made = create_town(tmp_path / "town", area=area, grids=grids, name='小"镇" \\ #1', timezone="Asia/Urumqi")
    made.close()
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "area.geojson",
        "grids.geojson",
        "town.sqlite",
        "town.toml",
    ]
    town = open_town(tmp_path / "town")
    assert town.settings == made.settings
    assert (town.settings.name, town.settings.timezone, town.settings.language) == (
        '小"镇" \\ #1',
        "Asia/Urumqi",
        "zh",
    )
    assert town.layer("grids")[["code", "name"]].to_numpy().tolist() == [["G1", "西"], ["G2", "东"]]
    assert shapely.equals(town.area, AREA)
    with town.store.read() as connection:
        assert len(records.read_reports(connection)) == 0
    town.close()


def test_town_in_an_empty_folder(area, tmp_path):
    (tmp_path / "town").mkdir()
    town = create_town(tmp_path / "town", area=area)
    assert town.settings.name == "town"
    town.close()


def test_bow_tie_is_mended_into_its_two_halves(tmp_path):
    town = create_town(tmp_path / "town", area=save(tmp_path / "a.geojson", [BOW_TIE]))
    assert town.area.is_valid
    assert town.area.area == pytest.approx(0.02 * 0.03 / 2)
    town.close()


def test_area_of_several_shapes_in_other_coordinates(tmp_path):
    file = tmp_path / "a.gpkg"
    gpd.GeoDataFrame({"name": ["same", "same"]}, geometry=[WEST, EAST], crs=4326).to_crs(4549).to_file(file)
    town = create_town(tmp_path / "town", area=file)
    assert len(town.layer("area")) == 1
    assert shapely.hausdorff_distance(town.area, AREA) < 1e-6
    assert town.settings.notice == ""
    town.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_area_of_points_holds_them_all_and_says_so(tmp_path, language):
    rng = np.random.default_rng(3)
    lon, lat = -84.5 + rng.normal(0, 0.05, 400), 39.1 + rng.normal(0, 0.05, 400)
    astray = [[0, 0], [39.1, -84.5], [np.nan, 1], [-84.5, np.nan], [999, 5], [5, 5]]
    table = pd.DataFrame([*zip(lon, lat, strict=True), *astray], columns=["Longitude", "Latitude"])
    table.to_csv(tmp_path / "thefts.csv", index=False)
    town = create_town(
        tmp_path / "town", area=tmp_path / "thefts.csv", language=language, timezone="America/New_York"
    )
    assert shapely.contains_xy(town.area, lon, lat).all()
    assert town.area.geom_type == "Polygon"
    holes = shapely.polygons(shapely.get_rings(town.area)[1:])
    assert (shapely.area(holes) > 1e-4).all()  # whole cells without points near, no slivers between cells
    cells = np.unique(np.concatenate([disk(cell, 1) for cell in np.unique(cells_of(lon, lat, 7))]))
    assert town.area.symmetric_difference(shapely.union_all(outlines(cells))).area < 1e-4 * town.area.area
    for words in ("400", " 6 ", "thefts.csv"):
        assert words in town.settings.notice
    assert ("不是行政界线" in town.settings.notice) == (language == "zh")
    town.close()


def test_area_of_points_in_another_datum(tmp_path):
    (tmp_path / "p.csv").write_text(
        "名称,经度(GCJ-02),纬度(GCJ-02)\n镇政府,120.623177,30.797007\n", encoding="gbk"
    )
    town = create_town(tmp_path / "town", area=tmp_path / "p.csv")
    expected = shapely.union_all(outlines(disk(cells_of([120.619041], [30.799456], 7)[0], 1)))
    assert town.area.symmetric_difference(expected).area < 1e-8
    town.close()


def test_far_parts_that_hold_much_stay_in_the_area(tmp_path):
    """An island with a fifth of the points is no mistake, however far it lies."""
    rng = np.random.default_rng(3)
    lon = np.concatenate([rng.normal(-155.9, 0.02, 80), rng.normal(-157.9, 0.02, 20)])
    lat = np.concatenate([rng.normal(19.6, 0.02, 80), rng.normal(21.3, 0.02, 20)])
    pd.DataFrame({"lon": lon, "lat": lat}).to_csv(tmp_path / "p.csv", index=False)
    town = create_town(tmp_path / "town", area=tmp_path / "p.csv", language="en")
    assert shapely.contains_xy(town.area, lon, lat).all()
    town.close()


def test_same_input_gives_the_same_bytes(area, tmp_path):
    towns = [
        create_town(tmp_path / "one" / "town", area=area),
        create_town(tmp_path / "two" / "town", area=area),
    ]
    for town in towns:
        town.close()
    for name in ("town.toml", "area.geojson", "town.sqlite"):
        assert (towns[0].folder / name).read_bytes() == (towns[1].folder / name).read_bytes(), name


@pytest.mark.shared_data
def test_real_files_of_points(shared_dir, tmp_path):
    for file in sorted((shared_dir / "data").glob("*.csv")):
        town = create_town(tmp_path / file.stem, area=file, language="en", timezone="America/Chicago")
        table = pd.read_csv(file, usecols=["lon", "lat"])
        assert shapely.contains_xy(town.area, table["lon"], table["lat"]).all()
        assert 0.03 < town.area.area < 1.0
        town.close()


# -- settings ----------------------------------------------------------------------------------------


def test_chinese_town_knows_the_boards_and_categories(town):
    settings = town.settings
    boards = {board.code: board.name for board in settings.boards}
    assert boards == {"home": "平安家园", "enterprise": "平安企业", "commerce": "平安商圈"}
    assert set(settings.board_of.values()) == set(boards)
    assert len(settings.categories) == len(settings.board_of) == 18
    assert settings.open_taxonomy
    for category in settings.categories:
        assert category.name
        assert category.name_en
        assert category.lead_office
        assert category.board in boards
    private = {category.code for category in settings.categories if category.private}
    assert private == {"TH1", "TH2", "TH3", "TH4", "CF1"}


def test_each_spelling_belongs_to_one_category(town):
    owners: dict[str, set[str]] = {}
    for category in town.settings.categories:
        for word in (category.code, category.name, category.name_en, *category.aliases):
            owners.setdefault(word.casefold(), set()).add(category.code)
    assert {word: codes for word, codes in owners.items() if len(codes) > 1} == {}
    book = CategoryBook.of(town.settings.categories)
    said = {
        "飞线": "FW2",
        "私拉电线": "FW1",
        "坑槽": "RD1",
        "电瓶车被盗": "TH1",
        "重大隐患": "EN2",
        "0401": "RD2",
    }
    assert {word: book.code_of(word) for word in said} == said


@pytest.mark.shared_data
def test_taxonomy_has_the_codes_of_the_domain(town, shared_dir):
    table = pd.read_csv(
        shared_dir / "domain" / "event_taxonomy_recommended.csv", encoding="utf-8-sig", dtype=str
    )
    book = CategoryBook.of(town.settings.categories)
    assert sorted(town.settings.board_of) == sorted(table["code"])
    assert [book.code_of(name) for name in table["name"]] == table["code"].tolist()
    offices = {category.code: category.lead_office for category in town.settings.categories}
    for code, office in zip(table["code"], table["lead_dept"], strict=True):
        assert office.startswith(offices[code]), code


def test_english_town_starts_with_an_open_taxonomy(area, tmp_path):
    town = create_town(tmp_path / "town", area=area, language="en")
    assert town.settings.categories == ()
    assert town.settings.boards == ()
    assert town.settings.open_taxonomy
    town.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_settings_explain_themselves_in_both_languages(language):
    lines = town_text(language, {"town": {"name": "x", "language": language}}).splitlines()
    keys = [
        number for number, line in enumerate(lines) if line.split(" = ")[0].isidentifier() and " = " in line
    ]
    template = [number for number in keys if number < lines.index("[database]")]
    assert len(template) > 12
    for number, line in enumerate(lines):
        if line.startswith("[") and not line.startswith("[["):
            rest = "\n".join(lines[number : number + 4])
            assert "#" in rest
            assert any("\u4e00" <= sign <= "\u9fff" for sign in rest), line


def test_defaults_of_the_template_are_the_defaults_of_the_settings(tmp_path):
    (tmp_path / "town.toml").write_text(town_text("en", {"town": {"name": tmp_path.name}}), encoding="utf-8")
    written = read_settings(tmp_path)
    (tmp_path / "town.toml").write_text("[taxonomy]\nopen = true\n", encoding="utf-8")
    plain = read_settings(tmp_path)
    assert written == plain
    packaged = resources.files("pingan_geo.workflow").joinpath("taxonomy_zh.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(packaged)) == {"boards", "categories", "patrol"}


def test_clock_of_the_town(town):
    noon = datetime(2025, 7, 1, 4, 0, 0, 123, tzinfo=UTC)
    assert town.now(noon) == datetime(2025, 7, 1, 12, 0, 0)
    file = town.folder / "town.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('today = ""', 'today = "2024-02-29"'), encoding="utf-8")
    other = open_town(town.folder)
    assert other.now(noon) == datetime(2024, 2, 29, 12, 0, 0)
    other.close()
    file.write_text(text.replace('today = ""', 'today = "yesterday"'), encoding="utf-8")
    other = open_town(town.folder)
    with pytest.raises(SettingsError, match="yesterday"):
        other.now(noon)
    other.close()


# -- layers ------------------------------------------------------------------------------------------


def grids_of(*codes):
    shapes = [
        shapely.box(120.6 + 0.01 * number, 30.78, 120.61 + 0.01 * number, 30.79)
        for number in range(len(codes))
    ]
    table = pd.DataFrame(
        {"code": codes, "name": [f"{code} 网格" for code in codes], "parent": ""}, dtype="str"
    )
    return gpd.GeoDataFrame(table, geometry=shapes, crs=4326)


def test_absent_layer_has_no_rows(town):
    for name in set(LAYER_FILES) - {"area"}:
        assert len(town.layer(name)) == 0
        assert town.layer(name).crs.to_epsg() == 4326


def test_layer_is_read_again_only_when_it_has_changed(town):
    write_layer(town, "grids", grids_of("G1", "G2"))
    first = town.layer("grids")
    assert town.layer("grids") is first
    time.sleep(0.02)
    write_layer(town, "grids", grids_of("G1", "G2", "G3"))
    assert town.layer("grids")["code"].tolist() == ["G1", "G2", "G3"]
    write_layer(town, "area", grids_of("1"))
    assert town.area.area == pytest.approx(1e-4)


def test_layer_bytes_do_not_depend_on_the_order(town):
    frame = grids_of("G2", "G10", "G1").assign(households=[3, 1, 2], share=[0.5, np.nan, 1.0])
    text = layer_bytes(frame)
    assert text == layer_bytes(frame.iloc[::-1].reset_index(drop=True))
    assert text.endswith(b"\n]}\n")
    assert b"\r" not in text
    write_layer(town, "grids", frame)
    read = town.layer("grids")
    assert read["code"].tolist() == ["G1", "G10", "G2"]
    assert read["households"].tolist() == [2, 1, 3]
    assert layer_bytes(read) == text


def test_layer_that_fails_leaves_the_old_file(town):
    write_layer(town, "grids", grids_of("G1"))
    before = (town.folder / "grids.geojson").read_bytes()
    with pytest.raises(ValueError, match="code"):
        write_layer(town, "grids", grids_of("G1").drop(columns="code"))
    assert (town.folder / "grids.geojson").read_bytes() == before
    assert [path.name for path in town.folder.glob(".*")] == []


def test_older_town_is_migrated_after_a_copy_into_its_folder(town):
    town.close()
    for file in town.folder.glob("town.sqlite*"):
        file.unlink()
    engine = database._make_engine(town.folder / "town.sqlite", migrating=True)
    with engine.connect() as plain:
        connection = plain.execution_options(pingan_begin="BEGIN IMMEDIATE")
        with connection.begin():
            database._upgrade(connection, "0001")
            for statement in (
                "INSERT INTO batch VALUES (1, 'posts', '', '', '', '', '', '2025-01-01 00:00:00', NULL, '')",
                "INSERT INTO feature VALUES ('posts', 'P1', 1, '秀水岗', '', 1, 2, 3, '', '', '{}')",
            ):
                connection.exec_driver_sql(statement)
    engine.dispose()
    again = open_town(town.folder)
    with again.store.read() as connection:
        assert records.read_features(connection, "posts")["name"].tolist() == ["秀水岗"]
    again.close()
    assert [path.name for path in (town.folder / "backups").iterdir()] == ["town-0001-v0.sqlite"]
