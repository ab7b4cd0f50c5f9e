/* The map beside a question of the review, and the keys that Streamlit has none for. What a ledger says only ever
   becomes a text node. The ground (roads, waters, borders) comes once, by a component of its own. */
const HOLD = "pinganReview";

const hold = () => (window[HOLD] ??= { ground: null, waiting: new Set(), scripts: new Map() });

const address = (path) => new URL(path, document.baseURI).href;

const script = (path) => {
  const { scripts } = hold();
  if (!scripts.has(path)) {
    scripts.set(path, new Promise((done, failed) => {
      const made = document.createElement("script");
      made.src = address(path);
      made.onload = done;
      made.onerror = failed;
      document.head.append(made);
    }));
  }
  return scripts.get(path);
};

const add = (map, layers) => layers.map(([maker, payload, options, fromZoom = 0]) => {
  const layer = L[maker](JSON.parse(payload), JSON.parse(options));
  layer.fromZoom = fromZoom;
  return map.getZoom() >= fromZoom ? layer.addTo(map) : layer;
});

const tiles = (map, { kind, options }) => {
  const made = JSON.parse(options);
  made.url = address(made.url);
  return (kind === "pmtiles" ? protomapsL.leafletLayer(made) : L.pinganTiles(made)).addTo(map);
};

const pin = (place) => {
  const made = document.createElement("div");
  made.className = `pin ${place.kind}`;
  made.textContent = place.label;
  if (place.tip) {
    const name = document.createElement("span");
    name.textContent = place.tip;
    made.append(name);
  }
  return L.marker([place.lat, place.lon], {
    icon: L.divIcon({ html: made, className: "", iconSize: [26, 26], iconAnchor: [13, 13] }),
    interactive: false,
    keyboard: false,
    zIndexOffset: place.kind === "picked" ? 1000 : 0,
  });
};

class Seat {
  constructor(root) {
    this.root = root;
    this.map = null;
    this.shown = [];
    this.ground = { version: "", layers: [] };
  }

  async show(data, tell) {
    this.tell = tell;
    this.pick = data.pick;
    this.asked = data;
    await script(data.assets.leaflet);
    await script(data.assets.maps);
    if (data.assets.protomaps) await script(data.assets.protomaps);
    if (this.asked !== data) return; // the next question came first
    if (!this.map) this.open(data);
    this.lay();
    for (const layer of this.shown) layer.remove();
    this.shown = add(this.map, data.layers);
    for (const place of data.places) {
      if (place.radius > 0) {
        const ring = { radius: place.radius, color: "#0b5394", weight: 1.2, fillOpacity: 0.06, interactive: false };
        this.shown.push(L.circle([place.lat, place.lon], ring).addTo(this.map));
      }
      this.shown.push(pin(place).addTo(this.map));
    }
    if (this.key !== data.key) {
      this.key = data.key;
      this.map.invalidateSize();
      this.map.fitBounds(data.bounds, { animate: false, padding: [18, 18], maxZoom: 17 });
    }
    this.root.classList.toggle("pick", data.pick);
    this.root.dataset.shown = data.key;
  }

  open(data) {
    this.map = L.map(this.root.querySelector(".seat"), {
      zoomControl: false, attributionControl: Boolean(data.attribution), minZoom: 6, maxZoom: 19, zoomSnap: 0.5,
      fadeAnimation: false, zoomAnimation: false,
    });
    this.map.setView([0, 0], 12);
    const { zoom_in: closer, zoom_out: farther } = data.words;
    L.control.zoom({ zoomInTitle: closer, zoomOutTitle: farther }).addTo(this.map);
    L.control.scale({ imperial: false, position: "topright" }).addTo(this.map);
    if (data.notice) {
      const notice = L.control({ position: "bottomleft" });
      notice.onAdd = () => {
        const line = L.DomUtil.create("div", "pingan-notice");
        line.textContent = data.notice;
        return line;
      };
      notice.addTo(this.map);
    }
    this.map.on("zoomend", () => {
      for (const layer of this.ground.layers) {
        if (layer.fromZoom) layer[this.map.getZoom() >= layer.fromZoom ? "addTo" : "removeFrom"](this.map);
      }
    });
    this.map.on("click", (event) => this.told(event.latlng));
    this.map.getContainer().addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target !== this.map.getContainer()) return;
      event.stopPropagation();
      event.preventDefault();
      this.told(this.map.getCenter());
    });
    this.seen = new ResizeObserver(() => this.map && this.map.invalidateSize());
    this.seen.observe(this.root);
  }

  told(latlng) {
    if (!this.pick) return;
    const place = latlng.wrap();
    this.tell({ lon: +place.lng.toFixed(6), lat: +place.lat.toFixed(6), key: this.key });
  }

  /** Lay the ground under everything, when it has come and is another one. */
  lay() {
    const { ground, waiting } = hold();
    waiting.add(this);
    if (!ground || !this.map || ground.version === this.ground.version) return;
    for (const layer of this.ground.layers) layer.remove();
    const under = ground.tiles ? [tiles(this.map, ground.tiles)] : [];
    this.ground = { version: ground.version, layers: [...under, ...add(this.map, ground.layers)] };
  }

  close() {
    hold().waiting.delete(this);
    this.seen?.disconnect();
    this.map?.remove();
    this.map = null;
  }
}

const typing = (event) => {
  const first = event.composedPath()[0];
  return first.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(first.tagName);
};

/** Keys beside those of the buttons: Enter takes the first, E goes into the field, Esc leaves it. */
const keys = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event)) {
    if (event.key === "Escape") event.composedPath()[0].blur();
    return;
  }
  if (event.repeat) { // a key that is held down must not answer what nobody has read
    event.stopImmediatePropagation();
    return;
  }
  if (event.key === "Enter") {
    const first = event.composedPath()[0];
    if (first !== document.body && first.closest?.("button, a, summary, [role], [tabindex]")) return;
    document.querySelector(".st-key-review_choices button:not([disabled])")?.click();
    event.preventDefault();
  } else if (event.key.toLowerCase() === "e") {
    const field = document.querySelector(".st-key-review_free input:not([disabled])");
    if (!field) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    field.scrollIntoView({ block: "nearest" });
    field.focus();
    field.select?.();
  }
};

/** Puts the number that waits now into the bar of pages, which is drawn anew only with the whole page. */
const count = () => {
  const said = document.querySelector(".review_number[data-waiting]");
  if (!said) return;
  const ending = said.dataset.waiting ? ` (${said.dataset.waiting})` : "";
  for (const link of document.querySelectorAll('a[href$="/review"]')) {
    const texts = document.createTreeWalker(link, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const [, name] = /^(.*?\S)(?: \([\d,]+\))?$/.exec(text.data) ?? [];
      if (name && link.textContent.trim() === text.data.trim() && text.data !== name + ending) text.data = name + ending;
    }
  }
};

/** The ground is on the page as long as the page is: it carries the keys too, and the number in the bar. */
const ground = (component) => {
  hold().ground = component.data;
  for (const seat of hold().waiting) seat.lay();
  window.addEventListener("keydown", keys, true); // the same listener twice is one
  const seen = new MutationObserver(count);
  seen.observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-waiting"] });
  count();
  return () => {
    seen.disconnect();
    window.removeEventListener("keydown", keys, true);
  };
};

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  if (data.role === "ground") return ground(component);
  const root = parentElement.querySelector(".review-map");
  if (!root.seat) {
    for (const path of data.assets.styles) {
      const made = document.createElement("link");
      made.rel = "stylesheet";
      made.href = address(path);
      root.before(made);
    }
    root.seat = new Seat(root);
  }
  root.seat.show(data, (place) => setTriggerValue("point", place));
  return () => {
    root.seat?.close();
    root.seat = null;
  };
}
