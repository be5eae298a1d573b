// Read a picture that was dropped, chosen, pasted or taken.

import { predict, request } from "./api.js";
import { Results, remark } from "./results.js";

const LARGEST = 2048; // pixels of the longer side; digits are searched at half of that
const MOST_BYTES = 3_000_000; // of a file that is sent as it is; the server takes 4 MB

const panel = document.querySelector("#photo");
const stage = panel.querySelector(".stage");
const target = panel.querySelector(".picture");
const shown = panel.querySelector(".shown");
const hint = panel.querySelector(".hint");
const note = panel.querySelector(".note");
const save = panel.querySelector(".save");
const turn = panel.querySelector(".turn");
const results = new Results(panel);

let current = null; // the Blob that was read
let chosen = null; // the File that it was made of, and by how many quarters it is turned
let reading = null; // AbortController of the request under way

const counted = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

/** Whether a file is an animation, of which a canvas shows the first picture; by the marks of its kind. */
async function isAnimation(file) {
  const bytes = new TextDecoder("latin1").decode(await file.arrayBuffer());
  if (bytes.startsWith("GIF8")) return (bytes.match(/\x21\xf9\x04[^]{4}\0[,!]/g) ?? []).length > 1; // delays
  return /^\x89PNG[^]*acTL|^RIFF[^]{4}WEBP[^]*ANIM|^[^]{4}ftypavis/.test(bytes.slice(0, 4096));
}

/** A picture that the server takes, turned clockwise by so many quarters: what is large or of another kind is drawn anew as JPEG. */
async function prepare(file, quarters) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    const cure = /hei[cf]$/i.test(file.type || file.name)
      ? " Save it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)."
      : "";
    throw new Error(`This browser cannot open ${file.name || "this"} as a picture.${cure}`);
  }
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  const plain = ["image/png", "image/jpeg"].includes(file.type) && file.size <= MOST_BYTES && scale === 1 && quarters === 0;
  if (plain) return file;
  const canvas = document.createElement("canvas");
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  [canvas.width, canvas.height] = quarters % 2 ? [height, width] : [width, height];
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // under what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((quarters * Math.PI) / 2);
  context.drawImage(bitmap, -width / 2, -height / 2, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}

/** What was not sent to the server of what was chosen, in words. */
async function unread(file, sent, others) {
  const told = [];
  if (sent !== file && await isAnimation(file)) told.push("An animation, of which the first picture is read.");
  if (others) told.push(`${counted(others, "other file")} left out: one picture is read at a time.`);
  return told.join(" ");
}

function say(text, bad = false) {
  note.textContent = text;
  note.classList.toggle("bad", bad);
}

async function read(file, { quarters = 0, others = 0 } = {}) {
  reading?.abort();
  reading = new AbortController();
  const { signal } = reading;
  say("Reading …");
  save.hidden = turn.hidden = true;
  results.show(null, "Reading …");
  try {
    const picture = await prepare(file, quarters);
    URL.revokeObjectURL(shown.src);
    shown.src = URL.createObjectURL(picture);
    await shown.decode();
    stage.style.setProperty("--ratio", shown.naturalWidth / shown.naturalHeight);
    shown.hidden = false;
    hint.hidden = true;
    chosen = { file, quarters };
    turn.hidden = false; // a photo in which nothing is read is the one to turn
    const result = await predict(picture, signal);
    current = picture;
    save.hidden = false;
    results.show(result, "No digits found in this picture.");
    const digits = result.readings.reduce((sum, one) => sum + one.digits.length, 0);
    const numbers = counted(result.readings.length, "number");
    shown.alt = `The picture, with ${numbers}`;
    const told = [remark(result), await unread(file, picture, others)].filter(Boolean).join(" ");
    say(`${numbers}, ${counted(digits, "digit")}, read in ${result.speed_ms.total.toFixed(0)} ms${told && `. ${told}`}`);
  } catch (error) {
    if (error.name === "AbortError") return;
    results.show(null);
    say(error.message, true);
  }
}

function readFirst(files) {
  const file = [...(files ?? [])].find((one) => one.type.startsWith("image/") || !one.type);
  if (file) read(file, { others: files.length - 1 });
  else if (files?.length) say(`Expected a picture, found ${files[0].name}.`, true);
}

for (const input of panel.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => {
    readFirst(input.files);
    input.value = ""; // so that the same file can be chosen again
  });
}

for (const kind of ["dragenter", "dragover"]) {
  target.addEventListener(kind, (event) => {
    event.preventDefault();
    target.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) {
  target.addEventListener(kind, () => target.classList.remove("over"));
}
target.addEventListener("drop", (event) => {
  event.preventDefault();
  readFirst(event.dataTransfer.files);
});
// A picture that misses its place is not opened in place of the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());

document.addEventListener("paste", (event) => {
  if (!panel.hidden) readFirst(event.clipboardData.files);
});

turn.addEventListener("click", () => read(chosen.file, { quarters: (chosen.quarters + 1) % 4 }));

save.addEventListener("click", async () => {
  try {
    const answer = await request("/v1/predict?annotate=1", { method: "POST", body: current });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = "digitcam.png";
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    say(error.message, true);
  }
});

/** Called when the tab is shown and hidden. */
export const photo = { open() {}, close() {} };
