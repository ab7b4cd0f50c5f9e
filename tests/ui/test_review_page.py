"""The review page: refused answers first, then every kind of question, each checked in the town's data."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pingan_geo.model.tables import DUPLICATE_PAIRS
from pingan_geo.settings import read_settings
from pingan_geo.storage import records, review
from pingan_geo.storage.duplicates import insert_duplicates, read_duplicates
from pingan_geo.ui.components.review import tag
from pingan_geo.workflow.answers import Answer, answer
from pingan_geo.workflow.held import held_rows
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.photos import row_photos
from pingan_geo.workflow.review import review_queue
from pingan_geo.workflow.towns import create_town, open_town

NOW = datetime(2026, 3, 1, 9)


@pytest.fixture
def town(review_town):
    opened = open_town(review_town)
    yield opened
    opened.close()


def reports(town):
    with town.store.read() as connection:
        return records.read_reports(connection, merged=True).set_index("source_id")


def aliases(town, kind):
    with town.store.read() as connection:
        table = review.read_aliases(connection, kind)
    return dict(zip(table["spelling"], table["target"], strict=True))


def item_of(town, kind, words=""):
    items = review_queue(town, kinds=[kind], limit=100).items
    return next(item for item in items if words in item.key)


def press(app, name, item):
    """Press the button of a question; it must be the one that is asked."""
    button = app.button(key=f"{name}_{tag(item)}")
    app = button.click().run()
    assert not app.exception
    return app


def submit(app, label):
    app = next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def told(app):
    """What the last step did."""
    return next((one.proto.body for one in app.get("html") if "review_said" in one.proto.body), "")


def asked(app):
    return next((one.proto.body for one in app.get("html") if "review_question" in one.proto.body), "")


# -- refused -----------------------------------------------------------------------------------------


def test_an_address_that_asks_for_nothing_there_is_said_and_passed_over(open_page, town):
    app = open_page(town, "review", **{"kind": "weather", "import": "99"})
    assert not app.exception
    assert "weather" in app.warning[0].value
    assert "99" in app.warning[0].value
    assert "飞线乱接" in asked(app)


def test_a_year_that_is_none_is_refused_and_nothing_is_written(open_page, town):
    app = open_page(town, "review", kind="date")
    app.text_input(key=f"year_{tag(item_of(town, 'date'))}").set_value("去年")
    app = submit(app, "就用这一年")
    assert "年份须为四位数字" in told(app)
    assert held_rows(town)["reason"].tolist().count("no_year") == 3


def test_a_category_that_is_there_is_not_made_again(open_page, town):
    app = open_page(town, "review", kind="category")
    item = item_of(town, "category", "飞线乱接")
    app.text_input(key=f"new_code_{tag(item)}").set_value("FW1")
    app = submit(app, "新增并使用")
    assert "已有这个代码或名称" in told(app)
    assert aliases(town, "category") == {}


def test_a_row_that_is_wrong_still_stays_and_says_why(open_page, town):
    app = open_page(town, "review", kind="held")
    item = item_of(town, "held")
    app.text_input(key=f"cell_0_{tag(item)}").set_value("昨天")
    app = submit(app, "重新读取本行")
    assert "时间无法识别" in told(app)
    assert "未作改动" in told(app)
    assert "前天下午" in asked(app)
    app = submit(open_page(town, "review", kind="held"), "重新读取本行")
    assert "没有改动任何单元格" in told(app)


def test_an_answer_that_somebody_else_gave_first_is_one_sentence_and_the_next_question(open_page, town):
    app = open_page(town, "review", kind="category")
    item = item_of(town, "category", "飞线乱接")
    answer(town, item.key, Answer("use", code="FW1"), now=NOW)
    app = press(app, "choose_1", item)
    assert "已有人答复" in told(app)
    assert "飞碟" in asked(app)
    assert reports(town).loc["A1", "category"] == "FW1"


def test_another_persons_later_answer_is_not_taken_back_for_ones_own(open_page, town):
    app = press(open_page(town, "review", kind="category"), "choose_1", item_of(town, "category", "飞线乱接"))
    answer(town, item_of(town, "grid").key, Answer("leave"), now=NOW)
    app = app.button(key="review_back").click().run()
    assert "之后又有别的答复" in told(app)
    assert aliases(town, "category") == {"飞线乱接": "FW2"}
    assert aliases(town, "grid") == {"xc-9": ""}


# -- every kind of question ---------------------------------------------------------------------------


def test_a_proposed_category_frees_its_rows_and_is_remembered(open_page, town):
    app = open_page(town, "review")
    assert "第 1 件，共 11 件" in str([one.proto.body for one in app.get("html")])
    app = press(app, "choose_1", item_of(town, "category", "飞线乱接"))
    assert "3 行入库" in told(app)
    assert "飞线乱接 = 飞线充电" in told(app)
    assert reports(town).loc[["A1", "A2", "A3"], "category"].tolist() == ["FW2"] * 3
    assert aliases(town, "category") == {"飞线乱接": "FW2"}
    assert "飞线乱接" not in asked(app)


def test_another_category_is_chosen_from_the_list(open_page, town):
    app = open_page(town, "review", kind="category")
    item = item_of(town, "category", "飞线乱接")
    app = app.selectbox(key=f"pick_{tag(item)}").set_value("TH1").run()
    app = press(app, "use", item)
    assert reports(town).loc["A2", "category"] == "TH1"


def test_a_new_category_stands_in_the_settings_and_goes_again_when_taken_back(open_page, town):
    first = item_of(town, "category", "飞线乱接")
    app = press(open_page(town, "review", kind="category"), "skip", first)
    item = item_of(town, "category", "飞碟")
    app.text_input(key=f"new_name_{tag(item)}").set_value("不明飞行物")
    app.text_input(key=f"new_code_{tag(item)}").set_value("UF1")
    app = submit(app, "新增并使用")
    assert "2 行入库" in told(app)
    assert "UF1" in {one.code for one in read_settings(town.folder).categories}
    assert reports(town).loc["A4", "category"] == "UF1"
    app = app.button(key="review_back").click().run()
    assert "飞碟&lt;b&gt;" in told(app)
    assert "UF1" not in {one.code for one in read_settings(town.folder).categories}
    assert "A4" not in reports(town).index


def test_a_misspelled_place_is_chosen_and_remembered(open_page, town):
    app = press(open_page(town, "review", kind="place"), "choose_1", item_of(town, "place", "平安缸"))
    assert "1 行入库" in told(app)
    assert reports(town).loc["A10", ["lon", "lat"]].tolist() == pytest.approx([120.60525, 30.7854], abs=1e-6)
    assert aliases(town, "place") == {"平安缸1号": "平安岗1号"}


def test_a_place_without_proposal_asks_for_the_map(open_page, town, words_of):
    app = press(open_page(town, "review", kind="place"), "skip", item_of(town, "place", "平安缸"))
    assert "老供销社" in asked(app)
    assert not [button for button in app.button if button.key.startswith(("choose_", "point_"))]
    assert "在地图上点出正确位置" in words_of(app)
    item = item_of(town, "place", "老供销社")
    app.session_state["review"].point = (item.key, 120.612, 30.792)
    app = press(app.run(), "point", item)
    assert reports(town).loc["A11", ["lon", "lat"]].tolist() == [120.612, 30.792]


def test_an_unknown_grid_is_replaced_or_left_empty(open_page, town):
    item = item_of(town, "grid")
    app = press(open_page(town, "review", kind="grid"), "choose_2", item)
    chosen = item.candidates[1].code
    assert reports(town).loc[["A6", "A7"], "stated_grid"].tolist() == [chosen] * 2
    app = app.button(key="review_back").click().run()
    assert reports(town).loc["A6", "stated_grid"] == "XC-9"
    app = press(app, "leave", item)
    assert reports(town).loc["A6", "stated_grid"] == ""


def test_the_year_of_a_file_is_said_once(open_page, town):
    app = press(open_page(town, "review", kind="date"), "choose_2", item_of(town, "date"))
    assert "3 行入库" in told(app)
    times = reports(town).loc[["A20", "A21", "A22"], "time"]
    year = int(times.dt.year.iloc[0])
    assert times.dt.year.tolist() == [year] * 3
    assert f"记为 {year} 年" in told(app)


@pytest.mark.parametrize(
    ("way", "decision", "said"), [("merge", "merged", "算作一件"), ("apart", "apart", "仍算两件")]
)
def test_duplicates_are_shown_beside_each_other_and_decided(open_page, town, words_of, way, decision, said):
    app = open_page(town, "review", kind="duplicate")
    with town.store.read() as connection:
        pair = read_duplicates(connection, limit=1).iloc[0]
    shown = words_of(app)
    assert "先到的上报" in shown
    assert "相距 0 米" in asked(app)
    app = press(app, way, item_of(town, "duplicate", f"{pair['first']}-{pair['second']}"))
    assert said in told(app)
    with town.store.read() as connection:
        decided = read_duplicates(connection, decision)
    assert decided[["first", "second"]].to_numpy().tolist() == [[pair["first"], pair["second"]]]


def test_a_held_row_is_mended_in_place(open_page, town):
    app = open_page(town, "review", kind="held")
    item = item_of(town, "held")
    field = app.text_input(key=f"cell_0_{tag(item)}")
    assert (field.label, field.value) == ("▸ 时间", "前天下午")
    field.set_value("2025-07-12 15:00")
    app = submit(app, "重新读取本行")
    assert "1 行入库" in told(app)
    assert reports(town).loc["A12", "time"] == datetime(2025, 7, 12, 15)
    assert "100.6" in asked(app)


def test_a_point_puts_a_row_outside_the_town_right(open_page, town):
    app = press(open_page(town, "review", kind="held"), "skip", item_of(town, "held"))
    item = review_queue(town, kinds=["held"]).items[1]
    app.session_state["review"].point = (item.key, 120.611, 30.7915)
    app = press(app.run(), "point", item)
    assert reports(town).loc["A13", ["lon", "lat"]].tolist() == [120.611, 30.7915]


def test_rows_are_put_aside_and_come_back(open_page, town):
    before = len(held_rows(town))
    app = press(open_page(town, "review", kind="category"), "dismiss", item_of(town, "category", "飞线乱接"))
    assert "3 行已搁置" in told(app)
    assert len(held_rows(town)) == before - 3
    app = app.button(key="review_back").click().run()
    assert len(held_rows(town)) == before
    assert "飞线乱接" in asked(app)


# -- the queue ---------------------------------------------------------------------------------------


def test_what_is_skipped_comes_last_and_the_number_goes_on(open_page, town):
    app = open_page(town, "review", kind="category")
    app = press(app, "skip", item_of(town, "category", "飞线乱接"))
    assert "飞碟" in asked(app)
    assert any("第 2 件，共 2 件" in one.proto.body for one in app.get("html"))
    app = press(app, "skip", item_of(town, "category", "飞碟"))
    assert "飞线乱接" in asked(app)


def test_questions_of_one_import_only(open_page, town):
    app = open_page(town, "review", **{"import": "3"})
    assert "无年份.csv" in asked(app)
    assert any("第 1 件，共 1 件" in one.proto.body for one in app.get("html"))
    press(app, "choose_1", item_of(town, "date"))
    app = open_page(town, "review", **{"import": "3", "kind": "date"})  # pairs of the freed rows may follow
    assert "没有这一类待核事项" in app.success[0].value
    app = app.button(key="review_all").click().run()
    assert "飞线乱接" in asked(app)
    assert dict(app.query_params) == {"lang": "zh"}


def test_the_address_keeps_the_kind(open_page, town):
    app = open_page(town, "review")
    app = app.button_group(key="ask_review_kind").set_value("grid").run()
    assert app.query_params["kind"] == "grid"
    assert "XC-9" in asked(app)


def test_after_a_new_visit_the_last_answer_is_named_and_taken_back(open_page, town):
    press(open_page(town, "review"), "choose_1", item_of(town, "category", "飞线乱接"))
    app = open_page(town, "review")
    assert app.button(key="review_back").label == "撤销：飞线乱接"
    app = app.button(key="review_back").click().run()
    assert aliases(town, "category") == {}
    assert "飞线乱接" in asked(app)


def test_nothing_waiting_says_what_to_do_next(open_page, tiny_town_files, tmp_path, words_of):
    empty = create_town(tmp_path / "empty", area=tiny_town_files / "area.geojson", name="小镇")
    empty.close()
    app = open_page(empty, "review")
    assert not app.exception
    assert "没有待核事项" in app.success[0].value
    assert "导入下一个文件" in words_of(app)
    assert app.button(key="review_back").disabled


def test_what_a_ledger_says_is_only_ever_text(open_page, town):
    app = press(open_page(town, "review", kind="category"), "skip", item_of(town, "category", "飞线乱接"))
    bodies = "".join(one.proto.body for one in app.get("html") if not one.proto.body.startswith("<style>"))
    assert "飞碟&lt;b&gt;" in bodies
    assert "飞碟<b>" not in bodies


def test_english_says_the_same(open_page, town, words_of):
    app = open_page(town, "review", lang="en")
    assert "Question 1 of 11" in str([one.proto.body for one in app.get("html")])
    app = press(app, "choose_1", item_of(town, "category", "飞线乱接"))
    assert "3 stored" in told(app)
    assert "remembered" in told(app)
    assert "Skip" in words_of(app)


def test_why_a_place_is_asked_about_is_said(open_page, town, words_of):
    app = open_page(town, "review", kind="place")
    assert "拼写不同" in words_of(app)
    app = press(app, "skip", item_of(town, "place", "平安缸"))
    assert "库中没有这个地名" in words_of(app)


def test_photos_stand_beside_their_rows_and_a_category_is_offered(open_page, town, tmp_path, words_of):
    for seed in (1, 2):
        Image.effect_noise((320, 240), 40 + seed).save(tmp_path / f"{seed}.jpg")
    receipts = [import_reports(town, tmp_path / f"{seed}.jpg", now=NOW) for seed in (1, 2)]
    assert [receipt.held_by_reason for receipt in receipts] == [{"no_place": 1}] * 2
    app = open_page(town, "review", **{"import": str(receipts[0].batch_id)})
    file = row_photos(town, receipts[0].batch_id, 1)[0]
    shown = next(one.proto.body for one in app.get("html") if "review_photos" in one.proto.body)
    assert f'src="photos/{file}"' in shown
    assert 'alt="本行照片 1"' in shown
    assert 'loading="lazy"' in shown
    held = held_rows(town).set_index("batch_id")["held_id"]
    mended = {"类别": "FW1", "时间": "2025-07-03 10:00"}
    for number, receipt in enumerate(receipts):
        place = {"lon": 120.611 + number / 1e4, "lat": 30.791}
        answer(town, f"held:{held[receipt.batch_id]}", Answer("mend", cells=mended, **place), now=NOW)
    ids = sorted(
        reports(town).query("batch_id in @batches", local_dict={"batches": [r.batch_id for r in receipts]})[
            "report_id"
        ]
    )
    pair = pd.DataFrame([(*ids, 9.6, 0.0, np.nan, 0.5, 0.9, "near")], columns=list(DUPLICATE_PAIRS.columns))
    with town.store.begin() as connection:
        insert_duplicates(connection, receipts[1].batch_id, pair.astype(dict(DUPLICATE_PAIRS.columns)))
    app = open_page(town, "review", kind="duplicate", **{"import": str(receipts[1].batch_id)})
    table = next(one.proto.body for one in app.get("html") if "facts pair" in one.proto.body)
    assert table.count("<img ") == 2
    assert 'alt="先到的上报的照片 1"' in table
    assert 'alt="后到的上报的照片 1"' in table


def test_a_row_without_a_category_gets_one_by_its_number(open_page, town, tmp_path):
    (tmp_path / "无类别.csv").write_text(
        "编号,类别,时间,经度,纬度\nZ1,,2025-07-03,120.611,30.791\n", encoding="utf-8"
    )
    batch = import_reports(town, tmp_path / "无类别.csv", now=NOW).batch_id
    item = review_queue(town, kinds=["held"], batch=batch).items[0]
    app = open_page(town, "review", **{"import": str(batch)})
    assert next(button.label for button in app.button if button.key.startswith("choose_")).startswith("**1**")
    press(app, "choose_2", item)
    assert reports(town).loc["Z1", "category"] == item.candidates[1].code
    (tmp_path / "又一份.csv").write_text(
        "编号,类别,时间,经度,纬度\nZ2,,2025-07-03,120.611,30.791\n", encoding="utf-8"
    )
    batch = import_reports(town, tmp_path / "又一份.csv", now=NOW).batch_id
    item = review_queue(town, kinds=["held"], batch=batch).items[0]
    app = open_page(town, "review", **{"import": str(batch)})
    app = app.selectbox(key=f"pick_{tag(item)}").set_value("TH1").run()
    press(app, "use", item)
    assert reports(town).loc["Z2", "category"] == "TH1"


def test_the_number_for_the_bar_is_of_all_questions_and_follows_each_answer(open_page, town):
    def for_bar(app):
        said = next(one.proto.body for one in app.get("html") if "review_number" in one.proto.body)
        return said.partition('data-waiting="')[2].partition('"')[0]

    app = open_page(town, "review", **{"import": "3"})
    assert for_bar(app) == str(review_queue(town).total) == "11"
    app = press(app, "choose_1", item_of(town, "date"))
    assert for_bar(app) == str(review_queue(town).total)
    app = open_page(town, "review", kind="category")
    app = press(app, "dismiss", item_of(town, "category", "飞线乱接"))
    assert for_bar(app) == str(review_queue(town).total)


def test_the_number_waiting_stands_in_the_bar(open_app, town):
    app = open_app(town.folder)
    assert not app.exception
    from pingan_geo.ui import cache

    visit = cache.begin_visit(town, None)
    assert visit.waiting() == review_queue(town).total == 11


def test_mended_row_that_names_another_grid_can_pass_all_the_same(open_page, tiny_town_files, tmp_path):
    files = tiny_town_files
    folder = tmp_path / "strict"
    create_town(folder, area=files / "area.geojson", grids=files / "grids.geojson", name="小镇").close()
    text = (folder / "town.toml").read_text("utf-8")
    (folder / "town.toml").write_text(
        text.replace('grid_conflict = "point"', 'grid_conflict = "hold"'), "utf-8"
    )
    strict = open_town(folder)
    heading = "编号,类别,时间,经度,纬度,网格\n"
    rows = (
        "A1,FW1,昨天,120.611,30.791,330411104001001\nA2,FW1,2025-07-03 14:05,120.611,30.791,330411104001001\n"
    )
    (tmp_path / "a.csv").write_text(heading + rows, "utf-8")
    import_reports(strict, tmp_path / "a.csv", now=NOW)
    first, second = review_queue(strict).items
    app = open_page(strict, "review")
    app.text_input(key=f"cell_0_{tag(first)}").set_value("2025-07-03 14:05")
    app = submit(app, "重新读取本行")
    assert "330411104001001 ≠ 330411104002002" in told(app)
    app = press(app, "choose_1", first)
    app = press(app, "choose_1", second)  # the place is right
    stated = reports(strict)["stated_grid"].to_dict()
    strict.close()
    assert stated == {"A1": "330411104001001", "A2": "330411104002002"}
