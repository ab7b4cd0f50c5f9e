from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pingan_geo.errors import SettingsError, TownNotFoundError
from pingan_geo.model.tables import PHOTOS
from pingan_geo.outputs.assets import ASSETS
from pingan_geo.settings import read_settings
from pingan_geo.ui import cache, main, routes
from pingan_geo.workflow.towns import create_town

PHOTO, STRAY = "a1" * 32 + ".jpg", "b2" * 32 + ".jpg"


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self):
        return self.content.decode()


@dataclass
class Client:
    """Asks an ASGI app as a server does: the path as it was sent, not tidied up."""

    app: Starlette

    def get(self, address, headers=None, method="GET"):
        path, _, query = address.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        }
        sent, asked = [], []

        async def receive():
            if asked:  # a client that stays connected
                await asyncio.Event().wait()
            asked.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        start = sent[0]
        return Answer(
            start["status"],
            {name.decode().lower(): value.decode() for name, value in start["headers"]},
            b"".join(message.get("body", b"") for message in sent[1:]),
        )

    def post(self, address):
        return self.get(address, method="POST")


@pytest.fixture
def make_client(tmp_path):
    """A client of the app's own routes for a town with these tiles; a stub stands for Streamlit."""

    def make(tiles: str = "") -> Client:
        (tmp_path / "town").mkdir(exist_ok=True)
        (tmp_path / "town" / "town.toml").write_text(f'[town]\nname = "试"\n{tiles}', encoding="utf-8")
        settings = read_settings(tmp_path / "town")

        async def streamlit(request):
            return PlainTextResponse("page")

        app = Starlette(
            routes=[*routes.app_routes(settings), Route("/{path:path}", streamlit, methods=["GET", "POST"])],
            middleware=routes.app_middleware(settings),
        )
        return Client(app)

    return make


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/agent/interact",
        "/_stcore/agent/openapi.json",
        "/_stcore/agent/mcp",
        "/_stcore/agent",
        "/x/_stcore//agent/mcp",
        "/_stcore/AGENT/mcp",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_programs_are_not_served(make_client, path, method):
    assert getattr(make_client(), method)(path).status_code == 404


def test_other_core_paths_pass(make_client):
    assert make_client().get("/_stcore/health").text == "page"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../settings.py",
        "/assets/%2e%2e/settings.py",
        "/assets/..%2fsettings.py",
        "/assets/",
        "/assets/none.js",
    ],
)
def test_only_files_of_the_assets_are_served(make_client, path):
    answer = make_client().get(path)
    assert answer.status_code == 404 or answer.text == "page"


def test_assets_are_kept_when_asked_for_by_version(make_client):
    client = make_client()
    assert "immutable" in client.get("/assets/pingan_maps.js?v=abc").headers["cache-control"]
    assert client.get("/assets/pingan_maps.js").headers["cache-control"] == "no-cache"
    assert client.get("/assets/pingan_maps.js").text == (ASSETS / "pingan_maps.js").read_text(
        encoding="utf-8"
    )


def test_health(make_client):
    answer = make_client().get("/healthz")
    assert json.loads(answer.content) == {"status": "ok"}
    assert answer.headers["cache-control"] == "no-store"


def test_every_answer_has_the_rules(make_client):
    client = make_client()
    for path in ("/", "/healthz", "/assets/pingan_maps.js", "/none", "/_stcore/agent/mcp"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_only_the_map_component_may_run_scripts_inside_its_page(make_client):
    client = make_client()
    scripts = client.get("/").headers["content-security-policy"].split("script-src")[1].split(";")[0]
    assert "'unsafe-inline'" not in scripts
    assert "'sha256-" in scripts
    component = client.get("/component/streamlit_folium.st_folium/index.html").headers[
        "content-security-policy"
    ]
    assert "'unsafe-inline'" in component.split("script-src")[1].split(";")[0]


# -- photos


@pytest.fixture
def with_photo(tiny_town_files, tmp_path):
    """A client of a town that names one photo; a second picture lies beside it that nothing names."""
    from pingan_geo.storage.photos import insert_photos
    from pingan_geo.storage.records import insert_batch

    town = create_town(tmp_path / "town", area=tiny_town_files / "area.geojson", name="小镇")
    (town.folder / "media").mkdir()
    for name in (PHOTO, STRAY):
        (town.folder / "media" / name).write_bytes(b"\xff\xd8\xff picture")
    about = {"source": "", "file_name": "", "file_sha256": "", "datum": "", "layout": ""}
    with town.store.begin() as connection:
        batch = insert_batch(connection, kind="reports", imported_at=datetime(2026, 3, 1), **about)
        row = {"row_number": 1, "report_id": 0, "file": PHOTO, "sha256": "ab", "likeness": 1}
        insert_photos(connection, batch, pd.DataFrame([row]).astype(dict(PHOTOS.columns)))
    town.close()

    async def streamlit(request):
        return PlainTextResponse("page")

    settings = read_settings(town.folder)
    pages = Route("/{path:path}", streamlit, methods=["GET", "POST"])
    yield Client(
        Starlette(routes=[*routes.app_routes(settings), pages], middleware=routes.app_middleware(settings))
    )
    cache.open_once.clear()


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        STRAY,
        PHOTO.upper(),
        PHOTO.removesuffix(".jpg"),
        f"{PHOTO}/",
        f"./{PHOTO}",
        f"../media/{PHOTO}",
        f"..%2fmedia%2f{PHOTO}",
        f"%2e%2e/media/{PHOTO}",
        "../town.toml",
        "..%2f..%2ftown.toml",
        "%2fetc%2fpasswd",
        "..%5ctown.toml",
        f"{PHOTO}%00",
        "' OR 1=1 --.jpg",
        "0" * 64 + ".jpg",
    ],
)
def test_nothing_but_a_named_photo_is_there(with_photo, path):
    answer = with_photo.get(f"/photos/{path}")
    assert answer.status_code == 404
    assert b"picture" not in answer.content
    assert b"town" not in answer.content


def test_photo_is_shown_and_kept_by_nobody_between(with_photo):
    answer = with_photo.get(f"/photos/{PHOTO}")
    assert answer.status_code == 200
    assert answer.content.endswith(b"picture")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "img-src 'self' data: blob:;" in answer.headers["content-security-policy"]
    assert b"picture" not in with_photo.post(f"/photos/{PHOTO}").content


def test_photos_of_a_town_that_is_gone_are_not_found(with_photo, tmp_path):
    (tmp_path / "town" / "town.toml").unlink()
    assert with_photo.get(f"/photos/{PHOTO}").status_code == 404


def test_without_a_town_there_are_no_photos():
    assert not [one for one in routes.app_routes(None) if str(getattr(one, "path", "")).startswith("/photos")]


def test_streamlit_takes_our_addresses(tmp_path):
    """It keeps some for itself and refuses an app that asks for them."""
    (tmp_path / "town.toml").write_text('[town]\nname = "试"\n', encoding="utf-8")
    assert main.create_app(tmp_path) is not None


# -- tiles


def test_no_tiles_by_default(make_client):
    assert make_client().get("/tiles/base.pmtiles").text == "page"


def test_pmtiles_are_read_by_range(make_client, tmp_path):
    client = make_client('[tiles]\nkind = "pmtiles"\nurl = "base.pmtiles"\n')
    (tmp_path / "town" / "base.pmtiles").write_bytes(bytes(range(200)))
    answer = client.get("/tiles/base.pmtiles", headers={"Range": "bytes=10-19"})
    assert answer.status_code == 206
    assert answer.content == bytes(range(10, 20))
    assert answer.headers["content-range"] == "bytes 10-19/200"


def test_pictures_of_a_folder(make_client, tmp_path):
    client = make_client('[tiles]\nkind = "xyz"\nurl = "tiles/{z}/{x}/{y}.png"\n')
    (tmp_path / "town" / "tiles" / "3" / "4").mkdir(parents=True)
    (tmp_path / "town" / "tiles" / "3" / "4" / "5.png").write_bytes(b"picture")
    assert client.get("/tiles/3/4/5").content == b"picture"
    assert client.get("/tiles/3/4/6").status_code == 404
    for path in ("/tiles/3/4/..%2f..%2ftown.toml", "/tiles/3/../town.toml", "/tiles/-1/4/5"):
        assert b"name" not in client.get(path).content


@pytest.mark.parametrize("url", ["../secret.txt", "/etc/passwd", "link.pmtiles"])
def test_file_outside_the_town_is_not_served(make_client, tmp_path, url):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "link.pmtiles").symlink_to(tmp_path / "secret.txt")
    client = make_client(f'[tiles]\nkind = "pmtiles"\nurl = "{url}"\n')
    assert client.get("/tiles/base.pmtiles").status_code == 404


def test_tile_server_of_the_intranet_is_allowed_and_nothing_else(make_client):
    client = make_client('[tiles]\nkind = "xyz"\nurl = "http://10.0.0.7:8080/{z}/{x}/{y}.png"\n')
    policy = client.get("/").headers["content-security-policy"]
    assert "img-src 'self' data: blob: http://10.0.0.7:8080;" in policy
    assert client.get("/tiles/1/2/3").text == "page"


def town_with(tmp_path, tiles):
    (tmp_path / "town.toml").write_text(f'[town]\nname = "试"\n[tiles]\n{tiles}', encoding="utf-8")
    return read_settings(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"not tiles at all" * 20, b"PMTiles\x03" + bytes(119)])
def test_pmtiles_that_are_none_are_refused_by_name(tmp_path, content):
    if content is not None:
        (tmp_path / "base.pmtiles").write_bytes(content)
    with pytest.raises(SettingsError, match=r"tiles\.url is base\.pmtiles"):
        routes.tile_source(town_with(tmp_path, 'kind = "pmtiles"\nurl = "base.pmtiles"'))


def test_finest_zoom_comes_from_the_file(tmp_path):
    header = bytearray(b"PMTiles\x03" + bytes(119))
    header[99], header[101] = 1, 13
    (tmp_path / "base.pmtiles").write_bytes(header)
    source = routes.tile_source(town_with(tmp_path, 'kind = "pmtiles"\nurl = "base.pmtiles"'))
    assert (source.kind, source.url, source.max_zoom) == ("pmtiles", "../../tiles/base.pmtiles", 13)


def test_tile_source_of_a_folder_a_server_and_none(tmp_path):
    folder = routes.tile_source(town_with(tmp_path, 'kind = "xyz"\nurl = "tiles/{z}/{x}/{y}.png"'))
    assert (folder.url, folder.origin) == ("../../tiles/{z}/{x}/{y}", "")
    server = routes.tile_source(town_with(tmp_path, 'kind = "xyz"\nurl = "http://10.0.0.7/{z}/{x}/{y}.png"'))
    assert server.origin == "http://10.0.0.7"
    assert routes.tile_source(town_with(tmp_path, "")) is None


# -- starting


def test_serving_nothing_is_refused(tmp_path):
    with pytest.raises(TownNotFoundError):
        main.serve(tmp_path)


def test_config_file_and_options_say_the_same():
    file = ASSETS.parents[1] / ".streamlit" / "config.toml"
    written = tomllib.loads(file.read_text(encoding="utf-8"))
    assert {
        f"{group}.{key}": value for group, values in written.items() for key, value in values.items()
    } == dict(main.OPTIONS)


def test_streamlit_run_finds_the_app():
    """`streamlit run app.py` looks for the app in the text of the file."""
    from streamlit.web.server.app_discovery import discover_asgi_app

    file = ASSETS.parents[1] / "app.py"
    assert discover_asgi_app(file).import_string == "app:app"
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 60


def test_app_is_made_without_a_town(monkeypatch, tmp_path):
    monkeypatch.setenv("PINGAN_TOWN", str(tmp_path))
    assert main.town_folder() == tmp_path
    assert {type(part).__name__ for part in main.parts()["routes"]} == {"Route", "Mount"}


def test_server_starts_without_the_heavy_libraries():
    """They are loaded behind its back; otherwise the first visitor waits for a server that is not there."""
    heavy = ("folium", "pandas", "geopandas", "sqlalchemy", "h3ronpy", "scipy", "altair")
    asked = f"import sys, pingan_geo.ui.main; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
