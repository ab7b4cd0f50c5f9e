"""Online geocoders behind one door: Tianditu, Amap, Baidu, Nominatim; off unless a town's settings name one.

Two commercial geocoders agree within 100 m on little more than half of the same texts, so no answer from
outside is ever accepted unasked: at best a person is offered it. Telephone and identity numbers are cut
out before a text leaves the machine, answers outside the town are refused, and a service that fails stops
nothing: its texts stay unanswered and the fault is told in one sentence.

This is the only door to geopy.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
import pandas as pd
from geopy.adapters import URLLibAdapter
from geopy.exc import (
    GeocoderAuthenticationFailure,
    GeocoderInsufficientPrivileges,
    GeocoderParseError,
    GeocoderQueryError,
    GeocoderQuotaExceeded,
    GeocoderRateLimited,
    GeocoderServiceError,
    GeopyError,
)
from geopy.geocoders import BaiduV3, Nominatim
from geopy.geocoders.base import DEFAULT_SENTINEL, Geocoder
from geopy.location import Location

from pingan_geo.coords import to_wgs84
from pingan_geo.errors import (
    BadChoiceError,
    OnlineAnswerError,
    OnlineKeyError,
    OnlineQuotaError,
    OnlineUnreachableError,
    PinganError,
)
from pingan_geo.model.online import PROVIDERS, OnlineSettings
from pingan_geo.model.place import LOCATED

# at its finer levels it writes whole addresses, with texts and keys, into the log
logging.getLogger("geopy").setLevel(logging.WARNING)

#: Where each answers when the settings name no other address.
URLS: Final[Mapping[str, str]] = {
    "tianditu": "https://api.tianditu.gov.cn",
    "amap": "https://restapi.amap.com",
    "baidu": "https://api.map.baidu.com",
    "nominatim": "https://nominatim.openstreetmap.org",
}
#: In which each answers; Tianditu's CGCS2000 is WGS-84 but for centimetres.
DATUMS: Final[Mapping[str, str]] = {
    "tianditu": "cgcs2000",
    "amap": "gcj02",
    "baidu": "bd09",
    "nominatim": "wgs84",
}
#: The true place lies within this, nine times of ten; wide, because the services are no surer.
_RADIUS_M: Final[Mapping[str, float]] = {
    "door": 250.0,
    "building": 250.0,
    "place": 300.0,
    "estate": 400.0,
    "crossing": 200.0,
    "road": 1500.0,
    "village": 1000.0,
}
_SCORE: Final[Mapping[str, float]] = {"road": 0.4, "village": 0.3}
#: What the services call the kind of an answer → our level; the first word found counts. Districts and
#: anything wider have none: their middle is no place.
_LEVEL_WORDS: Final = (
    ("交叉", "crossing"), ("路口", "crossing"), ("门牌", "door"), ("门址", "door"),
    ("单元", "building"), ("楼", "building"), ("大厦", "building"), ("小区", "estate"), ("住宅", "estate"),
    ("村", "village"), ("国家", ""), ("省", ""), ("城市", ""), ("区县", ""), ("乡镇", ""), ("街道", ""),
    ("行政", ""), ("商圈", ""), ("开发区", ""), ("UNKNOWN", ""), ("道路", "road"),
)  # fmt: skip
_MOST_CANDIDATES: Final = 5
#: After so many texts in a row that the service failed on, the rest are not asked.
_MOST_FAILURES: Final = 3
_KEPT_DAYS: Final = 90
#: Telephone, identity and card numbers, however they are spaced.
_PERSON_NUMBER: Final = re.compile(r"(?:\+?\d[\s\-()]{0,2}){6,}[\dXx]")

#: An address is shorter; the rest of a longer text is nobody's business outside.
MOST_LETTERS: Final = 200

_Bounds = tuple[float, float, float, float]


# -- providers ---------------------------------------------------------------------------------------


class Amap(Geocoder):  # type: ignore[misc]
    """Geocoder of Amap (高德), version 3; answers are in GCJ-02.

    Parameters
    ----------
    key
        Of the kind "Web 服务".
    url
        Beginning of the address.
    **options
        As geopy's base takes them.
    """

    #: ``infocode`` of the answer → error.
    _FAULTS: Final = {
        **dict.fromkeys(("10001", "10002", "10005", "10006", "10007", "10008", "10009", "10010", "10011",
                         "10012", "10013", "10026", "10041"), GeocoderAuthenticationFailure),
        **dict.fromkeys(("10003", "10044", "10045", "40000", "40001", "40002", "40003"),
                        GeocoderQuotaExceeded),
        **dict.fromkeys(("10004", "10014", "10015", "10019", "10020", "10021", "10029"),
                        GeocoderRateLimited),
        **dict.fromkeys(("20000", "20001", "20002", "20011", "20012"), GeocoderQueryError),
    }  # fmt: skip
    #: What it answers to words that it makes nothing of.
    _NOTHING: Final = "30001"

    def __init__(self, key: str, *, url: str = URLS["amap"], **options: Any) -> None:
        super().__init__(**options)
        self.key, self.api = key, f"{url.rstrip('/')}/v3/geocode/geo"

    def geocode(self, query: str, *, exactly_one: bool = True, timeout: Any = DEFAULT_SENTINEL) -> Any:
        """Return a ``Location`` in GCJ-02 (a list unless ``exactly_one``), ``None`` when nothing fits.

        Raises
        ------
        GeopyError
            For every fault that the service or the network reports.
        """
        address = f"{self.api}?{urlencode({'key': self.key, 'address': query, 'output': 'JSON'})}"
        return self._call_geocoder(address, partial(self._parse, exactly_one=exactly_one), timeout=timeout)

    def _parse(self, answer: Any, *, exactly_one: bool) -> Any:
        status, code = str(_of(answer, "status")), str(_of(answer, "infocode"))
        if status != "1":
            if code == self._NOTHING:
                return None
            raise self._FAULTS.get(code, GeocoderServiceError)(f"Amap {code}")
        found = []
        for each in _of(answer, "geocodes") or []:
            lon, _, lat = str(_of(each, "location")).partition(",")
            found.append(Location(str(_of(each, "formatted_address")), (float(lat), float(lon)), each))
        return _one_or_all(found, exactly_one=exactly_one)


class Tianditu(Geocoder):  # type: ignore[misc]
    """Geocoder of Tianditu (天地图); answers are in CGCS2000.

    Parameters
    ----------
    key
        Of the kind "服务端".
    url
        Beginning of the address.
    **options
        As geopy's base takes them.
    """

    def __init__(self, key: str, *, url: str = URLS["tianditu"], **options: Any) -> None:
        super().__init__(**options)
        self.key, self.api = key, f"{url.rstrip('/')}/geocoder"

    def geocode(self, query: str, *, exactly_one: bool = True, timeout: Any = DEFAULT_SENTINEL) -> Any:
        """Return a ``Location`` in CGCS2000 (a list unless ``exactly_one``), ``None`` when nothing fits.

        Raises
        ------
        GeopyError
            For every fault that the service or the network reports.
        """
        wanted = json.dumps({"keyWord": query}, ensure_ascii=False)
        address = f"{self.api}?{urlencode({'ds': wanted, 'tk': self.key})}"
        return self._call_geocoder(address, partial(self._parse, exactly_one=exactly_one), timeout=timeout)

    def _geocoder_exception_handler(self, error: Any) -> None:
        """Tell faults of the key from faults of the service: both come as an HTTP error with JSON."""
        try:
            answer = json.loads(getattr(error, "text", None) or "")
        except ValueError:
            return
        self._raise_fault(answer)

    def _raise_fault(self, answer: Any) -> None:
        words, code = f"{_of(answer, 'msg')} {_of(answer, 'resolve')}", str(_of(answer, "code"))
        if re.search("上限|超限|超出|次数|配额", words):
            raise GeocoderQuotaExceeded(f"Tianditu {code}")
        if re.search("[Kk]ey|密钥|权限|白名单|[Tt]oken|tk", words):
            raise GeocoderAuthenticationFailure(f"Tianditu {code}")

    def _parse(self, answer: Any, *, exactly_one: bool) -> Any:
        status = str(_of(answer, "status"))
        if status not in {"0", "101"}:
            self._raise_fault(answer)
            raise GeocoderServiceError(f"Tianditu {status}")
        place = _of(answer, "location")
        if status == "101" or not place:
            return None
        location = Location(str(_of(place, "keyWord")), (float(place["lat"]), float(place["lon"])), place)
        return _one_or_all([location], exactly_one=exactly_one)


class Baidu(BaiduV3):  # type: ignore[misc]
    """geopy's geocoder of Baidu (百度), told what some answers mean; answers are in BD-09.

    Parameters
    ----------
    key
        Of the kind "服务端".
    url
        Beginning of the address.
    **options
        As geopy's base takes them.
    """

    def __init__(self, key: str, *, url: str = URLS["baidu"], **options: Any) -> None:
        super().__init__(key, **options)
        self.api = f"{url.rstrip('/')}{self.api_path}"

    def _parse_json(self, page: Any, exactly_one: bool = True) -> Any:
        words = f"{_of(page, 'msg')}{_of(page, 'message')}"
        if _of(page, "status") == 1 and "无相关结果" in words:  # it says "internal error" for that
            return None
        return super()._parse_json(page, exactly_one)

    def _check_status(self, status: Any) -> None:
        if status == 5:
            raise GeocoderAuthenticationFailure("Baidu 5")
        if status in {401, 402}:  # too many at a time, not too many a day
            raise GeocoderRateLimited(f"Baidu {status}")
        super()._check_status(status)


def _of(answer: Any, name: str) -> Any:
    """Return a field of a JSON object; anything else is no answer of a geocoder."""
    if not isinstance(answer, Mapping):
        raise GeocoderParseError("no JSON object")
    value = answer.get(name, "")
    return "" if value == [] else value  # Amap writes [] for an empty text


def _one_or_all(found: Sequence[Any], *, exactly_one: bool) -> Any:
    if not found:
        return None
    return found[0] if exactly_one else list(found)


def _make(settings: OnlineSettings) -> Any:
    # not the other adapter: its library logs whole addresses, with texts and keys, and retries uncounted
    options: dict[str, Any] = {
        "timeout": settings.timeout_s,
        "user_agent": "pingan-geo",
        "adapter_factory": URLLibAdapter,
    }
    url = (settings.url or URLS[settings.online]).rstrip("/")
    if settings.online == "amap":
        return Amap(settings.key, url=url, **options)
    if settings.online == "tianditu":
        return Tianditu(settings.key, url=url, **options)
    if settings.online == "baidu":
        return Baidu(settings.key, url=url, **options)
    nominatim = Nominatim(**options)
    nominatim.api = f"{url}{Nominatim.geocode_path}"
    return nominatim


# -- one door ----------------------------------------------------------------------------------------


class OnlineGeocoder:
    """Asks one online service for places, within a town.

    Parameters
    ----------
    settings
        Of the town.
    bounds
        West, south, east, north of the town's area, WGS-84 degrees; a place outside is never offered.
    today
        Counts the requests of a day, and lets kept answers grow old.
    cache_file
        Where answers are kept, one JSON object a line; texts stand in it as hashes only. ``None``: nowhere.
    clock, sleep
        Seconds that never run back, and waiting.

    Raises
    ------
    BadChoiceError
        If the provider is not one of :data:`PROVIDERS`.
    OnlineKeyError
        If it needs a key and there is none.
    """

    def __init__(
        self,
        settings: OnlineSettings,
        bounds: _Bounds,
        *,
        today: date,
        cache_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if settings.online not in PROVIDERS:
            raise BadChoiceError(name="online", value=settings.online, expected=", ".join(PROVIDERS))
        if settings.online != "nominatim" and not settings.key:
            raise OnlineKeyError(provider=settings.online)
        self.name = settings.online
        #: What went wrong at the last call, each fault once: sentences for the receipt.
        self.problems: tuple[PinganError, ...] = ()
        self._settings, self._bounds, self._today = settings, bounds, today
        self._clock, self._sleep = clock, sleep
        self._service = _make(settings)
        self._kept = _Kept(cache_file, today, f"{settings.online} {settings.url} {settings.region}")
        self._last = -float("inf")
        self._lock = threading.Lock()

    def locate(self, texts: Sequence[str]) -> pd.DataFrame:
        """Ask for places; see :class:`pingan_geo.model.place.Geocoder`.

        Parameters
        ----------
        texts
            Words for places, of anybody's making.

        Returns
        -------
        pandas.DataFrame
            LOCATED. ``review`` with reason ``online`` at best. ``rejected`` with reason ``not_found``,
            ``elsewhere`` (only outside the town), ``too_coarse`` (the middle of a district is no place) or
            ``online_error`` (not answered; :attr:`problems` says why). Nothing is raised for a fault of
            the service or the network.
        """
        with self._lock:
            faults: dict[type[PinganError], PinganError] = {}
            answers: dict[str, _Row] = {}
            failures, stopped = 0, False
            for text in dict.fromkeys(texts):
                words = public_words(text, self._settings.region)
                found = self._kept.get(words) if words else []
                if found is None and not stopped:
                    found, fault = self._ask(words)
                    if fault is not None:
                        faults.setdefault(type(fault), fault)
                    failures = failures + 1 if fault is not None else 0
                    stopped = failures >= _MOST_FAILURES or isinstance(
                        fault, (OnlineKeyError, OnlineQuotaError)
                    )
                answers[text] = self._row(found, words)
            self.problems = tuple(faults.values())
        return _located([answers[text] for text in texts])

    def _ask(self, words: str) -> tuple[list[_Found] | None, PinganError | None]:
        """Return what the service found; or ``None`` and the fault."""
        for attempt in range(self._settings.retries + 1):
            if self._kept.asked_today >= self._settings.per_day:
                return None, OnlineQuotaError(provider=self.name)
            self._wait(attempt)
            self._kept.count()
            try:
                found = self._request(words)
            except GeopyError as error:
                fault, passing = _fault(error, self.name)
                if not passing or attempt == self._settings.retries:
                    return None, fault
                continue
            except (ValueError, KeyError, TypeError, AttributeError, LookupError):
                return None, OnlineAnswerError(provider=self.name)  # JSON, but another answer than documented
            self._kept.put(words, found)
            return found, None
        raise AssertionError  # pragma: no cover

    def _wait(self, attempt: int) -> None:
        pause = 1.0 / self._settings.per_second - (self._clock() - self._last)
        pause = max(pause, 2.0 ** (attempt - 1) if attempt else 0.0)
        if pause > 0:
            self._sleep(pause)
        self._last = self._clock()

    def _request(self, words: str) -> list[_Found]:
        options: dict[str, Any] = {}
        if self.name == "nominatim":
            west, south, east, north = self._bounds
            view = [(south, west), (north, east)]
            options = {"viewbox": view, "bounded": True, "limit": _MOST_CANDIDATES, "language": "zh"}
        one = self.name == "baidu"  # it answers with one place, and geopy takes a list for many apart
        answer = self._service.geocode(words, exactly_one=one, **options)
        places = [answer] if one and answer else answer or []
        return [_found(self.name, place) for place in places[:_MOST_CANDIDATES]]

    def _row(self, found: list[_Found] | None, words: str) -> _Row:
        if found is None:
            return _Row("online_error")
        if not found:
            return _Row("not_found")
        fine = [each for each in found if each.level]
        if not fine:
            return _Row("too_coarse")
        lon, lat = to_wgs84([each.x for each in fine], [each.y for each in fine], DATUMS[self.name])
        west, south, east, north = self._bounds
        inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        candidates = [
            {
                "name": each.name or words,
                "level": each.level,
                "lon": round(float(lon[place]), 7),
                "lat": round(float(lat[place]), 7),
                "radius_m": each.radius_m,
                "score": each.score,
            }
            for place, each in enumerate(fine)
            if inside[place]
        ]
        return _Row("online", candidates) if candidates else _Row("elsewhere")


@dataclass(frozen=True)
class _Found:
    """A place as a service gives it, in its datum."""

    name: str
    level: str
    x: float
    y: float
    radius_m: float
    score: float


@dataclass(frozen=True)
class _Row:
    reason: str
    candidates: Sequence[Mapping[str, Any]] = ()


def _located(rows: Sequence[_Row]) -> pd.DataFrame:
    nowhere = {"lon": np.nan, "lat": np.nan, "level": "", "radius_m": np.nan, "score": 0.0, "name": ""}
    best = [row.candidates[0] if row.candidates else nowhere for row in rows]
    columns: dict[str, list[Any]] = {name: [each[name] for each in best] for name in nowhere}
    columns["status"] = ["review" if row.candidates else "rejected" for row in rows]
    columns["reason"] = [row.reason for row in rows]
    columns["candidates"] = [json.dumps(list(row.candidates), ensure_ascii=False) for row in rows]
    table = pd.DataFrame(
        {name: pd.Series(columns[name], dtype=dtype) for name, dtype in LOCATED.columns.items()}
    )
    return LOCATED.check(table)


def public_words(text: str, region: str = "") -> str:
    """Return what of a text may leave the machine.

    Parameters
    ----------
    text
        Of anybody's making.
    region
        Put before it when it does not name it.

    Returns
    -------
    str
        Its beginning (:data:`MOST_LETTERS`), without telephone, identity and card numbers, ``""`` when nothing is left that names a place.
    """
    words = _PERSON_NUMBER.sub(" ", unicodedata.normalize("NFKC", text[:MOST_LETTERS]))
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
    if sum(letter.isalpha() for letter in words) < 2:
        return ""
    return words if not region or region in words else f"{region}{words}"


def _fault(error: GeopyError, provider: str) -> tuple[PinganError, bool]:
    """Return the fault in our words, and whether it may pass when asked again."""
    if isinstance(error, (GeocoderAuthenticationFailure, GeocoderInsufficientPrivileges)):
        return OnlineKeyError(provider=provider), False
    if isinstance(error, GeocoderRateLimited):
        return OnlineQuotaError(provider=provider), True
    if isinstance(error, GeocoderQuotaExceeded):
        return OnlineQuotaError(provider=provider), False
    if isinstance(error, (GeocoderParseError, GeocoderQueryError)):
        return OnlineAnswerError(provider=provider), False
    return OnlineUnreachableError(provider=provider), True


# -- levels ------------------------------------------------------------------------------------------


def _found(provider: str, place: Any) -> _Found:
    raw = place.raw
    name, sureness, widest_m = str(place.address or ""), None, 0.0
    level = _level_of_osm(raw) if provider == "nominatim" else _level_of_words(str(_of(raw, "level")))
    if provider in {"baidu", "tianditu"}:
        name = ""  # they name no address but the one asked for, which is not to be kept
    if provider == "baidu":
        sureness = float(raw.get("confidence") or 0) / 100
        widest_m = _radius_of_confidence(float(raw.get("confidence") or 0))
    if provider == "tianditu":
        sureness = float(raw.get("score") or 0) / 100
    limit = _SCORE.get(level, 0.6)
    score = limit if sureness is None else round(limit * min(max(sureness, 0.0), 1.0), 3)
    radius_m = max(_RADIUS_M.get(level, 0.0), widest_m)
    return _Found(name, level, float(place.longitude), float(place.latitude), radius_m, score)


def _level_of_words(words: str) -> str:
    for part, level in _LEVEL_WORDS:
        if part in words:
            return level
    return "" if words in {"", "市", "区", "县"} else "place"


def _radius_of_confidence(confidence: float) -> float:
    """Return the error that Baidu's documentation gives for a confidence, metres."""
    steps = (
        (100, 20),
        (90, 50),
        (80, 100),
        (75, 200),
        (70, 300),
        (60, 500),
        (50, 1000),
        (40, 2000),
        (30, 5000),
    )
    return next((float(radius_m) for least, radius_m in steps if confidence >= least), 10_000.0)


def _level_of_osm(raw: Mapping[str, Any]) -> str:
    group, kind = str(raw.get("class") or raw.get("category") or ""), str(raw.get("type") or "")
    if group == "boundary":
        return ""
    if group == "highway":
        return "road"
    if group == "building":
        return "building"
    if group == "place":
        if kind in {"house", "house_number", "address"}:
            return "door"
        villages = {"village", "hamlet", "isolated_dwelling", "neighbourhood", "quarter", "farm"}
        return "village" if kind in villages else ""
    if group == "landuse":
        return "estate" if kind == "residential" else "place"
    return "place"


# -- kept answers ------------------------------------------------------------------------------------


class _Kept:
    """Answers of earlier days, and how many requests were made today."""

    def __init__(self, file: Path | None, today: date, salt: str) -> None:
        self._file, self._today, self._salt = file, today, salt
        self._answers: dict[str, list[_Found]] = {}
        self._counter = "requests " + hashlib.sha256(salt.split(" ", 1)[0].encode()).hexdigest()
        self.asked_today = 0
        if file is not None and file.is_file():
            self._read(file)

    def _read(self, file: Path) -> None:
        oldest = (self._today - timedelta(days=_KEPT_DAYS)).isoformat()
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                day, key = str(entry["day"]), str(entry["key"])
                if key == self._counter:
                    self.asked_today += day == self._today.isoformat()
                elif oldest <= day <= self._today.isoformat():
                    self._answers[key] = [_Found(**each) for each in entry["found"]]
            except (ValueError, KeyError, TypeError):
                continue  # a line cut off by a power failure is asked again

    def get(self, words: str) -> list[_Found] | None:
        """Return what was found for words before, ``None`` when they were never asked."""
        return self._answers.get(self._key(words))

    def put(self, words: str, found: list[_Found]) -> None:
        """Keep what was found."""
        self._answers[self._key(words)] = found
        self._write({"key": self._key(words), "found": [vars(each) for each in found]})

    def count(self) -> None:
        """Count a request."""
        self.asked_today += 1
        self._write({"key": self._counter})

    def _key(self, words: str) -> str:
        return hashlib.sha256(f"{self._salt}\n{words}".encode()).hexdigest()

    def _write(self, entry: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        try:
            with self._file.open("a", encoding="utf-8") as stream:
                line = {"day": self._today.isoformat(), **entry}
                stream.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        except OSError:
            self._file = None  # a full disk costs only that answers are asked for again
