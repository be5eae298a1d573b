// What the server keeps of the readings: its entries, page by page, as the plot and the table need them.

import { request } from "./api.js";

export const MOST = 10_000; // entries that are held at once, so that a phone stays quick
const PAGE = 1000; // entries that are asked for at once
const NEWEST = 100; // of those that may have come since

/** The number that a text is, with a point or a comma; null where it is none. */
const numeric = (text) => (/^-?\d+([.,]\d+)?$/.test(text ?? "") ? Number(text.replace(",", ".")) : null);

/** An entry of the API with `at` (seconds since 1970) and `y`: its value or, where it was refused, what was read. */
function entryOf(row) {
  const refused = row.problem !== null;
  return { ...row, at: Date.parse(row.captured_at) / 1000, refused, y: refused ? numeric(row.raw) : row.value ?? numeric(row.text) };
}

/** A request that does not wait for a history that cannot be read now: whoever looks is told why. */
const ask = (path, options) => request(path, { waits: false, ...options });

const address = (values) => {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return `/v1/history?${new URLSearchParams(set)}`;
};

/** A time in seconds since 1970 as the API takes it. */
const utc = (seconds) => (Number.isFinite(seconds) ? new Date(1000 * seconds).toISOString() : undefined);

/** What the history holds: `fields`, of which "" is for numbers without one; how much; and what is wrong with it. */
export async function keptState() {
  return (await ask("/v1/history/fields")).json();
}

/** The entries of one field within a time, as CSV. */
export async function asCsv(field, [from, to]) {
  const query = address({ field, since: utc(from), until: utc(to) });
  return (await ask(query, { headers: { Accept: "text/csv" } })).blob();
}

/** The entries of one field within a time: [from, to] in seconds since 1970, which may be infinite. */
export class Kept {
  constructor(field) {
    this.field = field;
    this.entries = []; // newest first, as the server read them
    this.covered = null; // [from, to] of which all entries are here
    this.tag = null; // the ETag of the newest entries
  }

  covers([from, to]) {
    return this.covered !== null && this.covered[0] <= from && to <= this.covered[1];
  }

  /** Get the entries of a time, newest first, at most MOST; `progress` is told how many there are so far. */
  async load([from, to], signal, progress) {
    const entries = [];
    let cursor = null;
    do {
      const query = address({ field: this.field, since: utc(from), until: utc(to), limit: PAGE, cursor });
      const page = await (await ask(query, { signal })).json();
      entries.push(...page.entries.map(entryOf));
      cursor = page.next;
      progress(entries.length);
    } while (cursor !== null && entries.length < MOST);
    this.entries = entries;
    this.complete = cursor === null;
    this.covered = [this.complete ? from : entries.reduce((least, { at }) => Math.min(least, at), to), to];
    this.tag = null;
  }

  /** Add what was kept since; returns how many, or null where there is more than one page and all is to be loaded again. */
  async refresh(signal) {
    const headers = this.tag ? { "If-None-Match": this.tag } : {};
    const answer = await ask(address({ field: this.field, limit: NEWEST }), { signal, headers });
    if (answer.status === 304) return 0;
    const page = await answer.json();
    const newest = this.entries.reduce((most, { number }) => Math.max(most, number), 0);
    const added = page.entries.map(entryOf).filter(({ number, at }) => number > newest && at >= this.covered[0]);
    if (added.length && added.length === page.entries.length && page.next !== null) return null;
    this.tag = answer.headers.get("ETag");
    this.entries = [...added, ...this.entries].slice(0, MOST);
    return added.length;
  }

  /** The entries that a plot shows, by time. A clock that was not set yet is believed only where its time lies
   *  between those of a clock that was: else one reading of 1970 would leave no room for the others. */
  plotted() {
    const certain = this.entries.filter(({ synchronised }) => synchronised !== false).map(({ at }) => at);
    const first = certain.reduce((least, at) => Math.min(least, at), Infinity);
    const last = certain.reduce((most, at) => Math.max(most, at), -Infinity);
    const shown = this.entries.filter(({ at, synchronised }) => synchronised !== false || !certain.length || (first <= at && at <= last));
    return shown.sort((a, b) => a.at - b.at || a.number - b.number);
  }
}
