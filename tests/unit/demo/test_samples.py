"""The ledgers to try: made up, the same each time, and what is wrong in them comes out as the README says."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from pingan_geo.cli import _receipt_lines
from pingan_geo.coords import local_metres, to_wgs84
from pingan_geo.demo.samples import PATROLS, PRINTED, TOLD_AGAIN, build_samples
from pingan_geo.i18n import translator
from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.answers import Answer, answer
from pingan_geo.workflow.corrections import list_corrections
from pingan_geo.workflow.gazetteer import locate_later
from pingan_geo.workflow.held import held_rows
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.inventory import load_receipt
from pingan_geo.workflow.make_demo import SAMPLES_FOLDER, make_demo
from pingan_geo.workflow.review import review_queue

NOW = datetime(2026, 9, 1, 9)
ROOT = Path(__file__).resolve().parents[3]
READMES = {"en": "README.md", "zh": "README.zh-CN.md"}
#: A number that nobody can have.
NOBODYS = "13800000000"


def generator(seed):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def samples(stage, alliance):
    return build_samples(stage.geography, alliance.features["places"], generator(5))


def rows_of(content, encoding):
    rows = list(csv.reader(io.StringIO(content.decode(encoding))))
    return rows[0], pd.DataFrame(rows[2:], columns=rows[1])


@pytest.fixture(scope="module")
def patrols(samples):
    return rows_of(samples[PATROLS], "gb18030")


@pytest.fixture(scope="module")
def told_again(samples):
    return rows_of(samples[TOLD_AGAIN], "utf-8-sig")


@pytest.fixture(scope="module")
def printed(samples):
    return openpyxl.load_workbook(io.BytesIO(samples[PRINTED]))


# -- what the files are -------------------------------------------------------------------------------


def test_the_same_bytes_each_time_and_others_by_another_draw(stage, alliance, samples):
    places = alliance.features["places"]
    assert build_samples(stage.geography, places, generator(5)) == samples
    other = build_samples(stage.geography, places, generator(6))
    assert other.keys() == samples.keys()
    assert other[PATROLS] != samples[PATROLS]


def test_the_workbook_does_not_carry_the_time_of_its_making(printed):
    assert printed.properties.created == datetime(2000, 1, 1)
    assert printed.properties.modified == datetime(2000, 1, 1)


def test_each_file_says_that_it_is_made_up(patrols, told_again, printed):
    assert "合成" in patrols[0][0]
    assert "合成" in told_again[0][0]
    assert all("合成" in sheet["A1"].value for sheet in printed)


def test_no_number_of_a_person_is_a_real_one(samples, printed):
    texts = [samples[PATROLS].decode("gb18030"), samples[TOLD_AGAIN].decode("utf-8-sig")]
    texts += [str(cell) for sheet in printed for row in sheet.values for cell in row]
    numbers = [
        re.sub(r"\D", "", found) for text in texts for found in re.findall(r"1[3-9]\d[\d -]{8,10}", text)
    ]
    assert numbers == [NOBODYS]


def test_the_workbook_is_printed_as_an_office_prints_it(printed):
    assert printed.sheetnames == ["7月", "8月"]
    for sheet in printed:
        assert {"A1:I1", "D2:F2", "A2:A3"} <= {str(cells) for cells in sheet.merged_cells.ranges}
        first = [row[0] for row in sheet.iter_rows(min_row=4, values_only=True)]
        assert "合计" in first
        assert first[: first.index("合计")] == list(range(1, first.index("合计") + 1))
        # What looks like a formula is a text.
        assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    assert any(str(cell).startswith("=") for row in printed["8月"].values for cell in row)


def test_patrols_name_their_place_and_lie_beside_it_only_in_gcj02(patrols, alliance, stage):
    heading, rows = patrols
    assert not re.search("gcj|高德|火星|坐标", "".join([*heading, *rows.columns]), re.IGNORECASE)
    lon, lat = rows["经度"].astype(float), rows["纬度"].astype(float)
    usual = (lon.between(119, 122) & (rows["地点"] != "")).to_numpy()
    assert usual.sum() >= 40
    places = alliance.features["places"].set_index("name").loc[rows["地点"][usual]]
    away_m = {}
    for datum in ("gcj02", "wgs84", "bd09"):
        plane = local_metres(*places[["lon", "lat"]].iloc[0])
        seen = np.column_stack(plane.forward(*to_wgs84(lon[usual], lat[usual], datum)))
        known = np.column_stack(plane.forward(places["lon"].to_numpy(), places["lat"].to_numpy()))
        away_m[datum] = np.hypot(*(seen - known).T)
    assert away_m["gcj02"].max() < 60
    assert min(away_m["wgs84"].min(), away_m["bd09"].min()) > 300


def test_one_grid_code_is_misspelt_and_all_others_are_those_of_the_place(patrols, stage):
    _, rows = patrols
    codes = set(stage.geography.layers["grids"]["code"])
    stated = rows["网格编号"][rows["网格编号"] != ""]
    unknown = [code for code in stated if code not in codes]
    assert len(unknown) == 1
    assert len(unknown[0]) == 14
    assert any(code.startswith(unknown[0][:12]) and code[12:] == "0" + unknown[0][12:] for code in codes)


# -- what becomes of them -----------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[1, 2])
def town(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples") / f"seed{request.param}"
    town = make_demo(folder, seed=request.param, reports=0)
    yield town
    town.close()


def bring(town, name, **how):
    receipt = import_reports(town, Path(town.folder) / SAMPLES_FOLDER / name, now=NOW, **how)
    assert receipt.adds_up()
    return receipt


def said(receipt):
    return dict(receipt.notes)


def reply(town, key, way, **how):
    return answer(town, key, Answer(way, **how), now=NOW, locate=locate_later(town))


def quoted_receipts(readme):
    """Return the lines of receipts about the samples that a README quotes."""
    fenced = readme.split("```")[1::2]  # every other piece lies inside
    told = [block for block in fenced if block.startswith("\n") and (PATROLS in block or PRINTED in block)]
    return {line for block in told for line in block.splitlines()} - {"", "  …"}


def pairs_of(town):
    """Return (number of the sender, or its row, of either report) for all questions about duplicates."""
    with town.store.read() as connection:
        reports = read_reports(connection).set_index("report_id")
    name = reports["source_id"].where(reports["source_id"] != "", reports["place"])
    keys = [item.key for item in review_queue(town, kinds=("duplicate",), limit=1000).items]
    halves = [re.fullmatch(r"duplicate:(\d+)-(\d+)", key).groups() for key in keys]
    return {frozenset(str(name[int(half)]) for half in pair) for pair in halves}


def test_all_three_come_out_as_told(town):  # one story: each file builds on those before it
    printed = bring(town, PRINTED, layout="随手拍")
    assert (printed.read, printed.accepted) == (21, 2)
    assert printed.held_by_reason == {"no_year": 15, "unknown_place": 3, "ambiguous_place": 1}
    assert printed.questions[0][0] == "year"
    masked = said(printed)["{phones} telephone numbers and {ids} identity numbers in texts were masked."]
    assert masked == {"phones": 1, "ids": 0}

    outcome = reply(town, f"date:{printed.batch_id}", "year", year=2026)
    assert (outcome.accepted, outcome.held, outcome.reason) == (12, 3, "unknown_category")
    wires = next(iter(review_queue(town, kinds=("category",)).items))
    assert (wires.rows, wires.candidates[0].code) == (3, "FW3")
    assert reply(town, wires.key, "use", code="FW3").accepted == 3
    geocoder_says = {
        item.key: item for item in review_queue(town, kinds=("place",), geocoder=_Town(town)).items
    }
    crossing = geocoder_says["place:北街与问淞路交叉口"]
    assert crossing.candidates[0].name == "北街与问松路交叉口"
    best = crossing.candidates[0]
    assert reply(town, crossing.key, "use", name=best.name, lon=best.lon, lat=best.lat).accepted == 1
    assert geocoder_says["place:老年活动室后面"].rows == 2
    assert set(geocoder_says) == {crossing.key, "place:老年活动室后面", "place:王江泾镇南汇集镇口"}

    patrols = bring(town, PATROLS)
    assert (patrols.read, patrols.accepted, patrols.corrected) == (52, 45, 3)
    assert patrols.held_by_reason == {"null_island": 2, "outside_town": 2}
    shown = said(patrols)["Of {rows} rows that also name a known place, so many fit: {fits}."]
    assert shown["rows"] >= 40
    assert shown["fits"].startswith(f"GCJ-02 {shown['rows']},")
    swapped = list_corrections(town, patrols.batch_id)
    assert sorted(swapped["row_number"]) == [11, 25, 39]
    with town.store.read() as connection:
        stored = read_reports(connection)
    guessed = stored[stored["batch_id"] == patrols.batch_id]
    assert set(zip(guessed["datum"], guessed["datum_known_by"], strict=True)) == {("gcj02", "guessed")}
    (grid,) = review_queue(town, kinds=("grid",)).items
    lies_in = guessed[guessed["stated_grid"] == grid.key.removeprefix("grid:")]["grid_id"].item()
    assert grid.candidates[0].code == lies_in

    again = bring(town, TOLD_AGAIN)
    assert (again.read, again.accepted, again.held) == (10, 10, 0)
    assert load_receipt(town, again.batch_id).columns["lon"] == "经度(GPS)"
    rows = rows_of((Path(town.folder) / SAMPLES_FOLDER / TOLD_AGAIN).read_bytes(), "utf-8-sig")[1]
    patrol_rows = rows_of((Path(town.folder) / SAMPLES_FOLDER / PATROLS).read_bytes(), "gb18030")[1]
    number_of = dict(zip(patrol_rows["地点"], patrol_rows["编号"], strict=True))
    told_twice = {frozenset({place, number_of[place]}) for place in rows["地点"][:6]}
    crossings = {frozenset({"新塍大道与洛东路交叉口"}), frozenset({"兴镇路与佳源路路口"})}
    assert told_twice | crossings <= pairs_of(town)
    assert not any({"洛东小学门口"} & pair for pair in pairs_of(town))

    for language, name in READMES.items():
        t = translator(language)
        printed_lines = {line for each in (printed, patrols, again) for line in _receipt_lines(each, t)}
        quoted = quoted_receipts((ROOT / name).read_text(encoding="utf-8"))
        assert len(quoted) > 15
        if town.folder.name == "seed1":  # what the README shows is what is printed
            assert quoted <= printed_lines

    held = held_rows(town)
    assert len(held) == 7  # two places that nobody knows (three rows), two at 0, 0, two outside


class _Town:
    """The town's geocoder, as a review uses it."""

    def __init__(self, town):
        self.locate, self.name = locate_later(town), "gazetteer"
