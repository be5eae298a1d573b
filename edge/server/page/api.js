// Requests to the server this page came from. Whoever is asked for the token is shown the dialog, once.

const dialog = document.querySelector("#token");
const field = dialog.querySelector("input");
const wrong = dialog.querySelector(".wrong");
let asking = null;

dialog.addEventListener("cancel", (event) => event.preventDefault());
dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/v1/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: field.value }),
  });
  field.value = "";
  wrong.textContent = answer.ok ? "" : "That is not the token of this camera.";
  if (answer.ok) dialog.close();
  else field.focus();
});

/** Ask for the token until it is right. */
export function logIn() {
  asking ??= new Promise((resolve) => {
    dialog.addEventListener("close", () => { asking = null; resolve(); }, { once: true });
    dialog.showModal();
  });
  return asking;
}

/** What the server says of this client: {token_wanted, open}. */
export async function session() {
  const answer = await fetch("/v1/session");
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.json();
}

/** `fetch`, which asks for the token where it is wanted, tries again when the server is busy (if it `waits`), and throws
 *  an Error that says what is wrong, with the status of the answer where there is one. */
export async function request(path, { waits = true, ...options } = {}) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The server does not answer.");
    }
    if (answer.ok || answer.status === 304) return answer;
    if (answer.status === 401) {
      await logIn();
    } else if (waits && answer.status === 503 && answer.headers.has("Retry-After") && !options.signal?.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * answer.headers.get("Retry-After")));
    } else {
      const problem = await answer.json().catch(() => ({}));
      throw Object.assign(new Error(problem.detail ?? `The server answered ${answer.status}.`), { status: answer.status });
    }
  }
}

/** Read a picture: a Blob in, schema 1 with glyphs out. */
export async function predict(picture, signal) {
  const answer = await request("/v1/predict?glyphs=1", { method: "POST", body: picture, signal });
  return answer.json();
}
