"""One queue of questions; an answer frees what it can, is remembered, and can be taken back."""

from __future__ import annotations

import csv
import json
import sqlite3
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from pingan_geo.errors import AnswerError, BadChoiceError, RereadError, ReviewItemError
from pingan_geo.i18n import translator
from pingan_geo.model.place import LOCATE_REASONS
from pingan_geo.model.tables import DUPLICATE_PAIRS, HELD_ROWS, PHOTOS
from pingan_geo.settings import read_settings
from pingan_geo.storage import duplicates, photos, records, review
from pingan_geo.workflow.answers import Answer, answer, take_back_answer
from pingan_geo.workflow.corrections import list_corrections, list_held
from pingan_geo.workflow.import_layers import undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.review import KINDS, review_queue
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9)
HEADINGS = ["编号", "类别", "时间", "经度", "纬度", "地址", "描述"]
GOOD = ["A1", "FW1", "2025-07-03 14:05", "120.611", "30.791", "北街", "三楼飞线"]


@pytest.fixture
def town(tiny_town_files, tmp_path):
    """With a closed taxonomy, so that unknown categories are asked about."""
    files = tiny_town_files
    town = create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    file = town.folder / "town.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("open = true", "open = false"), encoding="utf-8")
    yield town
    town.close()


def good(number, **changes):
    """A row that can be accepted; no two of them look like one incident."""
    own = {"编号": f"A{number}", "时间": f"{datetime(2022, 1, 1, 14) + timedelta(days=40 * number)}"}
    return list((dict(zip(HEADINGS, GOOD, strict=True)) | own | changes).values())


def bring(town, path, *rows, headings=HEADINGS, **how):
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([headings, *rows])
    receipt = import_reports(town, path, now=NOW, **how)
    assert receipt.adds_up(), receipt
    return receipt


def hold(town, batch, reason, words, count, first=100, **cells):
    """Rows held for their place, as an import with a geocoder holds them."""
    row = dict(zip(HEADINGS, GOOD, strict=True)) | {"经度": "", "纬度": "", "地址": words} | cells
    rows = [
        ("", number, reason, words, json.dumps(row | {"编号": f"H{number}"}, ensure_ascii=False))
        for number in range(first, first + count)
    ]
    table = pd.DataFrame(rows, columns=list(HELD_ROWS.columns)).astype(dict(HELD_ROWS.columns))
    with town.store.begin() as connection:
        records.insert_held(connection, batch, table)
        receipt = json.loads(records.batch_receipt(connection, batch))
        receipt["read"] += count
        receipt["held"] += count
        reasons = receipt["held_by_reason"] | {reason: receipt["held_by_reason"].get(reason, 0) + count}
        receipt["held_by_reason"] = dict(sorted(reasons.items()))
        records.finish_batch(connection, batch, json.dumps(receipt, ensure_ascii=False))


def dump(town, *, but=()):
    """Every row of the town, and its settings."""
    with sqlite3.connect(town.folder / "town.sqlite") as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in names
            if name not in {"meta", "sqlite_sequence", *but}
        }
    return tables, (town.folder / "town.toml").read_bytes()


def receipt_of(town, batch):
    with town.store.read() as connection:
        receipt = json.loads(records.batch_receipt(connection, batch))
    outcome = sum(receipt[name] for name in ("accepted", "merged", "corrected", "held", "repeated"))
    assert receipt["read"] == outcome
    assert receipt["held"] == sum(receipt["held_by_reason"].values())
    return receipt


def stored(town):
    with town.store.read() as connection:
        return records.read_reports(connection).set_index("source_id")


def item_of(town, kind, **how):
    return next(item for item in review_queue(town, **how).items if item.kind == kind)


def said_in_chinese(item):
    t = translator("zh")
    assert t.known(item.message)
    return t(item.message, **item.values)


# -- refused -----------------------------------------------------------------------------------------


def test_unknown_kind_of_question_is_refused(town):
    with pytest.raises(BadChoiceError, match="weather"):
        review_queue(town, kinds=["weather"])


@pytest.mark.parametrize(
    "key",
    ["", "weather:1", "held:9", "held:x", "category:飞碟", "place:x", "grid:x", "duplicate:1-2", "date:7"],
)
def test_question_that_is_not_open_is_refused(town, tmp_path, key):
    bring(town, tmp_path / "a.csv", good(1))
    before = dump(town)
    way = {"held": "dismiss", "category": "dismiss", "place": "dismiss", "grid": "leave", "date": "dismiss"}
    with pytest.raises(ReviewItemError):
        answer(town, key, Answer(way.get(key.partition(":")[0], "apart")), now=NOW)
    assert dump(town) == before


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (Answer("use", code="ZZ9"), "no such category"),
        (Answer("merge"), "no answer"),
        (Answer("new", code="UFO"), "needs a code and a name"),
        (Answer("new", code="fw1", name="飞碟"), "has a category"),
        (Answer("new", code="UFO", name="飞碟", board="moon"), "no such board"),
    ],
)
def test_category_that_cannot_be_is_refused_and_nothing_is_written(town, tmp_path, said, match):
    bring(town, tmp_path / "a.csv", good(1, 类别="飞碟"))
    before = dump(town)
    with pytest.raises(AnswerError, match=match):
        answer(town, "category:飞碟", said, now=NOW)
    assert dump(town) == before


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (Answer("use", name="北街"), "needed"),
        (Answer("use", lon=121.6, lat=30.8), "outside the town"),
        (Answer("use", lon=120.611, lat=30.791, level="somewhere"), "level"),
    ],
)
def test_place_that_cannot_be_is_refused(town, tmp_path, said, match):
    bring(town, tmp_path / "a.csv", good(1))
    hold(town, 1, "unknown_place", "老供销社", 2)
    with pytest.raises(AnswerError, match=match):
        answer(town, "place:老供销社", said, now=NOW)


def test_row_of_an_older_version_says_what_to_do(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 经度=""))
    with town.store.begin() as connection:
        connection.exec_driver_sql("UPDATE batch SET options = ''")
    with pytest.raises(RereadError, match="--export"):
        answer(town, "held:1", Answer("mend", cells={}), now=NOW)
    assert np.isnan(item_of(town, "held").lon)


def test_cell_that_the_file_does_not_have_is_refused(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 经度=""))
    with pytest.raises(AnswerError, match="海拔"):
        answer(town, "held:1", Answer("mend", cells={"海拔": "3"}), now=NOW)


# -- the queue ---------------------------------------------------------------------------------------


def test_empty_queue(town):
    queue = review_queue(town)
    assert (queue.items, queue.total) == ((), 0)
    assert set(queue.questions) == set(KINDS)
    assert take_back_answer(town) is None


def test_questions_that_free_most_rows_come_first(town, tmp_path):
    rows = [good(n, 类别="飞碟" if n % 2 else " 飞碟") for n in range(5)]
    rows += [good(n, 类别="ＵＦＯ" if n % 2 else "ufo") for n in range(10, 12)] + [good(20, 经度="")]
    bring(town, tmp_path / "a.csv", *rows, good(21))
    bring(town, tmp_path / "b.csv", good(30, 类别="飞碟"), source="派出所")
    hold(town, 1, "unknown_place", "老供销社", 3)
    hold(town, 2, "ambiguous_place", "北街", 4, first=200)
    queue = review_queue(town)
    assert [(item.key, item.rows) for item in queue.items] == [
        ("category:飞碟", 6),
        ("place:北街", 4),
        ("place:老供销社", 3),
        ("category:ufo", 2),
        ("held:8", 1),
    ]
    assert queue.questions == {"category": 2, "place": 2, "grid": 0, "date": 0, "duplicate": 0, "held": 1}
    assert queue.rows == {"category": 8, "place": 7, "grid": 0, "date": 0, "duplicate": 0, "held": 1}
    assert [item.key for item in review_queue(town, limit=2).items] == ["category:飞碟", "place:北街"]
    only = review_queue(town, kinds=["place"], limit=1)
    assert ([item.key for item in only.items], only.total) == (["place:北街"], 5)
    first = queue.items[0]
    assert (first.file, first.row_number, first.received["描述"]) == ("a.csv", 2, "三楼飞线")
    assert said_in_chinese(first) == "有 6 行的类别写作“飞碟”，本镇类别表中没有。"
    assert said_in_chinese(queue.items[-1]) == "a.csv 第 9 行：没有坐标（30.791）。"


def test_persons_are_masked_in_what_is_shown(town, tmp_path):
    row = [*good(1, 经度="", 描述="找13912345678"), "13812345678"]
    bring(town, tmp_path / "a.csv", row, headings=[*HEADINGS, "电话"])
    received = item_of(town, "held").received
    assert (received["电话"], received["描述"]) == ("", "找***********")


def test_known_categories_are_proposed(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 类别="私拉电线充电了"))
    item = item_of(town, "category")
    assert item.candidates[0].code == "FW1"
    assert [one.score for one in item.candidates] == sorted(
        (one.score for one in item.candidates), reverse=True
    )


def test_geocoder_proposes_places(town, tmp_path):
    class Fixed:
        name = "fixed"

        def locate(self, texts):
            one = {
                "name": "老供销社",
                "level": "place",
                "lon": 120.61,
                "lat": 30.79,
                "radius_m": 30,
                "score": 0.8,
            }
            assert list(texts) == ["老供消社"]
            return pd.DataFrame({"candidates": [json.dumps([one])], "reason": ["spelling"]})

    bring(town, tmp_path / "a.csv", good(1))
    hold(town, 1, "ambiguous_place", "老供消社", 2)
    item = item_of(town, "place", geocoder=Fixed())
    assert [(one.name, one.lon, one.level) for one in item.candidates] == [("老供销社", 120.61, "place")]
    assert (item.lon, item.lat) == (120.61, 30.79)
    assert LOCATE_REASONS[item.why] == "the spelling differs"


# -- categories --------------------------------------------------------------------------------------


def test_answer_about_a_category_frees_its_rows_in_all_imports(town, tmp_path):
    bring(
        town, tmp_path / "a.csv", good(1, 类别="飞碟"), good(2), good(3, 类别="飞碟"), good(4, 类别="外星人")
    )
    bring(town, tmp_path / "b.csv", good(1, 类别="飞碟 "), good(5, 经度=""), source="派出所")
    before = dump(town)
    outcome = answer(town, "category:飞碟", Answer("use", code="RD1"), now=NOW)
    assert (outcome.accepted, outcome.held, outcome.alias) == (3, 0, True)
    assert sorted(stored(town)["category"]) == ["FW1", "RD1", "RD1", "RD1"]
    assert receipt_of(town, 1)["held_by_reason"] == {"unknown_category": 1}
    assert (receipt_of(town, 2)["accepted"], receipt_of(town, 2)["held"]) == (1, 1)
    keys = {item.key for item in review_queue(town).items}
    assert {key for key in keys if not key.startswith("duplicate:")} == {"category:外星人", "held:5"}
    assert len(keys) == 3, "A1 is told by both files, and asked about as soon as it is freed"
    later = bring(town, tmp_path / "a2.csv", good(1, 类别="飞碟"), source="测试")
    assert later.read == 1
    undo_import(town, 3, NOW)
    back = take_back_answer(town)
    assert (back.key, back.accepted, back.alias) == ("category:飞碟", 3, True)
    now = dump(town)
    assert now[0].pop("batch")[:2] == before[0].pop("batch")
    assert now == before


def test_freed_row_becomes_the_report_that_it_would_have_become(town, tmp_path):
    """The same number, whether it is mended here or the mended file comes in."""
    bring(town, tmp_path / "a.csv", good(1, 类别="飞碟"), good(2, 经度="120.60"))
    answer(town, "category:飞碟", Answer("use", code="FW1"), now=NOW)
    ids = stored(town)["report_id"].to_dict()
    receipt = bring(town, tmp_path / "b.csv", good(1), good(2, 经度="120.60"))
    assert (receipt.accepted, receipt.repeated) == (0, 2)
    assert stored(town)["report_id"].to_dict() == ids


def test_row_freed_of_one_fault_may_have_another(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 类别="飞碟"), good(2), good(2, 类别="飞碟", 描述="另一件"))
    before = dump(town)
    outcome = answer(town, "category:飞碟", Answer("use", code="RD1"), now=NOW)
    assert (outcome.accepted, outcome.held, outcome.reason) == (1, 1, "id_conflict")
    assert receipt_of(town, 1)["held_by_reason"] == {"id_conflict": 1}
    assert item_of(town, "held").reason == "id_conflict"
    take_back_answer(town)
    assert dump(town) == before


def test_new_category_is_written_to_the_town_and_taken_out_again(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 类别="飞碟"), good(2))
    before = dump(town)
    said = Answer("new", code="UFO", name="飞碟", name_en="UFO", board="home")
    assert answer(town, "category:飞碟", said, now=NOW).accepted == 1
    added = read_settings(town.folder).categories[-1]
    assert (added.code, added.name, added.board) == ("UFO", "飞碟", "home")
    assert stored(town)["category"].to_dict() == {"A1": "UFO", "A2": "FW1"}
    assert not list(town.folder.glob("*.swap-*"))
    take_back_answer(town)
    assert dump(town) == before


def test_new_category_stays_where_it_is_in_use(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 类别="飞碟"))
    answer(town, "category:飞碟", Answer("new", code="UFO", name="飞碟"), now=NOW)
    bring(town, tmp_path / "b.csv", good(7, 类别="UFO"))
    take_back_answer(town)
    assert read_settings(town.folder).categories[-1].code == "UFO"


def test_settings_edited_since_are_left_alone(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 类别="飞碟"))
    answer(town, "category:飞碟", Answer("new", code="UFO", name="飞碟"), now=NOW)
    file = town.folder / "town.toml"
    edited = file.read_bytes() + "# 张贴后修改\n".encode()
    file.write_bytes(edited)
    assert take_back_answer(town).accepted == 1
    assert file.read_bytes() == edited


# -- places ------------------------------------------------------------------------------------------


def test_answer_about_a_place_is_remembered_and_frees_its_rows(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1))
    hold(town, 1, "unknown_place", "北街老供销社", 2)
    hold(town, 1, "ambiguous_place", "北街老供销社", 1, first=150)
    hold(town, 1, "unknown_place", "别处", 1, first=160)
    before = dump(town)
    said = Answer("use", name="老供销社", lon=120.6111111, lat=30.7922222, level="place", radius_m=30.0)
    outcome = answer(town, "place:北街老供销社", said, now=NOW)
    assert (outcome.accepted, outcome.corrected, outcome.held) == (3, 0, 0)
    found = stored(town).loc["H100"]
    assert (found["lon"], found["lat"], found["radius_m"]) == (said.lon, said.lat, 30.0)
    assert (found["level"], found["datum_known_by"], found["place"]) == ("place", "gazetteer", "北街老供销社")
    assert found["grid_id"] != ""
    with town.store.read() as connection:
        alias = review.read_aliases(connection, "place").iloc[0]
    assert (alias["spelling"], alias["target"], alias["lon"]) == ("北街老供销社", "老供销社", said.lon)
    assert receipt_of(town, 1)["held_by_reason"] == {"unknown_place": 1}
    take_back_answer(town)
    assert dump(town) == before


def test_long_words_that_only_begin_alike_are_asked_apart(town, tmp_path):
    """What is at fault is kept shortened; the whole words decide."""
    bring(town, tmp_path / "a.csv", good(1))
    words = "新塍镇兴镇路" + "很" * 80
    for first, ending in ((100, "甲"), (120, "乙")):
        hold(town, 1, "unknown_place", words[:79] + "…", 1, first=first, 地址=words + ending)
    point = {"lon": 120.611, "lat": 30.791}
    key = item_of(town, "place").key
    assert answer(town, key, Answer("use", **point), now=NOW).accepted == 1
    assert stored(town)["place"].tolist()[-1].endswith("甲")
    assert item_of(town, "place").values["word"].endswith("乙")


# -- single rows -------------------------------------------------------------------------------------


def test_row_is_mended_in_place(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1), good(2, 经度="120度", 纬度="30.791"), good(3, 时间="昨天"))
    with town.store.begin() as connection:
        row = {"row_number": 4, "report_id": 0, "file": "3.jpg", "sha256": "ab", "likeness": 1}
        photos.insert_photos(connection, 1, pd.DataFrame([row]).astype(dict(PHOTOS.columns)))
    before = dump(town)
    place, time = review_queue(town).items
    outcome = answer(town, place.key, Answer("mend", cells={"经度": "120.611"}), now=NOW)
    assert (outcome.corrected, outcome.accepted) == (1, 0)
    mended = Answer("mend", cells={"时间": "2025-07-04 08:00", "描述": "三楼飞线", "地址": "找13912345678"})
    assert answer(town, time.key, mended, now=NOW).corrected == 1
    receipt = receipt_of(town, 1)
    assert (receipt["accepted"], receipt["corrected"], receipt["held"]) == (1, 2, 0)
    corrections = list_corrections(town)
    assert corrections[["row_number", "what", "before", "after"]].to_numpy().tolist() == [
        [3, "mended", "经度: 120度", "经度: 120.611"],
        [4, "mended", "时间: 昨天; 地址: 北街", "时间: 2025-07-04 08:00; 地址: 找***********"],
    ]
    assert corrections["lon"].tolist() == [120.611, 120.611]
    assert stored(town)["time"]["A3"] == pd.Timestamp("2025-07-04 08:00")
    with town.store.read() as connection:
        assert photos.read_photos(connection)["report_id"].tolist() == [stored(town)["report_id"]["A3"]]
    take_back_answer(town)
    take_back_answer(town)
    assert dump(town) == before


def test_swapped_coordinates_are_proposed_the_other_way_round(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1))
    hold(town, 1, "swapped_place", "30.791, 120.611", 1, 经度="30.791", 纬度="120.611")
    item = item_of(town, "held")
    assert [one.cells for one in item.candidates] == [{"经度": "120.611", "纬度": "30.791"}]
    assert answer(town, item.key, Answer("mend", cells=item.candidates[0].cells), now=NOW).corrected == 1


def test_rule_that_corrects_a_mended_row_is_told_too(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1), good(2, 时间="昨天", 经度="30.791", 纬度="120.611"))
    answer(town, "held:1", Answer("mend", cells={"时间": "2025-07-04"}), now=NOW)
    corrections = list_corrections(town)
    assert corrections["what"].tolist() == ["mended", "swapped_place"]
    assert receipt_of(town, 1)["corrected"] == 1
    assert stored(town)["lon"]["A2"] == 120.611


def test_row_mended_in_vain_is_left_as_it_is(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 时间="昨天"))
    before = dump(town)
    outcome = answer(town, "held:1", Answer("mend", cells={"时间": "2099-01-01"}), now=NOW)
    assert (outcome.held, outcome.reason, outcome.written) == (1, "future_time", False)
    assert dump(town) == before
    assert take_back_answer(town) is None


def test_row_is_placed_by_pointing_at_the_map(town, tmp_path):
    how = {"datum": "gcj02"}
    bring(town, tmp_path / "a.csv", good(1, 经度=""), good(2), **how)
    said = Answer("mend", lon=120.6123456, lat=30.7912345, radius_m=15.0)
    assert answer(town, "held:1", said, now=NOW).corrected == 1
    found = stored(town).loc["A1"]
    assert (found["lon"], found["lat"], found["radius_m"]) == (120.6123456, 30.7912345, 15.0)
    assert (found["datum"], found["datum_known_by"], found["level"]) == ("wgs84", "stated", "point")
    assert list_corrections(town)["after"].tolist() == ["120.612346, 30.791235 (WGS-84)"]


def test_mended_row_that_is_stored_already_counts_as_repeated(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1))
    bring(town, tmp_path / "b.csv", good(1, 经度=""), good(2))
    before = dump(town)
    outcome = answer(town, "held:1", Answer("mend", cells={"经度": "120.611"}), now=NOW)
    assert (outcome.repeated, outcome.corrected) == (1, 0)
    assert receipt_of(town, 2)["repeated"] == 1
    assert review_queue(town).total == 0
    undo_import(town, 1, NOW)  # the report that it repeated goes: the row waits again, and nothing is lost
    assert [item.key for item in review_queue(town).items] == ["held:1"]
    take_back_answer(town)
    assert dump(town, but=["batch", "report"])[0] == {
        name: rows for name, rows in before[0].items() if name not in {"batch", "report"}
    } | {"provenance": dump(town)[0]["provenance"], "zone": dump(town)[0]["zone"]}


def test_equal_rows_without_numbers_stay_two_reports(town, tmp_path):
    headings, row = HEADINGS[1:], GOOD[1:]
    bad = [*row[:2], "", *row[3:]]
    bring(town, tmp_path / "a.csv", row, bad, bad, headings=headings)
    for number in (1, 2):
        assert (
            answer(town, f"held:{number}", Answer("mend", cells={"经度": "120.611"}), now=NOW).corrected == 1
        )
    with town.store.read() as connection:
        assert records.read_reports(connection)["report_id"].nunique() == 3
    again = bring(town, tmp_path / "b.csv", row, row, row, headings=headings)
    assert (again.accepted, again.repeated) == (0, 3)


def test_broken_row_is_mended(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1), [*good(2), "多了", "两格"], good(3)[:3])
    broken = [item for item in review_queue(town).items if item.reason == "broken_row"]
    assert len(broken) == 2
    assert answer(town, broken[0].key, Answer("mend", cells={"地址": "南街"}), now=NOW).corrected == 1
    cells = {"经度": "120.611", "纬度": "30.791"}
    assert answer(town, broken[1].key, Answer("mend", cells=cells), now=NOW).corrected == 1
    assert stored(town)["place"].to_dict() == {"A1": "北街", "A2": "南街", "A3": ""}


def test_dismissed_rows_are_asked_no_more_until_taken_back(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 类别="飞碟"), good(2, 类别="飞碟"), good(3, 经度=""))
    before = dump(town)
    assert answer(town, "category:飞碟", Answer("dismiss"), now=NOW).dismissed == 2
    assert answer(town, "held:3", Answer("dismiss"), now=NOW).dismissed == 1
    assert review_queue(town).total == 0
    assert receipt_of(town, 1)["held"] == 3  # they were not stored, and the receipt says so
    assert take_back_answer(town).dismissed == 1
    assert take_back_answer(town).dismissed == 2
    assert dump(town) == before


def test_year_is_asked_once_for_a_file(town, tmp_path):
    rows = [
        good(1, 时间="7月31日下午"),
        good(2, 时间="8月2日 10:30"),
        good(3, 时间="8月3日", 经度="x"),
        good(4),
    ]
    bring(town, tmp_path / "a.csv", *rows)
    before = dump(town)
    item = item_of(town, "date")
    assert (item.key, item.rows) == ("date:1", 2)
    assert said_in_chinese(item) == "a.csv 有 2 行的时间没有写年份，请问是哪一年？"
    with pytest.raises(AnswerError, match="four digits"):
        answer(town, item.key, Answer("year", year=25), now=NOW)
    assert answer(town, item.key, Answer("year", year=2025), now=NOW).accepted == 2
    found = stored(town).loc["A1"]
    assert (found["time"], found["time_until"]) == (
        pd.Timestamp("2025-07-31 12:00"),
        pd.Timestamp("2025-07-31 18:00"),
    )
    held = item_of(town, "held")  # the year holds for the rest of the file, too
    assert answer(town, held.key, Answer("mend", cells={"经度": "120.611"}), now=NOW).corrected == 1
    assert stored(town)["time"]["A3"] == pd.Timestamp("2025-08-03")
    take_back_answer(town)
    take_back_answer(town)
    assert dump(town) == before


# -- grids -------------------------------------------------------------------------------------------


@pytest.fixture
def stating(town, tmp_path):
    """Reports in a grid, whose sender writes its code otherwise."""
    inside, elsewhere = good(2, 经度="120.605", 纬度="30.785"), good(9, 经度="120.629", 纬度="30.805")
    bring(town, tmp_path / "a.csv", *(good(n) for n in (0, 1, 3)), inside, elsewhere)
    ids = stored(town)["report_id"]
    codes = {
        "A0": "33041110400100１",
        "A1": "330411104001001 ",
        "A2": "330411104001-1",
        "A9": "330411104001-1",
    }
    with town.store.begin() as connection:
        records.update_stated_grids(connection, ids[list(codes)], list(codes.values()))
    return town


def test_unknown_grid_is_asked_with_the_nearest_and_what_lies_in_it(stating):
    item = item_of(stating, "grid")
    assert (item.key, item.rows) == ("grid:330411104001-1", 2)  # full-width and blanks are no other spelling
    best = item.candidates[0]
    assert (best.code, best.rows) == ("330411104001001", 1)
    text = said_in_chinese(item)
    assert text == (
        "有 2 条记录写明网格为“330411104001-1”，本镇没有这个网格。"
        "最接近的是 330411104001001，其中 1 个点也落在该网格内。"
    )
    with pytest.raises(AnswerError, match="import of the grids"):
        answer(stating, item.key, Answer("use", code="XC-99"), now=NOW)


@pytest.mark.parametrize(
    ("codes", "first", "sentence"),
    [
        (  # spelled like none: where the places lie
            {"A0": "东片", "A1": "东片", "A9": "东片"},
            ("330411104002002", 2),
            "有 3 条记录写明网格为“东片”，本镇没有这个网格，也没有相近的编号；其中 2 个点落在 330411104002002 内。",
        ),
        (  # spelled like several, in one of which the place lies
            {"A0": "33041110400200二"},
            ("330411104002002", 1),
            "有 1 条记录写明网格为“33041110400200二”，本镇没有这个网格。最接近的是 330411104002002，该点也落在该网格内。",
        ),
        (  # spelled like one in which no place lies
            {"A0": "33041110400300-1"},
            ("330411104003001", 0),
            "有 1 条记录写明网格为“33041110400300-1”，本镇没有这个网格。最接近的是 330411104003001，但没有一个点落在该网格内。",
        ),
    ],
)
def test_grid_in_which_the_places_lie_comes_first_unless_one_is_spelled_alike(
    stating, codes, first, sentence
):
    ids = stored(stating)["report_id"]
    with stating.store.begin() as connection:
        records.update_stated_grids(connection, ids, [codes.get(number, "") for number in ids.index])
    item = item_of(stating, "grid")
    assert (item.candidates[0].code, item.candidates[0].rows) == first
    assert said_in_chinese(item) == sentence


def test_places_in_no_grid_are_said_to_be_in_none(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1))
    with town.store.begin() as connection:
        records.update_stated_grids(connection, stored(town)["report_id"], ["东片"])
        numbers = stored(town)["report_id"]
        records.update_placing(connection, numbers, [""], [""], [""])
    item = item_of(town, "grid")
    assert said_in_chinese(item).endswith("也没有相近的编号；这些点不在任何网格内。")


@pytest.mark.parametrize("said", [Answer("use", code="330411104001001"), Answer("leave")])
def test_answer_about_a_grid_is_written_and_remembered(stating, said):
    before = dump(stating)
    assert answer(stating, "grid:330411104001-1", said, now=NOW).changed == 2
    reports = stored(stating)
    assert reports["stated_grid"].tolist().count("330411104001-1") == 0
    assert reports["stated_grid"]["A9"] == said.code
    with stating.store.read() as connection:
        aliases = review.read_aliases(connection, "grid")
    assert aliases[["spelling", "target"]].to_numpy().tolist() == [["330411104001-1", said.code]]
    assert review_queue(stating).questions["grid"] == 0
    ids = stored(stating)["report_id"]
    for code, waiting in (("330411104001-1", 0), ("xc-1", 1), ("33041110400100１", 0)):
        with stating.store.begin() as connection:  # a later file names a grid: one explained is asked no more
            records.update_stated_grids(connection, [ids["A0"]], [code])
        assert review_queue(stating).questions["grid"] == waiting
    take_back_answer(stating)
    assert dump(stating) == before


# -- duplicates --------------------------------------------------------------------------------------


def test_duplicates_are_decided_in_the_same_queue(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1), good(2, 描述="楼道飞线"), good(3))
    ids = stored(town)["report_id"]
    pairs = pd.DataFrame(
        [
            (ids["A1"], ids["A2"], 3.4, 0.26, 0.7, np.nan, 0.9, "near"),
            (ids["A2"], ids["A3"], 3.4, 2.0, 0.7, np.nan, 0.2, "near"),
        ],
        columns=list(DUPLICATE_PAIRS.columns),
    ).astype(dict(DUPLICATE_PAIRS.columns))
    with town.store.begin() as connection:
        duplicates.insert_duplicates(connection, 1, pairs)
    before = dump(town)
    item = item_of(town, "duplicate")
    assert said_in_chinese(item) == "两条记录可能说的是同一件事：相距 3 米，相隔 0.3 小时。"
    assert (item.received["first_description"], item.received["second_description"]) == (
        "三楼飞线",
        "楼道飞线",
    )
    answer(town, item.key, Answer("merge"), now=NOW)
    assert len(stored(town)) == 2
    with pytest.raises(ReviewItemError):
        answer(town, item.key, Answer("apart"), now=NOW)
    assert answer(town, item_of(town, "duplicate").key, Answer("apart"), now=NOW).changed == 1
    assert review_queue(town).total == 0
    take_back_answer(town)
    take_back_answer(town)
    assert dump(town) == before


# -- undo --------------------------------------------------------------------------------------------


def test_undo_after_answers_leaves_all_other_rows_as_they_were(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1), good(2, 经度=""), good(3, 类别="飞碟"))
    before = dump(town, but=["batch", "alias", "answer"])[0]
    bring(
        town,
        tmp_path / "b.csv",
        good(11, 经度=""),
        good(12, 时间="昨天"),
        good(13),
        good(14, 类别="外星人"),
        source="新来源",
    )
    answer(town, "held:3", Answer("mend", cells={"经度": "120.611"}), now=NOW)
    answer(town, "held:4", Answer("dismiss"), now=NOW)
    answer(town, "category:外星人", Answer("use", code="RD1"), now=NOW)
    ids = stored(town)["report_id"]
    first, second = sorted([ids["A1"], ids["A13"]])
    with town.store.begin() as connection:
        pair = pd.DataFrame(
            [(first, second, 3.4, 0.26, 0.7, np.nan, 0.9, "near")], columns=list(DUPLICATE_PAIRS.columns)
        )
        duplicates.insert_duplicates(connection, 2, pair.astype(dict(DUPLICATE_PAIRS.columns)))
    answer(town, f"duplicate:{first}-{second}", Answer("merge"), now=NOW)
    undo_import(town, 2, NOW)
    assert dump(town, but=["batch", "alias", "answer"])[0] == before
    for _ in range(4):  # answers about an import that is gone are taken back without harm
        take_back_answer(town)
    assert dump(town, but=["batch", "alias", "answer"])[0] == before
    assert dump(town)[0]["alias"] == []


def test_words_too_long_to_be_remembered(town, tmp_path):
    """SQLite would remember them, and PostgreSQL fail."""
    words = "很" * 401
    bring(town, tmp_path / "a.csv", good(1), good(2, 类别=words))
    item = item_of(town, "category")
    before = dump(town)
    with pytest.raises(AnswerError, match="more than 400 characters"):
        answer(town, item.key, Answer("use", code="FW1"), now=NOW)
    with pytest.raises(AnswerError, match="more than 400 characters"):
        answer(town, item.key, Answer("new", code="LONG", name="长"), now=NOW)
    assert dump(town) == before
    assert answer(town, item.key, Answer("dismiss"), now=NOW).dismissed == 1
    hold(town, 1, "unknown_place", words[:79] + "…", 1, 地址=words)
    outcome = answer(
        town, item_of(town, "place").key, Answer("use", lon=120.611, lat=30.791, level="place"), now=NOW
    )
    assert (outcome.accepted, outcome.alias) == (1, False)
    assert dump(town)[0]["alias"] == []


def test_held_rows_are_listed_with_their_places(town, tmp_path):
    bring(town, tmp_path / "a.csv", good(1, 时间="昨天"), good(2, 经度=""), good(3, 经度="0", 纬度="0"))
    held = list_held(town)
    assert held["lon"].isna().tolist() == [False, True, True]
    assert (held["lon"][0], held["lat"][0]) == (120.611, 30.791)
    bring(town, tmp_path / "b.csv", good(4, 时间="昨天"), datum="gcj02", source="x")
    lon = list_held(town, 2)["lon"][0]
    assert 0.003 < 120.611 - lon < 0.006  # shown in WGS-84, half a kilometre to the west
