/* Canvas layers for maps of towns: cells, shapes (polygons and lines), points, and the seat that holds
   what every map has (panes, notice, one tooltip, one click). Words and numbers of people only ever become
   text nodes. Needs Leaflet; cells need h3-js. */
(function () {
  "use strict";
  if (window.L === undefined || L.PinganSeat) { return; }

  var FONT = '"Noto Sans CJK SC","Source Han Sans SC","Microsoft YaHei","PingFang SC","Hiragino Sans GB",sans-serif';
  var SCALE = 1e6; // coordinates travel as whole millionths of a degree

  function bytes(text) {
    var raw = atob(text), out = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) { out[i] = raw.charCodeAt(i); }
    return out;
  }

  var KINDS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array, f4: Float32Array };
  function numbers(text, kind) {
    return new KINDS[kind](bytes(text).buffer);
  }

  // Unit Web Mercator: x and y from 0 to 1, north up is y = 0.
  function mercX(lon) { return lon / 360 + 0.5; }
  function mercY(lat) {
    var s = Math.sin(Math.max(-85.0511, Math.min(85.0511, lat)) * Math.PI / 180);
    return 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI);
  }

  /* ---- canvas that moves with the map ------------------------------------------------------------- */
  var Canvas = L.Renderer.extend({
    initialize: function (options) {
      L.Renderer.prototype.initialize.call(this, L.extend({ padding: 0.2 }, options));
    },
    _initContainer: function () {
      this._container = L.DomUtil.create("canvas", "pingan-canvas");
      this._pen = this._container.getContext("2d");
    },
    _destroyContainer: function () {
      L.DomUtil.remove(this._container);
      delete this._container;
      delete this._pen;
    },
    _updatePaths: function () {},
    _update: function () {
      if (this._map._animatingZoom && this._bounds) { return; }
      L.Renderer.prototype._update.call(this);
      var size = this._bounds.getSize(), canvas = this._container, sharp = L.Browser.retina ? 2 : 1;
      L.DomUtil.setPosition(canvas, this._bounds.min);
      canvas.width = sharp * size.x;
      canvas.height = sharp * size.y;
      canvas.style.width = size.x + "px";
      canvas.style.height = size.y + "px";
      var pen = this._pen, origin = this._map.getPixelOrigin();
      pen.setTransform(sharp, 0, 0, sharp, 0, 0);
      var scale = this._map.options.crs.scale(this._map.getZoom());
      // pixel of the canvas = unit Mercator × scale − shift
      this._draw(pen, scale, origin.x + this._bounds.min.x, origin.y + this._bounds.min.y, size.x, size.y);
      this._drawn = (this._drawn || 0) + 1;
      window.pingan_drawn = (window.pingan_drawn || 0) + 1;
      window.pingan_drawn_at = performance.now();
    },
    redraw: function () { if (this._map) { this._update(); } return this; },
    hit: function () { return null; },
  });

  /* ---- cells -------------------------------------------------------------------------------------- */
  var outlines = new Map(), OUTLINES_KEPT = 200000; // of cells drawn before: a filter seldom brings new ones

  function cellText(number, resolution) {
    var shift = BigInt(3 * (15 - resolution));
    return ((1n << 59n) | (BigInt(resolution) << 52n) | (BigInt(number) << shift) | ((1n << shift) - 1n)).toString(16);
  }

  function outlineOf(number, resolution) {
    var key = number * 16 + resolution, known = outlines.get(key);
    if (known) { return known; }
    var corners = h3.cellToBoundary(cellText(number, resolution)), flat = new Float64Array(2 * corners.length);
    for (var i = 0; i < corners.length; i++) {
      var lon = corners[i][1];
      if (i > 0) { // a cell across the date line stays in one piece
        if (lon - corners[0][1] > 180) { lon -= 360; } else if (lon - corners[0][1] < -180) { lon += 360; }
      }
      flat[2 * i] = mercX(lon);
      flat[2 * i + 1] = mercY(corners[i][0]);
    }
    if (outlines.size >= OUTLINES_KEPT) { outlines.clear(); }
    outlines.set(key, flat);
    return flat;
  }

  L.PinganCells = Canvas.extend({
    initialize: function (cells, options) {
      Canvas.prototype.initialize.call(this, L.extend({ pane: "pinganCells", opacity: 0.72, rank: 1 }, options));
      this._resolution = cells.resolution;
      var packed = bytes(cells.ids), count = packed.length / 6;
      this._numbers = new Float64Array(count);
      for (var i = 0, at = 0; i < count; i++, at += 6) {
        this._numbers[i] = packed[at] + 256 * packed[at + 1] + 65536 * packed[at + 2] +
          16777216 * (packed[at + 3] + 256 * packed[at + 4] + 65536 * packed[at + 5]);
      }
      this._values = numbers(cells.values, cells.kind);
      this._classes = numbers(cells.classes, "u1");
      this._tips = cells.tips;
      this._tipOf = cells.tips ? numbers(cells.tip_of, "u4") : null;
      this._shapes = new Array(count);
      for (i = 0; i < count; i++) { this._shapes[i] = outlineOf(this._numbers[i], this._resolution); }
      var order = Array.from(this._classes.keys()), classes = this._classes;
      order.sort(function (a, b) { return classes[a] - classes[b]; });
      this._order = order;
    },
    _draw: function (pen, scale, left, top, width, height) {
      var colours = this.options.colours, shapes = this._shapes, classes = this._classes, order = this._order;
      pen.globalAlpha = this.options.opacity;
      var first = shapes.length ? shapes[0] : null;
      var across = first ? Math.abs(first[6] - first[0]) * scale + Math.abs(first[7] - first[1]) * scale : 0;
      pen.lineWidth = across > 40 ? 1 : 0.6;
      pen.strokeStyle = "#ffffff";
      var edged = across > 12, batch = 0, colour = -1;
      pen.beginPath();
      for (var k = 0; k < order.length; k++) {
        var row = order[k], shape = shapes[row], x = shape[0] * scale - left, y = shape[1] * scale - top;
        if (x < -across || y < -across || x > width + across || y > height + across) { continue; }
        // A few dozen hexagons a path: one path of thousands takes seconds, one path each costs more calls.
        if (classes[row] !== colour || batch === 48) {
          if (batch) { pen.fill(); if (edged) { pen.stroke(); } }
          if (classes[row] !== colour) { colour = classes[row]; pen.fillStyle = colours[colour]; }
          pen.beginPath();
          batch = 0;
        }
        batch++;
        if (across < 4) {
          pen.rect(x - 1, y - 1, Math.max(2, across), Math.max(2, across));
          continue;
        }
        pen.moveTo(x, y);
        for (var i = 2; i < shape.length; i += 2) { pen.lineTo(shape[i] * scale - left, shape[i + 1] * scale - top); }
        pen.closePath();
      }
      if (batch) { pen.fill(); if (edged) { pen.stroke(); } }
      pen.globalAlpha = 1;
      this._mark(pen, scale, left, top);
    },
    _mark: function (pen, scale, left, top) {
      if (!this.options.selected) { return; }
      var corners = h3.cellToBoundary(this.options.selected);
      [["#ffffff", 5], ["#111111", 2.5]].forEach(function (line) {
        pen.beginPath();
        corners.forEach(function (corner, i) {
          var x = mercX(corner[1]) * scale - left, y = mercY(corner[0]) * scale - top;
          if (i) { pen.lineTo(x, y); } else { pen.moveTo(x, y); }
        });
        pen.closePath();
        pen.strokeStyle = line[0];
        pen.lineWidth = line[1];
        pen.stroke();
      });
    },
    hit: function (latlng) {
      var text = h3.latLngToCell(latlng.lat, latlng.wrap().lng, this._resolution);
      if (!this._rows) {
        this._rows = new Map();
        for (var i = 0; i < this._numbers.length; i++) { this._rows.set(this._numbers[i], i); }
      }
      var digits = BigInt("0x" + text) >> BigInt(3 * (15 - this._resolution));
      var row = this._rows.get(Number(digits & ((1n << BigInt(7 + 3 * this._resolution)) - 1n)));
      if (row === undefined) { return null; }
      if (this._tips) { return { what: { cell: text }, tip: this._tips[this._tipOf[row]] }; }
      var value = this._values[row], options = this.options;
      var said = value.toLocaleString("en-US", { maximumFractionDigits: options.decimals || 0 });
      return { what: { cell: text }, tip: (options.tip || "{value}").split("{value}").join(said) };
    },
  });

  /* ---- polygons and lines ------------------------------------------------------------------------- */
  function unfold(flat) { // whole-number differences → unit Mercator
    var out = new Float64Array(flat.length), lon = 0, lat = 0;
    for (var i = 0; i < flat.length; i += 2) {
      lon += flat[i];
      lat += flat[i + 1];
      out[i] = mercX(lon / SCALE);
      out[i + 1] = mercY(lat / SCALE);
    }
    return out;
  }

  function boxOf(parts) {
    var box = [Infinity, Infinity, -Infinity, -Infinity];
    parts.forEach(function (line) {
      for (var i = 0; i < line.length; i += 2) {
        box[0] = Math.min(box[0], line[i]);
        box[1] = Math.min(box[1], line[i + 1]);
        box[2] = Math.max(box[2], line[i]);
        box[3] = Math.max(box[3], line[i + 1]);
      }
    });
    return box;
  }

  function inside(parts, x, y) { // even–odd over all rings, so holes are outside
    var odd = false;
    for (var p = 0; p < parts.length; p++) {
      var ring = parts[p];
      for (var i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
        if ((ring[i + 1] > y) !== (ring[j + 1] > y) &&
            x < (ring[j] - ring[i]) * (y - ring[i + 1]) / (ring[j + 1] - ring[i + 1]) + ring[i]) { odd = !odd; }
      }
    }
    return odd;
  }

  // Names above shapes and dots; one that would stand on another is left out until the map is closer.
  var Letters = Canvas.extend({
    initialize: function (names, places) {
      Canvas.prototype.initialize.call(this, { pane: "pinganLabels", rank: 9 });
      this._names = names;
      this._places = places;
    },
    _draw: function (pen, scale, left, top, width, height) {
      var taken = [], size = 12;
      pen.font = "600 " + size + "px " + FONT;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.lineJoin = "round";
      for (var f = 0; f < this._names.length; f++) {
        var x = this._places[2 * f] * scale - left, y = this._places[2 * f + 1] * scale - top;
        if (x < 0 || y < 0 || x > width || y > height) { continue; }
        var half = pen.measureText(this._names[f]).width / 2 + 3, high = size / 2 + 3;
        var here = [x - half, y - high, x + half, y + high];
        if (taken.some(function (box) {
          return box[0] < here[2] && box[2] > here[0] && box[1] < here[3] && box[3] > here[1];
        })) { continue; }
        taken.push(here);
        pen.lineWidth = 3;
        pen.strokeStyle = "rgba(255,255,255,0.92)";
        pen.strokeText(this._names[f], x, y);
        pen.fillStyle = "#222222";
        pen.fillText(this._names[f], x, y);
      }
    },
  });

  L.PinganShapes = Canvas.extend({
    initialize: function (shapes, options) {
      Canvas.prototype.initialize.call(this, L.extend({ pane: "pinganShapes", rank: 2, closed: true }, options));
      var lines = shapes.lines.map(function (parts) { return parts.map(unfold); });
      this._lines = lines;
      this._boxes = lines.map(boxOf);
      this._styleOf = shapes.styles;
      this._codes = shapes.codes;
      this._tips = shapes.tips;
      this._letters = shapes.names ? new Letters(shapes.names, unfold(shapes.places)) : null;
    },
    _draw: function (pen, scale, left, top, width, height) {
      var zoom = Math.log2(scale / 256), me = this;
      this.options.styles.forEach(function (style, number) {
        if (style.from_zoom && zoom < style.from_zoom) { return; }
        var wide = style.metres
          ? Math.max(style.weight, style.metres * scale / 40075016 / Math.cos(me._map.getCenter().lat * Math.PI / 180))
          : style.weight;
        if (style.casing) { me._strokes(pen, number, style.casing, wide + 1.6, null, scale, left, top, width, height); }
        if (style.fill) { me._fills(pen, number, style, scale, left, top, width, height); }
        if (style.stroke) { me._strokes(pen, number, style.stroke, wide, style.dash, scale, left, top, width, height); }
      });
      if (this.options.selected) { this._mark(pen, scale, left, top); }
    },
    onAdd: function (map) {
      Canvas.prototype.onAdd.call(this, map);
      if (this._letters) { this._letters.addTo(map); }
    },
    onRemove: function (map) {
      if (this._letters) { this._letters.remove(); }
      Canvas.prototype.onRemove.call(this, map);
    },
    _each: function (number, scale, left, top, width, height, work) {
      for (var f = 0; f < this._lines.length; f++) {
        var box = this._boxes[f];
        if (this._styleOf[f] !== number || box[2] * scale < left || box[0] * scale > left + width ||
            box[3] * scale < top || box[1] * scale > top + height) { continue; }
        work(this._lines[f]);
      }
    },
    _trace: function (pen, parts, scale, left, top) {
      for (var p = 0; p < parts.length; p++) {
        var line = parts[p];
        for (var i = 0; i < line.length; i += 2) {
          var x = line[i] * scale - left, y = line[i + 1] * scale - top;
          if (i) { pen.lineTo(x, y); } else { pen.moveTo(x, y); }
        }
        if (this.options.closed) { pen.closePath(); }
      }
    },
    _fills: function (pen, number, style, scale, left, top, width, height) {
      var me = this;
      pen.fillStyle = style.fill;
      pen.globalAlpha = style.opacity;
      this._each(number, scale, left, top, width, height, function (parts) {
        pen.beginPath();
        me._trace(pen, parts, scale, left, top);
        pen.fill("evenodd");
      });
      pen.globalAlpha = 1;
    },
    _strokes: function (pen, number, colour, weight, dash, scale, left, top, width, height) {
      var me = this;
      pen.strokeStyle = colour;
      pen.lineWidth = weight;
      pen.lineJoin = pen.lineCap = "round";
      if (dash) { pen.lineCap = "butt"; pen.setLineDash(dash); }
      this._each(number, scale, left, top, width, height, function (parts) {
        pen.beginPath();
        me._trace(pen, parts, scale, left, top);
        pen.stroke();
      });
      pen.setLineDash([]);
    },
    _mark: function (pen, scale, left, top) {
      var found = this._codes ? this._codes.indexOf(this.options.selected) : -1;
      if (found < 0) { return; }
      var me = this;
      [["#ffffff", 6], ["#111111", 3]].forEach(function (line) {
        pen.beginPath();
        me._trace(pen, me._lines[found], scale, left, top);
        pen.strokeStyle = line[0];
        pen.lineWidth = line[1];
        pen.stroke();
      });
    },
    hit: function (latlng) {
      if (!this._codes || !this.options.closed) { return null; }
      var x = mercX(latlng.lng), y = mercY(latlng.lat);
      for (var f = 0; f < this._lines.length; f++) {
        var box = this._boxes[f];
        if (x < box[0] || x > box[2] || y < box[1] || y > box[3] || !inside(this._lines[f], x, y)) { continue; }
        return { what: { polygon: this._codes[f], layer: this.options.layer }, tip: this._tips ? this._tips[f] : "" };
      }
      return null;
    },
  });

  /* ---- points ------------------------------------------------------------------------------------- */
  L.PinganPoints = Canvas.extend({
    initialize: function (points, options) {
      Canvas.prototype.initialize.call(this, L.extend({ pane: "pinganPoints", rank: 0, size: 22 }, options));
      var raw = numbers(points.places, "i4");
      this._count = raw.length / 2;
      this._flat = new Float64Array(raw.length);
      for (var i = 0; i < raw.length; i += 2) {
        this._flat[i] = mercX(raw[i] / SCALE);
        this._flat[i + 1] = mercY(raw[i + 1] / SCALE);
      }
      this._codes = points.codes;
      this._tips = points.tips;
      this._path = options.path ? new Path2D(options.path) : null;
    },
    _draw: function (pen, scale, left, top, width, height) {
      var size = this.options.size, flat = this._flat, path = this._path, box = 24;
      pen.globalAlpha = this.options.opacity || 1;
      pen.fillStyle = this.options.colour;
      for (var i = 0; i < flat.length; i += 2) {
        var x = flat[i] * scale - left, y = flat[i + 1] * scale - top;
        if (x < -size || y < -size || x > width + size || y > height + size) { continue; }
        if (!path) {
          pen.beginPath();
          pen.arc(x, y, size / 2, 0, 6.2832);
          pen.fill();
          if (this.options.edge) { pen.lineWidth = 0.8; pen.strokeStyle = this.options.edge; pen.stroke(); }
          continue;
        }
        pen.save();
        pen.translate(x - size / 2, y - size / 2);
        pen.scale(size / box, size / box);
        pen.lineJoin = "round";
        pen.lineWidth = 4;
        pen.strokeStyle = "#ffffff";
        pen.stroke(path);
        pen.fill(path, "evenodd");
        pen.restore();
      }
      pen.globalAlpha = 1;
    },
    hit: function (latlng) {
      if (!this._codes) { return null; }
      var scale = this._map.options.crs.scale(this._map.getZoom());
      var x = mercX(latlng.lng) * scale, y = mercY(latlng.lat) * scale, best = -1;
      var near = Math.pow(Math.max(this.options.size / 2, 8) + (L.Browser.mobile ? 8 : 2), 2);
      for (var i = 0; i < this._count; i++) {
        var dx = this._flat[2 * i] * scale - x, dy = this._flat[2 * i + 1] * scale - y, far = dx * dx + dy * dy;
        if (far <= near) { near = far; best = i; }
      }
      if (best < 0) { return null; }
      return { what: { point: this._codes[best], layer: this.options.layer }, tip: this._tips ? this._tips[best] : "" };
    },
  });

  /* ---- numbered stops of routes ------------------------------------------------------------------- */
  L.PinganStops = L.PinganPoints.extend({
    initialize: function (stops, options) {
      Canvas.prototype.initialize.call(this, L.extend({ pane: "pinganPoints", rank: -1 }, options));
      this._count = stops.places.length;
      this._flat = new Float64Array(2 * this._count);
      for (var i = 0; i < this._count; i++) {
        this._flat[2 * i] = mercX(stops.places[i][0]);
        this._flat[2 * i + 1] = mercY(stops.places[i][1]);
      }
      this._codes = stops.codes;
      this._tips = stops.tips;
      this._texts = stops.texts;
      this._looks = stops.looks;
      this._paths = options.styles.map(function (style) { return new Path2D(style.path); });
    },
    _draw: function (pen, scale, left, top, width, height) {
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.lineJoin = "round";
      for (var i = 0; i < this._count; i++) {
        var style = this.options.styles[this._looks[i]], path = this._paths[this._looks[i]], size = style.size;
        var x = this._flat[2 * i] * scale - left, y = this._flat[2 * i + 1] * scale - top;
        if (x < -size || y < -size || x > width + size || y > height + size) { continue; }
        var marked = this._codes[i] === this.options.selected;
        pen.save();
        pen.translate(x - size / 2, y - size / 2);
        pen.scale(size / 24, size / 24);
        pen.lineWidth = marked ? 9 : 4;
        pen.strokeStyle = marked ? "#111111" : style.hollow ? style.colour : "#ffffff";
        pen.stroke(path);
        pen.fillStyle = style.hollow ? "#ffffff" : style.colour;
        pen.fill(path, "evenodd");
        pen.restore();
        if (this._texts[i]) {
          pen.font = "700 " + (this._texts[i].length > 1 ? 12 : 13) + "px " + FONT;
          pen.fillStyle = "#ffffff";
          pen.fillText(this._texts[i], x, y + 0.5);
        }
      }
    },
  });

  /* ---- what every map has ------------------------------------------------------------------------- */
  var PANES = { pinganBase: 210, pinganDensity: 320, pinganCells: 340, pinganShapes: 360, pinganDots: 370, pinganLabels: 380, pinganPoints: 400 };

  L.PinganSeat = L.Layer.extend({
    onAdd: function (map) {
      var words = this.options.words;
      if (map.attributionControl) { map.attributionControl.setPrefix(false); }
      L.control.zoom({ zoomInTitle: words.zoom_in, zoomOutTitle: words.zoom_out }).addTo(map);
      L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
      var notice = L.control({ position: "bottomleft" }), said = this.options.notice;
      notice.onAdd = function () {
        var line = L.DomUtil.create("div", "pingan-notice");
        line.textContent = said;
        return line;
      };
      if (said) { notice.addTo(map); }
      this._tip = L.tooltip({ className: "pingan-tip", direction: "top", offset: [0, -8], interactive: false });
      map.on("mousemove", this._hover, this);
      map.on("mouseout movestart", this._hush, this);
      map.on("click", this._press, this);
      if (this.options.bounds) { map.fitBounds(this.options.bounds, { animate: false, padding: [8, 8] }); }
    },
    onRemove: function (map) {
      map.off("mousemove", this._hover, this);
      map.off("mouseout movestart", this._hush, this);
      map.off("click", this._press, this);
    },
    _find: function (latlng) {
      var layers = [], found = null;
      this._map.eachLayer(function (layer) { if (layer instanceof Canvas) { layers.push(layer); } });
      // points before cells before polygons; of two of a kind, the one drawn last
      layers.sort(function (a, b) { return a.options.rank - b.options.rank || L.stamp(b) - L.stamp(a); });
      for (var i = 0; i < layers.length && !found; i++) { found = layers[i].hit(latlng); }
      return found;
    },
    _hover: function (event) {
      this._last = event;
      if (this._waiting) { return; }
      this._waiting = L.Util.requestAnimFrame(function () {
        this._waiting = null;
        if (this._map && this._last) { this._show(this._find(this._last.latlng), this._last.latlng); }
      }, this);
    },
    _show: function (found, latlng) {
      this._map.getContainer().style.cursor = found ? "pointer" : "";
      if (!found || !found.tip) { this._hush(); return; }
      var text = document.createElement("div");
      text.textContent = found.tip; // never HTML
      this._tip.setContent(text).setLatLng(latlng);
      if (!this._map.hasLayer(this._tip)) { this._map.addLayer(this._tip); }
    },
    _hush: function () {
      this._last = null;
      if (this._map && this._map.hasLayer(this._tip)) { this._map.removeLayer(this._tip); }
    },
    _press: function (event) {
      var found = this._find(event.latlng), place = event.latlng.wrap();
      this._show(found, event.latlng);
      var what = L.extend({ lat: +place.lat.toFixed(6), lon: +place.lng.toFixed(6), click: Date.now() }, found ? found.what : {});
      // The component hands on what `toGeoJSON` of a clicked layer says.
      this.fire("click", { latlng: event.latlng, layer: { toGeoJSON: function () { return what; } } });
    },
  });

  // Panes exist before any layer of the map is added.
  L.Map.addInitHook(function () {
    var map = this;
    Object.keys(PANES).forEach(function (name) {
      map.createPane(name);
      map.getPane(name).style.zIndex = PANES[name];
      map.getPane(name).style.pointerEvents = "none";
    });
  });
  L.pinganSeat = function (payload, options) {
    var seat = new L.PinganSeat();
    L.setOptions(seat, L.extend({}, payload, options));
    return seat;
  };
  L.pinganCells = function (cells, options) { return new L.PinganCells(cells, options); };
  L.pinganShapes = function (shapes, options) { return new L.PinganShapes(shapes, options); };
  L.pinganPicture = function (picture, options) {
    return L.imageOverlay(picture.url, picture.bounds, L.extend({ pane: "pinganDensity", interactive: false }, options));
  };
  L.pinganTiles = function (options) { return L.tileLayer(options.url, options); };
  L.pinganPoints = function (points, options) { return new L.PinganPoints(points, options); };
  L.pinganStops = function (stops, options) { return new L.PinganStops(stops, options); };
})();
