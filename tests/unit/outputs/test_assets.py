from __future__ import annotations

import json
import re

import folium
import pytest
from folium import plugins

from pingan_geo.errors import AssetsMissingError, OutsideAddressError
from pingan_geo.outputs import assets

ROOT = assets.ASSETS.parents[1]


@pytest.mark.parametrize(
    "address",
    [
        "https://cdn.jsdelivr.net/npm/leaflet@1.9.4/dist/leaflet.js",
        "http://localhost/leaflet.js",
        "//cdn.example.org/x.js",
        "vendor/leaflet/leaflet.js",
        "",
    ],
)
def test_unknown_address_is_refused(address):
    with pytest.raises(OutsideAddressError):
        assets.asset_url(address)


@pytest.mark.parametrize(
    "address", ["/assets/../errors.py", "/assets/%2e%2e/errors.py", "/assets//etc/passwd"]
)
def test_path_out_of_the_assets_is_refused(address):
    with pytest.raises((OutsideAddressError, AssetsMissingError)):
        assets.asset_file(address)


def test_missing_file_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "ASSETS", tmp_path)
    with pytest.raises(AssetsMissingError, match="make install"):
        assets.asset_file(assets.LEAFLET_JS)


def test_every_address_of_a_plain_folium_map_is_known():
    for _, address in [*folium.Map.default_js, *folium.Map.default_css]:
        assert address in assets.OUTSIDE


def test_a_plugin_that_is_not_packed_is_refused():
    _, address = plugins.MarkerCluster.default_js[0]
    with pytest.raises(OutsideAddressError):
        assets.asset_urls([address])


def test_links_are_local_versioned_and_each_only_once():
    links = [address for _, address in folium.Map.default_js] * 2
    assert [
        re.sub(r"v=[0-9a-f]{12}$", "v=", one) for one in assets.asset_urls(links, prefix="../../assets/")
    ] == ["../../assets/vendor/leaflet/leaflet.js?v="]


def test_version_follows_the_content(monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "ASSETS", tmp_path)
    (tmp_path / "pingan_maps.js").write_text("1")
    before = assets.asset_url(assets.MAPS_JS)
    (tmp_path / "pingan_maps.js").write_text("22")
    assert assets.asset_url(assets.MAPS_JS) != before


def test_style_carries_its_pictures():
    text = assets.asset_text(assets.LEAFLET_CSS)
    assert "data:image/png;base64," in text
    assert not re.search(r"url\((?!data:|#)", text)


def test_script_cannot_end_its_element(monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "ASSETS", tmp_path)
    (tmp_path / "pingan_maps.js").write_text('var end = "</script><b>";')
    assert "</script" not in assets.asset_text(assets.MAPS_JS)


def test_manifest_names_licences_of_all_that_is_shipped():
    manifest = json.loads((assets.ASSETS / "vendor" / "manifest.json").read_text(encoding="utf-8"))
    assert {"leaflet", "h3-js", "protomaps-leaflet"} <= set(manifest["packages"])
    assert all(about["licence"] for about in manifest["packages"].values())
    for package in ("leaflet", "h3-js", "protomaps-leaflet"):
        assert any(name.startswith(f"licences/{package}/") for name in manifest["files"])


def test_lock_file_names_no_host_and_pins_everything():
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: about for name, about in lock["packages"].items() if name}
    assert all("integrity" in about and "resolved" not in about for about in packages.values())
    assert "://" not in (ROOT / "package-lock.json").read_text(encoding="utf-8")
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
