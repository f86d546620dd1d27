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
  if (deciding) return;
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

async function begin() {
  try {
    const found = await get("/api/refined");
    byId("title").textContent = found.project;
    document.title = `Left out · ${found.project}`;
    queue = found.photos;
  } catch (error) {
    tell(error.status === 401 || error.status === 403
      ? "This page is for the owner of the project: open the address that the server printed."
      : `${error.message}.`);
    return;
  }
  if (!queue.length) {
    tell("Nothing is left out. “finepick refine” looks for doubles, strangers, empty shots and defects.");
    return;
  }
  byId("main").hidden = false;
  bind();
  show(0);
}

begin();
