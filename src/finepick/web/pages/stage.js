// Two photos side by side, fitted, zoomed and moved in step.

import { photo } from "./photos.js";
import { byId, make } from "./elements.js";

const MOST_ZOOM = 16;
const stage = byId("stage");
/** zoom 1 = fitted; x, y = the place in the middle, in [0, 1] of each picture. */
const view = { zoom: 1, x: 0.5, y: 0.5 };
const panes = ["left", "right"].map((side) => {
  const pane = make("figure", "pane", { "data-side": side });
  stage.append(pane);
  return { side, pane, id: null, image: null, failed: null };
});

export const isReady = () => panes.every((one) => one.image);
export const isBroken = () => panes.some((one) => one.failed);

/** Shows a pair; what is decoded already is there at once. Returns a promise that both are. */
export async function show(pair) {
  Object.assign(view, { zoom: 1, x: 0.5, y: 0.5 });
  stage.ariaBusy = "true";
  refresh();
  await Promise.all(panes.map((one) => fill(one, pair[one.side])));
  if (panes.every((one) => one.id === pair[one.side])) stage.ariaBusy = "false";
}

async function fill(one, id) {
  Object.assign(one, { id, image: null, failed: null });
  const placeholder = make("p", "note", {}, "");
  const soon = setTimeout(() => (placeholder.textContent = "one moment …"), 250);
  // the old picture stays until the new one is there, unless that takes a while
  const late = setTimeout(() => one.image || one.failed || one.pane.replaceChildren(placeholder), 60);
  try {
    const image = await photo(id);
    if (one.id === id) put(one, image);
  } catch (error) {
    if (one.id === id) fail(one, error);
  } finally {
    clearTimeout(soon);
    clearTimeout(late);
  }
}

function put(one, image) {
  one.image = image;
  one.pane.replaceChildren(image);
  place(one);
}

function fail(one, error) {
  one.failed = error;
  const why = error.status === 0 ? "No connection. It will be tried again." : error.message;
  one.pane.replaceChildren(make("p", "note trouble", {}, make("b", "", {}, "This photo cannot be shown"), why));
}

/** Tries again what could not be loaded. */
export function retry() {
  for (const one of panes) if (one.failed && one.id !== null) fill(one, one.id);
}

export function markChosen(choice) {
  for (const { pane, side } of panes) pane.classList.toggle("chosen", side === choice);
}

/** A short glow where the answer went, over the pair that comes next. */
export function glow(choice) {
  for (const { pane, side } of panes) {
    pane.classList.remove("won");
    if (side !== choice) continue;
    void pane.offsetWidth; // begins the animation anew
    pane.classList.add("won");
  }
}

export function clear() {
  for (const one of panes) {
    Object.assign(one, { id: null, image: null, failed: null });
    one.pane.replaceChildren();
  }
}

// --- looking closer ---------------------------------------------------------------------------------------------

function fitted({ pane, image }) {
  const { clientWidth: width, clientHeight: height } = pane;
  const scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
  return { width, height, wide: image.naturalWidth * scale, high: image.naturalHeight * scale, scale };
}

function place(one) {
  if (!one.image?.naturalWidth) return;
  const { width, height, wide, high, scale } = fitted(one);
  const left = width / 2 - view.x * wide * view.zoom;
  const top = height / 2 - view.y * high * view.zoom;
  one.image.style.width = `${wide}px`;
  one.image.style.height = `${high}px`;
  one.image.style.transform = `translate(${left.toFixed(2)}px, ${top.toFixed(2)}px) scale(${view.zoom.toFixed(4)})`;
  one.image.classList.toggle("pixels", view.zoom * scale * devicePixelRatio > 3);
}

function held(middle, shown, extent) {
  const margin = shown / extent / 2;
  return margin >= 0.5 ? 0.5 : Math.min(1 - margin, Math.max(margin, middle));
}

function refresh() {
  view.zoom = Math.min(MOST_ZOOM, Math.max(1, view.zoom));
  const first = panes.find((one) => one.image?.naturalWidth);
  if (first) {
    const { width, height, wide, high } = fitted(first);
    view.x = held(view.x, width, wide * view.zoom);
    view.y = held(view.y, height, high * view.zoom);
  }
  const closer = view.zoom > 1.01;
  stage.classList.toggle("closer", closer);
  byId("zoom").setAttribute("aria-pressed", closer);
  panes.forEach(place);
  if (closer) sharpen();
}

/** All the detail there is, once somebody looks closer. */
function sharpen() {
  for (const one of panes) {
    const { id, image } = one;
    if (!image || image.isFull || Math.max(image.naturalWidth, image.naturalHeight) < 2048) continue;
    photo(id, "full").then((full) => {
      full.isFull = true;
      if (one.id === id && view.zoom > 1.01) put(one, full);
    }, () => {}); // the smaller one stays
  }
}

const paneUnder = (event) => panes.find(({ pane }) => pane.contains(event.target)) ?? panes[0];

function zoomAround(one, zoom, clientX, clientY) {
  if (!one.image) return;
  const box = one.pane.getBoundingClientRect();
  const { width, height, wide, high } = fitted(one);
  const across = (clientX - box.left - width / 2) / wide;
  const down = (clientY - box.top - height / 2) / high;
  const before = view.zoom;
  view.zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
  view.x += across / before - across / view.zoom;
  view.y += down / before - down / view.zoom;
  refresh();
}

export function zoomBy(factor) {
  view.zoom *= factor;
  refresh();
}

let pointer = null; // where the mouse was last: that is what one wants to see closer

/** To the pixels of the screen-sized photo, at least a step closer, and back. */
export function toggleZoom() {
  if (view.zoom > 1.01) {
    view.zoom = 1;
    return refresh();
  }
  const one = pointer?.one?.image ? pointer.one : panes.find(({ image }) => image);
  if (!one) return;
  const box = one.pane.getBoundingClientRect();
  const at = pointer?.one === one ? pointer : { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  const pixels = 1 / (fitted(one).scale * devicePixelRatio);
  zoomAround(one, Math.min(MOST_ZOOM, Math.max(2, pixels)), at.x, at.y);
}

// --- mouse and fingers -------------------------------------------------------------------------------------------

const TAP = 9; // pixels that a tap may wander
const SWIPE = 48;
const fingers = new Map();
let gesture = null;

/** Calls *choose* with left, right, tie or bad for a tap on a photo or a swipe. */
export function listen(choose) {
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0022));
    zoomAround(paneUnder(event), view.zoom * factor, event.clientX, event.clientY);
  }, { passive: false });
  stage.addEventListener("pointermove", (event) => move(event));
  stage.addEventListener("pointerdown", (event) => down(event));
  stage.addEventListener("pointerup", (event) => up(event, choose));
  stage.addEventListener("pointercancel", (event) => { fingers.delete(event.pointerId); gesture = null; });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  new ResizeObserver(refresh).observe(stage);
}

function down(event) {
  if (event.button > 0) return;
  // before the capture: afterwards every event is the stage's own
  const one = paneUnder(event);
  stage.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (fingers.size === 1) gesture = { one, x: event.clientX, y: event.clientY, moved: false, several: false };
  else if (gesture) Object.assign(gesture, { several: true, spread: spread(), zoom: view.zoom });
}

function spread() {
  const [a, b] = [...fingers.values()];
  return Math.hypot(a.x - b.x, a.y - b.y) || 1;
}

function move(event) {
  if (!fingers.size) pointer = { one: paneUnder(event), x: event.clientX, y: event.clientY };
  const finger = fingers.get(event.pointerId);
  if (!finger || !gesture) return;
  const [across, along] = [event.clientX - finger.x, event.clientY - finger.y];
  Object.assign(finger, { x: event.clientX, y: event.clientY });
  if (Math.hypot(event.clientX - gesture.x, event.clientY - gesture.y) > TAP) gesture.moved = true;
  if (fingers.size === 2) {
    const [a, b] = [...fingers.values()];
    zoomAround(gesture.one, (gesture.zoom * spread()) / gesture.spread, (a.x + b.x) / 2, (a.y + b.y) / 2);
  } else if (view.zoom > 1.01 && gesture.moved && gesture.one.image) {
    stage.classList.add("moving");
    const { wide, high } = fitted(gesture.one);
    view.x -= across / (wide * view.zoom);
    view.y -= along / (high * view.zoom);
    refresh();
  }
}

function up(event, choose) {
  fingers.delete(event.pointerId);
  if (fingers.size || !gesture) return;
  const done = gesture;
  gesture = null;
  stage.classList.remove("moving");
  if (done.several) return;
  const [across, along] = [event.clientX - done.x, event.clientY - done.y];
  if (!done.moved) return choose(done.one.side);
  if (view.zoom > 1.01 || event.pointerType === "mouse") return;
  if (Math.max(Math.abs(across), Math.abs(along)) < SWIPE) return;
  if (Math.abs(across) > Math.abs(along)) choose(across < 0 ? "left" : "right");
  else choose(along > 0 ? "tie" : "bad");
}
