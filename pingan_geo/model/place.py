"""A place found for words, and the words that places are known by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pingan_geo.model.tables import TableSpec

#: How finely a place is known, finest first. ``point``: coordinates were given. ``place``: a named thing
#: (a shop, a bridge, a post). ``crossing``: two roads. ``segment``: a stretch of road between house numbers.
LEVELS = (
    "point",
    "door",
    "building",
    "place",
    "estate",
    "crossing",
    "segment",
    "road",
    "village",
)

#: ``accepted``: may be stored unasked; ``review``: a person must choose; ``rejected``: not found, or elsewhere.
STATUSES = ("accepted", "review", "rejected")

#: Why a place is not accepted unasked: code to English sentence (also the msgid of the Chinese one).
LOCATE_REASONS: Mapping[str, str] = {
    "ambiguous": "the words fit several places",
    "spelling": "the spelling differs",
    "interpolated": "the house number is not listed; its place was reckoned from its neighbours",
    "number_unknown": "the number is not in the gazetteer",
    "unit_differs": "the number is listed with another noun, such as 弄 for 号",
    "extra_words": "there are words that no listed name explains",
    "coarse": "the place found is too large to be sure",
    "conflict": "the words name places that do not lie together",
    "generic_name": "the name is one that many places bear",
    "unknown_district": "a town or district is named that is not known",
    "crossing_estimated": "the two roads do not meet as they are drawn; the crossing is an estimate",
    "empty": "there are no words",
    "too_long": "the words are too long to be a place",
    "elsewhere": "the words name a place outside the town",
    "place_unknown": "no listed place is named so",
    "roads_do_not_cross": "the two roads do not cross",
    "online": "an online geocoder found it; nobody has confirmed it",
    "not_found": "the online geocoder found nothing",
    "too_coarse": "the online geocoder knows it only roughly",
    "online_error": "the online geocoder could not be asked",
}

#: Names and where they are. Coordinates are WGS-84 degrees.
GAZETTEER = TableSpec(
    "gazetteer",
    {
        "entry_id": "str",  # unique within its source
        "name": "str",
        "kind": "str",  # any word: door, estate, road, crossing, village, shop …; "" unknown
        "lon": "float64",
        "lat": "float64",
        "village_id": "str",  # of the village that it is said to lie in, "" unknown
        "source": "str",  # places, posts, stations, enterprises, estates, roads, villages, alias …
        "radius_m": "float64",  # how far the thing reaches from its point; NaN unknown
    },
)

#: What was found for each text, in the order of the texts. Coordinates are WGS-84 degrees.
LOCATED = TableSpec(
    "located",
    {
        "lon": "float64",  # NaN when rejected; the best candidate's when in review
        "lat": "float64",
        "level": "str",  # of LEVELS, "" when rejected
        "radius_m": "float64",  # the true place lies within this, nine times of ten; NaN when rejected
        "score": "float64",  # 0–1, only for ordering and for the benchmark
        "status": "str",  # of STATUSES
        "name": "str",  # of the entry found, as the gazetteer writes it; "" when rejected
        "reason": "str",  # code of LOCATE_REASONS, why it was not accepted; "" when it was
        "candidates": "str",  # JSON list of {name, level, lon, lat, radius_m, score}, best first, at most 5
    },
)


class Geocoder(Protocol):
    """Finds places for words."""

    #: Said in receipts, e.g. ``gazetteer``, ``amap``.
    name: str

    def locate(self, texts: Sequence[str]) -> Any:
        """Return LOCATED, one row per text in their order."""
