/* The phone page of a patrol: works from a file and from the app, without a signal, without an account.
   What people wrote only ever becomes a text node. Everything is kept on the phone the moment it is entered. */
(function () {
  "use strict";
  const pristine = "<!DOCTYPE html>\n" + document.documentElement.outerHTML;
  const plan = JSON.parse(document.getElementById("plan").textContent);
  const words = plan.words;
  const key = plan.patrol + "/" + plan.team + "/" + plan.stamp;
  const seat = (id) => document.getElementById(id);

  // -- small things ------------------------------------------------------------------------------

  function el(tag, options, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(options || {})) {
      if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
      else if (name === "class") node.className = value;
      else if (name === "value") node.value = value;
      else if (value !== false && value !== null) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null && child !== ""));
    return node;
  }
  const say = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));
  const two = (number) => String(number).padStart(2, "0");
  function now() {
    const at = new Date();
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }
  const clock = (time) => (time ? time.slice(11, 16) : "");
  function randomName(bytes) {
    const random = crypto.getRandomValues(new Uint8Array(bytes));
    return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  function button(text, act, options) {
    return el("button", { type: "button", ...options, on: { click: act } }, text);
  }

  // -- what is kept on the phone -----------------------------------------------------------------

  const kept = { how: "none", base: null };
  const memory = new Map();
  function openKept() {
    return new Promise((done) => {
      let asked;
      try { asked = indexedDB.open("pingan-patrol", 1); } catch { return done(false); }
      asked.onupgradeneeded = () => asked.result.createObjectStore("kept");
      asked.onerror = () => done(false);
      asked.onblocked = () => done(false);
      asked.onsuccess = () => { kept.base = asked.result; done(true); };
    }).then((opened) => {
      if (opened) kept.how = "base";
      else {
        try {
          localStorage.setItem("pingan-patrol/try", "1");
          localStorage.removeItem("pingan-patrol/try");
          kept.how = "local";
        } catch { kept.how = "none"; }
      }
    });
  }
  function request(mode, act) {
    return new Promise((done, failed) => {
      const change = kept.base.transaction("kept", mode, { durability: "strict" });
      const asked = act(change.objectStore("kept"));
      change.oncomplete = () => done(asked.result);
      change.onerror = change.onabort = () => failed(change.error);
    });
  }
  async function read(name) {
    if (kept.how === "base") return request("readonly", (store) => store.get(name));
    if (kept.how === "local") return JSON.parse(localStorage.getItem("pingan-patrol/" + name) || "null") || undefined;
    return memory.get(name);
  }
  async function write(name, value) {
    if (kept.how === "base") return request("readwrite", (store) => store.put(value, name));
    if (kept.how === "local") return localStorage.setItem("pingan-patrol/" + name, JSON.stringify(value));
    return memory.set(name, value);
  }
  async function remove(name) {
    if (kept.how === "base") return request("readwrite", (store) => store.delete(name));
    if (kept.how === "local") return localStorage.removeItem("pingan-patrol/" + name);
    return memory.delete(name);
  }

  function fresh() {
    const stops = {};
    for (const stop of plan.stops) stops[stop.number] = { arrived: null, left: null, answer: "", note: "", photos: [] };
    return { person: "", stops, finds: [], history: [] };
  }
  let state = fresh();
  let writing = Promise.resolve();
  function save() {
    const copy = JSON.parse(JSON.stringify(state));
    seat("kept").textContent = "…";
    writing = writing.then(() => write(key, copy)).then(
      () => { seat("kept").textContent = kept.how === "none" ? words.not_kept : say(words.kept, { time: clock(now()) }); },
      () => { seat("kept").textContent = words.not_kept; warn(words.keep_failed); });
    return writing;
  }
  /** Change what was recorded: the state before it can be had back. */
  function change(what, act) {
    state.history.push({ what, before: JSON.stringify({ stops: state.stops, finds: state.finds }) });
    if (state.history.length > 40) state.history.shift();
    act();
    save();
    draw();
  }
  function undo() {
    const last = state.history.pop();
    if (!last) return;
    Object.assign(state, JSON.parse(last.before));
    save();
    draw();
  }
  function warn(text) { seat("warning").textContent = text; }

  // -- photos ------------------------------------------------------------------------------------

  async function shrink(file) {
    let picture;
    try { picture = await createImageBitmap(file, { imageOrientation: "from-image" }); }
    catch {
      picture = new Image();
      picture.src = URL.createObjectURL(file);
      await picture.decode();
    }
    const size = Math.max(picture.width, picture.height);
    const ratio = Math.min(1, plan.photo_px / size);
    const canvas = el("canvas", { width: Math.max(1, Math.round(picture.width * ratio)), height: Math.max(1, Math.round(picture.height * ratio)) });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    // drawn anew from its pixels: place, time and make of the phone stay behind
    return canvas.toDataURL("image/jpeg", 0.8).split(",")[1];
  }
  function photoField(photos, prefix, changed) {
    const box = el("div", { class: "thumbs" });
    const input = el("input", { type: "file", accept: "image/*", capture: "environment", "aria-label": words.photo, tabindex: -1 });
    input.addEventListener("change", async () => {
      const file = input.files[0];
      input.value = "";
      if (!file) return;
      try {
        const name = `${prefix}-${randomName(4)}.jpg`;
        await write(key + "/photo/" + name, await shrink(file));
        changed(() => photos().push(name), words.photo);
      } catch { warn(words.photo_failed); }
    });
    for (const name of photos()) {
      const picture = el("img", { alt: name });
      read(key + "/photo/" + name).then((jpeg) => { if (jpeg) picture.src = "data:image/jpeg;base64," + jpeg; });
      box.append(el("figure", {}, picture, button(words.remove, () => changed(() => photos().splice(photos().indexOf(name), 1), words.photo))));
    }
    return [button(words.photo, () => input.click()), input, box];
  }

  // -- the list ----------------------------------------------------------------------------------

  let opened = null; // the stop whose card is open, next to the next one
  const isDone = (stop) => (stop.kind === "break" ? state.stops[stop.number].left : state.stops[stop.number].answer);
  const nextStop = () => plan.stops.find((stop) => !isDone(stop));
  const touch = (record) => { if (record.answer) record.left = now(); };

  function fact(label, text) { return text ? el("li", {}, label ? el("span", {}, label) : "", text) : ""; }
  function badge(stop) { return el("span", { class: "number " + stop.kind }, String(stop.number)); }

  function stopCard(stop, isNext) {
    const record = state.stops[stop.number];
    const number = stop.number;
    const card = el("article", { class: isNext ? "card next" : "card", id: "stop-" + number });
    card.append(el("div", { class: "head" }, badge(stop), el("b", {}, stop.name), el("time", {}, `${stop.arrive}–${stop.leave}`)));
    const level = stop.level_word ? el("i", { class: "level " + stop.level }, stop.level_word) : "";
    card.append(el("ul", { class: "facts" },
      el("li", {}, level, [stop.kind_word, stop.category_word].filter(Boolean).join(" · ")),
      fact(words.checks, stop.checks.join(" / ")),
      fact(words.count, stop.count), fact(words.hours, stop.hours), fact(words.last, stop.last),
      fact(words.why, stop.reason), fact("", stop.grid), fact(words.away, awayText(stop))));
    if (stop.past) card.append(el("p", { class: "past" }, words.past + " " + stop.past));
    card.append(el("div", { class: "pair" },
      el("a", { class: "button", href: stop.navigation, target: "_blank", rel: "noopener noreferrer" }, words.navigate),
      el("a", { class: "button", href: stop.geo }, words.other_maps)));
    const arrived = button(record.arrived ? say(words.arrived_at, { time: clock(record.arrived) }) : words.arrive,
      () => change(say(words.did, { number, what: words.arrive }), () => { record.arrived = now(); opened = number; }),
      { class: "main", disabled: Boolean(record.arrived) });
    card.append(el("div", { class: stop.kind === "break" ? "pair" : "pair one" }, arrived,
      stop.kind === "break"
        ? button(words.go_on, () => change(say(words.did, { number, what: words.go_on }), () => { record.arrived = record.arrived || now(); record.left = now(); opened = null; }))
        : button(words.show, () => { view.centre(stop.xy); show("map"); })));
    if (stop.kind !== "break") {
      card.append(el("div", { class: "four" }, ...plan.answers.map(([answer, word]) =>
        button(word, () => change(say(words.did, { number, what: word }), () => {
          record.answer = answer;
          record.arrived = record.arrived || now();
          record.left = now();
          opened = answer === "none" || answer === "no_entry" ? null : number;
        }), { "aria-pressed": String(record.answer === answer) }))));
      const note = el("textarea", { id: "note-" + number, value: record.note, maxlength: 500 });
      note.addEventListener("input", () => { record.note = note.value; touch(record); save(); });
      card.append(el("label", { for: "note-" + number }, words.note), note);
      card.append(el("div", { class: "pair" }, ...photoField(() => state.stops[number].photos, String(number),
        (act, what) => change(say(words.did, { number, what }), () => { act(); touch(state.stops[number]); })),
      button(words.add_here, () => { find.place = "stop"; find.stop = number; show("add"); })));
      // the pictures stand under the buttons
      card.append(card.lastChild.querySelector(".thumbs"));
    }
    return card;
  }
  function stopRow(stop) {
    const record = state.stops[stop.number];
    const answer = plan.answers.find(([code]) => code === record.answer);
    const state_word = answer ? answer[1] : stop.kind === "break" && record.left ? words.done : "";
    return el("button", { type: "button", class: isDone(stop) ? "row done" : "row", on: { click: () => { opened = stop.number; show("list"); seat("stop-" + stop.number).scrollIntoView({ block: "start" }); window.scrollBy(0, -seat("top").offsetHeight - 8); } } },
      badge(stop), el("b", {}, stop.name),
      el("small", {}, state_word ? el("b", {}, state_word) : "", state_word ? el("br") : "", record.arrived ? clock(record.arrived) : stop.arrive));
  }
  function drawList() {
    const next = nextStop();
    const box = seat("list");
    box.replaceChildren();
    // a stop that was opened, or where something was found just now, stands first until it is closed
    const other = plan.stops.find((stop) => stop.number === opened && stop !== next);
    if (other) box.append(stopCard(other, false), button(next ? words.to_next : words.close, () => { opened = null; drawList(); window.scrollTo(0, 0); }, { class: "main" }));
    if (next) {
      box.append(el("h2", {}, words.next), stopCard(next, true));
    } else {
      box.append(el("article", { class: "card next" }, el("h2", {}, words.all_done), el("p", {}, say(words.back, { place: plan.end.name, time: plan.back_at })),
        el("div", { class: "pair" }, el("a", { class: "button", href: plan.end.navigation, target: "_blank", rel: "noopener noreferrer" }, words.navigate), button(words.hand_back, () => show("back"), { class: "main" }))));
    }
    const rest = plan.stops.filter((stop) => stop !== next && stop !== other);
    const open = rest.filter((stop) => !isDone(stop)), done = rest.filter(isDone);
    if (open.length) box.append(el("h2", {}, words.then), ...open.map(stopRow));
    if (done.length) box.append(el("h2", {}, words.done), ...done.map(stopRow));
    if (state.finds.length) box.append(el("h2", {}, words.finds), ...state.finds.map((one) => findRow(one)));
    if (plan.notes.length) box.append(el("h2", {}, words.notes), ...plan.notes.map((note) => el("p", { class: "quiet" }, note)));
  }
  function findRow(one) {
    const word = (plan.categories.find(([code]) => code === one.category) || ["", words.not_sure])[1];
    return el("div", { class: "card" }, el("b", {}, word), " ", clock(one.time), " ", one.stop_number ? say(words.at_stop, { number: one.stop_number }) : "",
      one.note ? el("p", {}, one.note) : "", one.photos.length ? el("p", { class: "quiet" }, say(words.photos, { count: one.photos.length })) : "",
      button(words.remove, () => change(words.remove, () => { state.finds = state.finds.filter((other) => other.key !== one.key); })));
  }

  // -- own position ------------------------------------------------------------------------------

  const here = { lon: null, lat: null, accuracy: null, at: 0, watch: null, asked: false };
  function locate() {
    here.asked = true;
    if (!navigator.geolocation) return gpsSays(words.gps_none);
    if (!window.isSecureContext) return gpsSays(words.gps_https);
    if (here.watch !== null) { if (here.lon !== null) view.centre(toMetres(here.lon, here.lat)); return; }
    gpsSays(words.gps_waiting);
    let first = true;
    here.watch = navigator.geolocation.watchPosition((found) => {
      here.lon = found.coords.longitude;
      here.lat = found.coords.latitude;
      here.accuracy = found.coords.accuracy;
      here.at = Date.now();
      gpsSays("");
      if (first) { first = false; view.centre(toMetres(here.lon, here.lat)); drawFind(); drawList(); }
      view.draw();
    }, (error) => {
      if (error.code === 1) { navigator.geolocation.clearWatch(here.watch); here.watch = null; }
      gpsSays(error.code === 1 ? words.gps_refused : words.gps_unknown);
    }, { enableHighAccuracy: true, maximumAge: 10000, timeout: 30000 });
  }
  function gpsSays(text) { for (const id of ["gps", "gps2"]) if (seat(id)) seat(id).textContent = text; }
  function toMetres(lon, lat) { return [(lon - plan.origin[0]) * plan.metres[0], (lat - plan.origin[1]) * plan.metres[1]]; }
  function toDegrees(x, y) { return [plan.origin[0] + x / plan.metres[0], plan.origin[1] + y / plan.metres[1]]; }
  function awayText(stop) {
    if (here.lon === null) return "";
    const [x, y] = toMetres(here.lon, here.lat);
    return Math.round(Math.hypot(stop.xy[0] - x, stop.xy[1] - y)) + " m";
  }

  // -- the map -----------------------------------------------------------------------------------

  const view = (function () {
    const canvas = seat("canvas"), pen = canvas.getContext("2d");
    let x = 0, y = 0, scale = 1, ready = false, width = 0, height = 0;
    const layers = plan.ground.map(({ colour, width: wide, fill, lines }) => {
      const path = new Path2D();
      for (const line of lines) {
        let px = 0, py = 0;
        for (let i = 0; i < line.length; i += 2) {
          px += line[i]; py += line[i + 1];
          if (i) path.lineTo(px, py); else path.moveTo(px, py);
        }
        if (fill) path.closePath();
      }
      return { path, colour, wide, fill };
    });
    const way = new Path2D();
    plan.line.forEach(([px, py], i) => (i ? way.lineTo(px, py) : way.moveTo(px, py)));
    const toScreen = ([px, py]) => [width / 2 + (px - x) * scale, height / 2 - (py - y) * scale];
    function fit() {
      const xs = plan.line.map((point) => point[0]).concat(plan.stops.map((stop) => stop.xy[0]));
      const ys = plan.line.map((point) => point[1]).concat(plan.stops.map((stop) => stop.xy[1]));
      const [west, east, south, north] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
      x = (west + east) / 2; y = (south + north) / 2;
      scale = Math.min(width / Math.max(300, (east - west) * 1.2), height / Math.max(300, (north - south) * 1.2));
      draw();
    }
    function size() {
      const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
      if (!box.width) return;
      width = box.width; height = box.height;
      canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
      if (!ready) { ready = true; fit(); } else draw();
    }
    function mark(stop) {
      const [sx, sy] = toScreen(stop.xy), done = isDone(stop), next = stop === nextStop();
      const dark = stop.kind === "hotspot" || stop.kind === "must";
      const r = next ? 17 : 14;
      pen.beginPath();
      if (stop.kind === "must") pen.rect(sx - r + 1, sy - r + 1, 2 * r - 2, 2 * r - 2);
      else if (stop.kind === "break") { pen.moveTo(sx, sy - r - 2); pen.lineTo(sx + r + 2, sy); pen.lineTo(sx, sy + r + 2); pen.lineTo(sx - r - 2, sy); pen.closePath(); }
      else pen.arc(sx, sy, r, 0, 7);
      pen.fillStyle = done ? "#6b7580" : next ? "#0b3d6b" : dark ? "#101418" : "#ffffff";
      pen.strokeStyle = done || dark || next ? "#ffffff" : "#101418";
      pen.lineWidth = 2.5;
      pen.fill(); pen.stroke();
      pen.fillStyle = done || dark || next ? "#ffffff" : "#101418";
      pen.font = "700 15px system-ui, sans-serif";
      pen.textAlign = "center"; pen.textBaseline = "middle";
      pen.fillText(String(stop.number), sx, sy + 0.5);
    }
    function text(words_, sx, sy, colour, font) {
      pen.font = font; pen.textAlign = "left"; pen.textBaseline = "middle";
      pen.lineWidth = 4; pen.lineJoin = "round"; pen.strokeStyle = "#ffffff"; pen.strokeText(words_, sx, sy);
      pen.fillStyle = colour; pen.fillText(words_, sx, sy);
    }
    function bar() {
      const long = [20, 50, 100, 200, 500, 1000, 2000, 5000, 10000].filter((metres) => metres * scale <= 130).pop() || 20;
      pen.fillStyle = "rgba(255,255,255,.85)"; pen.fillRect(6, height - 34, long * scale + 16, 28);
      pen.strokeStyle = "#101418"; pen.lineWidth = 2; pen.beginPath();
      pen.moveTo(14, height - 20); pen.lineTo(14, height - 13); pen.lineTo(14 + long * scale, height - 13); pen.lineTo(14 + long * scale, height - 20); pen.stroke();
      text(long >= 1000 ? long / 1000 + " km" : long + " m", 18, height - 24, "#101418", "13px system-ui, sans-serif");
    }
    function draw() {
      if (!ready || !width) return;
      const ratio = window.devicePixelRatio || 1;
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.fillStyle = "#f6f6f2"; pen.fillRect(0, 0, width, height);
      pen.lineJoin = pen.lineCap = "round";
      const s = scale * ratio;
      pen.setTransform(s, 0, 0, -s, (width / 2 - x * scale) * ratio, (height / 2 + y * scale) * ratio);
      for (const { path, colour, wide, fill } of layers) {
        if (fill) { pen.fillStyle = colour; pen.fill(path, "evenodd"); }
        else { pen.strokeStyle = colour; pen.lineWidth = Math.max(wide, 1.4 / scale); pen.stroke(path); }
      }
      pen.strokeStyle = "#ffffff"; pen.lineWidth = 9 / scale; pen.stroke(way);
      pen.strokeStyle = "#12356b"; pen.lineWidth = 5 / scale; pen.stroke(way);
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      const taken = plan.stops.map((stop) => toScreen(stop.xy)).map(([sx, sy]) => [sx - 16, sy - 16, sx + 16, sy + 16]);
      for (const [name, px, py] of plan.names) {
        const [sx, sy] = toScreen([px, py]);
        if (scale < 0.12 || sx < 0 || sx > width || sy < 0 || sy > height) continue;
        pen.font = "13px system-ui, sans-serif";
        const box = [sx, sy - 9, sx + 8 + pen.measureText(name).width, sy + 9];
        if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
        taken.push(box);
        text(name, sx + 4, sy, "#4a4a45", "13px system-ui, sans-serif");
      }
      const same = Math.hypot(plan.start.xy[0] - plan.end.xy[0], plan.start.xy[1] - plan.end.xy[1]) < 5;
      for (const [place, word] of same ? [[plan.start, words.start_end]] : [[plan.start, words.start], [plan.end, words.end]]) {
        const [sx, sy] = toScreen(place.xy);
        pen.fillStyle = "#0b3d6b"; pen.beginPath(); pen.arc(sx, sy, 7, 0, 7); pen.fill();
        text(word, sx + 10, sy, "#101418", "600 14px system-ui, sans-serif");
      }
      for (const stop of [...plan.stops].reverse()) mark(stop);
      const next = nextStop();
      if (next) { mark(next); const [sx, sy] = toScreen(next.xy); text(next.name.slice(0, 14), sx + 20, sy, "#101418", "600 14px system-ui, sans-serif"); }
      for (const one of state.finds) {
        const [sx, sy] = toScreen(toMetres(one.lon, one.lat));
        pen.fillStyle = "#a3141b"; pen.strokeStyle = "#ffffff"; pen.lineWidth = 2;
        pen.beginPath(); pen.moveTo(sx, sy - 10); pen.lineTo(sx + 9, sy + 7); pen.lineTo(sx - 9, sy + 7); pen.closePath(); pen.fill(); pen.stroke();
      }
      if (here.lon !== null) {
        const [sx, sy] = toScreen(toMetres(here.lon, here.lat));
        pen.beginPath(); pen.arc(sx, sy, Math.max(8, here.accuracy * scale), 0, 7);
        pen.fillStyle = "rgba(0,110,60,.16)"; pen.fill(); pen.strokeStyle = "#006e3c"; pen.lineWidth = 2; pen.stroke();
        pen.beginPath(); pen.arc(sx, sy, 7, 0, 7); pen.fillStyle = "#006e3c"; pen.fill(); pen.strokeStyle = "#ffffff"; pen.stroke();
      }
      bar();
    }
    function zoom(factor, sx = width / 2, sy = height / 2) {
      const wanted = Math.min(6, Math.max(0.01, scale * factor));
      x += (sx - width / 2) * (1 / scale - 1 / wanted);
      y -= (sy - height / 2) * (1 / scale - 1 / wanted);
      scale = wanted;
      draw();
    }
    const fingers = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      if (!fingers.size) moved = 0;
      fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const after = [event.offsetX, event.offsetY];
      if (fingers.size === 1) {
        x -= (after[0] - before[0]) / scale; y += (after[1] - before[1]) / scale;
        moved += Math.hypot(after[0] - before[0], after[1] - before[1]);
        fingers.set(event.pointerId, after);
        draw();
      } else {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const factor = Math.hypot(after[0] - other[0], after[1] - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
        moved = 99;
        fingers.set(event.pointerId, after);
        zoom(factor, (after[0] + other[0]) / 2, (after[1] + other[1]) / 2);
      }
    });
    const lift = (event) => {
      if (fingers.size === 1 && moved < 8 && event.type === "pointerup" && find.place !== "picking") {
        const near = plan.stops.map((stop) => [stop, toScreen(stop.xy)]).map(([stop, [sx, sy]]) => [stop, Math.hypot(sx - event.offsetX, sy - event.offsetY)]).sort((a, b) => a[1] - b[1])[0];
        if (near && near[1] < 26) { opened = near[0].number; show("list"); seat("stop-" + opened).scrollIntoView(); window.scrollBy(0, -seat("top").offsetHeight - 8); }
      }
      fingers.delete(event.pointerId);
    };
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.25 : 0.8, event.offsetX, event.offsetY); }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
      if (step) { x += step[0] / scale; y += step[1] / scale; draw(); event.preventDefault(); }
      if (event.key === "+") zoom(1.4);
      if (event.key === "-") zoom(1 / 1.4);
    });
    window.addEventListener("resize", size);
    return { size, draw, fit, zoom, centre: ([px, py]) => { x = px; y = py; if (scale < 0.3) scale = 0.3; draw(); }, middle: () => [x, y] };
  })();

  // -- a new find --------------------------------------------------------------------------------

  const find = { category: null, place: "", stop: null, lon: null, lat: null, note: "", photos: [] };
  function drawFind() {
    const box = seat("add");
    box.replaceChildren(el("h2", {}, words.add));
    const choice = el("select", { id: "find-category" }, el("option", { value: "-" }, words.choose), ...plan.categories.map(([code, word]) => el("option", { value: code }, word)), el("option", { value: "" }, words.not_sure));
    choice.value = find.category === null ? "-" : find.category;
    choice.addEventListener("change", () => { find.category = choice.value === "-" ? null : choice.value; drawFind(); });
    box.append(el("label", { for: "find-category" }, words.category), choice);
    if (!find.place) {
      const at = plan.stops.find((stop) => state.stops[stop.number].arrived && !isDone(stop));
      if (here.lon !== null) find.place = "gps";
      else if (at) { find.place = "stop"; find.stop = at.number; }
    }
    const place = (what, text, act) => button(text, () => { find.place = what; if (act) act(); drawFind(); }, { "aria-pressed": String(find.place === what) });
    const stopChoice = el("select", { "aria-label": words.at_a_stop }, ...plan.stops.filter((stop) => stop.kind !== "break").map((stop) => el("option", { value: String(stop.number) }, `${stop.number} ${stop.name}`)));
    const likely = plan.stops.find((stop) => stop.kind !== "break" && !isDone(stop)) || plan.stops.find((stop) => stop.kind !== "break");
    if (likely) stopChoice.value = String(find.stop || likely.number);
    stopChoice.addEventListener("change", () => { find.stop = Number(stopChoice.value); drawFind(); });
    box.append(el("label", {}, words.where), el("div", { class: "pair" },
      place("gps", words.my_place, locate), place("stop", words.at_a_stop, () => { find.stop = find.stop || Number(stopChoice.value); }),
      place("map", words.on_map, () => { find.place = "picking"; show("map"); })));
    if (find.place === "stop") box.append(stopChoice);
    if (find.place === "gps") box.append(el("p", { class: "quiet" }, here.lon === null ? "" : say(words.gps_found, { metres: Math.round(here.accuracy) })));
    if (find.place === "map") box.append(el("p", { class: "quiet" }, `${find.lat.toFixed(5)}, ${find.lon.toFixed(5)} (WGS-84)`));
    box.append(el("p", { class: "said", id: "gps2", role: "status" }, seat("gps").textContent));
    const note = el("textarea", { id: "find-note", value: find.note, maxlength: 500 });
    note.addEventListener("input", () => { find.note = note.value; });
    box.append(el("label", { for: "find-note" }, words.note), note);
    box.append(...photoField(() => find.photos, "find", (act) => { act(); drawFind(); }));
    const where = whereFound();
    const missing = find.category === null ? words.need_category : where === null ? words.need_place : "";
    box.append(el("p", { class: "quiet" }, missing));
    box.append(button(words.save_find, () => {
      const spot = whereFound();
      if (find.category === null || spot === null) return drawFind();
      change(words.add, () => {
        state.finds.push({ key: randomName(8), time: now(), lon: spot.lon, lat: spot.lat, datum: "wgs84", how: spot.how, accuracy_m: spot.accuracy, stop_id: spot.stop ? spot.stop.stop_id : "", stop_number: spot.stop ? spot.stop.number : 0, category: find.category, note: find.note, photos: find.photos });
        Object.assign(find, { category: null, place: "", stop: null, lon: null, lat: null, note: "", photos: [] });
      });
      show("list");
    }, { class: "main", disabled: Boolean(missing), id: "find-save" }));
  }
  function whereFound() {
    if (find.place === "gps" && here.lon !== null) return { lon: round(here.lon), lat: round(here.lat), how: "gps", accuracy: Math.round(here.accuracy), stop: null };
    if (find.place === "map" && find.lon !== null) return { lon: round(find.lon), lat: round(find.lat), how: "map", accuracy: null, stop: null };
    const stop = find.place === "stop" ? plan.stops.find((one) => one.number === find.stop) : null;
    return stop ? { lon: stop.lon, lat: stop.lat, how: "stop", accuracy: null, stop } : null;
  }
  const round = (degrees) => Math.round(degrees * 1e6) / 1e6;

  // -- handing back ------------------------------------------------------------------------------

  async function results(withPhotos) {
    const pictures = async (names) => {
      const found = [];
      if (withPhotos) for (const name of names) { const jpeg = await read(key + "/photo/" + name); if (jpeg) found.push({ name, jpeg_base64: jpeg }); }
      return found;
    };
    const given = { format: plan.format, patrol_id: plan.patrol, team: plan.team, person: state.person, stops: [], finds: [] };
    let photos = 0;
    for (const stop of plan.stops) {
      const one = state.stops[stop.number];
      photos += one.photos.length;
      given.stops.push({ number: stop.number, stop_id: stop.stop_id, arrived: one.arrived, left: one.left, answer: one.answer, note: one.note, photos: await pictures(one.photos) });
    }
    for (const one of state.finds) {
      photos += one.photos.length;
      const { stop_number: _, ...rest } = one;
      given.finds.push({ ...rest, photos: await pictures(one.photos) });
    }
    given.made_at = now();
    if (!withPhotos) given.photos_kept = photos;
    return given;
  }
  function crc32(bytes) {
    let crc = -1;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
    }
    return ((crc ^ -1) >>> 0).toString(16).padStart(8, "0");
  }
  function base64url(bytes) {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  async function parts() {
    const plain = new TextEncoder().encode(JSON.stringify(await results(false)));
    let letter = "j", packed = plain;
    if (window.CompressionStream) {
      try {
        const stream = new Blob([plain]).stream().pipeThrough(new CompressionStream("deflate-raw"));
        packed = new Uint8Array(await new Response(stream).arrayBuffer());
        letter = "d";
      } catch { packed = plain; }
    }
    const whole = letter + crc32(plain) + base64url(packed);
    const count = Math.ceil(whole.length / plan.part_letters);
    const head = `PG1/${encodeURIComponent(plan.patrol)}/${encodeURIComponent(plan.team)}/`;
    return Array.from({ length: count }, (_, i) => `${head}${i + 1}/${count}/${whole.slice(i * plan.part_letters, (i + 1) * plan.part_letters)}`);
  }
  function offer(blob, name) {
    const link = el("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
  function drawCode(canvas, text) {
    const code = qrcode(0, "L");
    code.addData(text, "Byte");
    code.make();
    const count = code.getModuleCount(), step = Math.max(3, Math.floor(720 / (count + 8)));
    canvas.width = canvas.height = (count + 8) * step;
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#ffffff"; pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = "#000000";
    for (let row = 0; row < count; row++) for (let column = 0; column < count; column++) if (code.isDark(row, column)) pen.fillRect((column + 4) * step, (row + 4) * step, step, step);
  }
  let shown = null; // {lines, at}
  let wiping = false;
  function drawBack() {
    const box = seat("back");
    const asked = plan.stops.filter((stop) => stop.kind !== "break");
    const answered = asked.filter(isDone).length;
    box.replaceChildren(el("h2", {}, words.hand_back), el("p", {}, say(words.answered, { done: answered, all: asked.length, finds: state.finds.length })));
    const person = el("input", { id: "person", value: state.person, maxlength: 20, autocomplete: "off" });
    person.addEventListener("input", () => { state.person = person.value.trim(); save(); });
    box.append(el("label", { for: "person" }, words.person), person);
    box.append(el("div", { class: "pair" },
      button(words.as_file, async () => { await writing; offer(new Blob([JSON.stringify(await results(true))], { type: "application/json" }), plan.file + "-return.json"); }, { class: "main" }),
      button(words.as_codes, async () => { await writing; shown = { lines: await parts(), at: 0 }; drawBack(); seat("code").scrollIntoView(); }, { class: "main" }),
      button(words.as_text, async () => { await writing; shown = { lines: await parts(), at: 0, text: true }; drawBack(); }),
      button(words.save_page, () => offer(new Blob([pristine], { type: "text/html" }), plan.file + "-phone.html"))));
    box.append(el("p", { class: "quiet" }, words.codes_no_photos));
    if (shown && shown.text) {
      const text = el("textarea", { readonly: true, id: "lines", "aria-label": words.as_text, value: shown.lines.join("\n") });
      box.append(text, el("p", { class: "quiet" }, words.copy));
      text.focus(); text.select();
      if (navigator.clipboard) navigator.clipboard.writeText(text.value).catch(() => {});
    } else if (shown) {
      const canvas = el("canvas", { role: "img", "aria-label": say(words.part, { part: shown.at + 1, parts: shown.lines.length }) });
      drawCode(canvas, shown.lines[shown.at]);
      const turn = (by) => () => { shown.at = (shown.at + by + shown.lines.length) % shown.lines.length; drawBack(); };
      box.append(el("div", { class: "code", id: "code" }, el("p", {}, say(words.part, { part: shown.at + 1, parts: shown.lines.length })), canvas,
        shown.lines.length > 1 ? el("div", { class: "pair" }, button(words.before, turn(-1)), button(words.after, turn(1), { class: "main" })) : ""));
    }
    box.append(el("p", { class: "quiet" }, kept.how === "none" ? words.not_kept : words.kept_here));
    box.append(button(wiping ? words.wipe_sure : words.wipe, async () => {
      if (!wiping) { wiping = true; return drawBack(); }
      wiping = false;
      const names = [...Object.values(state.stops), ...state.finds].flatMap((one) => one.photos);
      await writing;
      await remove(key);
      for (const name of names) await remove(key + "/photo/" + name);
      state = fresh(); shown = null;
      draw();
    }));
  }

  // -- the page ----------------------------------------------------------------------------------

  let tab = "list";
  function show(name) {
    tab = name;
    if (name !== "map" && find.place === "picking") find.place = "";
    if (name !== "back") { shown = null; wiping = false; }
    for (const id of ["list", "mapbox", "add", "back"]) seat(id).hidden = id !== (name === "map" ? "mapbox" : name);
    draw();
    if (name === "map") view.size();
    window.scrollTo(0, 0);
  }
  function draw() {
    for (const one of document.querySelectorAll("nav button")) one.setAttribute("aria-pressed", String(one.dataset.tab === tab));
    const asked = plan.stops.filter((stop) => stop.kind !== "break");
    seat("progress").textContent = `${asked.filter(isDone).length} / ${asked.length}`;
    const last = state.history[state.history.length - 1];
    seat("undo").hidden = !last || tab !== "list";
    seat("undone").textContent = last ? say(words.recorded, { what: last.what }) : "";
    seat("cross").hidden = seat("use").hidden = find.place !== "picking";
    if (tab === "list") drawList();
    if (tab === "add") drawFind();
    if (tab === "back") drawBack();
    view.draw();
  }
  for (const one of document.querySelectorAll("nav button")) one.addEventListener("click", () => show(one.dataset.tab));
  seat("undo_button").addEventListener("click", undo);
  seat("nearer").addEventListener("click", () => view.zoom(1.5));
  seat("farther").addEventListener("click", () => view.zoom(1 / 1.5));
  seat("whole").addEventListener("click", () => view.fit());
  seat("me").addEventListener("click", locate);
  seat("use").addEventListener("click", () => {
    [find.lon, find.lat] = toDegrees(...view.middle());
    find.place = "map";
    show("add");
  });
  openKept().then(() => read(key)).catch(() => { kept.how = "none"; }).then((known) => {
    if (known && known.stops) state = Object.assign(fresh(), known);
    if (kept.how === "none") warn(words.keep_none);
    if (navigator.storage && navigator.storage.persist) navigator.storage.persist().catch(() => {});
    document.body.dataset.ready = "yes";
    show("list");
  });
})();
