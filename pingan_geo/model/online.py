"""What a town says of an online geocoder; none is asked unless it says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

#: Online services that can be asked; none unless the town says so.
PROVIDERS: Final = ("tianditu", "amap", "baidu", "nominatim")


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
