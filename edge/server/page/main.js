// Loads the page. A server that has no room for all of its files at once is asked again a moment later.

const AGAIN_MS = 1500;

try {
  await import("./tabs.js");
} catch (error) {
  document.querySelector("#failed").hidden = false;
  setTimeout(() => location.reload(), AGAIN_MS);
  throw error; // told in the browser's console
}
