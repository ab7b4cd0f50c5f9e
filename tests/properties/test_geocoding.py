"""What holds for every text: numbers agree, order does not matter, nothing raises."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.geocoding.addresses import LONGEST, in_digits, normalise
from pingan_geo.geocoding.gazetteer import Gazetteer
from pingan_geo.geocoding.offline import OfflineGeocoder
from pingan_geo.model.place import LEVELS, LOCATED, STATUSES

ROADS = ["新塍大道", "洛东路", "洛西路", "北街", "中山东路", "中山西路", "五一路"]
ESTATES = ["新塍花苑", "洛东花园", "民星一村", "民星二村"]


def _entries() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    rows = []
    for index, road in enumerate(ROADS):
        for number in rng.choice(np.arange(1, 60), 14, replace=False):
            rows.append((f"{road}{number}{'弄' if number % 5 == 0 else '号'}", number * 1e-4, index * 4e-3))
            if number % 10 == 0:
                rows += [
                    (f"{road}{number}弄{house}号", number * 1e-4, index * 4e-3 + 2e-4) for house in (1, 2, 12)
                ]
    for index, estate in enumerate(ESTATES):
        rows.append((estate, -0.01, index * 4e-3))
        rows += [
            (f"{estate}{building}幢", -0.01 + building * 1e-4, index * 4e-3) for building in (1, 2, 3, 11)
        ]
    rows += [("老供销社", 0.002, 0.013), ("新塍镇人民政府", 0.004, 0.001)]
    names, lon, lat = zip(*rows, strict=True)
    return pd.DataFrame({"name": names, "lon": 120.6 + np.array(lon), "lat": 30.8 + np.array(lat)})


ENTRIES = _entries()
GEOCODER = OfflineGeocoder(
    Gazetteer.of(ENTRIES, town_names=["浙江省", "嘉兴市", "秀洲区", "新塍镇"], other_places=["乌镇"])
)
GEOCODER.locate(["老供销社附近饭店", "洛东路1"])  # loads what is loaded at the first need
NUMBERS = st.integers(1, 70)
ADDRESSES = st.one_of(
    st.builds("{}{}{}".format, st.sampled_from(ROADS), NUMBERS, st.sampled_from(["号", "弄", "", "#", "號"])),
    st.builds("{}{}弄{}号".format, st.sampled_from(ROADS), NUMBERS, st.integers(1, 14)),
    st.builds("{}{}{}".format, st.sampled_from(ESTATES), st.integers(1, 14), st.sampled_from(["幢", "号楼", "栋", "#", "号"])),
)  # fmt: skip
WRITTEN = st.tuples(
    st.sampled_from(["", "新塍镇", "浙江省嘉兴市秀洲区新塍镇", "嘉兴", "反映"]),
    ADDRESSES,
    st.sampled_from(["", "门口", "对面", "好又多超市", "(近老供销社)", "有人占道"]),
)


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+", in_digits(normalise([text])[0]))


@given(WRITTEN)
@settings(deadline=None)
def test_an_accepted_place_has_every_number_of_the_text(parts):
    text = "".join(parts)
    row = next(GEOCODER.locate([text]).itertuples())
    if row.status == "accepted":
        assert _numbers(parts[1]) == _numbers(row.name)


@given(WRITTEN)
@settings(deadline=None)
def test_an_accepted_lane_is_no_house(parts):
    row = next(GEOCODER.locate(["".join(parts)]).itertuples())
    if row.status == "accepted":
        assert ("弄" in parts[1]) == ("弄" in row.name)


@given(st.sampled_from(ENTRIES["name"].tolist()), st.data())
@settings(deadline=None)
def test_a_text_with_one_other_digit_is_never_that_place_unasked(name, choose):
    places = [index for index, character in enumerate(name) if character.isdigit()]
    if not places:
        return
    index = choose.draw(st.sampled_from(places))
    other = choose.draw(st.sampled_from([digit for digit in "0123456789" if digit != name[index]]))
    changed = name[:index] + other + name[index + 1 :]
    row = next(GEOCODER.locate([changed]).itertuples())
    if row.status == "accepted":
        assert row.name != name
        assert _numbers(row.name) == _numbers(changed)


@given(st.lists(WRITTEN.map("".join), max_size=12), st.randoms())
@settings(deadline=None)
def test_the_answer_to_a_text_does_not_depend_on_the_others(texts, random):
    alone = pd.concat([GEOCODER.locate([text]) for text in texts], ignore_index=True) if texts else None
    together = GEOCODER.locate(texts)
    if alone is not None:
        pd.testing.assert_frame_equal(together, alone)
    order = list(range(len(texts)))
    random.shuffle(order)
    shuffled = GEOCODER.locate([texts[index] for index in order])
    pd.testing.assert_frame_equal(shuffled, together.iloc[order].reset_index(drop=True))


@given(st.permutations(range(len(ENTRIES))))
@settings(max_examples=5, deadline=None)
def test_the_order_of_the_gazetteer_does_not_matter_to_what_is_accepted(order):
    texts = [*ENTRIES["name"], "新塍大道33号", "老供稍社", "洛东路口", "洛西花园1幢"]
    other = OfflineGeocoder(Gazetteer.of(ENTRIES.iloc[order], town_names=["新塍镇"])).locate(texts)
    first = OfflineGeocoder(Gazetteer.of(ENTRIES, town_names=["新塍镇"])).locate(texts)
    pd.testing.assert_frame_equal(other[["status", "name", "level"]], first[["status", "name", "level"]])


PIECES = st.sampled_from([*"号弄幢栋#室层楼组米与和近之间口路街大道旁东西南北往以约的()（），,、-—12390〇一十百甲A \n\t", "新塍", "老供销社", "洛东路", "交叉口", "公里", "镇", "区", "⺠", "\ud800", "\x00", "🚓", "塍"])  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=30).map("".join)))
@settings(max_examples=400, deadline=None)
def test_no_text_raises_and_every_answer_is_whole(text):
    found = GEOCODER.locate([text])
    LOCATED.check(found)
    row = next(found.itertuples())
    listed = json.loads(row.candidates)
    assert row.status in STATUSES
    assert len(listed) <= 5
    if row.status == "rejected":
        assert np.isnan([row.lon, row.lat, row.radius_m]).all()
        assert (row.level, row.name) == ("", "")
        assert row.reason
    else:
        assert row.level in LEVELS
        assert row.radius_m > 0
        assert (listed[0]["name"], listed[0]["level"]) == (row.name, row.level)
        assert (row.reason == "") == (row.status == "accepted")


@given(st.lists(st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=12).map("".join)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_no_gazetteer_raises(names):
    names = [name.encode("utf-8", "ignore").decode() for name in names]  # pandas holds no half characters
    entries = pd.DataFrame({"name": names, "lon": [120.6] * len(names), "lat": [30.8] * len(names)})
    geocoder = OfflineGeocoder(Gazetteer.of(entries))
    LOCATED.check(geocoder.locate([*names, "北街12号"]))


@pytest.mark.parametrize(
    "piece", ["街", "1", "号", "(", "新塍大道118号", "与", "往北5米", "一", "省", "镇", "\u0301"]
)
def test_a_very_long_text_is_rejected_quickly(piece):
    started = time.process_time()
    found = GEOCODER.locate([piece * 200_000, piece * LONGEST])
    assert (found["status"] == "rejected").all()
    assert time.process_time() - started < 1.0
