// Fields: the numbers that someone wants, by name. Listed with what they read, drawn on the picture, edited, saved.

import { sentence } from "./aim.js";
import { request } from "./api.js";
import { RegionChooser } from "./region.js";
import { element, fill, setText } from "./results.js";

const TRY_MS = 1000; // how often a field that is being edited is tried on the newest frame

/** What numbers look like; the last is written by hand. */
const LOOKS = [
  ["", "any number"],
  ["???0", "one to four digits, such as 7 or 1250"],
  ["00000", "five digits, such as 00417"],
  ["00000.0", "a meter, such as 00123.4"],
  ["??0.0", "a decimal, such as 4.5 or 21.5"],
  ["00:00", "a time, such as 07:45"],
  ["0000-00-00", "a date, such as 2026-11-28"],
  ["own", "something else …"],
];
/** Why a reading was refused, in words. */
export const PROBLEMS = {
  format: "does not look as it should", limit: "outside its limits", change: "changed too fast",
  unsure: "not certain", "not found": "no number there", stale: "not seen for long",
};
const SETTINGS = ["unit", "least", "most", "most_change", "after", "every"];
const NUMBERS = new Set(["least", "most"]);
const SVG = "http://www.w3.org/2000/svg";

/** A number of a format: 0123.4 of 0000.0; every digit another, so that places can be told apart. */
const sample = (format, optional) => {
  let digit = 0;
  return format.replace(/[0?]/g, (slot) => (slot === "0" || optional ? `${++digit % 10}` : ""));
};

/** What is wrong with a field's reading, in words; "" where it was accepted. */
function trouble({ raw, problem, why }) {
  if (!problem) return "";
  const read = raw ? `reads ${raw}: ` : "";
  return read + (why || PROBLEMS[problem] || problem);
}

function age(seconds) {
  if (seconds < 5) return "now";
  for (const [length, name] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${name} ago`;
  }
  return `${Math.floor(seconds)} s ago`;
}

/** The card beside the live picture, and what is drawn on it. */
export class Fields {
  constructor(panel) {
    this.panel = panel;
    panel.querySelector(".side").prepend(document.querySelector("#fields").content.cloneNode(true));
    this.card = panel.querySelector(".fields");
    this.form = this.card.querySelector("form");
    const picture = panel.querySelector(".picture");
    this.outlines = picture.appendChild(document.createElementNS(SVG, "svg"));
    this.outlines.setAttribute("class", "outlines");
    this.outlines.setAttribute("aria-hidden", "true");
    this.outlines.setAttribute("preserveAspectRatio", "none");
    this.chooser = new RegionChooser(picture, (region) => this.chosen(region));
    this.saved = null; // {fields, version, file}
    this.edited = null; // {before, table, added}: the saved table, and the one in the form
    this.timer = null;
    this.advice = new Map(); // name -> what helps most
    const { look } = this.form.elements;
    for (const [format, words] of LOOKS) look.append(new Option(words, format));
    this.card.querySelector(".add").addEventListener("click", () => this.edit(null));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.form.addEventListener("input", (event) => this.typed(event.target));
    this.form.querySelector(".place").addEventListener("click", () => this.chooser.startInMiddle());
    this.form.querySelector(".cancel").addEventListener("click", () => this.leave());
    this.form.querySelector(".delete").addEventListener("click", (event) => this.remove(event.currentTarget));
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.leave();
    });
  }

  /** Ask for the fields that are saved. */
  async load() {
    try {
      this.saved = await (await request("/v1/fields")).json();
      this.say(this.saved.read ? "" : "Not read now: digitcam was started with --format or --region.");
    } catch (error) {
      this.say(error.message);
    }
    this.card.querySelector(".add").disabled = this.saved === null;
    this.list([]);
  }

  say(text) {
    setText(this.card.querySelector(".fields-note"), text);
  }

  /** Show what a result of schema 1 says of the fields; null where there is none. */
  show(result) {
    const readings = result?.fields ?? [];
    this.list(readings);
    const [width, height] = result?.image_size ?? [1, 1];
    this.outlines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const drawn = readings.filter((reading) => reading.outline && reading.name !== this.edited?.before?.name);
    fill(this.outlines, drawn, () => document.createElementNS(SVG, "polygon"), (polygon, reading) => {
      polygon.setAttribute("points", reading.outline.map((corner) => corner.join(",")).join(" "));
      polygon.setAttribute("class", reading.status);
    });
  }

  /** Keep what /v1/aim says of each field's region. */
  advise(aims) {
    // That much is refused is told by the field itself, with the reason.
    const first = (advice) => advice.find(({ what }) => what !== "reading")?.text ?? "";
    this.advice = new Map(aims.map(({ name, advice }) => [name, first(advice)]));
  }

  list(readings) {
    const fields = this.saved?.fields ?? [];
    const known = Object.fromEntries(readings.map((reading) => [reading.name, reading]));
    fill(this.card.querySelector(".field-list"), fields, () => {
      const item = element("li");
      const words = element("div", "words");
      words.append(element("span", "name"), element("span", "value"), element("span", "problem"), element("span", "aimed"));
      const button = element("button", "button edit");
      button.type = "button";
      button.textContent = "Edit";
      button.addEventListener("click", () => this.edit(item.table));
      item.append(words, button);
      return item;
    }, (item, table) => {
      item.table = table;
      const reading = known[table.name];
      const [name, value, problem, aimed] = item.firstChild.children;
      setText(name, table.name);
      const unit = table.unit ? ` ${table.unit}` : "";
      setText(value, reading?.text ? `${reading.text}${unit}` : "–");
      const since = reading?.text && reading.problem && reading.age_s !== null ? ` (value read ${age(reading.age_s)})` : "";
      setText(problem, reading ? trouble(reading) + since : "");
      const advice = this.advice.get(table.name);
      setText(aimed, advice ? sentence(advice) : "");
      item.className = reading?.status ?? "";
      item.lastChild.setAttribute("aria-label", `Edit ${table.name}`);
    });
    this.card.querySelector(".none").hidden = fields.length > 0 || this.edited !== null;
  }

  /** Open the form for a saved field, or for a new one. */
  edit(table) {
    this.edited = { before: table, table: { ...(table ?? { name: "" }) } };
    const { elements } = this.form;
    this.form.reset();
    elements.name.value = table?.name ?? "";
    const format = table?.format ?? "";
    elements.look.value = LOOKS.some(([known]) => known === format) ? format : "own";
    elements.format.value = format;
    for (const key of SETTINGS) elements[key].value = table?.[key] ?? "";
    this.form.querySelector("details").open = SETTINGS.some((key) => table?.[key] !== undefined);
    setText(this.form.querySelector("h3"), table ? `Field ${table.name}` : "New field");
    setText(this.form.querySelector(".how"), table?.on === "sheet"
      ? "Its region goes with the sheet of paper. Drag a new one to bind it to the picture instead."
      : "Drag a frame around the number in the picture, and its corners to change it; or move it with the arrow keys.");
    this.form.querySelector(".place").hidden = Boolean(table?.region);
    setText(this.form.querySelector(".now"), "");
    this.warn("");
    const remove = this.form.querySelector(".delete");
    remove.hidden = !table;
    setText(remove, "Delete");
    this.form.hidden = false;
    this.card.querySelector(".add").hidden = true;
    this.card.querySelector(".none").hidden = true;
    this.panel.classList.add("drawing");
    this.chooser.open(table?.on === "sheet" ? null : table?.region ?? null);
    this.describe();
    this.panel.querySelector(".picture").scrollIntoView({ block: "nearest" });
    elements.name.focus({ preventScroll: true });
    clearInterval(this.timer);
    this.timer = setInterval(() => this.try(), TRY_MS);
    this.try();
  }

  /** Close the form; what is not saved is forgotten. */
  leave() {
    clearInterval(this.timer);
    this.edited = null;
    this.chooser.close();
    this.form.hidden = true;
    this.card.querySelector(".add").hidden = false;
    this.panel.classList.remove("drawing");
    this.card.querySelector(".none").hidden = (this.saved?.fields.length ?? 0) > 0;
  }

  chosen(region) {
    this.form.querySelector(".place").hidden = true;
    this.edited.table.region = region;
    delete this.edited.table.on;
    this.warn("");
    this.try();
  }

  typed(input) {
    const { elements } = this.form;
    if (input === elements.look && input.value !== "own") elements.format.value = input.value;
    this.warn("");
    this.describe();
    this.try();
  }

  describe() {
    const { look, format } = this.form.elements;
    this.form.querySelector(".own").hidden = look.value !== "own";
    const written = format.value.trim();
    const [longest, shortest] = [sample(written, true), sample(written, false)];
    const examples = longest === shortest ? longest : `${shortest} or ${longest}`;
    setText(this.form.querySelector(".example"), written ? `Read as in ${examples}.` : "");
  }

  warn(text) {
    setText(this.form.querySelector(".wrong"), text);
  }

  /** The table in the form, as the API takes it. */
  table() {
    const { elements } = this.form;
    const table = { ...this.edited.table, name: elements.name.value.trim() };
    for (const key of ["format", ...SETTINGS]) {
      const text = elements[key].value.trim();
      if (!text) delete table[key];
      else table[key] = NUMBERS.has(key) && !Number.isNaN(Number(text.replace(",", "."))) ? Number(text.replace(",", ".")) : text;
    }
    return table;
  }

  /** Try the field in the form on the newest frame. */
  async try() {
    const edited = this.edited;
    if (!edited || document.hidden) return;
    const table = this.table();
    table.name ||= "new field";
    try {
      const answer = await request("/v1/fields/try", this.json("POST", table));
      const reading = await answer.json();
      if (this.edited !== edited) return;
      const now = this.form.querySelector(".now");
      now.className = `now ${reading.status}`;
      setText(now, reading.problem ? `Now: ${trouble(reading)}` : `Now: reads ${reading.raw}`);
    } catch (error) {
      if (this.edited === edited) setText(this.form.querySelector(".now"), error.message);
    }
  }

  json(method, body) {
    return { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  }

  async save() {
    const table = this.table();
    if (!table.name) {
      this.warn("Give it a name.");
      this.form.elements.name.focus();
      return;
    }
    const { before } = this.edited;
    const fields = this.saved.fields.map((each) => (each.name === before?.name ? table : each));
    if (!this.saved.fields.some((each) => each.name === before?.name)) fields.push(table);
    await this.put(fields, `Saved ${table.name}.`);
  }

  async remove(button) {
    if (button.textContent === "Delete") {
      setText(button, "Really delete?");
      return;
    }
    const { name } = this.edited.before;
    await this.put(this.saved.fields.filter((each) => each.name !== name), `Deleted ${name}.`);
  }

  async put(fields, done) {
    const { version } = this.saved;
    try {
      this.saved = await (await request("/v1/fields", this.json("PUT", { fields, version }))).json();
    } catch (error) {
      this.warn(error.message);
      const now = await request("/v1/fields").then((answer) => answer.json(), () => null);
      if (now && now.version !== version) {
        this.saved = now;
        this.list([]);
        this.warn("The settings were changed meanwhile, and the list shows them. Save again to add this to them.");
      }
      return;
    }
    this.leave();
    this.list([]);
    this.say(done);
    this.card.querySelector(".add").focus();
  }
}
