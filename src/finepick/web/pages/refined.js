// Photos that refinement left out, one after the other: take part, or stay out. A person has the last word.

import { byId, make, number, plural, say } from "./elements.js";
import { photo } from "./photos.js";
import { get, send } from "./server.js";

const REASONS = {
  in: "Takes part",
  indiscernible: "Indiscernible",
  dissimilar: "Shows something else",
  empty_shot: "Empty",
  defect: "Defective",
};
let queue = [];
let place = 0;
let deciding = false; // a second key before the first is kept would skip a photo
let shown = 0; // a picture that comes after its turn is not put in

async function fillMat(id, number, turn) {
  const mat = byId(id);
  mat.replaceChildren();
  try {
    const image = await photo(number);
    if (turn === shown) mat.replaceChildren(image);
  } catch (error) {
    if (turn === shown) mat.replaceChildren(make("span", "", {}, error.message));
  }
}

function show(next) {
  if (!queue.length) return;
  place = Math.max(0, Math.min(queue.length - 1, next));
  const one = queue[place];
  const turn = ++shown;
  byId("place").textContent = `${number(place + 1)} of ${number(queue.length)} · ${plural(queue.filter((each) => !each.decided).length, "photo")} undecided`;
  byId("reason").textContent = REASONS[one.state] ?? one.state;
  byId("where").textContent = one.series;
  byId("photo-name").textContent = one.name;
  byId("beside-name").textContent = one.beside_name ?? "";
  byId("beside-figure").hidden = one.beside === null;
  byId("found").replaceChildren(...(one.found.length ? one.found : ["a person decided"]).map((text) => make("li", "", {}, text)));
  byId("keep").classList.toggle("chosen", one.decided && one.state === "in");
  byId("leave").classList.toggle("chosen", one.decided && one.state !== "in");
  fillMat("photo", one.photo, turn);
  if (one.beside !== null) fillMat("beside", one.beside, turn);
  for (const ahead of queue.slice(place + 1, place + 3)) photo(ahead.photo).catch(() => {});
}

async function decide(state) {
  if (deciding || !queue.length) return;
  deciding = true;
  const one = queue[place];
  const wanted = state ?? (one.state === "in" ? (one.reason ?? "defect") : one.state);
  try {
    await send(`/api/refined/${one.photo}`, { state: wanted }, "PUT");
  } catch (error) {
    say(`Not kept: ${error.message}.`);
    return;
  } finally {
    deciding = false;
  }
  one.state = wanted;
  one.decided = true;
  if (place + 1 < queue.length) show(place + 1);
  else {
    show(place);
    say("That was the last one.");
  }
}

const KEYS = {
  k: () => decide("in"),
  x: () => decide(null),
  arrowdown: () => show(place + 1),
  arrowright: () => show(place + 1),
  arrowup: () => show(place - 1),
  arrowleft: () => show(place - 1),
};

function bind() {
  byId("keep").addEventListener("click", KEYS.k);
  byId("leave").addEventListener("click", KEYS.x);
  byId("next").addEventListener("click", KEYS.arrowdown);
  byId("back").addEventListener("click", KEYS.arrowup);
  document.addEventListener("keydown", (event) => {
    const act = KEYS[event.key.toLowerCase()];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
}

function tell(text) {
  byId("empty").textContent = text;
  byId("empty").hidden = false;
}

// --- runs --------------------------------------------------------------------------------------------------------

const POLL_MILLISECONDS = 600;
let isRunning = false;

function fillRun(found) {
  isRunning = found.state === "running";
  const how = found.total ? `${found.stage} ${number(found.done)} of ${number(found.total)}` : found.stage || "beginning";
  byId("run-said").textContent = isRunning ? how : "";
  byId("run").textContent = isRunning ? "Stop" : "Look through all";
  byId("undo").hidden = isRunning || !lastRun(found);
}

const lastRun = (found) => found.runs.findLast((one) => !one.undone);

function whatCame({ state, error, counts, skipped }) {
  if (state !== "done") return error ?? "Stopped; nothing was changed.";
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const unread = skipped ? `; ${plural(skipped, "photo")} could not be read` : "";
  return `${number(all - counts.in)} of ${plural(all, "photo")} left out${unread}.`;
}

async function watchRun(found) {
  const wasRunning = isRunning;
  fillRun(found);
  if (isRunning) {
    setTimeout(async () => {
      try {
        await watchRun(await get("/api/refinement"));
      } catch (error) {
        byId("run-said").textContent = `${error.message}.`;
      }
    }, POLL_MILLISECONDS);
  } else if (wasRunning) {
    say(whatCame(found));
    await fill();
  }
}

async function run() {
  try {
    await watchRun(await send("/api/refinement", {}, isRunning ? "DELETE" : "POST"));
  } catch (error) {
    say(`${error.message}.`);
  }
}

async function undo() {
  try {
    const last = lastRun(await get("/api/refinement"));
    if (!last) return;
    const { taken_back: count } = await send(`/api/refinement/${last.run}/undo`);
    say(`${plural(count, "photo")} back in.`);
    fillRun(await get("/api/refinement"));
    await fill();
  } catch (error) {
    say(`${error.message}.`);
  }
}

// --- begin -------------------------------------------------------------------------------------------------------

async function fill() {
  const found = await get("/api/refined");
  byId("title").textContent = found.project;
  document.title = `Left out · ${found.project}`;
  queue = found.photos;
  byId("main").hidden = !queue.length;
  byId("empty").hidden = Boolean(queue.length);
  byId("place").textContent = "";
  if (queue.length) show(0);
  else tell("Nothing is left out. “Look through all” finds doubles, strangers, empty shots and defects; nothing is removed, and you have the last word.");
}

async function begin() {
  try {
    await fill();
    await watchRun(await get("/api/refinement"));
  } catch (error) {
    byId("run").hidden = true;
    tell(error.status === 401 || error.status === 403
      ? "This page is for the owner of the project: open the address that the server printed."
      : `${error.message}.`);
    return;
  }
  byId("run").addEventListener("click", run);
  byId("undo").addEventListener("click", undo);
  bind();
}

begin();
