// Watch the camera read: the picture as it is, boxes drawn over it from what the server says of each frame.

import { Aim } from "./aim.js";
import { logIn, request, session } from "./api.js";
import { Fields } from "./fields.js";
import { Results, remark } from "./results.js";

const AGAIN_MS = 1500; // after the connection broke
const SENDERS_MS = 10_000; // from one question what is not sent to the next

const panel = document.querySelector("#live");
const stage = panel.querySelector(".stage");
const shown = panel.querySelector(".shown");
const hint = panel.querySelector(".hint");
const note = panel.querySelector(".note");
const pause = panel.querySelector(".pause");
const meters = Object.fromEntries(["fps", "latency", "dropped"].map((name) => [name, panel.querySelector(`.${name}`)]));
const results = new Results(panel, look);
const aim = new Aim(panel.querySelector(".aim"));
const fields = new Fields(panel);

let wanted = false; // whether the tab is open
let paused = false;
let socket = null;
let again = null;
let unsent = []; // what does not get through to elsewhere, and why

/** What is read now, with what the reader saw of each digit. */
async function detailed() {
  return (await (await request("/v1/readings?glyphs=1")).json()).latest;
}

/** A digit with what the reader saw: while the picture runs, of the same number in the newest frame. */
async function look(reading, index) {
  if (reading.digits[index].glyph) return reading.digits[index];
  const readings = (await detailed())?.readings ?? [];
  const same = (one) => one.track_id === reading.track_id && (one.track_id !== null || `${one.box}` === `${reading.box}`);
  return readings.find(same)?.digits[index];
}

function connect() {
  socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/v1/events?frames=1`);
  socket.addEventListener("open", () => {
    note.textContent = "";
    note.classList.remove("bad");
    askSenders().catch(() => {});
    if (!fields.saved) fields.load();
    shown.src = `/stream.mjpg?at=${Date.now()}`; // a new address, or the broken picture stays
  });
  socket.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    if (message.event === "frame") frame(message);
    if (message.event === "aim") {
      aim.show(message);
      fields.advise(message.fields);
    }
  });
  socket.addEventListener("close", async () => {
    socket = null;
    if (!wanted || paused) return;
    blank();
    note.textContent = "Not connected; trying again …";
    note.classList.add("bad");
    const { token_wanted, open } = await session().catch(() => ({ open: true }));
    if (token_wanted && !open) await logIn();
    clearTimeout(again);
    again = setTimeout(update, AGAIN_MS);
  });
}

/** Ask what does not get through to elsewhere. */
async function askSenders() {
  if (!socket) return;
  const { senders } = await (await request("/v1/senders")).json();
  unsent = senders
    .filter((one) => one.last_error && one.waiting)
    .map((one) => `${one.waiting} not sent (${one.destination}): ${one.last_error}`);
}

/** Take away what is no longer true. */
function blank() {
  shown.hidden = true;
  shown.removeAttribute("src");
  hint.hidden = false;
  for (const meter of Object.values(meters)) meter.textContent = "–";
  results.show(null);
  aim.show(null);
  fields.show(null);
}

function frame({ camera, result }) {
  meters.fps.textContent = camera.frames_per_second.toFixed(0);
  meters.latency.textContent = `${camera.latency_ms.toFixed(0)} ms`;
  meters.dropped.textContent = camera.dropped;
  const trouble = [camera.trouble, ...camera.failures, ...unsent].filter(Boolean).join("; ");
  note.textContent = trouble || (result ? remark(result) : "");
  note.classList.toggle("bad", trouble !== "");
  shown.hidden = result === null;
  hint.hidden = result !== null;
  if (!result) return;
  stage.style.setProperty("--ratio", result.image_size[0] / result.image_size[1]);
  results.show(result, "No number in view.");
  fields.show(result);
}

/** Connect or disconnect, as it is wanted now: a page that nobody looks at costs the board nothing. */
function update() {
  const on = wanted && !paused && !document.hidden;
  if (on && !socket) connect();
  if (!on) {
    clearTimeout(again);
    socket?.close();
  }
  if (!wanted) shown.removeAttribute("src");
}

setInterval(() => askSenders().catch(() => {}), SENDERS_MS); // the next time may do better

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", paused);
  pause.textContent = paused ? "Go on" : "Pause";
  if (paused) freeze();
  update();
});

/** Show the newest picture in place of the stream, with all that was seen in it. */
async function freeze() {
  try {
    const [picture, latest] = await Promise.all([request("/snapshot.jpg"), detailed()]);
    const address = URL.createObjectURL(await picture.blob());
    if (!paused) return;
    shown.src = address;
    results.show(latest, "No number in view.");
    fields.show(latest);
  } catch (error) {
    note.textContent = error.message;
  }
}

document.addEventListener("visibilitychange", update);

/** Called when the tab is shown and hidden. */
export const live = {
  open() { wanted = true; update(); fields.load(); },
  close() { wanted = false; update(); fields.leave(); },
};
