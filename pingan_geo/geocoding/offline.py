"""Words for a place → a point, by the town's own names, without internet.

Only an exact number or an exact place is accepted unasked. A number that differs is never a match; a name that
is spelt otherwise, a house number between known ones and words that nothing explains go to review; what is
elsewhere or unknown is rejected, never given the nearest thing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely
from rapidfuzz.distance import OSA

from pingan_geo.geocoding.addresses import (
    LONGEST,
    Address,
    Crossing,
    Shift,
    between,
    crossing,
    districts,
    heard_numerals,
    in_digits,
    normalise,
    numbers_in_order,
    parse,
    plain,
    rank,
    relation_at_end,
    relation_at_start,
    relation_before,
    several,
    stem,
    stretch,
    turned,
    without_beginning,
    without_quantities,
)
from pingan_geo.geocoding.gazetteer import USUAL_RADIUS_M, Gazetteer, Street, numbers_of, without_digits
from pingan_geo.geocoding.spellings import is_misspelt, likeness, sound, syllable
from pingan_geo.model.place import LOCATED

#: Entries of one name that lie further apart are different places, metres.
SAME_PLACE_M = 100.0
#: A place named beside the one found may lie this far from it, metres.
BESIDE_M = 500.0
#: A shop lies within this of the road, the estate or the number that stands in brackets behind its name, metres.
BRANCH_M = 150.0
#: House numbers are guessed between known ones that lie at most this far apart, metres.
WIDEST_GAP_M = 1000.0
#: A place known no better than this is not accepted unasked, metres; an estate is, if the text names it itself.
COARSEST_M = 200.0
MOST_CANDIDATES = 5
#: A name this like another is more likely to be it than to end in a third one, 0–1.
ALMOST_THE_SAME = 0.8
#: Up to this many characters a text is a name, and was compared as one.
_SHORTEST_SENTENCE = 7
#: No place that must be reviewed scores higher.
MOST_UNSURE = 0.89

_INSIDE_BUILDING = re.compile(r"(?:[A-Z]?\d+(?:-\d+)*(?:单元|室|层|楼|F))+$")
_IN_PARENTHESES = re.compile(r"\([^()]*\)?")
_BARE_NUMBER = re.compile(r"(.+?\D)(\d+)(?!\d|米|公里)")
_NUMERAL = re.compile("[零〇一二三四五六七八九十百]")
_FIRST_DIGIT = re.compile(r"\d")
_STOREY = re.compile(r"(\D+)(\d+)楼$")
_NUMBER_NEXT = re.compile(r"[^\d]?\d")
_BRACKETS = re.compile(r"[()]")
_BRANCH = re.compile(r"(?:分店|分公司|分行|支行|分部|分院|总店|总部|专卖店|旗舰店|门店|店|营业厅|营业部)$")
_CROSSING_INSIDE = re.compile(r"[路街道巷]?(?:与|和|的)?(?:路口|交叉口|交叉路口|十字路口|交汇处|交界处|口)")
_NUMBER_BEFORE = re.compile(r"(?<!\d)(?:\d+(?:-\d+)*[甲乙丙丁]?(?:支弄|弄|号|幢|组|队))+$")
_NUMBER_COMMA = re.compile(
    r"(?:(?<=,)|^)((?:\d+(?:-\d+)*[甲乙丙丁]?(?:支弄|弄|号|幢|组|队),?)+),(?=[\u4e00-\u9fff])"
)
_NUMBERED_PIECE = re.compile(r"[\u4e00-\u9fff]{2,14}(?:\d+(?:-\d+)*[甲乙丙丁]?(?:支弄|弄|号|幢|组|队))+")
_LINKING = re.compile(r"^(?:位于|地址|地点|坐落于|在|近|靠近|旁|的|内|里|,|\(|\)|-)")
#: Names that many places bear: exact, but not one place.
_GENERIC = re.compile(
    r"(?:小学|中学|学校|幼儿园|医院|超市|菜场|菜市场|农贸市场|公园|广场|银行|邮局|派出所|村委会|居委会|桥|公厕|停车场|加油站|"
    r"药店|饭店|宾馆|网吧|工地|小区|大门|门口|路口|河边|桥头|新村|老街)$"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that a text may mean; ``x``, ``y`` in metres of the gazetteer's plane."""

    name: str
    level: str
    x: float
    y: float
    radius_m: float
    score: float
    entry: int = -1  # the place is the entry itself, not moved from it

    def moved(self, shift: Shift) -> Candidate:
        """Return the place that lies so from this one."""
        if shift == Shift():
            return self
        return replace(
            self,
            x=self.x + shift.east_m,
            y=self.y + shift.north_m,
            radius_m=self.radius_m + shift.wider_m,
            entry=self.entry if shift.east_m == shift.north_m == 0 else -1,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for one text."""

    status: str
    reason: str = ""
    candidates: tuple[Candidate, ...] = ()

    def moved(self, shift: Shift) -> Answer:
        """Return the answer for a place that lies so from the one found; far away it is no longer sure."""
        answer = replace(self, candidates=tuple(each.moved(shift) for each in self.candidates))
        is_wide = any(
            each.level in {"road", "village"} and each.radius_m > COARSEST_M for each in answer.candidates
        )
        is_coarse = shift.wider_m > COARSEST_M or (is_wide and shift != Shift())
        return answer.to_review("coarse") if is_coarse else answer

    def to_review(self, reason: str) -> Answer:
        """Return the answer as one that a person must confirm."""
        if self.status != "accepted":
            return self
        unsure = tuple(replace(each, score=min(each.score, MOST_UNSURE)) for each in self.candidates)
        return Answer("review", reason, unsure)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text, perhaps without the words it begins with, taken apart."""

    whole: str
    rest: str
    prefix: tuple[str, ...]
    has_strangers: bool
    is_elsewhere: bool


def _rejected(reason: str, candidates: Iterable[Candidate] = ()) -> Answer:
    return Answer("rejected", reason, tuple(candidates))


class OfflineGeocoder:
    """Finds places for words in a gazetteer.

    Parameters
    ----------
    gazetteer
        The town's names.
    """

    name = "gazetteer"

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer
        gazetteer.prepare()

    def locate(self, texts: Sequence[str]) -> Any:
        """Return where each text says that something is.

        Parameters
        ----------
        texts
            Words for places, as received; what is not text counts as empty.

        Returns
        -------
        pandas.DataFrame
            LOCATED, one row per text in their order, indexed from 0. WGS-84 degrees, radius in metres.
            The answer to a text does not depend on the other texts.
            ``reason`` of a review: ``ambiguous`` (several places of the name), ``spelling`` (a name like it),
            ``interpolated`` (between two known numbers), ``number_unknown`` (the estate is known, the number
            is not), ``unit_differs`` (弄 for 号), ``extra_words``, ``coarse``, ``conflict`` (two places named
            that are far apart), ``generic_name``, ``unknown_district``, ``crossing_estimated``.
            Of a rejection: ``empty``, ``too_long``, ``elsewhere``, ``number_unknown``, ``place_unknown``,
            ``roads_do_not_cross``. A rejected row may still list candidates, for a person to look at.
        """
        texts = list(texts)
        normal = [self.gazetteer.spell(text) for text in normalise(texts)]
        # as written, where a number may be in words: a slip in it cannot be seen any more once it is in digits
        written = normalise(
            [text if isinstance(text, str) and _NUMERAL.search(text) else "" for text in texts],
            numerals=False,
        )
        asked = list(zip(normal, written, strict=True))
        answers = {each: self._find(*each) for each in dict.fromkeys(asked)}
        return self._table([answers[each] for each in asked])

    # -- one text --------------------------------------------------------------------------------------

    def _find(self, normal: str, written: str) -> Answer:
        gazetteer = self.gazetteer
        text = plain(normal)
        if not text:
            return _rejected("empty")
        if len(normal) > LONGEST:
            return _rejected("too_long")
        entries = gazetteer.aliases.get(text) or gazetteer.exact.get(text)
        if entries:
            return self._sure(text, entries, ())
        shorter = without_beginning(normal)
        if self._names_another_town(text) or (shorter and self._names_another_town(plain(shorter[0]))):
            return _rejected("elsewhere")
        if not self._without_own(text):
            return _rejected("place_unknown")  # the town itself is no place in it
        readings = [self._reading(each) for each in (normal, *shorter[::-1])]
        if readings[-1].is_elsewhere:
            name = self._name_like_district(readings[-1])
            if not name:
                return _rejected("elsewhere")
            readings.append(_Reading(name, name, (), has_strangers=True, is_elsewhere=False))
        return self._read(readings, written)

    def _read(self, readings: list[_Reading], written: str) -> Answer:
        """Return the first accepted answer, else the first for review, else what is nearly the text."""
        failed: Answer | None = None
        unsure: Answer | None = None
        for reading in readings:
            if reading.is_elsewhere:
                continue
            answer = self._plainly(reading)
            if answer is not None and answer.status == "accepted":
                return answer
            if answer is not None and answer.status == "review":
                unsure = unsure or answer
            else:
                failed = answer if failed is None else failed
        if unsure is not None:
            return self._with_number(unsure, readings[-1], written)
        return self._nearly(readings, failed, written)

    def _with_number(self, answer: Answer, reading: _Reading, written: str) -> Answer:
        """Return the door of the same street first, where only what stands between its numbers is misspelt.

        宜川路144弄1知弄12号 is more than 宜川路144弄.
        """
        if answer.reason not in {"number_unknown", "extra_words"}:
            return answer
        doors = tuple(
            self._candidate(entry, _unsure(score))
            for entry, score in [*self._same_numbers(plain(reading.rest)), *self._in_words(written)]
            if self.gazetteer.inside[entry]
        )
        if not doors or doors[0].entry == answer.candidates[0].entry:
            return answer
        return Answer("review", "spelling", (*doors, *answer.candidates)[:MOST_CANDIDATES])

    def _in_words(self, written: str) -> list[tuple[int, float]]:
        """Return the entries whose number, written in words, is one slip away; only for review."""
        spellings, entries = self.gazetteer.spelt_out
        if not written or not entries:
            return []
        rest = districts((without_beginning(written) or [written])[0])[1]
        return [
            (entry, 0.95 * score)
            for text in dict.fromkeys((plain(written), plain(rest)))
            for name, score in spellings.near(text)
            for entry in entries[name]
        ]

    def _same_numbers(self, text: str) -> list[tuple[int, float]]:
        """Return the entries of a road or estate named in a text that have all its numbers: 静明公寓43好楼."""
        gazetteer = self.gazetteer
        rated: dict[int, float] = {}
        for start, name in gazetteer.names_in(text):
            # 三憧: a numeral is known as one only by its unit
            street, rest = gazetteer.streets.get(name), in_digits(text[start + len(name) :])
            wanted = numbers_of(rest)
            if street is None or not wanted or _NUMBER_NEXT.match(rest) is None:
                continue
            for chain, entries in street.doors.items():
                is_short = len(without_digits(rest)) <= len(without_digits(chain)) + 3
                if is_short and numbers_of(chain) == wanted:
                    score = 0.8 + 0.15 * likeness(name + chain, text[start:])
                    rated |= {entry: max(score, rated.get(entry, 0.0)) for entry in entries}
        return sorted(rated.items(), key=lambda each: (-each[1], each[0]))

    def _name_like_district(self, reading: _Reading) -> str:
        """Return the name of the town, with a slip or without, that begins as another district does: 安静区图书馆.

        Empty when the text names another district.
        """
        gazetteer = self.gazetteer
        for text in dict.fromkeys((plain(reading.whole), self._without_own(plain(reading.whole)))):
            near = [
                entry for name, _ in gazetteer.spellings.near(text) for entry in gazetteer.named.get(name, ())
            ]
            if numbers_of(text):
                found = self._by_numbers(text, parse(text))
                near += [entry for entry, _ in found if OSA.distance(gazetteer.bare(entry), text) <= 1]
            if any(_agree(districts(text)[0], gazetteer.districts[entry]) for entry in near):
                return text
        return ""

    def _reading(self, normal: str) -> _Reading:
        """Return a text taken apart into districts and the rest."""
        gazetteer = self.gazetteer
        prefix, rest = districts(normal)
        while (shorter := self._without_own_behind(rest)) != rest:  # 3幢瑞景嘉苑,新塍镇
            rest = shorter
        strangers = [name for name in prefix if not gazetteer.is_at_home(name)]
        is_elsewhere = any(rank(name) in gazetteer.own_ranks for name in strangers)
        return _Reading(normal, rest, prefix, bool(strangers), is_elsewhere)

    def _without_own_behind(self, words: str) -> str:
        """Return words without a whole name of the town, or of what it lies in, at their end."""
        for name in self.gazetteer.own:
            # 新塍镇, not 新塍, which may end a name
            if len(name) > 2 and stem(name) != name and words.endswith(name) and len(words) > len(name) + 2:
                return words[: -len(name)].rstrip(",(-")
        return words

    def _plainly(self, reading: _Reading) -> Answer | None:
        """Return the answer to a text whose words are all known, in this or another order."""
        in_order = numbers_in_order(reading.rest)
        orders = [turned(reading.rest), "" if in_order == reading.rest else in_order, reading.rest]
        failed: Answer | None = None
        for order in filter(None, orders):
            answer = self._resolve(order, reading.prefix)
            if answer is not None and answer.status != "rejected":
                if order == in_order != reading.rest:
                    answer = answer.to_review("extra_words")  # 19号65弄 may be two numbers
                return self._among_strangers(answer, reading) if reading.has_strangers else answer
            failed = failed or answer
        if reading.prefix and (failed is None or failed.reason == "place_unknown"):
            answer = self._resolve(reading.whole, ())  # 农贸市 is no city
            if answer is not None and answer.status != "rejected":
                return answer.to_review("unknown_district")
        return failed

    def _among_strangers(self, answer: Answer, reading: _Reading) -> Answer:
        """Return an answer to a text with an unknown district; that may be the beginning of a name misspelt."""
        answer = answer.to_review("unknown_district")
        whole = [
            self._candidate(entry, _unsure(score))
            for name, score in self.gazetteer.spellings.near(plain(reading.whole))
            if score >= ALMOST_THE_SAME
            for entry in self.gazetteer.named.get(name, ())
        ]
        return replace(answer, candidates=(*whole, *answer.candidates)[:MOST_CANDIDATES])

    def _without_own(self, words: str) -> str:
        """Return words without the names of the town, and of what it lies in, at their beginning."""
        own = sorted({"中国", *self.gazetteer.own}, key=lambda name: (-len(name), name))
        while (name := next((each for each in own if words.startswith(each)), "")) != "":
            words = words[len(name) :]
        return words

    def _names_another_town(self, text: str) -> bool:
        # behind a house number stands a shop: 118号乌镇酥羊大面 is not in 乌镇
        elsewhere, before = self.gazetteer.elsewhere, _FIRST_DIGIT.split(text, maxsplit=1)[0]
        return elsewhere is not None and elsewhere.search(before or text) is not None

    def _resolve(self, rest: str, prefix: tuple[str, ...]) -> Answer | None:
        failed: Answer | None = None
        anchor, shift = rest, Shift()
        for _ in range(5):
            answer = self._exactly(anchor, prefix)
            if answer is not None and answer.status != "rejected":
                return answer.moved(shift)
            failed = failed or answer
            building = self._storey_or_building(anchor, prefix)
            if building is not None:
                return building.moved(shift)
            shorter = _INSIDE_BUILDING.sub("", anchor)
            if shorter and shorter != anchor:
                anchor = shorter
                continue
            relation = relation_at_end(anchor) or relation_before(anchor)
            if relation is None or len(plain(relation[0])) < 2:
                break
            anchor, shift = relation[0], shift.and_then(relation[1])
        if failed is not None and failed.reason == "roads_do_not_cross":
            return failed
        answer = self._in_brackets(rest, prefix)
        if answer is not None:
            return answer
        tiled = self._tiled(plain(anchor))
        return tiled.moved(shift) if tiled is not None else failed

    def _storey_or_building(self, anchor: str, prefix: tuple[str, ...]) -> Answer | None:
        """Return the building that 洛东花园3楼 may mean where 3幢 is listed: there it is hardly a storey."""
        match = _STOREY.match(plain(anchor))
        street = self.gazetteer.streets.get(match[1]) if match is not None else None
        entries = street.doors.get(f"{match[2]}幢") if street is not None and match is not None else None
        return self._sure(match[0], entries, prefix).to_review("unit_differs") if match and entries else None

    def _in_brackets(self, rest: str, prefix: tuple[str, ...]) -> Answer | None:
        """Return the answer for the words outside brackets, if what stands in these agrees with it.

        好又多超市(北街店) is not the 好又多超市 of another road; 新塍大道118号(近洛东路) is near 洛东路.
        """
        outside = _IN_PARENTHESES.sub("", rest)
        inside = plain("".join(_IN_PARENTHESES.findall(rest)))
        if not inside or not plain(outside):
            return None
        answer = self._resolve(outside, prefix)
        if answer is None or answer.status == "rejected":
            return None
        place = answer.candidates[0]
        if place.level in {"door", "building", "segment"}:
            problem = self._unexplained(inside, place, is_before=False)
        else:
            if place.level in {"road", "crossing"}:
                return None  # 新塍大道(洛东路口) is not the whole road
            problem = self._branch(inside, place)
            if problem:
                return None
        return answer.to_review(problem) if problem else answer

    def _branch(self, words: str, place: Candidate) -> str:
        """Return why words in brackets behind a place do not agree with it, ``""`` when they do."""
        relation = relation_before(words)
        words = relation[0] if relation is not None else words
        while (relation := relation_at_end(words)) is not None:
            words = relation[0]
        if not words:
            return ""  # nothing but 东门, 旁
        words = _BRANCH.sub("", words)
        for name in (words, words + "路", words + "街"):
            if self._is_known(name):
                return "" if self._is_beside(name, place, BRANCH_M) else "conflict"
        address = parse(words)
        if address.numbers:
            answer = self._address(address, ())
            if answer is not None and answer.status == "accepted":
                return "" if _metres(answer.candidates[0], place) <= BRANCH_M else "conflict"
        return "extra_words"

    def _is_known(self, name: str) -> bool:
        gazetteer = self.gazetteer
        return (
            name in gazetteer.named
            or name in gazetteer.streets
            or name in gazetteer.road_lines
            or name in gazetteer.villages
        )

    def _exactly(self, anchor: str, prefix: tuple[str, ...]) -> Answer | None:
        """Return the answer when every word of the anchor is known; None or rejected otherwise."""
        gazetteer, text = self.gazetteer, plain(anchor)
        entries = gazetteer.aliases.get(text) or gazetteer.exact.get(text)
        if entries:
            return self._sure(text, entries, prefix)
        doors = several(anchor)
        if doors:
            answer = self._several(doors, prefix)
            if answer is not None:
                return answer
        address = parse(anchor)
        if address.numbers:
            return self._numbered(text, address, prefix)
        if text in gazetteer.road_lines or (text in gazetteer.streets and gazetteer.is_road(text)):
            return self._road(text)
        if text in gazetteer.villages:
            return self._village(text)
        if text in gazetteer.weak:
            return self._sure(text, gazetteer.weak[text], prefix).to_review("extra_words")
        return self._by_roads(anchor, prefix)

    def _by_roads(self, anchor: str, prefix: tuple[str, ...]) -> Answer | None:
        """Return the answer for a stretch of a road, a place between two others or a crossing."""
        gazetteer = self.gazetteer
        part = stretch(anchor)
        answer = self._stretch(*part) if part is not None else None
        if answer is not None:
            return answer
        pair = between(anchor)
        if pair is not None:
            return self._between(*pair, prefix)
        roads = crossing(anchor)
        if roads is None:
            return None
        answer = self._crossing(roads)
        if answer is not None:
            # 新塍大道(洛东路) may also be the road's other name
            return answer if roads.is_said or "(" not in anchor else answer.to_review("extra_words")
        if roads.ends_in_road and gazetteer.is_road(roads.joined + "路"):
            whole = self._road(roads.joined + "路")
            return whole.to_review("coarse") if whole is not None else None
        return None

    def _several(self, texts: list[str], prefix: tuple[str, ...]) -> Answer | None:
        """Return the middle of several doors of one road, or these for review; None when one is unknown."""
        doors = [self._numbered(plain(text), parse(text), prefix) for text in texts]
        places = [door.candidates[0] for door in doors if door is not None and door.status != "rejected"]
        if len(places) < 2:
            return None
        x, y = np.array([place.x for place in places]), np.array([place.y for place in places])
        spread = float(np.hypot(x - x.mean(), y - y.mean()).max())
        is_sure = all(door is not None and door.status == "accepted" for door in doors)
        if not is_sure or spread > SAME_PLACE_M / 2:
            return Answer(
                "review", "ambiguous", tuple(replace(place, score=0.85) for place in places[:MOST_CANDIDATES])
            )
        name = places[0].name + "".join(
            "," + place.name[len(parse(plain(place.name)).base) :] for place in places[1:]
        )
        level = places[0].level
        middle = Candidate(name, level, float(x.mean()), float(y.mean()), places[0].radius_m + spread, 0.9)
        return Answer("accepted", "", (middle,))

    def _numbered(self, text: str, address: Address, prefix: tuple[str, ...]) -> Answer | None:
        """Return the answer for a text with house numbers, by what else is written in it too."""
        answer = self._address(address, prefix)
        if answer is not None and answer.status != "rejected":
            return answer
        if text in self.gazetteer.weak:
            return self._sure(text, self.gazetteer.weak[text], prefix).to_review("extra_words")
        if address.inner:  # 东方路1881弄东方城市花园79号, known as 东方城市花园79号
            houses = "".join(value + unit for value, unit in address.numbers if "弄" not in unit)
            inside = self._exactly(address.inner + houses, prefix)
            return inside.to_review("extra_words") if inside is not None else answer
        return answer

    # -- exact places ------------------------------------------------------------------------------------

    def _sure(self, text: str, entries: Sequence[int], prefix: tuple[str, ...]) -> Answer:
        """Return the answer for entries that bear the name exactly."""
        gazetteer = self.gazetteer
        there = [entry for entry in entries if _agree(prefix, gazetteer.districts[entry])]
        if not there:
            return _rejected("elsewhere", self._candidates(entries, 0.3))
        there = [entry for entry in there if gazetteer.inside[entry]]
        if not there:
            return _rejected("elsewhere", self._candidates(entries, 0.3))
        spread = self._spread(there)
        if spread > SAME_PLACE_M:
            return Answer("review", "ambiguous", self._candidates(there, MOST_UNSURE))
        best = self._candidate(there[0], 1.0)
        answer = Answer("accepted", "", (replace(best, radius_m=best.radius_m + spread),))
        strangers = (name for name in prefix if not gazetteer.is_own(name))
        if not all(gazetteer.is_near_district(name, there[0]) for name in strangers):
            return answer.to_review("unknown_district")
        is_confirmed = gazetteer.sources[there[0]] == "alias"
        if best.level in {"road", "village"} and best.radius_m > COARSEST_M and not is_confirmed:
            return answer.to_review(
                "coarse"
            )  # a name without a number: where along it, only a person can say
        is_generic = len(text) < 2 or (_GENERIC.fullmatch(text) and not prefix)
        return answer.to_review("generic_name") if is_generic else answer

    def _address(self, address: Address, prefix: tuple[str, ...]) -> Answer | None:
        """Return the answer for a name with numbers, None when the name is unknown."""
        name, before = self._known_part(plain(address.base))
        if name == "":
            return None
        shift, after = Shift(), address.tail
        relation = relation_at_start(after) if after else None
        if relation is not None:
            after, shift = relation
        if before.endswith("近"):  # 近新塍大道118号
            shift = shift.and_then(Shift(wider_m=COARSEST_M / 2))
        if any(character.isdigit() for character in after):
            # 1881弄79浩: the unit is misspelt, the number stands all the same
            whole = plain(address.base) + address.chain + plain(after)
            similar = self._by_numbers(whole, Address(""))
            if similar:
                return self._misspelt(similar)
        answer = self._number(name, address, prefix)
        if before and not self._is_explained(before, answer):
            # 硫娇刑1村12号 ends in the known 娇刑1村, which has no 12号, and is 硫刑1村12号 misspelt
            whole = plain(address.base) + address.chain
            similar = self._by_numbers(whole, address)
            is_found = answer is not None and answer.status != "rejected"
            least = max(ALMOST_THE_SAME, likeness(name + address.chain, whole) if is_found else 0.0)
            if similar and similar[0][1] > least:
                return self._misspelt(similar)
        if answer is None or answer.status == "rejected":
            return answer
        return self._with_words(answer, name, address, before, after, prefix).moved(shift)

    def _with_words(
        self, answer: Answer, name: str, address: Address, before: str, after: str, prefix: tuple[str, ...]
    ) -> Answer:
        """Return the answer for a number by the words around it, which may name another place."""
        best = answer.candidates[0]
        if address.inner and address.chain not in self.gazetteer.streets.get(name, Street()).doors:
            # 新塍大道118号和洛东花园3幢 is no building of a house
            problem = self._unexplained(address.inner, best, is_before=False) or "extra_words"
            inside = address.inner + address.chain.removeprefix(address.numbers[0][0] + address.numbers[0][1])
            second = self._second_place(inside, prefix)
            answer = answer.to_review("conflict" if second else problem)
            answer = replace(answer, candidates=(*answer.candidates, *second)[:MOST_CANDIDATES])
        for words, is_before in ((before, True), (after, False)):
            problem = self._unexplained(words, best, is_before) if words else ""
            if problem:
                answer = answer.to_review(problem)
                if problem == "conflict" and not is_before:
                    answer = replace(
                        answer,
                        candidates=(*answer.candidates, *self._second_place(words, prefix))[:MOST_CANDIDATES],
                    )
        return answer

    def _is_explained(self, before: str, answer: Answer | None) -> bool:
        """Say whether the words before a known address agree with it."""
        if answer is None or not answer.candidates or answer.status == "rejected":
            return False
        return self._unexplained(before, answer.candidates[0], is_before=True) == ""

    def _second_place(self, words: str, prefix: tuple[str, ...]) -> tuple[Candidate, ...]:
        """Return the place that words behind an address name, for review beside it."""
        answer = self._exactly(words.lstrip("和与及至到,-"), prefix)
        return answer.candidates[:1] if answer is not None and answer.status != "rejected" else ()

    def _misspelt(self, rated: list[tuple[int, float]]) -> Answer:
        places = [self._candidate(entry, _unsure(score)) for entry, score in rated[:MOST_CANDIDATES]]
        return Answer("review", "spelling", tuple(places))

    def _known_part(self, base: str) -> tuple[str, str]:
        """Return the longest known end of a name and what stands before it."""
        gazetteer = self.gazetteer
        for start in range(max(len(base) - 1, 0)):
            name = base[start:]
            if name in gazetteer.streets or name in gazetteer.named or name in gazetteer.road_lines:
                return name, base[:start]
        return "", base

    def _number(self, name: str, address: Address, prefix: tuple[str, ...]) -> Answer | None:
        gazetteer = self.gazetteer
        street = gazetteer.streets.get(name, Street())
        entries, is_exact = _doors(street, address, gazetteer.is_road(name))
        if entries:
            answer = self._sure(address.chain, entries, prefix)
            reason = "number_unknown" if "-" in address.numbers[-1][0] else "unit_differs"
            return answer if is_exact else answer.to_review(reason)
        parent = self._parent(name, street, address, prefix)
        if parent is not None:
            return parent
        value, unit = address.numbers[0]
        close = gazetteer.spellings.near(name)
        others = [
            entry
            for other, _ in close
            if other != name and other in gazetteer.streets
            for entry in gazetteer.streets[other].doors.get(address.chain, ())
        ]
        candidates = list(self._candidates(others, 0.7))
        if len(address.numbers) == 1 and value.isdigit() and unit in {"号", "弄", ""}:
            guess = self._interpolated(name, street, int(value), unit)
            candidates += [guess] if guess is not None else []
        if candidates:
            reason = "interpolated" if not others else "spelling"
            return Answer("review", reason, tuple(candidates[:MOST_CANDIDATES]))
        return _rejected("number_unknown", self._whole(name))

    def _parent(self, name: str, street: Street, address: Address, prefix: tuple[str, ...]) -> Answer | None:
        """Return the estate, lane or house that an unknown building lies in, None when that is unknown too."""
        gazetteer = self.gazetteer
        for many in range(len(address.numbers) - 1, -1, -1):
            chain = "".join(value + unit for value, unit in address.numbers[:many])
            entries = street.doors.get(chain) if many else gazetteer.named.get(name)
            if not entries and not many and name in gazetteer.villages:
                return self._village(name).to_review("number_unknown")
            if not entries:
                continue
            if not many and all(gazetteer.levels[entry] == "road" for entry in entries):
                return None
            answer = self._sure(chain or name, entries, prefix)
            unit = address.numbers[many][1]
            is_listed = any(door != chain and door.startswith(chain) for door in street.doors)
            lower = tuple(replace(each, score=0.85) for each in answer.candidates)
            answer = replace(answer, candidates=lower)
            is_building = unit in {"幢", "#", ""} and many == len(address.numbers) - 1
            return answer if is_building and not is_listed else answer.to_review("number_unknown")
        return None

    def _interpolated(self, name: str, street: Street, number: int, unit: str) -> Candidate | None:
        """Return the place between the known numbers on both sides of one, of its own side of the road."""
        numbers, entries = street.numbers()
        same_side = numbers % 2 == number % 2
        numbers, entries = numbers[same_side], entries[same_side]
        after = int(np.searchsorted(numbers, number))
        if after == 0 or after == len(numbers):
            return None
        low, high = entries[after - 1], entries[after]
        x, y = self.gazetteer.x, self.gazetteer.y
        gap = float(np.hypot(x[high] - x[low], y[high] - y[low]))
        if gap > WIDEST_GAP_M:
            return None
        along = (number - numbers[after - 1]) / max(numbers[after] - numbers[after - 1], 1)
        return Candidate(
            f"{name}{number}{unit or '号'}",
            "segment",
            float(x[low] + along * (x[high] - x[low])),
            float(y[low] + along * (y[high] - y[low])),
            max(USUAL_RADIUS_M["door"], 0.6 * gap),
            0.6,
        )

    def _road(self, name: str) -> Answer | None:
        found = self.gazetteer.road_point(name)
        if found is None:
            return None
        x, y, radius = found
        answer = Answer("accepted", "", (Candidate(name, "road", x, y, radius, 0.8),))
        return answer.to_review("coarse") if radius > COARSEST_M else answer

    def _village(self, name: str) -> Answer:
        centre = self.gazetteer.villages[name][1].representative_point()
        x, y = self.gazetteer.plane.forward(centre.x, centre.y)
        radius = self.gazetteer.village_radius(name)
        answer = Answer("accepted", "", (Candidate(name, "village", float(x), float(y), radius, 0.8),))
        return answer.to_review("coarse") if radius > COARSEST_M else answer

    def _whole(self, name: str) -> tuple[Candidate, ...]:
        """Return the road or estate itself, to be looked at."""
        if name in self.gazetteer.named:
            return self._candidates(self.gazetteer.named[name], 0.3)
        answer = self._road(name)
        return tuple(replace(each, score=0.3) for each in answer.candidates) if answer is not None else ()

    # -- crossings ---------------------------------------------------------------------------------------

    def _crossing(self, roads: Crossing) -> Answer | None:
        """Return the answer for two known roads, None when one is unknown."""
        gazetteer = self.gazetteer
        pairs = gazetteer.road_pairs(roads)
        for first, second in pairs:
            pair = (first, second) if first <= second else (second, first)
            entries = gazetteer.named_crossings.get(pair)
            if entries:
                return self._sure(f"{first}{second}", entries, ()).moved(roads.shift)
        known = [pair for pair in pairs if gazetteer.is_road(pair[0]) and gazetteer.is_road(pair[1])]
        for first, second in known:
            found = gazetteer.crossings(first, second)
            candidates = tuple(
                Candidate(f"{first}与{second}交叉口", "crossing", x, y, radius, 0.9) for x, y, radius in found
            )
            if len(candidates) > 1:
                return Answer("review", "ambiguous", candidates[:MOST_CANDIDATES]).moved(roads.shift)
            if candidates:
                answer = Answer("accepted", "", candidates).moved(roads.shift)
                is_drawn = first in gazetteer.road_lines and second in gazetteer.road_lines
                return answer if is_drawn else answer.to_review("crossing_estimated")
        return _rejected("roads_do_not_cross") if known and roads.is_said else None

    def _between(self, first: str, second: str, prefix: tuple[str, ...]) -> Answer | None:
        """Return the middle of two exact places."""
        ends = [self._exactly(each, prefix) for each in (first, second)]
        if any(end is None or not end.candidates for end in ends):
            return None
        here, there = (end.candidates[0] for end in ends if end is not None)
        half = float(np.hypot(here.x - there.x, here.y - there.y)) / 2
        radius = half + max(here.radius_m, there.radius_m)
        middle = Candidate(
            f"{here.name}与{there.name}之间",
            "segment",
            (here.x + there.x) / 2,
            (here.y + there.y) / 2,
            radius,
            0.8,
        )
        answer = Answer("accepted", "", (middle,))
        is_sure = all(end is not None and end.status == "accepted" for end in ends)
        return answer if is_sure and radius <= COARSEST_M else answer.to_review("coarse")

    def _stretch(self, road: str, first: str, second: str) -> Answer | None:
        """Return the middle of a road between two others, None when one does not cross it."""
        ends = [self._crossing(Crossing(road, other)) for other in (first, second)]
        if any(end is None or end.status == "rejected" for end in ends):
            return None
        here, there = (end.candidates[0] for end in ends if end is not None)
        radius = float(np.hypot(here.x - there.x, here.y - there.y)) / 2 + here.radius_m
        middle = Candidate(
            f"{road}({first}至{second})",
            "segment",
            (here.x + there.x) / 2,
            (here.y + there.y) / 2,
            radius,
            0.8,
        )
        answer = Answer("accepted", "", (middle,))
        is_sure = all(end is not None and end.status == "accepted" for end in ends)
        return answer if is_sure and radius <= COARSEST_M else answer.to_review("coarse")

    # -- words around the place ----------------------------------------------------------------------------

    def _tiled(self, text: str) -> Answer | None:
        """Return the last name of a text that is made of known names only: 虹桥社区北街老供销社."""
        names = self.gazetteer.names_in(text)
        if not names:
            return None
        start, name = names[-1]
        if start == 0 or start + len(name) != len(text) or len(name) < 3 or _GENERIC.fullmatch(name):
            return None
        entries = self.gazetteer.aliases.get(name) or self.gazetteer.named.get(name)
        if not entries:
            return None
        answer = self._sure(name, entries, ())
        branches = self._branches(name, text[:start])
        if branches:
            return Answer("review", "extra_words", (*branches, *answer.candidates)[:MOST_CANDIDATES])
        if answer.status == "rejected":
            return None
        # of 好有多超市(北街) nothing but the road is known, and it is a shop misspelt
        problem = self._unexplained(text[:start], answer.candidates[0], is_before=True)
        return None if problem == "extra_words" else answer.to_review(problem) if problem else answer

    def _branches(self, name: str, road: str) -> tuple[Candidate, ...]:
        """Return the places of a name whose second half stands before it: 北街好又多超市, 北门洛东花园."""
        branch = road.removesuffix("的").removesuffix("上").removesuffix("店")
        entries = self.gazetteer.exact.get(f"{name}{branch}店") or self.gazetteer.exact.get(name + branch)
        return self._candidates(entries or (), 0.88)

    def _unexplained(self, words: str, place: Candidate, is_before: bool) -> str:
        """Return why words beside a place do not agree with it, ``""`` when they do.

        Before it stand districts, villages and roads, all known and near. After a house number may stand
        anything, but no place that is known to be far away.
        """
        gazetteer = self.gazetteer
        if not is_before:
            if any(character.isdigit() for character in words):
                return "extra_words"
            for _, name in gazetteer.names_in(words):
                if len(name) > 2 and not self._is_beside(name, place):
                    return "conflict"
            return ""
        while words:
            linking = _LINKING.match(words)
            names = gazetteer.names_in(words)
            if linking:
                words = words[linking.end() :]
            elif names and names[0][0] == 0:
                name = names[0][1]
                if not self._is_beside(name, place):
                    return "conflict"
                words = words[len(name) :]
            else:
                own = self._without_own(words)
                if own == words:
                    return "extra_words"
                words = own
        return ""

    def _is_beside(self, name: str, place: Candidate, reach_m: float = BESIDE_M) -> bool:
        """Say whether a known name lies near a place; a village is near what lies in it."""
        gazetteer = self.gazetteer
        if name in gazetteer.villages:
            lon, lat = gazetteer.plane.inverse(place.x, place.y)
            return bool(shapely.distance(gazetteer.villages[name][1], shapely.Point(lon, lat)) < 0.003)
        if name in gazetteer.road_lines:
            return bool(
                shapely.distance(gazetteer.road_lines[name], shapely.Point(place.x, place.y)) < reach_m
            )
        entries = [
            *gazetteer.aliases.get(name, ()),
            *gazetteer.named.get(name, ()),
            *(gazetteer.streets[name].entries() if name in gazetteer.streets else ()),
        ]
        if not entries:
            return False
        away = np.hypot(gazetteer.x[entries] - place.x, gazetteer.y[entries] - place.y)
        radii = np.where(away > 0, np.minimum(gazetteer.radii[entries], reach_m), 0)
        return bool((away < reach_m + radii).any())

    # -- misspelt places -----------------------------------------------------------------------------------

    def _nearly(self, readings: list[_Reading], failed: Answer | None, written: str) -> Answer:
        """Return places whose names are like the text or a part of it; every number must agree."""
        if failed is not None and failed.reason == "elsewhere":
            return failed
        shortest = readings[-1]
        rated, shifts = self._rated(readings, written)
        best = max(rated.values(), default=0.0)
        if failed is not None and failed.reason == "roads_do_not_cross" and best < ALMOST_THE_SAME:
            return failed
        if best < ALMOST_THE_SAME:
            answer = self._nearly_crossing(shortest.rest)
            if answer is not None:
                return answer
            answer = self._in_sentence(shortest)
            if answer is not None and answer.candidates[0].score > 0.9 * best:
                return answer
        if not rated:
            return failed if failed is not None else _rejected("place_unknown")
        order_of = sorted(rated, key=lambda entry: (-rated[entry], self.gazetteer.names[entry], entry))
        candidates = [
            self._candidate(entry, _unsure(rated[entry])).moved(shifts[entry]) for entry in order_of
        ]
        is_inside = self.gazetteer.bare(order_of[0]) in plain(shortest.rest)
        reason = "extra_words" if is_inside else "spelling"
        return Answer("review", reason, tuple(candidates[:MOST_CANDIDATES]))

    def _rated(self, readings: list[_Reading], written: str) -> tuple[dict[int, float], dict[int, Shift]]:
        """Return how much the entries in question are like a text, and how the place lies from them."""
        gazetteer = self.gazetteer
        orders: dict[tuple[str, tuple[str, ...]], None] = {}
        for reading in (readings[0], readings[-1]):
            # 和瑞消区 is no district but 和瑞小区 misspelt
            whole = "" if all(gazetteer.is_own(name) for name in reading.prefix) else reading.whole
            heard = heard_numerals(reading.rest, syllable)
            orders |= {(each, reading.prefix): None for each in (reading.rest, heard, turned(reading.rest))}
            orders[whole, ()] = None
        likely: list[tuple[int, float, Shift, tuple[str, ...]]]
        likely = [(entry, score, Shift(), ()) for entry, score in self._in_words(written)]
        likely += [(*each, prefix) for text, prefix in orders if text for each in self._like(text)]
        rated: dict[int, float] = {}
        shifts: dict[int, Shift] = {}
        for entry, score, shift, prefix in likely:
            fits = gazetteer.inside[entry] and _agree(prefix, gazetteer.districts[entry])
            if fits and score > rated.get(entry, 0.0):
                rated[entry], shifts[entry] = score, shift
        return rated, shifts

    def _like(self, text: str) -> list[tuple[int, float, Shift]]:
        """Return the entries whose names are like a text, how much, and how the place lies from them."""
        address = parse(text)
        if address.numbers:
            relation = relation_at_start(address.tail) if address.tail else None
            after, shift = relation if relation is not None else (address.tail, Shift())
            numbered = plain(address.base) + address.chain
            rated = self._by_numbers(numbered + plain(after), Address("")) if numbers_of(after) else []
            rated = rated or self._by_numbers(numbered, address)
            rated = [*rated, *self._same_numbers(plain(text))]
        else:
            anchor, shift = text, Shift()
            while (relation := relation_at_end(anchor)) is not None and len(plain(relation[0])) > 1:
                anchor, shift = relation[0], shift.and_then(relation[1])
            rated = [*self._without_unit(plain(anchor)), *self._by_name(plain(anchor))]
            if anchor != text:  # 洛东花圆东门, where the gate itself is known
                whole = self._by_name(plain(text))
                rated += [(entry, score) for entry, score in whole if score >= ALMOST_THE_SAME]
            if numbers_of(in_digits(anchor)):
                both = dict(rated) | dict(self._by_numbers(plain(anchor), Address("")))
                rated = [*both.items(), *self._same_numbers(plain(text))]
        return [(entry, score, shift) for entry, score in rated]

    def _without_unit(self, text: str) -> list[tuple[int, float]]:
        """Return the entries at a number that follows a known name without its unit: 北街12好又多."""
        match = _BARE_NUMBER.match(text)
        if match is None or match[1] not in self.gazetteer.streets:
            return []
        address = Address(match[1], ((match[2], ""),))
        entries, _ = _doors(self.gazetteer.streets[match[1]], address, self.gazetteer.is_road(match[1]))
        return [(entry, 0.8) for entry in entries]

    def _by_numbers(self, text: str, address: Address) -> list[tuple[int, float]]:
        """Return the entries that have exactly the numbers of a text, best first."""
        gazetteer = self.gazetteer
        rated: dict[int, float] = {}
        spelt, chain = in_digits(text), numbers_of(address.chain)
        numbers, of_base = numbers_of(spelt), numbers_of(address.base)
        for wanted, words in sorted({(numbers, without_digits(spelt)), (chain, without_digits(text))}):
            if wanted not in gazetteer.by_numbers:
                continue
            for entry, score in gazetteer.by_numbers[wanted].like(words):
                if self._has_numbers(entry, numbers, chain, of_base):
                    rated[entry] = max(rated.get(entry, 0.0), score)
        if address.numbers and not rated:
            # the estate itself, where its buildings are not listed
            for name, score in gazetteer.spellings.near(plain(address.base)):
                fits = _may_be(numbers_of(name), of_base)
                for entry in gazetteer.named.get(name, ()) if fits else ():
                    if gazetteer.levels[entry] != "road":
                        rated[entry] = max(rated.get(entry, 0.0), 0.8 * score)
        return sorted(rated.items(), key=lambda each: (-each[1], each[0]))

    def _has_numbers(
        self, entry: int, numbers: tuple[str, ...], chain: tuple[str, ...], of_base: tuple[str, ...]
    ) -> bool:
        """Say whether an entry has every number of a text, or the same chain and no other number before it."""
        name = self.gazetteer.bare(entry)
        if numbers_of(in_digits(name)) == numbers:
            return True
        # 五一路 may be misspelt so that no numeral is left; 民星1村 is 1 however it is written
        own, own_chain = numbers_of(name), numbers_of(self.gazetteer.chains[entry])
        return bool(chain) and own_chain == chain and _may_be(own[: len(own) - len(own_chain)], of_base)

    def _by_name(self, text: str) -> list[tuple[int, float]]:
        """Return the entries whose name is like a text or stands in it, best first."""
        gazetteer = self.gazetteer
        rated: dict[int, float] = {}
        # one slip explains every character; a name inside leaves some unexplained, and a road most of all
        near = [(name, score + 0.05) for name, score in gazetteer.spellings.near(text)]
        close = [*near, *gazetteer.spellings.like(text)]
        inside = [
            (name, 0.4 + 0.5 * len(name) / len(text) - (0.15 if self._is_wide(name) else 0.05))
            for _, name in gazetteer.names_in(text)
            if len(name) > 2 and not _GENERIC.fullmatch(name)
        ]
        given = numbers_of(in_digits(text))
        if given:  # a name without the number leaves that unexplained too
            close = [(name, score if numbers_of(in_digits(name)) else 0.85 * score) for name, score in close]
        for name, score in [*close, *inside]:
            if _may_be(numbers_of(in_digits(name)), given):
                named, weak = gazetteer.named.get(name, ()), gazetteer.weak.get(name, ())
                for entry in (*named, *weak, *gazetteer.aliases.get(name, ())):
                    rated[entry] = max(rated.get(entry, 0.0), score)
        return sorted(rated.items(), key=lambda each: (-each[1], each[0]))

    def _is_wide(self, name: str) -> bool:
        return self.gazetteer.is_road(name) or name in self.gazetteer.villages

    # -- inside a sentence -----------------------------------------------------------------------------------

    def _in_sentence(self, reading: _Reading) -> Answer | None:
        """Return the places that a sentence names among other words, always for review."""
        found: list[tuple[float, Candidate]] = []
        text = _BRACKETS.sub("", without_quantities(numbers_in_order(reading.rest)))
        clauses = [each for each in _NUMBER_COMMA.sub(r"\1", text).split(",") if len(each) > 1]
        for clause in clauses:
            for shorter in (clause, *without_beginning(clause)[:1]):
                found += self._named_in(shorter)
        if not found and len(text) > _SHORTEST_SENTENCE:
            for clause in clauses:
                found += self._nearly_named_in((without_beginning(clause) or [clause])[0])
        if not found:
            return None
        found.sort(key=lambda each: (-each[0], each[1].name, each[1].x))
        places: list[Candidate] = []
        for score, place in found:
            if place.entry >= 0 and not _agree(reading.prefix, self.gazetteer.districts[place.entry]):
                continue
            if all(_metres(place, other) > 1 for other in places):
                places.append(replace(place, score=round(min(score, MOST_UNSURE), 4)))
        if not places:
            return None
        is_exact = found[0][0] >= 0.5
        return Answer("review", "extra_words" if is_exact else "spelling", tuple(places[:MOST_CANDIDATES]))

    def _named_in(self, clause: str) -> list[tuple[float, Candidate]]:
        """Return the places that known names in a clause mean, with a score: numbers before names before roads."""
        found: list[tuple[float, Candidate]] = []
        names = self.gazetteer.names_in(clause)
        reached = 0
        for place, (start, name) in enumerate(names):
            number = _NUMBER_BEFORE.search(clause, reached, start)
            is_own = number is not None and (number.start() > reached or reached == 0)
            reached = start + len(name)
            rest = clause[start:]
            if number is not None and is_own and not clause[reached : reached + 1].isdigit():
                rest = numbers_in_order(name + number.group()) + clause[reached:]  # 309弄本溪路
            answer: Answer | None = None
            kind = 0.0
            address = parse(rest)
            if address.numbers and plain(address.base) == name:
                answer, kind = self._number(name, address, ()), 0.8
                relation = relation_at_start(address.tail)
                shift = relation[1] if relation is not None else Shift()
                answer = answer.moved(shift) if answer is not None else None
            elif place + 1 < len(names) and self.gazetteer.is_road(name):
                word = _CROSSING_INSIDE.match(clause, names[place + 1][0] + len(names[place + 1][1]) - 1)
                roads = crossing(clause[start : word.end()]) if word is not None else None
                answer, kind = (self._crossing(roads) if roads is not None else None), 0.75
            if answer is None and len(name) > 2 and not _GENERIC.fullmatch(name):
                answer = self._exactly(name, ())
                kind = 0.6
            if answer is not None and answer.status != "rejected":
                coarse = (
                    0.2 if answer.candidates[0].level in {"road", "village"} and not address.numbers else 0.0
                )
                unsure = 0.1 if answer.status != "accepted" else 0.0
                share = 0.09 * min(len(name) / len(clause), 1.0)
                found += [(kind + share - coarse - unsure, each) for each in answer.candidates[:2]]
        return found

    def _nearly_named_in(self, clause: str) -> list[tuple[float, Candidate]]:
        """Return the places whose names are like a piece of a clause."""
        gazetteer = self.gazetteer
        rated: dict[int, float] = {}
        # the words to the left of a number, the number, and nothing behind it
        for match in _NUMBERED_PIECE.finditer(clause):
            address = parse(match.group())
            if not address.numbers:
                continue
            numbers, chain = numbers_of(in_digits(match.group())), numbers_of(address.chain)
            shortlist = gazetteer.by_numbers.get(chain)
            if shortlist is not None:
                for entry, score in shortlist.within(without_digits(match.group())):
                    if self._has_numbers(entry, numbers, chain, numbers_of(address.base)):
                        rated[entry] = max(rated.get(entry, 0.0), score)
        if not rated:
            given = numbers_of(in_digits(clause))
            for name, score in gazetteer.spellings.within(clause):
                fits = _may_be(numbers_of(in_digits(name)), given)
                for entry in gazetteer.named.get(name, ()) if fits else ():
                    if gazetteer.levels[entry] not in {"road", "village"} and not _GENERIC.fullmatch(name):
                        rated[entry] = max(rated.get(entry, 0.0), 0.9 * score)
        return [(0.75 * score, self._candidate(entry, score)) for entry, score in rated.items()]

    def _nearly_crossing(self, anchor: str) -> Answer | None:
        roads = crossing(anchor)
        if roads is None or not roads.second or not roads.is_said:
            return None
        ends = ("", "路") if roads.ends_in_road else ("",)
        for one, other in ((roads.first, roads.second), *roads.others)[:3]:
            firsts = self._roads_near(one)
            seconds = [name for end in ends for name in self._roads_near(other + end)]
            for first in firsts:
                for second in seconds:
                    answer = self._crossing(Crossing(first, second, roads.shift))
                    if answer is not None and answer.status != "rejected":
                        return answer.to_review("spelling")
        return None

    def _roads_near(self, name: str) -> list[str]:
        known, _ = self._known_part(name)
        near = [other for other, _ in self.gazetteer.spellings.near(name) if self.gazetteer.is_road(other)]
        return ([known] if known and self.gazetteer.is_road(known) else []) + near[:3]

    # -- making answers ------------------------------------------------------------------------------------

    def _candidate(self, entry: int, score: float) -> Candidate:
        gazetteer = self.gazetteer
        return Candidate(
            gazetteer.names[entry],
            gazetteer.levels[entry],
            float(gazetteer.x[entry]),
            float(gazetteer.y[entry]),
            float(gazetteer.radii[entry]),
            score,
            entry,
        )

    def _candidates(self, entries: Sequence[int], score: float) -> tuple[Candidate, ...]:
        return tuple(self._candidate(entry, score) for entry in entries[:MOST_CANDIDATES])

    def _spread(self, entries: Sequence[int]) -> float:
        """Return how far entries lie from the first of them, metres."""
        if len(entries) == 1:
            return 0.0
        x, y = self.gazetteer.x[list(entries)], self.gazetteer.y[list(entries)]
        return float(np.hypot(x - x[0], y - y[0]).max())

    def _table(self, answers: list[Answer]) -> Any:
        gazetteer = self.gazetteer
        places = [place for answer in answers for place in answer.candidates]
        lon, lat = gazetteer.plane.inverse(
            np.array([place.x for place in places]), np.array([place.y for place in places])
        )
        entry = np.array([place.entry for place in places], dtype=np.int64)
        if len(entry):  # an entry's own place comes back as it was given
            lon = np.where(entry >= 0, gazetteer.lon[entry], lon) if len(gazetteer) else lon
            lat = np.where(entry >= 0, gazetteer.lat[entry], lat) if len(gazetteer) else lat
        rows: dict[str, list[Any]] = {column: [] for column in LOCATED.columns}
        first = 0
        for answer in answers:
            described = [
                {
                    "name": place.name,
                    "level": place.level,
                    "lon": round(float(lon[first + index]), 7),
                    "lat": round(float(lat[first + index]), 7),
                    "radius_m": round(place.radius_m, 1),
                    "score": place.score,
                }
                for index, place in enumerate(answer.candidates)
            ]
            is_found = answer.status != "rejected"
            best = answer.candidates[0] if is_found else None
            rows["lon"].append(float(lon[first]) if best else np.nan)
            rows["lat"].append(float(lat[first]) if best else np.nan)
            rows["level"].append(best.level if best else "")
            rows["radius_m"].append(best.radius_m if best else np.nan)
            rows["score"].append(best.score if best else 0.0)
            rows["status"].append(answer.status)
            rows["name"].append(best.name if best else "")
            rows["reason"].append(answer.reason)
            rows["candidates"].append(json.dumps(described, ensure_ascii=False))
            first += len(answer.candidates)
        return pd.DataFrame(
            {column: pd.Series(rows[column], dtype=dtype) for column, dtype in LOCATED.columns.items()}
        )


def _agree(text: tuple[str, ...], entry: tuple[str, ...]) -> bool:
    """Say whether the districts of a text and of an entry contradict each other in none of their kinds."""
    kinds = {rank(name): stem(name) for name in entry}
    for name in text:
        other = kinds.get(rank(name))
        if other is not None and not _same_stem(stem(name), other):
            return False
    return True


def _unsure(score: float) -> float:
    return round(min(0.9 * score, MOST_UNSURE), 4)


def _metres(first: Candidate, second: Candidate) -> float:
    return float(np.hypot(first.x - second.x, first.y - second.y))


def _same_stem(one: str, other: str) -> bool:
    """Say whether two names of districts may mean one: 浦东 and 浦东新, 靖安 and 静安."""
    if one in other or other in one:
        return True
    return is_misspelt(one, other) or sound(one) == sound(other) or sorted(one) == sorted(other)


def _may_be(wanted: tuple[str, ...], given: tuple[str, ...]) -> bool:
    """Say whether a text with these numbers may mean a name with those: 民星二村 is not 民星一村."""
    return not wanted or not given or set(wanted) <= set(given)


def _doors(street: Street, address: Address, is_road: bool) -> tuple[list[int], bool]:
    """Return the entries at the numbers of an address, and whether they are the same for sure."""
    entries = street.doors.get(address.chain)
    if entries:
        return entries, True
    value, unit = address.numbers[-1]
    head = "".join(number + each for number, each in address.numbers[:-1])
    if unit == "号" and "-" in value and is_road:
        # 118-120号 and 118-1号 lie at 118号, which is not said to be the same
        ends = [street.doors.get(f"{head}{part}号", []) for part in value.split("-")]
        return [entry for end in ends for entry in end], False
    if unit in {"", "#"}:
        order = ("号", "幢", "弄", "") if is_road else ("幢", "号", "组", "弄", "")
        found = [kind for kind in order if street.doors.get(f"{head}{value}{kind}")]
        if found:
            return street.doors[f"{head}{value}{found[0]}"], len(found) == 1 and found[0] != "弄"
        parts = value.split("-")
        if len(parts) > 1 and not is_road and street.doors.get(f"{head}{parts[0]}幢"):
            return street.doors[f"{head}{parts[0]}幢"], True  # 3-2-501: building, unit, room
        return [], False
    for other in ("号", "弄", "幢", ""):
        if other != unit and street.doors.get(f"{head}{value}{other}"):
            return street.doors[f"{head}{value}{other}"], other == ""
    return [], False
