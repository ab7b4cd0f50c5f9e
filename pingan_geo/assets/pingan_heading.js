/* The first rows of a file, and two lines that bound its heading: dragged, or moved with the arrow keys. What stands
   in the file only ever becomes a text node. */
const LEVELS = 3;

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".heading-lines");
  const rows = data.rows;
  let { first, last } = data;
  const lines = {};
  const drawn = [];

  const node = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const paint = () => {
    rows.forEach((row, place) => {
      const inside = row.number >= first && row.number <= last;
      const role = inside ? "heading" : row.number < first ? (row.role === "title" || row.role === "blank" ? row.role : "above") : row.role === "heading" ? "row" : row.role;
      drawn[place].dataset.role = role;
      drawn[place].lastChild.textContent = data.words[role] || "";
    });
    put("first", drawn[first - rows[0].number].offsetTop, first);
    const end = drawn[last - rows[0].number];
    put("last", end.offsetTop + end.offsetHeight, last);
  };

  const put = (name, top, number) => {
    lines[name].style.top = `${top}px`;
    lines[name].setAttribute("aria-valuenow", number);
  };

  const move = (name, number) => {
    const lowest = rows[0].number, highest = rows[rows.length - 1].number;
    const row = Math.min(Math.max(number, lowest), highest);
    if (name === "first") {
      first = row;
      last = Math.min(Math.max(last, first), first + LEVELS - 1);
    } else {
      last = row;
      first = Math.max(Math.min(first, last), last - LEVELS + 1);
    }
    paint();
  };

  const tell = () => {
    if (first !== data.first || last !== data.last) setTriggerValue("rows", { first, last });
  };

  const nearest = (name, event) => {
    const top = event.clientY - box.getBoundingClientRect().top;
    const edge = (row) => row.offsetTop + (name === "last" ? row.offsetHeight : 0);
    const far = (row) => Math.abs(edge(row) - top);
    return rows[drawn.reduce((best, row, place) => (far(row) < far(drawn[best]) ? place : best), 0)].number;
  };

  const line = (name, label) => {
    const made = node("div", `line ${name}`);
    made.append(node("span", "grip", label));
    made.tabIndex = 0;
    for (const [key, value] of Object.entries({
      role: "slider", "aria-orientation": "vertical", "aria-label": label,
      "aria-valuemin": rows[0].number, "aria-valuemax": rows[rows.length - 1].number,
    })) made.setAttribute(key, value);
    made.onpointerdown = (event) => {
      event.preventDefault();
      made.focus();
      made.setPointerCapture(event.pointerId);
      made.onpointermove = (moved) => move(name, nearest(name, moved));
      made.onpointerup = made.onpointercancel = () => {
        made.onpointermove = made.onpointerup = made.onpointercancel = null;
        tell();
      };
    };
    made.onkeydown = (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      move(name, (name === "first" ? first : last) + step);
    };
    // One answer for several steps: when the key has been still for a moment, or the line is left.
    let waiting = 0;
    made.onkeyup = () => { clearTimeout(waiting); waiting = setTimeout(tell, 500); };
    made.onblur = () => { clearTimeout(waiting); tell(); };
    lines[name] = made;
    return made;
  };

  const box = node("div", "box");
  const table = node("table");
  const body = node("tbody");
  for (const row of rows) {
    const shown = node("tr");
    shown.append(node("th", "", row.number));
    const said = row.cells.filter((cell) => cell !== "");
    if (said.length === 1 && row.cells[0] !== "") {
      // A title across the table must not widen its first column.
      const wide = node("td", "wide", said[0]);
      wide.colSpan = row.cells.length;
      shown.append(wide);
    } else for (const cell of row.cells) shown.append(node("td", "", cell));
    shown.append(node("td", "role", ""));
    drawn.push(shown);
    body.append(shown);
  }
  table.append(body);
  box.append(table, line("first", data.words.first), line("last", data.words.last));
  const focused = root.querySelector(".line:focus");
  const kept = focused && (focused.classList.contains("first") ? "first" : "last");
  root.replaceChildren(box);
  paint();
  if (kept) lines[kept].focus({ preventScroll: true });
  const seen = new ResizeObserver(paint);
  seen.observe(table);
  return () => seen.disconnect();
}
