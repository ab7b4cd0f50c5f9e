"""The import page: refused inputs first, then each step as a person goes through it."""

from __future__ import annotations

import io
import json
import re
from importlib import import_module

import numpy as np
import openpyxl
import pandas as pd
import pytest

from pingan_geo.coords import from_wgs84
from pingan_geo.errors import Cancelled
from pingan_geo.ui.components.datum_maps import datum_svg
from pingan_geo.workflow.held import held_rows
from pingan_geo.workflow.inventory import load_batch_reports, load_batches, load_features, load_receipt
from pingan_geo.workflow.layouts import find_layout, list_layouts
from pingan_geo.workflow.towns import create_town, open_town

HEAD = "编号,类别,发生时间,经度,纬度\n"
GOOD = "N1,FW1,2026-02-01 19:30,120.61,30.79\n"
OUTSIDE = "N2,FW1,2026-02-01 19:30,100.61,30.79\n"


def upload(app, name, content):
    body = content if isinstance(content, bytes) else content.encode()
    return app.get("file_uploader")[0].set_value((name, body, "application/octet-stream")).run()


def press(app, key):
    return app.button(key=key).click().run()


def keyed(widgets, start):
    """The widget whose key starts so: the rest of it names the file."""
    found = [one for one in widgets if one.key and one.key.startswith(start)]
    assert len(found) == 1, [one.key for one in widgets]
    return found[0]


def listed(app):
    return [table.value.to_dict("list") for table in app.dataframe]


def workbook(*sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def month(name, count, start=0):
    rows = [
        [f"M{start + n}", "FW1", f"2026-02-{n + 1:02d} 08:30", 120.605 + n / 1000, 30.785]
        for n in range(count)
    ]
    return name, [
        ["某驿站台账"],
        ["编号", "类别", "发生时间", "位置", None],
        [None, None, None, "经度", "纬度"],
        *rows,
        ["合计", None, None, count],
    ]


@pytest.fixture
def opened(own_town):
    town = open_town(own_town)
    yield town
    town.close()


# -- refused -----------------------------------------------------------------------------------------


def test_a_file_that_lacks_a_column_is_one_sentence_and_cannot_be_imported(open_page, own_town, opened):
    app = upload(open_page(own_town, "imports"), "坏.csv", "随便,什么\n1,2\n")
    assert not app.exception
    assert len(app.error) == 1
    assert "缺少" in app.error[0].value
    assert not [one for one in app.button if one.key == "import"]
    assert len(load_batches(opened)) == 3


def test_a_file_that_is_no_table_is_one_sentence(open_page, own_town):
    app = upload(open_page(own_town, "imports"), "假.xlsx", b"%PDF-1.4 \n")
    assert not app.exception
    assert [one for one in app.error if "PDF" in one.value]
    assert not [one for one in app.button if one.key == "import"]


def test_what_a_user_wrote_in_a_file_name_is_no_markup(open_page, own_town):
    app = upload(open_page(own_town, "imports"), "![x](http:--evil.example)<b>.csv", "随便,什么\n1,2\n")
    assert not app.exception
    assert r"\!\[x\]\(" in app.error[0].value


def test_what_a_user_wrote_in_a_ledger_is_no_markup(open_page, own_town, words_of):
    app = upload(
        open_page(own_town, "imports"),
        "新.csv",
        "编号,类别,发生时间,经度,纬度,<img src=x>描述\nN1,FW1,2026-02-01 19:30,120.61,30.79,<script>alert(1)</script>\n",
    )
    assert not app.exception
    html = "\n".join(one.proto.body for one in app.get("html"))
    assert "<script>alert" not in html
    assert "<img src=x>" not in html
    assert "&lt;script&gt;" in html  # the sample is shown as text


def test_a_cancelled_import_leaves_the_town_as_it_was(open_page, own_town, words_of, monkeypatch):
    importing = import_module("pingan_geo.workflow.import_reports")
    app = upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD)

    def cancel(on_progress, step):
        if step.stage == "Importing reports":
            raise Cancelled

    monkeypatch.setattr(importing, "tell", cancel)
    press(app, "import")
    assert "已取消，没有写入任何内容" in app.error[0].value
    assert "共 600 条上报" in words_of(app)


# -- the way of one file -----------------------------------------------------------------------------


def test_an_empty_page_says_what_to_do(open_page, own_town, words_of):
    said = words_of(open_page(own_town, "imports"))
    assert "选台账" in said
    assert "看读成了什么" in said


def test_a_dropped_file_is_checked_at_once_and_nothing_is_written(open_page, own_town, opened, words_of):
    app = upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD + OUTSIDE)
    said = words_of(app)
    assert "没有写入任何内容" in said
    assert "**读取 2** = 接收 1 + 合并 0 + 更正 0 + 待核 1 + 重复 0" in said
    assert len(load_batches(opened)) == 3


def test_an_import_is_counted_held_listed_and_taken_back(open_page, own_town, opened, words_of):
    app = press(upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD + OUTSIDE), "import")
    assert not app.exception
    said = words_of(app)
    assert "**读取 2** = 接收 1 + 合并 0 + 更正 0 + 待核 1 + 重复 0" in said
    assert "共 601 条上报" in said
    assert held_rows(opened)["reason"].tolist() == ["outside_town"]
    assert any(table.get("row_number") == [3] and "地点在镇外" in str(table) for table in listed(app))
    assert "review?lang=zh" in said
    batch = int(load_batches(opened)["batch_id"].max())
    keyed(app.get("button_group"), f"outcome_{batch}").set_value("accepted").run()
    assert any(table.get("row_number") == [2] and "time" in table for table in listed(app))
    assert not any("地点在镇外" in str(table.get("reason")) and "values" in table for table in listed(app))
    press(app, "undo")
    assert not app.exception
    assert "共 600 条上报" in words_of(app)
    assert held_rows(opened).empty
    assert len(load_batch_reports(opened, batch)) == 0


def test_the_same_file_again_brings_nothing_new(open_page, own_town, words_of):
    app = press(upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD), "import")
    press(app, "another")
    assert app.get("file_uploader")[0].value is None
    press(upload(app, "新.csv", HEAD + GOOD), "import")
    assert "接收 0 + 合并 0 + 更正 0 + 待核 0 + 重复 1" in words_of(app)
    assert "共 601 条上报" in words_of(app)


def test_a_large_file_is_checked_only_when_asked(open_page, own_town, words_of, monkeypatch):
    monkeypatch.setattr("pingan_geo.ui.components.checking._AT_ONCE_BYTES", 10)
    app = upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD)
    assert "**读取" not in words_of(app)
    press(app, "check")
    assert "**读取 1** = 接收 1" in words_of(app)
    assert "没有写入任何内容" in words_of(app)
    press(app, "import")
    assert "共 601 条上报" in words_of(app)


def test_an_earlier_receipt_is_shown_again_as_it_is_now(open_page, own_town, opened, words_of):
    press(upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD + OUTSIDE), "import")
    batch = int(load_batches(opened)["batch_id"].max())
    receipt = load_receipt(opened, batch)
    assert receipt.adds_up()
    assert receipt.held_by_reason == {"outside_town": 1}
    app = open_page(own_town, "imports")
    assert "**读取 2**" not in words_of(app)
    keyed(app.selectbox, "batch_").set_value(batch).run()
    assert not app.exception
    assert "**读取 2** = 接收 1 + 合并 0 + 更正 0 + 待核 1 + 重复 0" in words_of(app)


def test_a_layer_is_checked_and_imported_too(open_page, own_town, opened, words_of):
    app = open_page(own_town, "imports")
    app.selectbox(key="import_kind").set_value("posts").run()
    upload(app, "岗.csv", "编号,名称,经度,纬度\nP9,平安岗9号,120.61,30.79\n")
    assert "**读取 1** = 接收 1" in words_of(app)
    press(app, "import")
    assert not app.exception
    assert "P9" in load_features(opened, "posts")["feature_id"].tolist()


# -- what it was taken to be -------------------------------------------------------------------------


def test_a_printed_ledger_is_told_and_read(open_page, own_town, words_of):
    book = workbook(month("一月", 4), month("二月", 3, start=10), ("说明", [["由驿站填写"]]))
    app = upload(open_page(own_town, "imports"), "台账.xlsx", book)
    assert not app.exception
    said = words_of(app)
    for sentence in ("第 1 行是标题", "第 2–3 行是表头", "合计", "说明"):
        assert sentence in said, sentence
    assert "**读取 7** = 接收 7" in said


def test_only_the_chosen_sheets_are_read(open_page, own_town, words_of):
    app = upload(
        open_page(own_town, "imports"), "台账.xlsx", workbook(month("一月", 4), month("二月", 3, start=10))
    )
    keyed(app.multiselect, "sheets_").set_value(["二月"]).run()
    assert "**读取 3** = 接收 3" in words_of(app)


def test_the_heading_can_be_moved(open_page, own_town, words_of):
    text = "编号,类别,发生时间,经度,纬度\n单号,种类,时间,东经,北纬\n" + GOOD
    app = upload(open_page(own_town, "imports"), "两行.csv", text)
    first, last = keyed(app.number_input, "heading_first_"), keyed(app.number_input, "heading_last_")
    last.set_value(2)
    first.set_value(2).run()
    assert not app.exception
    said = words_of(app)
    assert "单号" in said
    assert "**读取 1** = 接收 1" in said


def test_a_column_can_be_chosen_and_its_samples_are_shown(open_page, own_town, opened, words_of):
    text = "编号,发生时间,甲,乙,经度,纬度\nN1,2026-02-01 19:30,无关,FW1,120.61,30.79\n"
    app = upload(open_page(own_town, "imports"), "新.csv", text)
    assert "缺少" in app.error[0].value
    choice = keyed(app.selectbox, "field_category_")
    assert "乙 (FW1)" in choice.options
    choice.set_value("乙").run()
    assert not app.error
    press(app, "import")
    batch = int(load_batches(opened)["batch_id"].max())
    assert load_batch_reports(opened, batch)["category"].tolist() == ["FW1"]


def test_a_column_that_is_not_wanted_is_left(open_page, own_town, opened, words_of):
    text = HEAD.replace("\n", ",描述\n") + GOOD.replace("\n", ",不要的话\n")
    app = upload(open_page(own_town, "imports"), "新.csv", text)
    keyed(app.selectbox, "field_description_").set_value("").run()
    press(app, "import")
    batch = int(load_batches(opened)["batch_id"].max())
    assert load_batch_reports(opened, batch)["description"].tolist() == [""]


def test_persons_are_neither_shown_nor_offered(open_page, own_town, words_of):
    text = "编号,类别,发生时间,经度,纬度,联系人,描述\nN1,FW1,2026-02-01 19:30,120.61,30.79,测试甲,请打13900001234\n"
    app = upload(open_page(own_town, "imports"), "新.csv", text)
    assert "涉及个人，不存储：联系人" in words_of(app)
    offered = [option for one in app.selectbox for option in one.options]
    assert not [option for option in offered if option.startswith("联系人")]
    everything = words_of(app) + str(offered) + str(listed(app))
    assert "测试甲" not in everything
    assert "13900001234" not in everything


def test_twins_and_blank_columns_are_told(open_page, own_town, words_of):
    text = "编号,类别,发生时间,经度,纬度,备注,,备注\nN1,FW1,2026-02-01 19:30,120.61,30.79,甲,,乙\n"
    said = words_of(upload(open_page(own_town, "imports"), "新.csv", text))
    assert "备注 → 备注" in said
    assert "空白列已略去：第 7 列" in said


def test_a_layout_is_remembered_used_and_forgotten(open_page, own_town, opened, words_of):
    rows = "N{},2026-02-0{} 19:30,无关,FW1,120.61,30.79\n"
    head = "编号,发生时间,甲,乙,经度,纬度\n"
    app = upload(open_page(own_town, "imports"), "新.csv", head + rows.format(1, 1))
    keyed(app.selectbox, "field_category_").set_value("乙").run()
    keyed(app.text_input, "layout_name_").set_value(" 驿站  月报 ").run()
    press(app, "import")
    assert list_layouts(opened)["name"].tolist() == ["驿站 月报"]
    assert find_layout(opened, "驿站 月报").fields["category"] == "乙"
    app = open_page(own_town, "imports")
    keyed(app.selectbox, "import_layout_").set_value("驿站 月报").run()
    upload(app, "下月.csv", head + rows.format(2, 2))
    assert not app.error
    assert not [one for one in app.selectbox if one.key.startswith("field_")]
    assert "**读取 1** = 接收 1" in words_of(app)
    press(app, "import")
    batches = load_batches(opened)
    assert batches["accepted"].tolist()[0] == 1
    app = open_page(own_town, "imports")
    keyed(app.selectbox, "import_layout_").set_value("驿站 月报").run()
    press(app, "forget")
    assert not app.exception
    assert list_layouts(opened).empty


# -- questions ---------------------------------------------------------------------------------------


def test_the_year_is_asked_once_for_the_file(open_page, own_town, opened, words_of):
    text = HEAD + "N1,FW1,2月3日下午,120.61,30.79\nN2,FW1,2月4日下午,120.61,30.79\n"
    app = upload(open_page(own_town, "imports"), "新.csv", text)
    assert any("2 个时间没有写年份" in one.value for one in app.warning)
    assert "待核 2" in words_of(app)
    keyed(app.number_input, "year_").set_value(2026).run()
    assert not app.warning
    assert "**读取 2** = 接收 2" in words_of(app)
    press(app, "import")
    batch = int(load_batches(opened)["batch_id"].max())
    assert set(load_batch_reports(opened, batch)["time"].dt.year) == {2026}


@pytest.fixture
def western_town(tmp_path):
    """A town where longitudes could be latitudes, so that nobody can tell a row by itself."""
    ring = [[8.5, 47.3], [8.6, 47.3], [8.6, 47.4], [8.5, 47.4], [8.5, 47.3]]
    shape = {
        "type": "Feature",
        "properties": {"code": "w", "name": "西镇"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    file = tmp_path / "area.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [shape]}), encoding="utf-8")
    town = create_town(tmp_path / "west", area=file, name="西镇")
    yield town
    town.close()


def test_exchanged_coordinates_are_asked_about_once(open_page, western_town, words_of):
    rows = "".join(f"N{n},FW1,2026-02-0{n} 19:30,47.35{n},8.55{n}\n" for n in (1, 2))
    good = "N9,FW1,2026-02-01 19:30,8.5512,47.3512\n"
    app = upload(open_page(western_town, "imports"), "新.csv", HEAD + good + rows)
    assert any("2 行经纬度像是反了" in one.value for one in app.warning)
    assert "待核 2" in words_of(app)
    keyed(app.get("button_group"), "swap_").set_value("yes").run()
    assert "更正 2 + 待核 0" in words_of(app)
    press(app, "import")
    batch = int(load_batches(western_town)["batch_id"].max())
    assert load_batch_reports(western_town, batch)["lon"].round(1).tolist() == [8.6, 8.6, 8.6]
    keyed(app.get("button_group"), f"outcome_{batch}").set_value("corrected").run()
    assert any(table.get("row_number") == [3, 4] and "before" in table for table in listed(app))


# -- the datum ---------------------------------------------------------------------------------------


def ledger_of_posts(town, datums, source=""):
    """A ledger of reports made at the town's posts, written in these datums in turn."""
    posts = load_features(town, "posts")
    rows = ["编号,类别,发生时间,经度,纬度,地点" + (",来源" if source else "")]
    for number in range(15 * len(datums)):
        post = posts.iloc[number % len(posts)]
        datum = datums[number % len(datums)]
        beside = number * 1e-5  # no two rows are the same
        x, y = from_wgs84(np.array([post["lon"] + beside]), np.array([post["lat"]]), datum)
        said = f"{source}{datum}" if source else ""
        rows.append(
            f"D{number},FW1,2026-02-{number % 27 + 1:02d} 08:{number:02d},{x[0]:.6f},{y[0]:.6f},{post['name']}"
            + (f",{said}" if source else "")
        )
    return "\n".join(rows) + "\n"


def test_what_the_rows_show_is_said_with_two_maps_and_can_be_overruled(open_page, own_town, opened, words_of):
    app = upload(open_page(own_town, "imports"), "高德.csv", ledger_of_posts(opened, ["gcj02"]))
    assert not app.exception
    said = words_of(app)
    assert "15/15 行符合 GCJ-02，0 行符合 WGS-84" in said
    assert "如无异议，按 GCJ-02 读取" in said
    assert "坐标按 gcj02 读取：写明已知地点的行与之相符" in said.replace("\\", "")
    figures = [one.proto.body for one in app.get("html") if "<figure" in one.proto.body]
    assert len(figures) == 2
    assert "按 GCJ-02 读" in figures[0]
    assert "按 WGS-84 读" in figures[1]
    press(app, "datum_wgs84")
    assert keyed(app.selectbox, "import_datum_").value == "wgs84"
    assert "按 GCJ-02 读" in words_of(app)  # the maps stay to compare
    press(app, "datum_gcj02")
    press(app, "import")
    batch = int(load_batches(opened)["batch_id"].max())
    stored = load_batch_reports(opened, batch)
    posts = load_features(opened, "posts").set_index("name")
    assert np.allclose(stored["lon"], posts.loc[stored["place"], "lon"], atol=5e-4)


def test_a_file_of_two_datums_asks_and_is_not_imported_unasked(open_page, own_town, opened, words_of):
    app = upload(open_page(own_town, "imports"), "混.csv", ledger_of_posts(opened, ["gcj02", "wgs84"]))
    assert not app.exception
    assert "混有两种坐标" in words_of(app)
    assert app.button(key="import").disabled
    press(app, "datum_gcj02")
    assert not app.button(key="import").disabled


def test_sources_with_datums_of_their_own_are_each_shown(open_page, own_town, opened, words_of):
    app = upload(
        open_page(own_town, "imports"), "混.csv", ledger_of_posts(opened, ["gcj02", "wgs84"], source="来源")
    )
    assert not app.exception
    said = words_of(app)
    assert "来源gcj02" in said
    assert "来源wgs84" in said
    assert app.button(key="datum_each")
    press(app, "import")
    batch = int(load_batches(opened)["batch_id"].max())
    stored = load_batch_reports(opened, batch)
    posts = load_features(opened, "posts").set_index("name")
    assert np.allclose(stored["lon"], posts.loc[stored["place"], "lon"], atol=5e-4)


def test_lines_are_short_on_the_map_of_the_right_datum():
    known = np.array([[120.60, 30.78], [120.62, 30.80], [120.61, 30.79]])
    x, y = from_wgs84(known[:, 0], known[:, 1], "gcj02")
    points = np.column_stack([x, y, known])
    bounds = (120.58, 30.76, 120.64, 30.82)

    def lengths(datum):
        drawn = datum_svg(points, datum, "#0b5394", bounds)
        lines = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', drawn)
        ends = np.array(lines, dtype=float)
        return np.hypot(ends[:, 0] - ends[:, 2], ends[:, 1] - ends[:, 3])

    metres_each = 110_574 * 0.06 / 340  # the frame is as high as the drawing
    assert lengths("gcj02").max() * metres_each < 5
    assert np.all(np.abs(lengths("wgs84") * metres_each - 485) < 40)


def test_a_receipt_can_be_taken_away(opened, own_town, open_page):
    app = press(upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD + OUTSIDE), "import")
    names = [one.proto.label for one in app.get("download_button")]
    assert names == ["回执（JSON）", "下载待核行（Excel）", "下载待核行（CSV）"]
    batch = int(load_batches(opened)["batch_id"].max())
    receipt = json.loads(json.dumps(load_receipt(opened, batch).as_dict()))
    assert receipt["read"] == 2
    assert pd.Series(receipt["held_by_reason"]).sum() == receipt["held"]
