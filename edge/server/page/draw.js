// Draw digits with a mouse, a finger or a pen; they are read as the pen is lifted.

import { predict } from "./api.js";
import { Results, remark } from "./results.js";

const PEN = 0.019; // width of a stroke, as a share of the paper's width
const WIDTH = 900; // pixels of the picture that is read, from left to right

const panel = document.querySelector("#draw");
const canvas = panel.querySelector("canvas");
const note = panel.querySelector(".note");
const hint = panel.querySelector(".hint");
const undoButton = panel.querySelector(".undo");
const clearButton = panel.querySelector(".clear");
const results = new Results(panel);

let strokes = []; // each a list of [x, y, width], as shares of the paper's width
const pens = new Map(); // pointer id -> the stroke that it draws
let reading = null; // AbortController of the request under way

const lineWidth = (event) => PEN * (event.pointerType === "pen" ? 0.5 + event.pressure : 1);

function point(event) {
  const paper = canvas.getBoundingClientRect();
  return [(event.clientX - paper.left) / paper.width, (event.clientY - paper.top) / paper.width, lineWidth(event)];
}

/** Draw all strokes on a canvas, smoothed through the middles between their points. */
function paint(context, width, colour) {
  context.strokeStyle = context.fillStyle = colour;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const [x, y, pen] = stroke[0].map((share) => share * width);
    if (stroke.length === 1) {
      context.beginPath();
      context.arc(x, y, pen / 2, 0, 2 * Math.PI);
      context.fill();
      continue;
    }
    let [fromX, fromY] = [x, y];
    for (let k = 1; k < stroke.length; k++) {
      const [cornerX, cornerY] = stroke[k - 1].map((share) => share * width);
      const [nextX, nextY, nextPen] = stroke[k].map((share) => share * width);
      const last = k === stroke.length - 1;
      const [toX, toY] = last ? [nextX, nextY] : [(cornerX + nextX) / 2, (cornerY + nextY) / 2];
      context.lineWidth = nextPen;
      context.beginPath();
      context.moveTo(fromX, fromY);
      context.quadraticCurveTo(cornerX, cornerY, toX, toY);
      context.stroke();
      [fromX, fromY] = [toX, toY];
    }
  }
}

function show() {
  const { clientWidth, clientHeight } = canvas;
  canvas.width = clientWidth * devicePixelRatio;
  canvas.height = clientHeight * devicePixelRatio;
  paint(canvas.getContext("2d"), canvas.width, getComputedStyle(canvas).color);
  hint.hidden = strokes.length > 0;
  undoButton.disabled = clearButton.disabled = strokes.length === 0;
}

/** The strokes as black ink on white paper, whatever the page looks like. */
function picture() {
  const paper = document.createElement("canvas");
  paper.width = WIDTH;
  paper.height = Math.round((WIDTH * canvas.clientHeight) / canvas.clientWidth);
  const context = paper.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, paper.width, paper.height);
  paint(context, WIDTH, "black");
  return new Promise((resolve) => paper.toBlob(resolve, "image/png"));
}

async function read() {
  reading?.abort();
  reading = new AbortController();
  const { signal } = reading;
  note.textContent = "";
  note.classList.remove("bad");
  if (!strokes.length) {
    results.show(null);
    return;
  }
  try {
    const result = await predict(await picture(), signal);
    results.forget();
    results.show(result, "No digit in this.");
    const told = remark(result);
    note.textContent = `read in ${result.speed_ms.total.toFixed(0)} ms${told && `. ${told}`}`;
  } catch (error) {
    if (error.name === "AbortError") return;
    results.show(null); // what was read is not what is drawn now
    note.textContent = error.message;
    note.classList.add("bad");
  }
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  reading?.abort();
  panel.classList.add("drawing");
  const stroke = [point(event)];
  pens.set(event.pointerId, stroke);
  strokes.push(stroke);
  show();
});

canvas.addEventListener("pointermove", (event) => {
  const stroke = pens.get(event.pointerId);
  if (!stroke) return;
  const moves = event.getCoalescedEvents?.() ?? [];
  stroke.push(...(moves.length ? moves : [event]).map(point));
  show();
});

function lift(event) {
  if (!pens.delete(event.pointerId) || pens.size) return;
  panel.classList.remove("drawing");
  read();
}
canvas.addEventListener("pointerup", lift);
canvas.addEventListener("pointercancel", lift);

function change(kept) {
  strokes = kept;
  show();
  read();
}
const undo = () => change(strokes.slice(0, -1));
undoButton.addEventListener("click", undo);
clearButton.addEventListener("click", () => change([]));
document.addEventListener("keydown", (event) => {
  if (!panel.hidden && (event.ctrlKey || event.metaKey) && event.key === "z" && strokes.length) {
    event.preventDefault();
    undo();
  }
});

new ResizeObserver(show).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);

/** Called when the tab is shown and hidden. */
export const draw = { open() { show(); }, close() {} };
