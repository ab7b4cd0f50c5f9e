"""A place found for words, and the words that places are known by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

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

#: Online services that can be asked; none unless the town says so.
PROVIDERS: Final = ("tianditu", "amap", "baidu", "nominatim")

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


@dataclass(frozen=True)
class OnlineSettings:
    """The section ``[geocoding]`` of a town's settings.

    Parameters
    ----------
    online
        One of :data:`PROVIDERS`; ``""``: nothing is ever asked.
    key
        That the provider gave; Nominatim needs none.
    url
        Beginning of another address with the same answers, e.g. a mirror in the intranet.
    region
        Put before texts that do not name it, e.g. ``嘉兴市秀洲区新塍镇``.
    timeout_s
        A request is given up after this.
    per_second, per_day
        Requests at most; answers kept from before are none.
    retries
        How often a request is made again after a passing fault.
    """

    online: str = ""
    key: str = field(default="", repr=False)
    url: str = ""
    region: str = ""
    timeout_s: float = 5.0
    per_second: float = 1.0
    per_day: int = 2000
    retries: int = 2
