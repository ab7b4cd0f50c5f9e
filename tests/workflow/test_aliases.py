"""Spellings that the town has explained: refused when they mean nothing, carried in a file and back."""

from __future__ import annotations

import csv
from datetime import datetime

import pytest
from pandas.testing import assert_frame_equal

from pingan_geo.errors import AliasFileError, AnswerError, BadChoiceError, EmptyFileError, MissingColumnsError
from pingan_geo.model.tables import ALIASES
from pingan_geo.storage.review import LONGEST_SPELLING, save_alias
from pingan_geo.storage.tables import ALIAS
from pingan_geo.workflow.aliases import add_alias, export_aliases, import_aliases, list_aliases, remove_alias
from pingan_geo.workflow.towns import create_town

NOW, LATER = datetime(2026, 3, 1, 9), datetime(2026, 3, 2, 9)
GRID = "330411104001001"
PLACE = {"lon": 120.611, "lat": 30.791, "level": "place", "radius_m": 25.5}


@pytest.fixture
def make_town(tiny_town_files, tmp_path):
    towns = []

    def make(name="town"):
        files = tiny_town_files
        towns.append(
            create_town(
                tmp_path / name, area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
            )
        )
        return towns[-1]

    yield make
    for town in towns:
        town.close()


@pytest.fixture
def town(make_town):
    return make_town()


def write(path, *rows, headings=("kind", "spelling", "target")):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([headings, *rows])
    return path


# -- refused -----------------------------------------------------------------------------------------


def test_other_kinds_are_refused(town):
    with pytest.raises(BadChoiceError, match="person"):
        list_aliases(town, "person")
    with pytest.raises(BadChoiceError, match="person"):
        add_alias(town, "person", "老王", "x", now=NOW)


@pytest.mark.parametrize(
    ("kind", "text", "target", "where", "match"),
    [
        ("category", "飞碟", "ZZ9", {}, "no such category"),
        ("grid", "XC-1", "XC-01", {}, "no such grid"),
        ("category", " ", "FW1", {}, "empty"),
        ("category", "飞" * 401, "FW1", {}, "more than 400 characters"),
        ("place", "北" * 401, "北街", PLACE, "more than 400 characters"),
        ("place", "北街", "北街", {}, "level"),
        ("place", "北街", "北街", {"level": "road"}, "outside"),
        ("place", "北街", "北街", {**PLACE, "lon": 121.6}, "outside"),
    ],
)
def test_aliases_that_mean_nothing_here_are_refused(town, kind, text, target, where, match):
    with pytest.raises(AnswerError, match=match):
        add_alias(town, kind, text, target, now=NOW, **where)
    assert list_aliases(town).empty


def test_file_with_one_bad_row_is_refused_as_a_whole(town, tmp_path):
    rows = [("category", f"写法{n}", "FW1") for n in range(3)]
    bad = write(tmp_path / "a.csv", *rows, ("grid", "XC-1", "XC-01"), ("person", "老王", ""))
    with pytest.raises(AliasFileError, match=r"5, 6 \(the town has no such grid") as caught:
        import_aliases(town, bad, now=NOW)
    assert "a.csv" in str(caught.value)
    twice = write(tmp_path / "b.csv", *rows, ("category", "写法1 ", "RD1"))
    with pytest.raises(AliasFileError, match=r"3, 5 \(the spelling stands twice"):
        import_aliases(town, twice, now=NOW)
    with pytest.raises(MissingColumnsError, match="target"):
        import_aliases(town, write(tmp_path / "c.csv", ("a", "b"), headings=("kind", "spelling")), now=NOW)
    with pytest.raises(EmptyFileError):
        import_aliases(town, write(tmp_path / "d.csv"), now=NOW)
    assert list_aliases(town).empty


# -- kept --------------------------------------------------------------------------------------------


def test_aliases_are_compared_as_people_read_them(town):
    add_alias(town, "category", "ＵＦＯ  目击", "FW1", now=NOW)
    add_alias(town, "category", "ufo 目击", "RD1", now=LATER)
    add_alias(town, "grid", "XC-07-09", GRID, now=NOW)
    add_alias(town, "grid", "待定", "", now=NOW)
    found = list_aliases(town)
    assert found[["kind", "spelling", "target"]].to_numpy().tolist() == [
        ["category", "ufo 目击", "RD1"],
        ["grid", "xc-07-09", GRID],
        ["grid", "待定", ""],
    ]
    assert remove_alias(town, "grid", "ＸＣ-07-09")
    assert not remove_alias(town, "grid", "XC-07-09")
    assert len(list_aliases(town, "grid")) == 1


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_aliases_are_carried_to_another_town_and_back(make_town, tmp_path, ending):
    town, other = make_town("one"), make_town("two")
    add_alias(town, "category", "=1+1", "FW1", now=NOW)  # what a spreadsheet would take for a formula
    add_alias(town, "grid", "待定", "", now=NOW)
    add_alias(town, "place", "老供销社", "供销社旧址", now=NOW, **PLACE)
    file = tmp_path / f"aliases.{ending}"
    assert export_aliases(town, file) == 3
    receipt = import_aliases(other, file, now=NOW)
    assert receipt.adds_up()
    assert (receipt.read, receipt.accepted) == (3, 3)
    assert_frame_equal(ALIASES.check(list_aliases(other)), list_aliases(town))
    again = import_aliases(other, file, now=LATER)
    assert (again.accepted, again.repeated, again.adds_up()) == (0, 3, True)
    assert list_aliases(other)["learned_at"].nunique() == 1  # what was known keeps its day
    add_alias(other, "category", "=1+1", "RD1", now=LATER)
    changed = import_aliases(other, file, now=LATER)
    assert (changed.corrected, changed.repeated) == (1, 2)
    assert list_aliases(other, "category")["target"].tolist() == ["FW1"]


def test_spelling_as_long_as_the_column_is_kept_whole(town):
    add_alias(town, "place", "北" * LONGEST_SPELLING, "北街", now=NOW, **PLACE)
    assert list_aliases(town)["spelling"].tolist() == ["北" * LONGEST_SPELLING]
    assert ALIAS.c.spelling.type.length == LONGEST_SPELLING  # else PostgreSQL fails where SQLite does not
    with town.store.begin() as connection, pytest.raises(ValueError, match="401"):
        save_alias(connection, "grid", "x" * (LONGEST_SPELLING + 1), GRID, learned_at=NOW)
