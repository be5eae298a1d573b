// What was read: boxes over the picture, numbers beside it, and what the reader saw of a digit.

import { placeLabels } from "./labels.js";

const MARGIN = 6; // pixels from the digits of a number to the outer edge of its frame
const SMALLEST = 10; // pixels of the letters of a label that has no place at its usual size

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)} %`;

/** What became of a number, and the confidence in it. */
function state({ status, text, confidence, track_id: track }) {
  // In a stream, a number of digits that are all certain waits until enough frames agree on it.
  const waits = status === "uncertain" && track !== null && !text.includes("?");
  const words = waits ? "confirming" : status;
  return `${words}, ${percent(confidence)}`;
}

/** What else is worth knowing of a result; "" for most. */
export function remark({ turned, complete, warnings = [] }) {
  const remarks = warnings.map((warning) => `${warning[0].toUpperCase()}${warning.slice(1)}.`);
  if (turned) remarks.push(`The page is turned by ${turned}°.`);
  if (!complete) remarks.push("Too full: only the clearest digits were read.");
  return remarks.join(" ");
}

/** Give a parent one child for each item: existing ones are kept, so that clicks and focus survive. */
export function fill(parent, items, create, update) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  items.forEach((item, index) => {
    const child = parent.children[index] ?? parent.appendChild(create());
    update(child, item, index);
  });
}

export function element(name, className = "") {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function place(target, [left, top, right, bottom], [width, height]) {
  target.style.left = `${(100 * left) / width}%`;
  target.style.top = `${(100 * top) / height}%`;
  target.style.width = `${(100 * (right - left)) / width}%`;
  target.style.height = `${(100 * (bottom - top)) / height}%`;
}

/** The results of one tab: `look(reading, index)` gives a digit with its crop, glyph and probabilities. */
export class Results {
  constructor(panel, look = async (reading, index) => reading.digits[index]) {
    this.look = look;
    this.result = null;
    this.chosen = null;
    panel.append(document.querySelector("#side").content.cloneNode(true));
    const picture = panel.querySelector(".picture");
    this.frames = picture.appendChild(element("div", "overlay"));
    this.digits = picture.appendChild(element("div", "overlay"));
    this.labels = picture.appendChild(element("div", "overlay"));
    this.labels.setAttribute("aria-hidden", "true");
    this.places = new Map(); // of each number's label, until it is gone
    this.pointed = null; // the number that the pointer is at
    new ResizeObserver(() => this.placeLabels()).observe(this.labels);
    this.frames.setAttribute("aria-hidden", "true");
    this.list = panel.querySelector(".list");
    this.nothing = panel.querySelector(".numbers .none");
    this.announcement = panel.querySelector(".announce");
    this.inspector = panel.querySelector(".inspector");
    this.number = (reading) => `${reading.track_id ?? this.result.readings.indexOf(reading)}`;
    this.key = (reading, index) => `${this.number(reading)}.${index}`;
  }

  /** Show a result of schema 1, or null; `empty` says what to show where there is no number. */
  show(result, empty = "Nothing read yet.") {
    this.result = result;
    const readings = result?.readings ?? [];
    const size = result?.image_size ?? [1, 1];
    fill(this.frames, readings, () => element("div"), (frame, reading) => {
      frame.className = `frame ${reading.status}`;
      place(frame, reading.box, size);
    });
    fill(this.labels, readings, () => element("span"), (label, reading) => {
      label.className = `plate ${reading.status}`;
      setText(label, reading.text);
    });
    this.placeLabels();
    const digits = readings.flatMap((reading) => reading.digits.map((digit, index) => ({ reading, digit, index })));
    fill(this.digits, digits, () => {
      const button = this.button("digit", -1);
      this.point(button);
      return button;
    }, (button, found) => {
      button.found = found;
      button.className = `digit ${found.reading.status}`;
      place(button, found.digit.box, size);
      this.label(button);
    });
    fill(this.list, readings, () => {
      const item = element("li");
      item.append(element("span", "text"), element("span", "state"));
      this.point(item);
      return item;
    }, (item, reading) => {
      item.found = { reading };
      item.className = reading.status;
      const written = reading.text.match(/[^\d?]*[\d?]/g); // each digit with the marks before it
      fill(item.firstChild, reading.digits, () => this.button("", 0), (button, digit, index) => {
        button.found = { reading, digit, index };
        setText(button, written[index]);
        this.label(button);
      });
      setText(item.lastChild, state(reading));
    });
    this.list.classList.toggle("many", readings.length > 4);
    this.nothing.hidden = readings.length > 0;
    setText(this.nothing, empty);
    const accepted = readings.filter((reading) => reading.status === "accepted").map((reading) => reading.text);
    setText(this.announcement, accepted.length ? `Read: ${accepted.join(", ")}` : "");
    if (!result) this.forget();
  }

  /** Put each label where it covers nothing else. One without a place is there while its number is pointed
   *  at or chosen; the list has it too. */
  placeLabels() {
    const { clientWidth: width, clientHeight: height } = this.labels;
    const labels = [...this.labels.children];
    if (!width || !labels.length) return; // the tab is not shown
    const { readings, image_size: [across, down] } = this.result;
    for (const label of labels) label.style.fontSize = "";
    const sizes = labels.map((label) => [label.offsetWidth, label.offsetHeight]);
    const usual = parseFloat(getComputedStyle(labels[0]).fontSize);
    const numbers = readings.map((reading, index) => {
      const [left, top, right, bottom] = reading.box.map((side, k) => (side * (k % 2 ? height / down : width / across)));
      return {
        frame: [left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN],
        size: sizes[index],
        last: this.places.get(this.number(reading)) ?? null,
      };
    });
    const found = placeLabels(numbers, [width, height], [1, SMALLEST / usual]);
    this.places = new Map(readings.map((reading, index) => [this.number(reading), found[index]?.place]));
    labels.forEach((label, index) => {
      const [left, top] = numbers[index].frame;
      const [wide, high] = sizes[index];
      const above = { left: Math.min(left, width - wide), top: top - high >= 0 ? top - high : numbers[index].frame[3], scale: 1 };
      const at = found[index] ?? above;
      label.style.left = `${Math.max(0, at.left)}px`;
      label.style.top = `${at.top}px`;
      label.style.fontSize = at.scale === 1 ? "" : `${SMALLEST}px`;
      label.classList.toggle("bare", !found[index]);
    });
    this.showPointed();
  }

  /** Show the label of the number that is pointed at or chosen, whether it has a place or not. */
  showPointed() {
    const chosen = this.chosen?.split(".")[0];
    [...this.labels.children].forEach((label, index) => {
      const number = this.number(this.result.readings[index]);
      label.classList.toggle("pointed", number === this.pointed || (this.pointed === null && number === chosen));
    });
  }

  /** Let what stands for a number show its label while the pointer or the focus is on it. */
  point(target) {
    const enter = () => { this.pointed = this.number(target.found.reading); this.showPointed(); };
    const leave = () => { this.pointed = null; if (this.result) this.showPointed(); };
    for (const kind of ["pointerenter", "focusin"]) target.addEventListener(kind, enter);
    for (const kind of ["pointerleave", "focusout"]) target.addEventListener(kind, leave);
  }

  /** Take away what was shown of a digit. */
  forget() {
    this.chosen = null;
    if (this.result) this.showPointed();
    this.inspector.querySelector(".seen").hidden = true;
    this.inspector.querySelector(".none").hidden = false;
  }

  button(className, tabIndex) {
    const button = element("button", className);
    button.type = "button";
    button.tabIndex = tabIndex;
    button.addEventListener("click", () => this.inspect(button.found));
    return button;
  }

  label(button) {
    const { reading, digit, index } = button.found;
    const label = `${digit.label}, confidence ${percent(digit.confidence)}, digit ${index + 1} of ${reading.text}`;
    if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
    button.classList.toggle("chosen", this.key(reading, index) === this.chosen);
  }

  async inspect({ reading, index }) {
    this.chosen = this.key(reading, index);
    for (const button of [...this.digits.children, ...this.list.querySelectorAll("button")]) this.label(button);
    this.showPointed();
    const digit = await this.look(reading, index);
    if (!digit?.glyph) return;
    const seen = this.inspector.querySelector(".seen");
    seen.querySelector(".crop").src = digit.crop;
    seen.querySelector(".crop").alt = `The digit in the picture`;
    seen.querySelector(".glyph").src = digit.glyph;
    seen.querySelector(".glyph").alt = `The same as 28 by 28 pixels, white on black`;
    const [[best, confidence], [second]] = digit.top_k;
    seen.querySelector(".verdict").textContent =
      `Read as ${best}, with a confidence of ${percent(confidence, 1)}. Second comes ${second}; the margin is ${percent(digit.margin, 1)}.`;
    fill(seen.querySelector(".bars"), digit.probabilities, () => {
      const row = element("li");
      const bar = element("span", "bar");
      bar.append(element("div", "fill"));
      row.append(element("span"), bar, element("span", "share"));
      return row;
    }, (row, share, label) => {
      row.className = label === best ? "best" : "";
      row.children[0].textContent = label;
      row.children[1].firstChild.style.width = percent(share, 1).replace(" ", "");
      row.children[2].textContent = percent(share, 1);
    });
    seen.hidden = false;
    this.inspector.querySelector(".none").hidden = true;
    this.inspector.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }
}
