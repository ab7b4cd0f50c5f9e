"""A place found for words, and the words that places are known by."""

from __future__ import annotations

from collections.abc import Sequence
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
        "reason": "str",  # code of why it was not accepted, "" when it was
        "candidates": "str",  # JSON list of {name, level, lon, lat, radius_m, score}, best first, at most 5
    },
)


class Geocoder(Protocol):
    """Finds places for words."""

    #: Said in receipts, e.g. ``gazetteer``, ``amap``.
    name: str

    def locate(self, texts: Sequence[str]) -> Any:
        """Return LOCATED, one row per text in their order."""
