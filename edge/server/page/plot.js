// The plot of one field: its values over time, and below them the confidence of each. Drawn by uPlot.

import uPlot from "./uplot/uPlot.esm.js";

await new Promise((loaded, failed) => {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = "/page/uplot/uPlot.min.css";
  sheet.addEventListener("load", loaded);
  sheet.addEventListener("error", () => failed(new Error("the style of the plots did not come")));
  document.head.prepend(sheet); // before our own, which changes it
});

const HEIGHT = { values: 280, confidences: 110 }; // pixels
const NEAR = 24; // pixels from a click or a finger to the point that is meant
const LEAST_DRAG = 10; // pixels: less is a click
const LEAST_SPAN = 1; // seconds that a zoom goes down to
const POINT = 7; // pixels, of a reading that was accepted
const CROSS = 4.5; // pixels, half the size of the mark of a reading that was refused
const FONT = "12px system-ui, sans-serif";

/** What stands at the ticks of the time axis, by how far they are apart: uPlot's own are American. */
const day = "\n{D} {MMM}";
const dated = "\n{D} {MMM} {YYYY}";
const TICKS = [
  [365 * 86400, "{YYYY}", null, null, null, null, null, null, 1],
  [28 * 86400, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", dated, null, day, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", dated, null, day, null, null, null, 1],
  [0.001, "{ss}.{fff}", `${dated} {HH}:{mm}`, null, `${day} {HH}:{mm}`, null, "\n{HH}:{mm}", null, 1],
];

const stepped = uPlot.paths.stepped({ align: 1 });

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
const inside = (value, least, most) => Math.min(most, Math.max(least, value));

/** Decimals that ticks so far apart need. */
const decimals = (step) => inside(-Math.floor(Math.log10(step)), 0, 6);

/** Two plots under each other in `place`, with the same time axis. `heard.chosen` is told of the entry that a click
 *  or a key chose, `heard.pointed` of the one at the pointer (or null), and `heard.zoomed` of [from, to]. */
export class Plot {
  constructor(place, heard) {
    this.place = place;
    this.heard = heard;
    this.entries = []; // by time
    this.joined = true; // whether the values make a line
    this.chosen = null;
    this.window = [0, 1];
    this.width = 0;
    this.values = this.make(place.querySelector(".values"), HEIGHT.values, {
      below: false,
      range: (plot, least, most) => this.room(least, most),
      series: {
        stroke: () => colour("--accent"), width: 1.5, spanGaps: true,
        // A value holds until the next one is kept.
        paths: (...of) => (this.joined ? stepped(...of) : null),
        points: {
          size: POINT, fill: () => colour("--accent"), stroke: () => colour("--accent"),
          show: (plot, series, first, last) => !this.joined || (last - first) * POINT < plot.over.clientWidth,
        },
      },
      ticks: (plot, values, axis, space, step) => values.map((value) => value.toFixed(decimals(step))),
    });
    this.confidences = this.make(place.querySelector(".confidences"), HEIGHT.confidences, {
      below: true,
      range: (plot, least) => [inside(Math.floor(10 * (least ?? 1)) / 10, 0, 0.9), 1],
      series: {
        paths: () => null,
        points: { show: true, size: 5, fill: () => colour("--muted"), stroke: () => colour("--muted") },
      },
      ticks: (plot, values) => values.map((value) => `${Math.round(100 * value)} %`),
    });
    new ResizeObserver(() => this.fit()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    place.addEventListener("keydown", (event) => this.key(event));
  }

  make(place, height, { range, series, ticks, below }) {
    const grid = { stroke: () => colour("--grid"), width: 1 };
    const axis = { stroke: () => colour("--muted"), font: FONT, grid, ticks: { ...grid, size: 5 } };
    // The plots stand under each other, and the times below the lower one.
    const times = below ? { size: 42 } : { size: 8, values: (each, ticks) => ticks.map(() => "") };
    const plot = new uPlot({
      width: 300,
      height,
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: true, y: false, dist: LEAST_DRAG, setScale: false },
        sync: { key: "history" },
        bind: { dblclick: () => () => this.heard.zoomed(null) },
      },
      scales: { x: { range: () => this.window }, y: { range } },
      axes: [{ ...axis, values: TICKS, space: 64, ...times }, { ...axis, values: ticks, size: (each, shown) => this.margin(shown), gap: 3, space: 24 }],
      series: [{}, series],
      hooks: {
        draw: [(drawn) => this.mark(drawn)],
        setSelect: [(drawn) => this.selected(drawn)],
        setCursor: [(drawn) => this.point(drawn)],
      },
    }, [[], []], place);
    plot.over.addEventListener("click", (event) => this.click(plot, event));
    this.touch(plot);
    return plot;
  }

  /** Show entries, by time; `joined` says whether their values make a line: one of a field does. */
  show(entries, joined) {
    this.entries = entries;
    this.joined = joined;
    const times = entries.map(({ at }) => at);
    this.values.setData([times, entries.map(({ y, refused }) => (refused ? null : y))]);
    this.confidences.setData([times, entries.map(({ confidence }) => confidence)]);
  }

  /** Show the time from `from` to `to`. */
  zoom([from, to]) {
    const middle = (from + to) / 2;
    const half = Math.max(LEAST_SPAN, to - from) / 2;
    this.window = [middle - half, middle + half];
    for (const plot of [this.values, this.confidences]) {
      const [min, max] = this.window;
      plot.setScale("x", { min, max });
    }
  }

  /** Mark an entry, or none. */
  choose(entry) {
    this.chosen = entry;
    this.redraw();
  }

  redraw() {
    for (const plot of [this.values, this.confidences]) plot.redraw(false, true);
  }

  fit() {
    const width = this.place.clientWidth;
    if (!width || width === this.width) return;
    this.width = width;
    this.values.setSize({ width, height: HEIGHT.values });
    this.confidences.setSize({ width, height: HEIGHT.confidences });
  }

  /** Width of the axis at the left: the same for both, that they stand under each other. */
  margin(shown) {
    const longest = Math.max(5, ...(shown ?? []).map((text) => text.length));
    this.widest = Math.max(this.widest ?? 0, longest);
    return 12 + 7.5 * this.widest;
  }

  /** The values that the plot has room for: those that were accepted; of what was refused only what lies among them. */
  room(least, most) {
    if (least === null) {
      const before = this.entries.filter(({ at, y, refused }) => at < this.window[0] && y !== null && !refused).at(-1);
      const others = this.entries.filter(({ at, y }) => this.within(at) && y !== null).map(({ y }) => y);
      const known = before ? [before.y] : others;
      if (!known.length) return [0, 1];
      [least, most] = [Math.min(...known), Math.max(...known)];
    }
    const spare = 0.1 * (most - least) || Math.max(0.05 * Math.abs(most), 0.5);
    return [least - spare, most + spare];
  }

  within(at) {
    return this.window[0] <= at && at <= this.window[1];
  }

  /** The index of the first entry that is not before a time. */
  since(time) {
    let [first, last] = [0, this.entries.length];
    while (first < last) {
      const middle = (first + last) >> 1;
      if (this.entries[middle].at < time) first = middle + 1;
      else last = middle;
    }
    return first;
  }

  /** Where an entry stands in a plot, in pixels of the canvas; what has no place there stands at the edge. */
  spot(plot, entry) {
    const { left, top, width, height } = plot.bbox;
    const value = plot === this.confidences ? entry.confidence : entry.y;
    const y = value === null ? top + height : inside(plot.valToPos(value, "y", true), top, top + height);
    return [inside(plot.valToPos(entry.at, "x", true), left, left + width), y];
  }

  /** Draw what uPlot does not: crosses for what was refused, and the entry that is chosen. */
  mark(plot) {
    const { ctx } = plot;
    const scale = uPlot.pxRatio;
    ctx.save();
    ctx.lineWidth = 2 * scale;
    if (plot === this.values) {
      const size = CROSS * scale;
      ctx.strokeStyle = colour("--unsure");
      ctx.beginPath();
      for (const entry of this.entries) {
        if (!entry.refused || !this.within(entry.at)) continue;
        const [x, y] = this.spot(plot, entry);
        ctx.moveTo(x - size, y - size);
        ctx.lineTo(x + size, y + size);
        ctx.moveTo(x - size, y + size);
        ctx.lineTo(x + size, y - size);
      }
      ctx.stroke();
    }
    if (this.chosen && this.within(this.chosen.at)) {
      const [x, y] = this.spot(plot, this.chosen);
      ctx.strokeStyle = colour("--ink");
      ctx.beginPath();
      ctx.arc(x, y, 8 * scale, 0, 2 * Math.PI);
      ctx.stroke();
    }
    ctx.restore();
  }

  /** The entry nearest to a place in a plot, in pixels of the page; null where none is near. */
  nearest(plot, left, top) {
    const scale = uPlot.pxRatio;
    let [best, least] = [null, NEAR];
    const until = plot.posToVal(left + NEAR, "x");
    for (let index = this.since(plot.posToVal(left - NEAR, "x")); this.entries[index]?.at <= until; index++) {
      const entry = this.entries[index];
      if (!this.within(entry.at)) continue;
      const [x, y] = this.spot(plot, entry);
      const away = Math.hypot((x - plot.bbox.left) / scale - left, (y - plot.bbox.top) / scale - top);
      if (away < least) [best, least] = [entry, away];
    }
    return best;
  }

  click(plot, event) {
    const { left, top } = plot.over.getBoundingClientRect();
    const entry = this.nearest(plot, event.clientX - left, event.clientY - top);
    if (entry) this.heard.chosen(entry);
  }

  point(plot) {
    if (plot.cursor.event?.type === "mousemove" || plot.cursor.left < 0) {
      const { left, top } = plot.cursor;
      this.heard.pointed(left < 0 ? null : this.nearest(plot, left, top));
    }
  }

  selected(plot) {
    const { left, width } = plot.select;
    if (width < LEAST_DRAG) return;
    const zoomed = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    for (const each of [this.values, this.confidences]) each.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.heard.zoomed(zoomed);
  }

  /** A finger that is drawn across zooms, too; one that is drawn up or down scrolls the page. */
  touch(plot) {
    let from = null;
    const across = ({ clientX }) => inside(clientX - plot.over.getBoundingClientRect().left, 0, plot.over.clientWidth);
    const select = (x, fire) => {
      const [left, width] = [Math.min(from, x), Math.abs(x - from)];
      plot.setSelect({ left, width, top: 0, height: plot.over.clientHeight }, fire);
    };
    plot.over.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" || !event.isPrimary) return;
      from = across(event);
      plot.over.setPointerCapture(event.pointerId);
    });
    plot.over.addEventListener("pointermove", (event) => {
      if (from !== null && event.isPrimary) select(across(event), false);
    });
    plot.over.addEventListener("pointerup", (event) => {
      if (from === null || !event.isPrimary) return;
      const x = across(event);
      if (Math.abs(x - from) >= LEAST_DRAG) select(x, true);
      else plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      from = null;
    });
    plot.over.addEventListener("pointercancel", () => {
      from = null;
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    });
  }

  key(event) {
    const seen = this.entries.filter(({ at }) => this.within(at));
    const now = seen.indexOf(this.chosen);
    const go = {
      ArrowLeft: now < 0 ? seen.length - 1 : Math.max(0, now - 1),
      ArrowRight: now < 0 ? 0 : Math.min(seen.length - 1, now + 1),
      Home: 0,
      End: seen.length - 1,
    }[event.key];
    if (go !== undefined) {
      if (seen[go]) this.heard.chosen(seen[go]);
    } else if (event.key === "+" || event.key === "=") this.heard.zoomed(this.scaled(0.5));
    else if (event.key === "-") this.heard.zoomed(this.scaled(2));
    else if (event.key === "Escape" || event.key === "0") this.heard.zoomed(null);
    else return;
    event.preventDefault();
  }

  /** The window made so much wider, around the chosen entry where it is in it. */
  scaled(factor) {
    const [from, to] = this.window;
    const middle = this.chosen && this.within(this.chosen.at) ? this.chosen.at : (from + to) / 2;
    const half = Math.max(LEAST_SPAN, (to - from) * factor) / 2;
    return [middle - half, middle + half];
  }

  /** The window before (-1) or after (1) this one; the half of it stays in view. */
  moved(direction) {
    const [from, to] = this.window;
    const step = (direction * (to - from)) / 2;
    return [from + step, to + step];
  }
}
