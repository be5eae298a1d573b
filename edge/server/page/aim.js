// How the camera is aimed: what to do about it, and what was measured.

import { element, fill, percent, setText } from "./results.js";

/** What is shown of each measurement, and what reads well. */
const MEASURES = [
  ["height", "height of the digits", ({ height }) => `${height.toFixed(0)} pixels`, ({ height }) => `${height} or more`],
  ["sharpness", "edges of the strokes", ({ edge }) => `${edge.toFixed(1)} pixels wide`,
    ({ edge }, aim) => `up to ${(edge * aim.height).toFixed(1)}`],
  ["contrast", "ink against paper", ({ contrast }) => percent(contrast), ({ contrast }) => `${percent(contrast)} or more`],
  ["glare", "glare", ({ glare }) => percent(glare, 1), ({ glare }) => `up to ${percent(glare)}`],
  ["tilt", "tilt of the rows", ({ tilt }) => `${tilt.toFixed(0)}°`, ({ tilt }) => `up to ${tilt}°`],
];

const KEYS = { height: "height", sharpness: "edge", contrast: "contrast", glare: "glare", tilt: "tilt" };

/** The measurements of an aim as `[what, name, value, wanted]`; what is unknown is left out. */
export function measures({ aim, trend }, limits) {
  const told = MEASURES.filter(([what]) => aim[KEYS[what]] !== null)
    .map(([what, name, value, wanted]) => [what, name, value(aim), wanted(limits, aim)]);
  told.push(["reading", "not certain", percent(trend.refused), `of the last ${trend.frames} frames`]);
  if (trend.lowest_confidence !== null) {
    told.push(["confidence", "lowest confidence", percent(trend.lowest_confidence), `${percent(limits.confidence)} or more`]);
  }
  return told;
}

/** A line with its first letter in capitals, as sentences have it. */
export const sentence = (text) => text[0].toUpperCase() + text.slice(1);

/** The panel. */
export class Aim {
  constructor(panel) {
    this.panel = panel;
    this.state = panel.querySelector(".aim-state");
  }

  /** Show what /v1/aim answers, or null. */
  show(answer) {
    const picture = answer?.picture ?? null;
    const advice = picture?.advice ?? [];
    const known = picture !== null;
    setText(this.state, !known ? "How it is aimed" : advice.length ? sentence(advice[0].text) : "Well aimed");
    this.panel.classList.toggle("accepted", known && !advice.length);
    this.panel.classList.toggle("uncertain", advice.length > 0);
    fill(this.panel.querySelector(".advice"), advice.slice(1), () => element("li"), (item, { text }) => setText(item, sentence(text)));
    fill(this.panel.querySelector(".measures"), known ? measures(picture, answer.limits) : [], () => {
      const row = element("div");
      row.append(element("dt"), element("dd"));
      return row;
    }, (row, [what, name, value, wanted]) => {
      row.className = advice.some((each) => each.what === what) ? "poor" : "";
      setText(row.firstChild, `${name} (${wanted})`);
      setText(row.lastChild, value);
    });
  }
}
