// A region of the picture that is dragged with a mouse, a finger or a pen, or moved with the arrow keys.

import { element } from "./results.js";

const LEAST = 0.01; // of the picture, both ways: a click is no region
const STEP = 0.01; // of an arrow key
const CORNERS = ["left top", "right top", "right bottom", "left bottom"];

const inside = (share) => Math.min(1, Math.max(0, share));
const tidy = (share) => Math.round(1000 * inside(share)) / 1000;

/** The layer over the picture in which one region is chosen; `changed` is told of each new one. */
export class RegionChooser {
  constructor(picture, changed) {
    this.changed = changed;
    this.layer = picture.appendChild(element("div", "chooser"));
    this.frame = this.layer.appendChild(element("div", "region"));
    this.frame.tabIndex = 0;
    this.frame.setAttribute("role", "group");
    this.frame.setAttribute("aria-label", "Region of the field: arrow keys move it, with Shift they change its size");
    for (const corner of CORNERS) this.frame.appendChild(element("span", `corner ${corner}`));
    this.drag = null; // {pointer, kind, from, region}
    this.layer.addEventListener("pointerdown", (event) => this.begin(event));
    this.layer.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) this.layer.addEventListener(end, (event) => this.end(event));
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.close();
  }

  /** Let a region be chosen, from [left, top, right, bottom] on, or from none. */
  open(region) {
    this.layer.hidden = false;
    this.set(region);
  }

  /** Begin with a region in the middle, for the keys. */
  startInMiddle() {
    this.choose([0.3, 0.4, 0.7, 0.6]);
    this.frame.focus();
  }

  close() {
    this.layer.hidden = true;
    this.drag = null;
  }

  set(region) {
    this.region = region;
    this.frame.hidden = region === null;
    if (region === null) return;
    const [left, top, right, bottom] = region;
    Object.assign(this.frame.style, {
      left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * (right - left)}%`, height: `${100 * (bottom - top)}%`,
    });
  }

  place({ clientX, clientY }) {
    const { left, top, width, height } = this.layer.getBoundingClientRect();
    return [inside((clientX - left) / width), inside((clientY - top) / height)];
  }

  begin(event) {
    if (event.button !== 0 || this.drag) return;
    event.preventDefault();
    this.layer.setPointerCapture(event.pointerId);
    const corner = event.target.closest(".corner");
    const kind = corner ? corner.className : event.target === this.frame ? "move" : "new";
    this.drag = { pointer: event.pointerId, kind, from: this.place(event), region: this.region };
    this.frame.focus({ preventScroll: true });
  }

  move(event) {
    if (event.pointerId !== this.drag?.pointer) return;
    const { kind, from, region } = this.drag;
    const [x, y] = this.place(event);
    if (kind === "new") this.set(ordered([...from, x, y]));
    else if (kind === "move") this.set(moved(region, x - from[0], y - from[1]));
    else this.set(ordered(resized(region, kind, x, y)));
  }

  end(event) {
    if (event.pointerId !== this.drag?.pointer) return;
    const before = this.drag.region;
    this.drag = null;
    const [left, top, right, bottom] = this.region ?? [0, 0, 0, 0];
    if (right - left < LEAST || bottom - top < LEAST) {
      this.set(before);
      return;
    }
    this.choose(this.region);
  }

  key(event) {
    const step = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (!step || !this.region) return;
    event.preventDefault();
    const [left, top, right, bottom] = this.region;
    if (!event.shiftKey) this.choose(moved(this.region, ...step));
    else this.choose([left, top, Math.max(left + LEAST, right + step[0]), Math.max(top + LEAST, bottom + step[1])]);
  }

  choose(region) {
    this.set(region.map(tidy));
    this.changed(this.region);
  }
}

const ordered = ([x, y, u, v]) => [Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)];

function moved([left, top, right, bottom], across, down) {
  const dx = Math.min(1 - right, Math.max(-left, across));
  const dy = Math.min(1 - bottom, Math.max(-top, down));
  return [left + dx, top + dy, right + dx, bottom + dy];
}

function resized([left, top, right, bottom], corner, x, y) {
  return [
    corner.includes("left") ? x : left, corner.includes("top") ? y : top,
    corner.includes("right") ? x : right, corner.includes("bottom") ? y : bottom,
  ];
}
