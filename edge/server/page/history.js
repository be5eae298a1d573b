// What was read before: plotted, listed, with the picture of each reading, copied and downloaded.

import { sentence } from "./aim.js";
import { request } from "./api.js";
import { PROBLEMS } from "./fields.js";
import { MOST, Kept, asCsv, keptState } from "./kept.js";
import { Plot } from "./plot.js";
import { element, fill, percent, setText } from "./results.js";

const AGAIN_MS = 5000; // how often it is asked what came since
const LIST_MS = 30_000; // how often it is asked which fields there are, and what is wrong
const ROWS = 25; // of a page of the table
const PLENTY = 2000; // entries that are shown without being asked for
const DAY = 86400; // seconds
const RANGES = [["the last day", DAY], ["the last week", 7 * DAY], ["the last month", 31 * DAY], ["the last year", 366 * DAY], ["all", Infinity]];

const panel = document.querySelector("#history");
const find = (selector) => panel.querySelector(selector);
const all = (selector) => [...panel.querySelectorAll(selector)];

const two = (number) => `${number}`.padStart(2, "0");

/** A time in seconds since 1970, as 2026-11-29 21:05:07, where the reader is. */
function when(seconds) {
  const at = new Date(1000 * seconds);
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${date} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
}

const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);

/** What an entry says: its value, or what was read and refused. */
const told = ({ refused, raw, text, unit }) => (refused ? raw ?? "nothing" : withUnit(text, unit));

const why = ({ problem, why: words }) => (problem ? words || PROBLEMS[problem] || problem : "");

/** The shortest time that holds enough of a field to look at, and not more than is quickly there. */
function usualRange({ entries, first, last }) {
  if (entries <= PLENTY) return Infinity;
  const each = (Date.parse(last) - Date.parse(first)) / 1000 / entries;
  const fitting = RANGES.filter(([, span]) => span < Infinity && span / each <= PLENTY).at(-1) ?? RANGES[0];
  return fitting[1];
}

/** How a sender fares: of MQTT, the webhook or people's phones. */
function sending({ connected, waiting, dropped, refused, last_error: error }) {
  const told = [connected ? "connected" : "not connected"];
  if (waiting) told.push(`${waiting} waiting`);
  if (refused) told.push(`${refused} refused`);
  if (dropped) told.push(`${dropped} dropped, as too many waited`);
  return told.join(", ") + (error ? `: ${error}` : "");
}

const counted = (many, deleted, bytes) => `${many}, ${megabytes(bytes)}${deleted ? `; ${deleted} older ones deleted` : ""}`;

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without HTTPS there is no clipboard but this one.
    const area = document.body.appendChild(element("textarea", "visually-hidden"));
    area.value = text;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("The browser does not let this page copy.");
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** The tab. */
class History {
  constructor() {
    this.plot = new Plot(find(".plot"), {
      chosen: (entry) => this.inspect(entry),
      pointed: (entry) => this.point(entry),
      zoomed: (window) => this.zoom(window),
    });
    this.fields = [];
    this.listed = 0; // when they were asked for
    this.failed = false; // whether what is said is why something failed
    this.kept = null;
    this.window = null; // [from, to] that was zoomed to, or null
    this.shown = []; // entries of the table, newest first
    this.page = 0;
    this.chosen = null;
    this.loading = null; // AbortController
    this.timer = null;
    this.wanted = false;
    for (const [words, span] of RANGES) find(".range").append(new Option(words, span));
    find(".field").addEventListener("change", () => this.choose(find(".field").value));
    find(".range").addEventListener("change", () => this.zoom(null));
    find(".earlier").addEventListener("click", () => this.zoom(this.plot.moved(-1)));
    find(".later").addEventListener("click", () => this.zoom(this.plot.moved(1)));
    find(".in").addEventListener("click", () => this.zoom(this.plot.scaled(0.5)));
    find(".out").addEventListener("click", () => this.zoom(this.plot.scaled(2)));
    find(".reset").addEventListener("click", () => this.zoom(null));
    find(".newer").addEventListener("click", () => this.turn(-1));
    find(".older").addEventListener("click", () => this.turn(1));
    find(".previous").addEventListener("click", () => this.step(1));
    find(".next").addEventListener("click", () => this.step(-1));
    find(".copy").addEventListener("click", () => this.copy(this.table(), `Copied ${this.shown.length} readings.`, find(".rows .note")));
    find(".copy-value").addEventListener("click", () => this.copy(told(this.chosen), "Copied.", find(".chosen .note")));
    find(".download").addEventListener("click", () => this.download());
    find(".chosen .crop").addEventListener("error", () => this.picture(false));
    find(".chosen .crop").addEventListener("load", () => this.picture(true));
  }

  async open() {
    this.wanted = true;
    await this.begin();
    this.again();
  }

  close() {
    this.wanted = false;
    this.loading?.abort();
    clearTimeout(this.timer);
  }

  /** Ask which fields there are, and show one. */
  async begin() {
    try {
      if (!this.fields.length || performance.now() - this.listed > LIST_MS) await this.list();
      if (this.loading) return;
      if (this.kept) await (this.kept.covered ? this.refresh() : this.zoom(this.window));
      else if (this.fields.length) await this.choose(this.fields[0].name);
      else this.empty();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ask again after a while, as long as somebody looks. */
  again() {
    clearTimeout(this.timer);
    if (!this.wanted) return;
    this.timer = setTimeout(async () => {
      if (!document.hidden) await this.begin();
      this.again();
    }, AGAIN_MS);
  }

  async list() {
    this.listed = performance.now();
    const [state, sent] = await Promise.allSettled([keptState(), request("/v1/senders").then((answer) => answer.json())]);
    this.state(state.value, sent.value?.senders ?? []);
    if (state.status === "rejected") throw state.reason;
    this.fields = state.value.fields;
    const select = find(".field");
    fill(select, this.fields, () => new Option(), (option, { name, unit }) => {
      option.value = name;
      setText(option, name ? withUnit(name, unit && `(${unit})`) : "numbers without a field");
    });
    if (this.kept) select.value = this.kept.field;
  }

  /** Say how much is kept, what is wrong with it, and whether it is sent. */
  state(kept, senders) {
    const notices = kept?.notices ?? [];
    const trouble = find(".trouble");
    trouble.hidden = !notices.length;
    setText(trouble, notices.map((notice) => `${sentence(notice)}.`).join(" "));
    const lines = senders.map((sender) => [sender.destination, sending(sender), !sender.connected || sender.last_error !== ""]);
    if (kept) {
      lines.push(["readings", counted(kept.entries, kept.deleted, kept.bytes)]);
      if (kept.crops) lines.push(["pictures", counted(kept.crops, kept.crops_deleted, kept.crop_bytes)]);
    }
    find(".sending").hidden = !lines.length;
    fill(find(".states"), lines, () => {
      const row = element("div");
      row.append(element("dt"), element("dd"));
      return row;
    }, (row, [name, words, bad]) => {
      row.className = bad ? "bad" : "";
      setText(row.firstChild, name);
      setText(row.lastChild, words);
    });
  }

  say(text, bad = false) {
    const note = find(".plots .note");
    setText(note, text);
    note.classList.toggle("bad", bad);
    this.failed = bad;
  }

  fail(error) {
    if (error.name === "AbortError") return;
    if (error.status === 404) { // no history is kept, and none will be until the next start
      this.say("");
      this.empty(`${sentence(error.message)}.`);
      this.wanted = false;
      return;
    }
    this.say(`${sentence(error.message.replace(/\.$/, ""))}; trying again …`, true);
    if (!this.kept?.entries.length) this.empty("");
  }

  empty(words = "Nothing is kept yet: each number that is accepted, and each change of a field, will be here.") {
    for (const part of [".plot", ".zoom", ".key"]) find(part).hidden = true;
    find(".plots .none").hidden = words === "";
    setText(find(".plots .none"), words);
    find(".rows").hidden = true;
  }

  /** Show a field from the start. */
  async choose(name) {
    const field = this.fields.find((each) => each.name === name);
    find(".field").value = name;
    find(".range").value = usualRange(field);
    this.kept = new Kept(name);
    this.forget();
    this.show([]); // of the field before nothing is left that could be chosen
    await this.zoom(null);
  }

  /** All of the time that is chosen in the list, in seconds since 1970. */
  whole() {
    const span = Number(find(".range").value);
    return [span === Infinity ? -Infinity : Date.now() / 1000 - span, Infinity];
  }

  /** Show a part of the time, or with null all of it; what is not here yet is loaded. */
  async zoom(window) {
    this.window = window;
    this.page = 0;
    const wanted = window ?? this.whole();
    this.loading?.abort();
    if (!this.kept.covers(wanted)) {
      const loading = new AbortController();
      this.loading = loading;
      try {
        await this.kept.load(wanted, loading.signal, (count) => this.say(`Loading … ${count} readings`));
      } catch (error) {
        this.fail(error);
        return;
      } finally {
        if (this.loading === loading) this.loading = null;
      }
    }
    this.draw();
  }

  /** Add what came since. */
  async refresh() {
    const { kept } = this;
    const added = await kept.refresh();
    if (kept !== this.kept) return;
    if (added === null) {
      this.kept.covered = null;
      await this.zoom(this.window);
    } else if (added || this.failed) this.draw();
  }

  /** Draw what is loaded. */
  draw() {
    const plotted = this.kept.plotted();
    const { entries, complete } = this.kept;
    const [from, to] = this.window ?? this.ends(plotted);
    this.show(entries.filter(({ at }) => (this.window ? from <= at && at <= to : true)));
    if (!entries.length && !this.window) {
      this.empty(`Nothing of ${find(".field").selectedOptions[0]?.text ?? "it"} in ${find(".range").selectedOptions[0].text}.`);
    } else {
      for (const part of [".plot", ".zoom", ".key", ".rows"]) find(part).hidden = false;
      find(".plots .none").hidden = true;
      this.plot.fit();
      this.plot.show(plotted, this.kept.field !== "");
      this.plot.zoom([from, to]);
    }
    find(".reset").disabled = this.window === null;
    const refused = this.shown.filter((entry) => entry.refused).length;
    const apart = entries.length - plotted.length;
    const remarks = [`${this.shown.length} readings, ${refused} refused.`];
    if (!complete) remarks.push(`The newest ${MOST} of this time: zoom in, or choose a shorter time, for the others.`);
    if (apart) remarks.push(`${apart} of a clock that was not set are only in the table.`);
    if (plotted.length && !plotted.some(({ y }) => y !== null)) remarks.push("These are no plain numbers, and stand at the bottom.");
    this.say(remarks.join(" "));
    find(".plot").setAttribute("aria-label", `Plot of ${find(".field").selectedOptions[0]?.text ?? ""}: ${remarks[0]}`);
  }

  /** List entries in the table. */
  show(entries) {
    this.shown = entries;
    this.rows();
  }

  /** From the first to the last of the entries, with some room. */
  ends(plotted) {
    const [from, to] = this.whole();
    const first = Number.isFinite(from) ? from : plotted[0]?.at ?? 0;
    const last = Number.isFinite(from) ? Date.now() / 1000 : plotted.at(-1)?.at ?? 1;
    const spare = 0.02 * (last - first) || 60;
    return [first - spare, Math.max(last, plotted.at(-1)?.at ?? last) + spare];
  }

  turn(pages) {
    this.page += pages;
    this.rows();
    find(".rows").scrollIntoView({ block: "nearest" });
  }

  /** The page of the table. */
  rows() {
    const last = Math.max(0, Math.ceil(this.shown.length / ROWS) - 1);
    this.page = Math.min(this.page, last);
    const start = ROWS * this.page;
    const entries = this.shown.slice(start, start + ROWS);
    fill(find("tbody"), entries, () => {
      const row = element("tr");
      const button = element("button", "link");
      button.type = "button";
      button.append(element("span"), element("span"));
      const time = element("th");
      time.scope = "row";
      time.append(button);
      row.append(time, element("td", "value"), element("td", "confidence"), element("td", "problem"));
      row.role = "row"; // a table that is laid out as a grid, as on phones, is none to screen readers
      [...row.children].forEach((cell, column) => { cell.role = column ? "cell" : "rowheader"; });
      row.addEventListener("click", () => this.inspect(row.entry));
      return row;
    }, (row, entry) => {
      row.entry = entry;
      row.className = `${entry.refused ? "rejected" : "accepted"}${entry.number === this.chosen?.number ? " picked" : ""}`;
      const [time, value, confidence, problem] = row.children;
      when(entry.at).split(" ").forEach((part, index) => setText(time.firstChild.children[index], part));
      setText(value, told(entry));
      setText(confidence, percent(entry.confidence));
      setText(problem, why(entry));
    });
    find(".newer").disabled = this.page === 0;
    find(".older").disabled = this.page === last;
    setText(find(".which"), entries.length ? `${start + 1} to ${start + entries.length} of ${this.shown.length}` : "None in this time.");
  }

  point(entry) {
    const line = find(".pointed");
    line.hidden = this.kept === null;
    setText(line, entry ? [when(entry.at), told(entry), percent(entry.confidence, 1), why(entry)].filter(Boolean).join(" · ") : "");
  }

  forget() {
    this.chosen = null;
    this.plot.choose(null);
    find(".chosen .none").hidden = false;
    find(".chosen .shown").hidden = true;
  }

  /** The reading before (1) or after (-1) the chosen one, in the table's order. */
  step(rows) {
    const entry = this.shown[this.shown.indexOf(this.chosen) + rows];
    if (entry) this.inspect(entry);
  }

  /** Show all that is kept of an entry. */
  inspect(entry) {
    const card = find(".chosen");
    this.chosen = entry;
    this.plot.choose(entry);
    const index = this.shown.indexOf(entry);
    if (index >= 0) this.page = Math.floor(index / ROWS);
    this.rows();
    card.querySelector(".none").hidden = true;
    card.querySelector(".shown").hidden = false;
    card.querySelector(".shown").className = `shown ${entry.refused ? "rejected" : "accepted"}`;
    setText(card.querySelector(".value"), told(entry));
    setText(card.querySelector(".problem"), entry.refused ? `Refused: ${why(entry)}` : "");
    const crop = card.querySelector(".crop");
    this.picture(false);
    crop.removeAttribute("src");
    if (entry.crop) crop.src = entry.crop;
    crop.alt = `The picture that ${told(entry)} was read in`;
    const facts = [
      ["time", when(entry.at)],
      ["confidence", percent(entry.confidence, 1)],
      ["read as", entry.refused || entry.raw === entry.text ? null : entry.raw],
      ["clock", entry.synchronised === false ? "was not set yet" : null],
      ["source", entry.source],
      ["networks", [entry.digits_model, entry.page_model].filter(Boolean).map((sum) => sum.slice(0, 8)).join(", ")],
    ].filter(([, value]) => value);
    fill(card.querySelector(".facts"), facts, () => {
      const row = element("div");
      row.append(element("dt"), element("dd"));
      return row;
    }, (row, [name, value]) => {
      setText(row.firstChild, name);
      setText(row.lastChild, value);
    });
    setText(card.querySelector(".note"), "");
    find(".previous").disabled = index < 0 || index === this.shown.length - 1;
    find(".next").disabled = index <= 0;
    setText(card.querySelector(".announce"), [when(entry.at), told(entry), `confidence ${percent(entry.confidence)}`, why(entry)].filter(Boolean).join(", "));
    card.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  picture(there) {
    find(".chosen .crop").hidden = !there;
    find(".chosen .no-crop").hidden = there;
  }

  /** The entries of the table as text that spreadsheets take. */
  table() {
    const rows = this.shown.map((entry) => [
      when(entry.at), entry.refused ? entry.raw ?? "" : entry.text, entry.unit, entry.confidence, why(entry),
    ]);
    return [["time", "value", "unit", "confidence", "refused"], ...rows].map((row) => row.join("\t")).join("\n");
  }

  async copy(text, done, note) {
    try {
      await copied(text);
      setText(note, done);
    } catch (error) {
      setText(note, error.message);
    }
  }

  async download() {
    const note = find(".rows .note");
    try {
      const name = this.kept.field || "numbers";
      save(await asCsv(this.kept.field, this.window ?? this.whole()), `digitcam-${name}-${when(Date.now() / 1000).slice(0, 10)}.csv`);
      setText(note, "");
    } catch (error) {
      setText(note, error.message);
    }
  }
}

const tab = new History();

/** Called when the tab is shown and hidden. */
export const view = {
  open() { tab.open(); },
  close() { tab.close(); },
};
