"""One spelling for what means the same, and the parts of an address."""

from __future__ import annotations

import pytest

from pingan_geo.geocoding.addresses import (
    LONGEST,
    crossing,
    districts,
    normalise,
    numbers_in_order,
    parse,
    plain,
    relation_at_end,
    several,
    turned,
    without_beginning,
    without_quantities,
)


def one(text):
    return normalise([text])[0]


@pytest.mark.parametrize("text", [None, 12, float("nan"), "", "  ", "，。！", "\x00\ud800", "？？"])
def test_nothing_is_left_of_what_is_no_text(text):
    assert plain(one(text)) == ""


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("新塍大道１１８号", "新塍大道118号"),
        ("新塍大道118號", "新塍大道118号"),
        ("新塍大道 118 号", "新塍大道118号"),
        ("新塍大道一百一十八号", "新塍大道118号"),
        ("新塍大道一一八号", "新塍大道118号"),
        ("新塍大道0118号", "新塍大道118号"),
        ("新塍大道1l8号", "新塍大道118号"),
        ("新塍大道1O8号", "新塍大道108号"),
        ("民星一村", "民星1村"),
        ("瑞金2路", "瑞金二路"),
        ("⻢⻋⻓⻰", "马车长龙"),
        ("⾦⾊家园", "金色家园"),
        ("花園３號樓", "花园3幢"),
        ("花园三栋", "花园3幢"),
        ("花园3#楼", "花园3幢"),
        ("花园3座", "花园3幢"),
        ("北街12号之一", "北街12-1号"),
        ("北街12附1号", "北街12-1号"),
        ("北街12号甲", "北街12甲号"),
        ("往北50M", "往北50米"),
        ("往北2千米", "往北2公里"),
        ("北街二十五弄", "北街25弄"),
        ("北街廿五弄", "北街25弄"),
        ("洛东花园小区3幢", "洛东花园3幢"),
        ("洛东村第三村民小组", "洛东村3组"),
        ("北街壹佰零伍号", "北街105号"),
        ("北街No.12", "北街12号"),
        ("洛东村村民委员会", "洛东村委会"),
        ("洛东村民委员会", "洛东村委会"),
        ("洛东村委", "洛东村委会"),
        ("洛东村村委会", "洛东村委会"),
        ("洛东社区居民委员会", "洛东社区居委会"),
        ("北街第12号", "北街12号"),
        ("北街12-号", "北街12号"),
    ],
)
def test_spellings_of_the_same_become_one(text, same):
    assert one(text) == one(same) == same


@pytest.mark.parametrize(
    "texts",
    [("北街12号", "北街12弄"), ("北街12号", "北街12-1号"), ("花园3幢", "花园3号"), ("民星一村", "民星二村")],
)
def test_what_differs_stays_different(texts):
    first, second = normalise(list(texts))
    assert first != second


def test_the_rare_character_of_the_town_survives_the_conversion():
    assert one("新塍鎮") == "新塍镇"


def test_a_number_that_is_part_of_a_name_stays_in_it():
    assert one("五一路千禧花园") == "五一路千禧花园"


def test_many_texts_are_read_as_each_alone():
    texts = ["新塍\n大道", "乾隆街1号", "", "民星一村"]
    assert normalise(texts) == [one(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "before", "rest"),
    [
        ("浙江省嘉兴市秀洲区新塍镇北街12号", ("浙江省", "嘉兴市", "秀洲区", "新塍镇"), "北街12号"),
        ("上海市浦东新区川沙新镇华夏东路2639弄", ("上海市", "浦东新区", "川沙新镇"), "华夏东路2639弄"),
        ("乌镇镇人民路12号", ("乌镇镇",), "人民路12号"),
        ("花木街道牡丹路60号", ("花木街道",), "牡丹路60号"),
        ("新塍镇人民政府", (), "新塍镇人民政府"),
        ("农贸市场", (), "农贸市场"),
        ("好又多超市旁", (), "好又多超市旁"),
        ("阳光小区3幢", (), "阳光小区3幢"),
        ("新区路12号", (), "新区路12号"),
        ("绍兴市北街12号", ("绍兴市",), "北街12号"),
        ("南镇北路12号", (), "南镇北路12号"),
        ("新塍镇", (), "新塍镇"),
        ("洛东路镇宁路路口", (), "洛东路镇宁路路口"),
        ("南京东路街道北街12号", ("南京东路街道",), "北街12号"),
        ("光明强省快餐店", (), "光明强省快餐店"),
        ("旗星村2组", (), "旗星村2组"),
        ("发生在旗星村2组", (), "发生在旗星村2组"),
    ],
)
def test_districts_are_told_from_names_that_look_like_them(text, before, rest):
    assert districts(text) == (before, rest)


@pytest.mark.parametrize(
    ("text", "base", "chain", "detail"),
    [
        ("北街12号", "北街", "12号", ""),
        ("北街12弄3号501室", "北街", "12弄3号", "501室"),
        ("天山路30弄7支弄5号", "天山路", "30弄7支弄5号", ""),
        ("新塍花苑3幢2单元501室", "新塍花苑", "3幢", "2单元501室"),
        ("新塍花苑3幢2单元501", "新塍花苑", "3幢", "2单元501"),
        ("北街12号3楼", "北街", "12号", "3楼"),
        ("北街12号703#", "北街", "12号", "703#"),
        ("北街12", "北街", "12", ""),
        ("洛东村3组", "洛东村", "3组", ""),
        ("G320国道12号", "G320国道", "12号", ""),
        ("东方路1881弄东方城市花园79号", "东方路", "1881弄79号", ""),
        ("民星1村12号", "民星1村", "12号", ""),
    ],
)
def test_the_parts_of_an_address(text, base, chain, detail):
    address = parse(text)
    assert (address.base, address.chain, address.detail) == (base, chain, detail)


@pytest.mark.parametrize(
    "text", ["1号桥", "4号线秀洲站", "新塍花苑2号门", "老供销社", "往北50米", "118号", "7天酒店"]
)
def test_numbers_that_are_no_address(text):
    assert parse(text).numbers == ()


def test_lane_and_house_are_told_apart():
    address = parse("北街12弄3号")
    assert (address.lane, address.house) == ("12", "3")
    assert parse("北街12号").lane == ""


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("新塍大道与洛东路交叉口", "新塍大道", "洛东路"),
        ("新塍大道和洛东路路口东北角", "新塍大道", "洛东路"),
        ("新塍大道,洛东路交汇处", "新塍大道", "洛东路"),
        ("新塍大道近洛东路", "新塍大道", "洛东路"),
        ("康和路与洛东路交叉口", "康和路", "洛东路"),
        ("康和路和洛东路路口", "康和路", "洛东路"),
        ("康和路(洛东路口)", "康和路", "洛东"),
        ("洛东路路口(康和路)", "康和路", "洛东路"),
        ("康和路&洛东路", "康和路", "洛东路"),
        ("康和路／洛东路路口", "康和路", "洛东路"),
        ("康和路以及洛东路的交叉口", "康和路", "洛东路"),
    ],
)
def test_the_two_roads_of_a_crossing(text, first, second):
    found = crossing(one(text))
    assert (found.first, found.second) == (first, second)


@pytest.mark.parametrize(
    ("text", "anchor", "east", "north"),
    [
        ("北街12号往北50米", "北街12号", 0, 50),
        ("北街12号以南约100米处", "北街12号", 0, -100),
        ("老供销社东侧30米", "老供销社", 30, 0),
        ("老供销社西南100米", "老供销社", -70.71, -70.71),
        ("老供销社往东走50米", "老供销社", 50, 0),
        ("老供销社向北1.5公里", "老供销社", 0, 1500),
    ],
)
def test_a_stated_distance_moves_the_place(text, anchor, east, north):
    found, shift = relation_at_end(text)
    assert found == anchor
    assert (shift.east_m, shift.north_m) == pytest.approx((east, north), abs=0.01)
    assert shift.wider_m >= 15


@pytest.mark.parametrize("word", ["对面", "斜对面", "隔壁", "附近", "旁边", "东门", "门口", "北侧"])
def test_words_without_a_distance_widen_and_do_not_move(word):
    found, shift = relation_at_end("老供销社" + word)
    assert found == "老供销社"
    assert (shift.east_m, shift.north_m) == (0, 0)
    assert shift.wider_m > 0


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("3幢洛东花园", "洛东花园3幢"),
        ("8组 陡门村", "陡门村8组"),
        ("8组(陡门村)", "陡门村8组"),
        ("3号12弄北街", "北街12弄3号"),
        ("12弄北街3号", "北街12弄3号"),
        ("3幢洛东花园2单元501室", "洛东花园3幢2单元501室"),
        ("3幢洛东花园门口", "洛东花园3幢门口"),
        ("北街12号", ""),
        ("118号", ""),
        ("3幢", ""),
    ],
)
def test_a_number_before_its_name_is_put_behind_it(text, usual):
    assert turned(one(text)) == usual


def test_numbers_stand_from_the_outside_to_the_inside():
    assert numbers_in_order("北街3号12弄") == "北街12弄3号"
    assert numbers_in_order("北街12弄3号") == "北街12弄3号"
    assert numbers_in_order("北街12号和南街3弄") == "北街12号和南街3弄"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("发生在旗星村2组", "旗星村2组"),
        ("地址：北街12号", "北街12号"),
        ("早上6:40,北街12号", "北街12号"),
        ("7月31日18时许接群众来电,北街12号", "北街12号"),
        ("群众反映北街12号", "北街12号"),
    ],
)
def test_what_a_report_begins_with_is_no_part_of_the_place(text, rest):
    assert without_beginning(one(text))[0] == rest


def test_a_name_that_begins_as_a_report_does_is_among_the_readings_whole():
    assert without_beginning("北街12号") == []
    assert without_beginning("反映位于在水一方3幢")[-1] == "位于在水一方3幢"
    assert "在水一方3幢" in without_beginning("反映位于在水一方3幢")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("北街12号有3人受伤", "北街12号有,受伤"),
        ("3月5日北街12号,电话13800001234", "北街12号,电话"),
        ("北街12号,面积15平方米", "北街12号,面积"),
        ("北街118号", "北街118号"),
        ("洛东花园3幢2单元", "洛东花园3幢2单元"),
        ("往北50米", "往北50米"),
    ],
)
def test_quantities_dates_and_telephones_are_no_house_numbers(text, left):
    assert without_quantities(one(text)) == left


@pytest.mark.parametrize(
    ("text", "each"),
    [
        ("富园路3、5号", ["富园路3号", "富园路5号"]),
        ("富园路3号、5号", ["富园路3号", "富园路5号"]),
        ("富园路3、5、7号", ["富园路3号", "富园路5号", "富园路7号"]),
        ("富园路3号", []),
        ("富园路3弄5号", []),
        ("富园路3号,5弄", []),
    ],
)
def test_several_numbers_of_one_road(text, each):
    assert several(one(text)) == each


def test_part_of_a_name_is_no_word_about_the_place():
    assert relation_at_end("静安里") is None


def test_a_very_long_text_is_not_read_to_its_end():
    assert len(one("街" * 1_000_000)) > LONGEST
    assert len(one("街" * 1_000_000)) < 10 * LONGEST
