"""What is accepted, what goes to review, what is rejected: each rule with its counter-example."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pingan_geo.errors import BadTableError
from pingan_geo.geocoding.gazetteer import USUAL_RADIUS_M, Gazetteer
from pingan_geo.geocoding.offline import OfflineGeocoder
from pingan_geo.model.place import LOCATED

# -- refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  ", "，，，", None, float("nan"), "\x00"])
def test_nothing_said_is_rejected(locate, text):
    row = locate(text)
    assert (row.status, row.reason, row.level, row.name, row.candidates) == (
        "rejected",
        "empty",
        "",
        "",
        "[]",
    )
    assert np.isnan(row.lon)
    assert np.isnan(row.radius_m)


def test_a_very_long_text_is_rejected(locate):
    assert locate("新塍大道118号" * 50).reason == "too_long"


@pytest.mark.parametrize(
    "text",
    [
        "乌镇新塍大道118号",
        "乌镇镇人民路12号",
        "桐乡市新塍大道118号",
        "杭州市新塍大道118号",
        "浙江省杭州市西湖区新塍大道118号",
        "王江泾镇老供销社",
        "乌镇酥羊大面",
    ],
)
def test_another_town_is_elsewhere_not_the_nearest_thing(locate, text):
    assert (locate(text).status, locate(text).reason) == ("rejected", "elsewhere")


@pytest.mark.parametrize(
    "text",
    [
        "浙江嘉兴秀洲区新塍镇新塍大道118号",
        "中国浙江省嘉兴市秀洲区新塍镇新塍大道118号",
        "嘉兴市新塍镇新塍大道118号",
        "新胜镇新塍大道118号",
        "新縢镇新塍大道118号",
        "发生在新胜镇新塍大道118号",
    ],
)
def test_the_town_misspelt_or_without_the_kinds_of_what_it_lies_in_is_at_home(locate, text):
    row = locate(text)
    assert (row.status, row.name) == ("accepted", "新塍大道118号")


@pytest.mark.parametrize("text", ["新丰镇新塍大道118号", "新安镇新塍大道118号", "发生在乌镇新塍大道118号"])
def test_a_town_of_another_character_is_elsewhere(locate, text):
    assert locate(text).reason == "elsewhere"


def test_the_stem_of_a_neighbour_is_no_neighbour(names_town):
    extra = [{"name": "桐乡小区4幢", "x": 0, "y": 0}, {"name": "乌镇小区4幢", "x": 100, "y": 0}]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    found = geocoder.locate(["桐乡小区4号楼", "桐乡市小区4号楼", "桐乡新塍大道118号"])
    assert found["status"].tolist() == ["accepted", "rejected", "review"]


def test_a_shop_named_after_another_town_does_not_move_its_house(locate):
    assert locate("新塍大道118号乌镇酥羊大面").status == "accepted"


@pytest.mark.parametrize("text", ["海宁路118号", "农业银行", "118号", "民星三村", "新塍镇", "嘉兴市秀洲区"])
def test_what_is_unknown_is_rejected(locate, text):
    assert (locate(text).status, locate(text).reason) == ("rejected", "place_unknown")


@pytest.mark.parametrize("text", ["新塍大道900号", "洛东路2000号", "北街99弄"])
def test_a_number_beyond_the_known_ones_is_rejected_with_the_road_to_look_at(locate, text):
    row = locate(text)
    assert (row.status, row.reason) == ("rejected", "number_unknown")
    assert all(each["level"] == "road" for each in json.loads(row.candidates))


def test_roads_that_do_not_cross_are_said_so(locate):
    assert locate("虹桥路与洛东路交叉口").reason == "roads_do_not_cross"


def test_a_gazetteer_needs_names_and_numbers():
    with pytest.raises(BadTableError):
        Gazetteer.of(pd.DataFrame({"name": ["北街12号"], "lon": [120.6]}))
    with pytest.raises(BadTableError):
        Gazetteer.of(pd.DataFrame({"name": ["北街12号"], "lon": ["east"], "lat": [30.8]}))


def test_an_empty_gazetteer_knows_nothing():
    geocoder = OfflineGeocoder(Gazetteer.of(pd.DataFrame({"name": [], "lon": [], "lat": []})))
    assert geocoder.locate(["北街12号", "老供销社", ""])["status"].tolist() == ["rejected"] * 3


def test_entries_without_a_name_or_a_place_are_not_found():
    entries = pd.DataFrame(
        {"name": ["", None, "北街12号", "南街1号"], "lon": [120.6, 120.6, np.nan, 999.0], "lat": [30.8] * 4}
    )
    geocoder = OfflineGeocoder(Gazetteer.of(entries))
    assert geocoder.locate(["北街12号", "南街1号"])["status"].tolist() == ["rejected"] * 2


# -- accepted: an exact number or an exact place -----------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "新塍大道118号",
        "浙江省嘉兴市秀洲区新塍镇新塍大道118号",
        "嘉兴秀洲新塍新塍大道118号",
        "秀州区新塍镇新塍大道118号",
        "新滕镇新滕大道118号",
        "新塍大道１１８號",
        "新塍大道一百一十八号",
        "新塍大道118",
        "新塍大道118#",
        "新塍大道118号3楼301室",
        "新塍大道118号好又来超市",
        "新塍大道118号(近洛东路)",
        "洛东村新塍大道118号",
    ],
)
def test_the_same_number_is_accepted_however_it_is_written(locate, names_town, text):
    row = locate(text)
    assert (row.status, row.reason, row.level, row.name) == ("accepted", "", "door", "新塍大道118号")
    assert names_town.away(row, 280, -12) < 0.1
    assert 15 <= row.radius_m <= 30


@pytest.mark.parametrize(
    ("text", "name", "level"),
    [
        ("老供销社", "老供销社", "place"),
        ("北街老供销社旁", "老供销社", "place"),
        ("新塍镇人民政府", "新塍镇人民政府", "place"),
        ("秀水平安岗", "秀水平安岗", "place"),
        ("北街12弄3号", "北街12弄3号", "door"),
        ("民星1村12号", "民星一村12号", "building"),
        ("洛東花園３號樓", "洛东花园3幢", "building"),
        ("洛东花园三栋二单元501", "洛东花园3幢", "building"),
        ("洛东花园3-2-501", "洛东花园3幢", "building"),
    ],
)
def test_an_exact_place_is_accepted(locate, text, name, level):
    row = locate(text)
    assert (row.status, row.name, row.level) == ("accepted", name, level)


def test_a_building_of_an_estate_whose_buildings_are_unknown_is_the_estate(locate):
    for text in ("新塍花苑3幢2单元501室", "新塍花苑三栋", "新塍花苑2单元501室"):
        row = locate(text)
        assert (row.status, row.name, row.level) == ("accepted", "新塍花苑", "estate")
        assert row.radius_m >= 100


def test_a_building_that_a_listed_estate_lacks_is_reviewed(locate):
    row = locate("洛东花园9幢")
    assert (row.status, row.reason, row.level) == ("review", "number_unknown", "estate")


def test_the_radius_of_an_estate_covers_its_buildings(locate, names_town):
    row = locate("洛东花园")
    reached = [names_town.away(row, *names_town.at[f"洛东花园{number}幢"]) for number in range(1, 7)]
    assert np.mean(np.array(reached) <= row.radius_m) >= 0.8


# -- the number veto -----------------------------------------------------------------------------------------


def test_a_road_or_a_group_of_a_village_alone_is_reviewed_until_a_person_has_confirmed_it(locate, names_town):
    row = locate("洛东村三组")
    assert (row.status, row.reason, row.name) == ("review", "coarse", "洛东村3组")
    alias = {"name": "洛东村三组", "kind": "village", "x": 10.0, "y": 10.0, "source": "alias"}
    confirmed = OfflineGeocoder(names_town.gazetteer([alias])).locate(["洛东村三组"]).iloc[0]
    assert (confirmed.status, confirmed.level) == ("accepted", "village")


def test_an_extent_that_the_gazetteer_states_is_the_radius():
    entries = pd.DataFrame(
        {"name": ["康泰苑", "洛溪家园"], "lon": 120.62, "lat": [30.80, 30.81], "radius_m": [212.0, np.nan]}
    )
    found = OfflineGeocoder(Gazetteer.of(entries)).locate(["康泰苑", "洛溪家园"])
    assert found["radius_m"].tolist() == [212.0, USUAL_RADIUS_M["estate"]]


@pytest.mark.parametrize(
    "text",
    [
        "新塍大道121号",
        "新塍大道1118号",
        "新塍大道118-1号",
        "新塍大道118-120号",
        "新塍大道118弄",
        "北街12弄5号",
        "北街12-3号",
        "北街12号甲",
        "民星二村12号",
        "中山西路66号",
        "中山东路88号",
        "洛东村5组",
        "新塍花苑12号",
    ],
)
def test_a_number_that_differs_is_never_accepted(locate, text):
    assert locate(text).status != "accepted"


def test_lane_and_house_of_one_number_are_two_places(locate, names_town):
    lane, house = locate("北街12弄"), locate("北街12号")
    assert lane.level == "estate"
    assert house.level == "door"
    assert names_town.away(lane, *names_town.at["北街12弄"]) < 0.1
    assert names_town.away(house, *names_town.at["北街12号"]) < 0.1


def test_a_lane_that_only_exists_as_a_house_is_reviewed(locate):
    row = locate("新塍大道118弄")
    assert (row.status, row.reason, row.name) == ("review", "unit_differs", "新塍大道118号")


def test_a_number_between_known_ones_is_guessed_on_its_side_and_reviewed(locate, names_town):
    row = locate("新塍大道121号")
    assert (row.status, row.reason, row.level) == ("review", "interpolated", "segment")
    assert names_town.away(row, 310, 12) < 1  # between 119 and 125, the odd side
    assert names_town.away(row, 310, 12) < row.radius_m


def test_the_radius_of_a_guessed_number_grows_with_the_gap(locate):
    assert locate("新塍大道160号").radius_m > locate("新塍大道121号").radius_m


# -- misspelt ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("新塍大到118号", "新塍大道118号"),
        ("新胜大道118号", "新塍大道118号"),
        ("新大塍道118号", "新塍大道118号"),
        ("新塍道118号", "新塍大道118号"),
        ("新塍大大道118号", "新塍大道118号"),
        ("新塍大道118浩", "新塍大道118号"),
        ("落东路12号", "洛东路12号"),
        ("北街12弃3号", "北街12弄3号"),
        ("北街12好又多门口", "北街12号"),
        ("东方路99弄洛东花园3幢", "洛东花园3幢"),
        ("北街12弄3浩", "北街12弄3号"),
        ("老共销社", "老供销社"),
        ("老供稍社", "老供销社"),
        ("洛东花宛3幢", "洛东花园3幢"),
        ("新塍花宛3幢2单元", "新塍花苑"),
        ("民星耳村", "民星二村"),
        ("新塍中心小学校", "新塍中心小学"),
    ],
)
def test_a_misspelt_name_is_found_and_reviewed(locate, text, name):
    row = locate(text)
    assert (row.status, row.name) == ("review", name)
    assert row.score < 0.9


def test_digits_in_a_row_are_not_the_number_of_another_house(names_town):
    extra = [{"name": f"民星一村{number}号", "x": number * 10, "y": -600} for number in (17, 7)]
    row = next(OfflineGeocoder(names_town.gazetteer(extra)).locate(["民星一存7号"]).itertuples())
    assert (row.status, row.name) == ("review", "民星一村7号")
    assert len(json.loads(row.candidates)) == 1


def test_a_misspelt_crossing_is_found_and_reviewed(locate, names_town):
    row = locate("新塍大到与落东路交叉口")
    assert (row.status, row.level) == ("review", "crossing")
    assert names_town.away(row, 200, 0) < 1


def test_words_that_nothing_explains_are_reviewed(locate):
    for text in ("反映老供销社有人占道", "东头新塍大道118号"):
        row = locate(text)
        assert (row.status, row.reason) == ("review", "extra_words")


def test_a_longer_name_is_another_place(locate):
    assert locate("新塍中心小学幼儿园").status != "accepted"
    assert locate("老供销社饭店").status != "accepted"


def test_two_places_far_apart_in_one_text_are_a_conflict(locate):
    assert locate("新塍大道118号好又多超市").reason == "conflict"
    assert locate("新塍大道老供销社").reason == "conflict"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("早上6:40,新塍大道118号有人占道", "新塍大道118号"),
        ("7月31日18时许接群众来电,洛东花园3幢飞线充电,请处理", "洛东花园3幢"),
        ("群众来电称老供销社门口有5人打架", "老供销社"),
        ("有3辆电动车停在洛东花园3幢楼下,电话13800001234", "洛东花园3幢"),
        ("昨晚7点,118号新塍大道有人打架", "新塍大道118号"),
        ("请到新塍中心小学来,有2人受伤", "新塍中心小学"),
        ("昨天在老共销社有人吵架", "老供销社"),
    ],
)
def test_the_place_inside_a_sentence_is_found(locate, text, name):
    row = locate(text)
    assert row.status in {"accepted", "review"}
    assert row.name == name


@pytest.mark.parametrize(
    "text",
    [
        "早上6:40,有人占道",
        "118人参加",
        "7月31日18时许接群众来电,有人打架",
        "电话13800001234",
        "海宁路118号有5人打架",
    ],
)
def test_times_quantities_and_telephones_are_no_place(locate, text):
    assert locate(text).status == "rejected"


def test_a_day_is_no_house_number(locate):
    assert locate("有人在3月3号洛东花园吵架").name == "洛东花园"
    assert locate("有人在3号楼洛东花园吵架").name == "洛东花园3幢"


@pytest.mark.parametrize("word", ["发生在", "反映", "地址:", "位于", "群众来电反映", "事发地点为", "住在"])
def test_words_that_a_report_begins_with_change_nothing(locate, word):
    row = locate(word + "新塍大道118号")
    assert (row.status, row.name) == ("accepted", "新塍大道118号")
    assert locate(word + "新塍大道1118号").status != "accepted"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("3幢洛东花园", "洛东花园3幢"),
        ("3幢,洛东花园", "洛东花园3幢"),
        ("118号新塍大道", "新塍大道118号"),
        ("3号12弄北街", "北街12弄3号"),
        ("新塍大道118号,新塍镇,秀洲区", "新塍大道118号"),
        ("118号，新塍大道，新塍镇", "新塍大道118号"),
    ],
)
def test_the_order_of_the_parts_does_not_matter(locate, text, name):
    row = locate(text)
    assert (row.status, row.name) == ("accepted", name)


@pytest.mark.parametrize("text", ["9幢洛东花园", "121号新塍大道", "5号12弄北街", "118号", "3幢"])
def test_in_another_order_the_number_must_be_the_same_too(locate, text):
    assert locate(text).status != "accepted"


def test_numbers_the_wrong_way_round_may_be_two_and_are_reviewed(locate):
    row = locate("北街3号12弄")
    assert (row.status, row.name) == ("review", "北街12弄3号")


def test_the_misspelt_unit_of_a_building_does_not_make_it_the_estate(locate):
    for text in ("洛东花园3憧", "洛东花园3好楼"):
        row = locate(text)
        assert (row.status, row.name) == ("review", "洛东花园3幢")
    assert locate("洛东花园9憧").name != "洛东花园3幢"


def test_a_slip_in_a_number_written_in_words_is_reviewed_never_accepted(names_town):
    extra = [{"name": "五角场路四四一号", "x": 0, "y": 0}, {"name": "五角场路二八一号", "x": 500, "y": 0}]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    found = geocoder.locate(
        ["五角场路四四一号", "五角场路441号", "五角场路时四一号", "五角场路而八一号", "五角场陆二八一号"]
    )
    assert found["status"].tolist() == ["accepted", "accepted", "review", "review", "review"]
    assert found["name"].str[-4:].tolist() == ["四四一号", "四四一号", "四四一号", "二八一号", "二八一号"]


def test_a_storey_of_an_estate_may_be_its_building(locate):
    row = locate("洛东花园3楼")
    assert (row.status, row.reason, row.name) == ("review", "unit_differs", "洛东花园3幢")
    assert locate("洛东花园9楼").name == "洛东花园"
    assert locate("新塍大道118号3楼").status == "accepted"


def test_the_gate_or_the_shop_that_is_known_is_found_misspelt_and_not_its_estate_or_road(names_town):
    extra = [{"name": "洛东花园东门", "x": 450, "y": -300}, {"name": "顺发超市(洛东路)", "x": 215, "y": 510}]
    extra += [{"name": "洛东路", "x": 200, "y": 0}]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    found = geocoder.locate(["洛东花圆东门", "顺法超市(洛东路)", "洛东花圆北门", "北街老供销社"])
    assert found["name"].tolist() == ["洛东花园东门", "顺发超市(洛东路)", "洛东花园", "老供销社"]
    assert found["status"].tolist() == ["review", "review", "review", "accepted"]


def test_one_slip_in_the_whole_is_likelier_than_a_road_inside(names_town):
    extra = [{"name": "虹桥路站", "x": -300, "y": 700}, {"name": "洛东花园东岗", "x": 360, "y": -200}]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    found = geocoder.locate(["虹桥路占", "洛东花园东港", "虹桥路的花坛里"])
    assert found["name"].tolist() == ["虹桥路站", "洛东花园东岗", "虹桥路"]
    assert set(found["status"]) == {"review"}


def test_two_addresses_are_reviewed_with_both(locate):
    for text in ("新塍大道118号和洛东花园3幢", "新塍大道118号,洛东花园3幢", "新塍大道118号洛东花园3幢"):
        row = locate(text)
        assert row.status == "review"
        assert {"新塍大道118号", "洛东花园3幢"} <= {each["name"] for each in json.loads(row.candidates)}


def test_several_doors_side_by_side_are_one_place(locate, names_town):
    row = locate("新塍大道116、118号")
    assert (row.status, row.level) == ("accepted", "door")
    assert names_town.away(row, 270, -12) < 0.1
    assert row.radius_m > locate("新塍大道118号").radius_m


@pytest.mark.parametrize("text", ["新塍大道100、130号", "新塍大道118、121号"])
def test_several_doors_far_apart_or_unlisted_are_reviewed_with_each(locate, text):
    row = locate(text)
    assert (row.status, row.reason) == ("review", "ambiguous")
    assert len(json.loads(row.candidates)) == 2


@pytest.fixture
def branches(names_town):
    extra = [
        {"name": "顺发超市", "x": 100, "y": 20},
        {"name": "顺发超市(洛东路店)", "x": 215, "y": -600},
        {"name": "美琪饭店", "x": 215, "y": -500},
    ]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    return lambda text: next(geocoder.locate([text]).itertuples())


def test_brackets_tell_the_branches_of_a_shop_apart(branches):
    assert branches("顺发超市(洛东路店)").name == "顺发超市(洛东路店)"
    assert branches("顺发超市").name == "顺发超市"
    assert branches("顺发超市(虹桥路店)").status != "accepted"
    assert branches("顺发超市(海宁路店)").status != "accepted"
    row = branches("顺法超市(洛东路店)")
    assert (row.status, row.name) == ("review", "顺发超市(洛东路店)")
    row = branches("洛东路顺发超市")
    assert (row.status, row.name) == ("review", "顺发超市(洛东路店)")


def test_a_bracket_with_the_road_of_the_only_shop_is_that_shop(branches):
    row = branches("美琪饭店(洛东路)")
    assert (row.status, row.name) == ("accepted", "美琪饭店")
    assert branches("美琪饭店(虹桥路)").status != "accepted"


def test_a_name_that_looks_like_another_district_is_found(names_town):
    extra = [{"name": "静安区福利院", "x": 0, "y": 50}, {"name": "沙县药房", "x": 300, "y": 50}]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    found = geocoder.locate(["静安区福利院", "安静区福利院", "沙沙县药房", "平湖县药房", "静海区福利院"])
    assert found["status"].tolist() == ["accepted", "review", "review", "rejected", "rejected"]


# -- crossings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "新塍大道与洛东路交叉口",
        "新塍大道與洛東路交叉口",
        "洛东路和新塍大道路口",
        "新塍大道洛东路口",
        "新塍大道、洛东路交汇处",
        "新塍大道近洛东路",
        "新塍镇新塍大道洛东路",
        "新塍大道洛东路西南侧",
        "新塍大道(洛东路口)",
        "新塍大道(洛东路路口)",
        "洛东路路口(新塍大道)",
        "新塍大道&洛东路",
        "新塍大道/洛东路路口",
        "新塍大道洛东路路口",
        "新塍大道以及洛东路的交叉口",
        "发生在新塍大道与洛东路交叉口",
    ],
)
def test_a_crossing_is_where_the_lines_meet(locate, names_town, text):
    row = locate(text)
    assert (row.status, row.level) == ("accepted", "crossing")
    assert names_town.away(row, 200, 0) < 0.5


def test_a_road_whose_name_has_the_word_and_in_it_crosses_too(names_town):
    extra = [{"name": "康和路与同心路交叉口", "x": 5, "y": 5}]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    texts = [
        "康和路与同心路交叉口",
        "同心路和康和路路口",
        "康和路同心路口",
        "康和路(同心路口)",
        "康和路、同心路",
    ]
    found = geocoder.locate(texts)
    assert set(found["level"]) == {"crossing"}
    assert set(found["status"]) == {"accepted"}


@pytest.mark.parametrize(
    "text",
    ["新塍大道(虹桥弄路口)", "洛东路(海宁路口)", "新塍大道&海宁路", "海宁路路口(洛东路)", "洛东路(虹桥路口)"],
)
def test_a_crossing_that_is_unknown_is_not_the_whole_road(locate, text):
    assert locate(text).status != "accepted"


def test_a_short_road_is_not_its_crossing(names_town):
    extra = [{"name": f"短街{number}号", "x": -180 + number, "y": 300} for number in (2, 4, 6)]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    found = geocoder.locate(["短街", "短街(海宁路口)", "短街(洛东路)", "短街(虹桥路)"])
    assert found["status"].tolist()[0] == "accepted"
    assert "accepted" not in found["status"].tolist()[1:]


def test_a_corner_lies_to_its_side(locate, names_town):
    assert names_town.away(locate("新塍大道与洛东路交叉口东北角"), 210.6, 10.6) < 0.1


def test_lines_that_nearly_meet_cross(locate, names_town):
    row = locate("北街与洛东路交叉口")
    assert row.status == "accepted"
    assert names_town.away(row, 195, 500) < 1


def test_roads_that_cross_twice_are_reviewed(locate):
    row = locate("新塍大道与环城路交叉口")
    assert (row.status, row.reason) == ("review", "ambiguous")
    assert len(json.loads(row.candidates)) == 2


def test_without_lines_doors_show_the_crossing_and_it_is_reviewed(names_town):
    geocoder = OfflineGeocoder(names_town.gazetteer(roads=None))
    row = next(geocoder.locate(["新塍大道与洛东路交叉口"]).itertuples())
    assert (row.status, row.reason, row.level) == ("review", "crossing_estimated", "crossing")
    assert names_town.away(row, 200, 0) <= row.radius_m


def test_a_crossing_that_is_an_entry_is_found_in_both_orders(names_town):
    extra = [{"name": "南街与东街交叉口", "x": 5, "y": 5}]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    for text in ("南街与东街交叉口", "东街和南街路口"):
        row = next(geocoder.locate([text]).itertuples())
        assert (row.status, row.level) == ("accepted", "crossing")


# -- words about the place -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "x", "y"),
    [
        ("新塍大道118号往北50米", 280, 38),
        ("新塍大道118号以东约100米处", 380, -12),
        ("老供销社北侧30米", 30, 545),
        ("新塍大道与洛东路交叉口往南100米", 200, -100),
    ],
)
def test_a_stated_distance_is_gone(locate, names_town, text, x, y):
    row = locate(text)
    assert row.status == "accepted"
    assert names_town.away(row, x, y) < 0.5


@pytest.mark.parametrize("word", ["对面", "附近", "隔壁", "旁", "东侧"])
def test_beside_is_not_at(locate, names_town, word):
    row, door = locate("新塍大道118号" + word), locate("新塍大道118号")
    assert row.status == "accepted"
    assert row.level == "door"
    assert row.radius_m > door.radius_m
    assert names_town.away(row, 280, -12) < 0.1


def test_a_gate_of_an_estate_widens_its_radius(locate):
    row = locate("新塍花苑东门附近")
    assert (row.status, row.level) == ("accepted", "estate")
    assert row.radius_m > locate("新塍花苑").radius_m


def test_far_away_from_a_place_is_not_that_place(locate):
    row = locate("老供销社1.5公里处")
    assert (row.status, row.reason) == ("review", "coarse")


def test_between_two_places_is_their_middle(locate, names_town):
    row = locate("老供销社与秀水平安岗之间")
    assert row.status == "accepted"
    assert names_town.away(row, 5, 432.5) < 0.5
    assert names_town.away(row, *names_town.at["老供销社"]) < row.radius_m


@pytest.mark.parametrize("text", ["环城路(新塍大道至北街)", "虹桥路(洛东路至北街)"])
def test_a_stretch_between_roads_that_do_not_cross_it_is_not_made_up(locate, text):
    assert locate(text).status != "accepted"


def test_a_stretch_of_a_road_lies_between_its_crossings(names_town):
    extra = [{"name": "南街与东街交叉口", "x": 0, "y": 0}, {"name": "南街与西街交叉口", "x": -200, "y": 0}]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    for text in ("南街(东街至西街)", "南街东街至西街路段", "南街西街与东街之间"):
        row = next(geocoder.locate([text]).itertuples())
        assert (row.status, row.level) == ("accepted", "segment")
        assert names_town.away(row, -100, 0) < 0.1
        assert row.radius_m >= 100


def test_a_long_stretch_is_too_coarse_to_be_accepted(locate):
    row = locate("新塍大道(洛东路至虹桥路)")
    assert (row.status, row.reason) == ("review", "coarse")
    assert row.radius_m >= 250


@pytest.mark.parametrize(
    ("text", "name", "wider"),
    [
        ("位于老供销社", "老供销社", 0),
        ("靠近老供销社", "老供销社", 100),
        ("近新塍大道118号", "新塍大道118号", 100),
    ],
)
def test_words_before_the_place(locate, text, name, wider):
    row = locate(text)
    assert (row.status, row.name) == ("accepted", name)
    assert row.radius_m == pytest.approx(locate(name).radius_m + wider)


def test_a_whole_road_or_village_is_too_coarse_to_be_accepted(locate):
    for text, level in (("新塍大道", "road"), ("洛东村", "village")):
        row = locate(text)
        assert (row.status, row.reason, row.level) == ("review", "coarse", level)


def test_near_a_short_road_is_coarser_than_the_road(locate):
    assert (locate("北街").status, locate("北街").level) == ("accepted", "road")
    assert (locate("北街附近").status, locate("北街附近").reason) == ("review", "coarse")


def test_a_village_named_for_a_place_outside_it_is_a_conflict(locate):
    assert locate("洛东村中山西路88号").reason == "conflict"
    assert locate("西吴村中山西路88号").status == "accepted"


# -- twins, districts, aliases ---------------------------------------------------------------------------------


def test_one_name_in_two_places_is_reviewed_with_both(names_town):
    extra = [{"name": "农贸市场旧址", "x": 0, "y": 0}, {"name": "农贸市场旧址", "x": 600, "y": 0}]
    row = next(OfflineGeocoder(names_town.gazetteer(extra)).locate(["农贸市场旧址"]).itertuples())
    assert (row.status, row.reason) == ("review", "ambiguous")
    assert len(json.loads(row.candidates)) == 2


def test_twins_at_one_place_are_one(names_town):
    extra = [{"name": "农贸市场旧址", "x": 0, "y": 0}, {"name": "農貿市場舊址", "x": 30, "y": 0}]
    row = next(OfflineGeocoder(names_town.gazetteer(extra)).locate(["农贸市场旧址"]).itertuples())
    assert row.status == "accepted"
    assert row.radius_m >= 70


@pytest.fixture
def two_towns():
    names = ["周浦镇人民路12号", "川沙镇人民路12号", "周浦镇人民医院"]
    return OfflineGeocoder(
        Gazetteer.of(pd.DataFrame({"name": names, "lon": [121.5, 121.7, 121.51], "lat": [31.1, 31.2, 31.1]}))
    )


def test_the_district_tells_doors_of_one_name_apart(two_towns):
    found = two_towns.locate(["川沙镇人民路12号", "周浦人民路12号", "人民路12号", "南汇镇人民路12号"])
    assert found["status"].tolist() == ["accepted", "review", "review", "rejected"]
    assert found["lon"].iloc[0] == 121.7


def test_a_door_without_a_district_is_in_the_district_of_its_neighbours_only():
    names = ["周浦镇人民路12号", "川沙镇东街1号", "西街5号"]
    geocoder = OfflineGeocoder(
        Gazetteer.of(pd.DataFrame({"name": names, "lon": [121.5, 121.7, 121.5], "lat": [31.1, 31.2, 31.101]}))
    )
    found = geocoder.locate(["周浦镇西街5号", "川沙镇西街5号"])
    assert found["status"].tolist() == ["accepted", "review"]
    assert found["reason"].iloc[1] == "unknown_district"


def test_a_hospital_of_one_district_is_not_that_of_any(two_towns):
    assert two_towns.locate(["人民医院"])["status"].tolist() == ["review"]


def test_an_unknown_district_is_reviewed_where_the_town_is_not_named(names_town):
    bare = OfflineGeocoder(Gazetteer.of(names_town.entries()))
    row = next(bare.locate(["绍兴市北街12号"]).itertuples())
    assert (row.status, row.reason, row.name) == ("review", "unknown_district", "北街12号")


def test_what_a_person_confirmed_is_accepted_and_wins(names_town):
    extra = [
        {"name": "老地方 门口", "x": 7, "y": 8, "source": "alias", "kind": "place"},
        {"name": "老共銷社", "x": 30, "y": 515, "source": "alias", "kind": ""},
    ]
    geocoder = OfflineGeocoder(names_town.gazetteer(extra))
    found = list(geocoder.locate(["老地方门口", "老共销社", "老地方"]).itertuples())
    assert [row.status for row in found] == ["accepted", "accepted", "review"]
    assert names_town.away(found[0], 7, 8) < 0.1


def test_an_entry_outside_the_town_is_elsewhere(names_town):
    extra = [{"name": "远方大酒店", "x": 9000, "y": 0}]
    row = next(OfflineGeocoder(names_town.gazetteer(extra)).locate(["远方大酒店"]).itertuples())
    assert (row.status, row.reason) == ("rejected", "elsewhere")


# -- the table -------------------------------------------------------------------------------------------------


def test_the_table_is_located_and_keeps_the_order(geocoder):
    texts = ["老供销社", "", "新塍大道118号", "老供销社"]
    found = geocoder.locate(texts)
    LOCATED.check(found)
    assert found["name"].tolist() == ["老供销社", "", "新塍大道118号", "老供销社"]
    assert geocoder.locate([]).empty
    LOCATED.check(geocoder.locate([]))


def test_candidates_are_at_most_five_best_first(names_town):
    extra = [
        {"name": f"{word}塘桥饭店", "x": 10 * index, "y": 0} for index, word in enumerate("东西南北上下前后")
    ]
    row = next(OfflineGeocoder(names_town.gazetteer(extra)).locate(["新塘桥饭店"]).itertuples())
    listed = json.loads(row.candidates)
    scores = [each["score"] for each in listed]
    assert 1 < len(listed) <= 5
    assert scores == sorted(scores, reverse=True)
    assert set(listed[0]) == {"name", "level", "lon", "lat", "radius_m", "score"}
    assert (listed[0]["name"], row.status) == (row.name, "review")


def test_a_bare_table_with_any_kind_is_enough(names_town):
    entries = names_town.entries().assign(kind="poi")
    found = OfflineGeocoder(Gazetteer.of(entries)).locate(["新塍大道118号", "新塍大道121号", "洛东花园3栋"])
    assert found["level"].tolist() == ["door", "segment", "building"]
