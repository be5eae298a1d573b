// The page: its tabs, the token, and what runs here.

import { logIn, request, session } from "./api.js";
import { draw } from "./draw.js";
import { live } from "./live.js";
import { photo } from "./photo.js";

const AGAIN_MS = 1500; // after a file did not come

/** A tab whose code comes when it is opened first: who does not open it need not wait for its files, nor the
 *  server send them. They export `view`. Where one does not come, the page is loaded again, as main.js does. */
function later(path) {
  let loading = null;
  let wanted = false;
  return {
    async open() {
      wanted = true;
      try {
        loading ??= import(path);
        const { view } = await loading;
        if (wanted) view.open();
      } catch (error) {
        document.querySelector("#failed").hidden = false;
        setTimeout(() => location.reload(), AGAIN_MS);
        throw error; // told in the browser's console
      }
    },
    async close() {
      wanted = false;
      if (loading) (await loading).view.close();
    },
  };
}

const views = { draw, photo, live, history: later("./history.js") };
const tabs = [...document.querySelectorAll("[role=tab]")];
let opened = null;

function open(name) {
  if (name === opened) return;
  views[opened]?.close();
  for (const tab of tabs) {
    const selected = tab.getAttribute("aria-controls") === name;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !selected;
  }
  opened = name;
  views[name].open();
}

const named = () => (location.hash.slice(1) in views ? location.hash.slice(1) : "draw");
const go = (tab) => {
  history.replaceState(null, "", `#${tab.getAttribute("aria-controls")}`);
  open(named());
};

for (const tab of tabs) {
  tab.addEventListener("click", () => go(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.focus();
    go(next);
  });
}
addEventListener("hashchange", () => open(named()));

async function about() {
  const info = await (await request("/v1/info")).json();
  const where = info.device.board || info.device.machine;
  document.querySelector(".about").textContent =
    `digitcam ${info.version} · ${info.model.name} ${info.model.version} · ${info.runtime} · ${where} · reads ${info.source}`;
}

const logOut = document.querySelector(".log-out");
logOut.addEventListener("click", async () => {
  await fetch("/v1/session", { method: "DELETE" });
  location.reload();
});

const { token_wanted, open: allowed } = await session();
if (token_wanted && !allowed) await logIn();
logOut.hidden = !token_wanted;
open(named());
about();
