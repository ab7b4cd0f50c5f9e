"""Who may go where, in which direction and how fast: on foot, by e-bike, by car.

The tags are those of OpenStreetMap; layers of other origin are put into them by :func:`road_class`. Speeds are
those of somebody on patrol, stops at crossings included. Those of the e-bike follow the law (15 km/h in the
lanes for it, Road Traffic Safety Law of 2011, article 58); the others are assumptions, for a town to change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

#: Tags that the profiles read.
TAGS: Final = (
    "highway",
    "oneway",
    "oneway:bicycle",
    "cycleway",
    "junction",
    "access",
    "foot",
    "vehicle",
    "bicycle",
    "motor_vehicle",
    "motorcar",
    "motorroad",
    "maxspeed",
)
WALK_KMH: Final = 4.5
EBIKE_KMH: Final = 15.0
#: In one kilometre an hour.
METRES_A_MINUTE: Final = 1000.0 / 60.0
#: What an e-bike may be built for (GB 17761), whatever a town says of its speed.
EBIKE_MOST_KMH: Final = 25.0

_OPEN: Final = frozenset({"yes", "designated", "permissive", "official", "destination"})
_CLOSED: Final = frozenset(
    {"no", "private", "agricultural", "forestry", "military", "use_sidepath", "restricted"}
)
_FORWARD: Final = frozenset({"yes", "true", "1", "f"})
_BACK: Final = frozenset({"-1", "reverse", "t"})  # "t" is how shapefiles cut from OpenStreetMap write it
_ROUND: Final = frozenset({"roundabout", "circular"})
_MILE_KM: Final = 1.609344
_STREETS: Final = (
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "unclassified",
    "residential",
    "living_street",
    "service",
    "road",
)
_WAYS: Final = ("track", "path", "footway", "pedestrian", "cycleway", "bridleway", "corridor")


@dataclass(frozen=True)
class Profile:
    """How one mode uses the roads.

    Parameters
    ----------
    mode
        Of :data:`pingan_geo.model.patrol.MODES`.
    speeds_kmh
        By class of road (``highway``); a class that is not listed is closed.
    access
        Tags that say who may go, the most particular first: the first that says yes or no decides. Only the
        first two of them open a class that is not listed.
    opened_kmh
        On a road of a class that is not listed, or on one where it is pushed, when a tag opens it.
    oneway
        Tags that say in which direction, the most particular first; ``()``: both, always.
    pushed
        Classes on which it goes at walking speed and in both directions, unless a tag opens them.
    most_kmh
        Never faster than this.
    """

    mode: str
    speeds_kmh: Mapping[str, float]
    access: tuple[str, ...]
    opened_kmh: float
    oneway: tuple[str, ...]
    pushed: frozenset[str] = frozenset()
    most_kmh: float = 130.0

    def with_speeds(self, speeds_kmh: Mapping[str, float]) -> Profile:
        """Return the profile with other speeds for some classes of road, km/h."""
        return replace(self, speeds_kmh=MappingProxyType({**self.speeds_kmh, **speeds_kmh}))

    def passage(self, tags: Mapping[str, str]) -> tuple[float, bool, bool]:
        """Return how a road is used.

        Parameters
        ----------
        tags
            Of :data:`TAGS`, as OpenStreetMap writes them.

        Returns
        -------
        kmh, forward, back
            Speed, and whether it is open in the direction in which it is drawn and against it; (0, False,
            False) when it is closed.
        """
        kind = tags.get("highway", "")
        opened, closed = self._access(tags)
        kmh = self.speeds_kmh.get(kind, 0.0)
        pushed = kind in self.pushed and not opened
        if opened and (kmh == 0.0 or kind in self.pushed) and kind in _KNOWN:
            kmh = self.opened_kmh
        if self.mode == "ebike" and tags.get("bicycle") == "dismount":
            kmh, pushed = WALK_KMH, True
        if closed or kmh <= 0.0 or (self.mode != "car" and tags.get("motorroad") == "yes"):
            return 0.0, False, False
        limit = _limit_kmh(tags.get("maxspeed", "")) if self.mode != "walk" else None
        kmh = min(kmh, self.most_kmh, limit or self.most_kmh)
        forward, back = (True, True) if pushed else self._directions(tags, kind)
        return kmh, forward, back

    def _access(self, tags: Mapping[str, str]) -> tuple[bool, bool]:
        """Return whether a tag of the mode itself opens the road, and whether any closes it."""
        for place, key in enumerate(self.access):
            value = tags.get(key, "")
            if value in _OPEN:
                return place < 2 and key != "access", False
            if value in _CLOSED:
                return False, True
        return False, False

    def _directions(self, tags: Mapping[str, str], kind: str) -> tuple[bool, bool]:
        if not self.oneway:
            return True, True
        if self.mode == "ebike" and tags.get("cycleway", "").startswith("opposite"):
            return True, True
        for key in self.oneway:
            value = tags.get(key, "").lower()
            if value in _FORWARD:
                return True, False
            if value in _BACK:
                return False, True
            if value:
                return True, True
        one = tags.get("junction") in _ROUND or kind in {"motorway", "motorway_link"}
        return True, not one


_ON_FOOT: Final = dict.fromkeys((*_STREETS, *_WAYS), WALK_KMH) | {"steps": 3.0}
_BY_EBIKE: Final = dict.fromkeys(_STREETS, EBIKE_KMH) | {
    "living_street": 10.0,
    "service": 10.0,
    "cycleway": EBIKE_KMH,
    "track": 10.0,
    "path": 8.0,
    "pedestrian": WALK_KMH,
    "footway": WALK_KMH,
}
_BY_CAR: Final = {
    "motorway": 80.0,
    "motorway_link": 40.0,
    "trunk": 50.0,
    "trunk_link": 35.0,
    "primary": 40.0,
    "primary_link": 30.0,
    "secondary": 35.0,
    "secondary_link": 30.0,
    "tertiary": 30.0,
    "tertiary_link": 25.0,
    "unclassified": 25.0,
    "residential": 20.0,
    "living_street": 10.0,
    "service": 15.0,
    "road": 20.0,
}
_KNOWN: Final = frozenset({*_STREETS, *_WAYS, "steps", "motorway", "motorway_link"})

#: The three profiles by mode.
PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "walk": Profile("walk", MappingProxyType(_ON_FOOT), ("foot", "access"), WALK_KMH, ()),
        "ebike": Profile(
            "ebike",
            MappingProxyType(_BY_EBIKE),
            ("bicycle", "vehicle", "access"),
            10.0,
            ("oneway:bicycle", "oneway"),
            frozenset({"pedestrian", "footway"}),
            EBIKE_MOST_KMH,
        ),
        "car": Profile(
            "car",
            MappingProxyType(_BY_CAR),
            ("motorcar", "motor_vehicle", "vehicle", "access"),
            15.0,
            ("oneway",),
        ),
    }
)

#: Words of other layers for a class of road; compared without case, a word inside a longer one counts.
_WORDS: Final = (
    ("motorway", ("高速", "expressway", "freeway")),
    ("trunk", ("快速路", "国道")),
    ("secondary", ("次干", "县道", "县级")),
    ("primary", ("主干", "干道", "干路", "省道", "main", "arterial", "major")),
    ("tertiary", ("支路", "乡道", "镇道", "collector")),
    ("pedestrian", ("步行街",)),
    ("footway", ("人行", "步道", "绿道", "sidewalk", "walkway")),
    ("cycleway", ("非机动车道", "自行车道", "bike")),
    ("steps", ("台阶", "阶梯", "梯道", "stairs")),
    ("track", ("机耕", "田间", "土路")),
    ("path", ("小路", "小道", "trail")),
    ("living_street", ("巷", "弄", "胡同", "里弄", "lane", "alley")),
    ("service", ("内部路", "小区路", "driveway", "access road")),
    ("unclassified", ("村道", "乡村", "rural")),
    ("residential", ("街", "street", "local", "minor")),
)


def road_class(word: str) -> str:
    """Return the class of road that a word of a layer means.

    Parameters
    ----------
    word
        ``residential``, ``主干道``, ``lane`` …

    Returns
    -------
    str
        A value of the tag ``highway``; ``road`` where the word is empty or not known, which is open to all
        at a modest speed.
    """
    plain = word.strip().lower().replace(" ", "_")
    if plain in _KNOWN:
        return plain
    if plain.startswith("track_grade"):
        return "track"
    for kind, words in _WORDS:
        if any(each.replace(" ", "_") in plain for each in words):
            return kind
    return "road"


def _limit_kmh(value: str) -> float | None:
    match = re.match(r"(\d+(?:\.\d+)?)\s*(mph)?", value)
    if match is None or float(match[1]) <= 0.0:
        return None
    return float(match[1]) * (_MILE_KM if match[2] else 1.0)
