// The viewer: photos of one series side by side, in step.

import { complete, largeImage } from "./pictures.js";
import { isKept, markOf } from "./choices.js";
import { reasonLine, shownSeries, tileOf } from "./gallery.js";
import {
  describePane,
  fillPane,
  holdView,
  makePane,
  moveBy,
  pixelZoom,
  placePane,
  resetView,
  strikingPlace,
  view,
  zoomAround,
} from "./panes.js";
import { photoAt } from "./data.js";
import { make, particulars, percent, readable, seriesName } from "./words.js";

const dialog = document.getElementById("viewer");
const stage = document.getElementById("stage");
const film = document.getElementById("film");
const panel = document.getElementById("reasons");
const legend = document.getElementById("legend");
const part = (id) => document.getElementById(id);

const state = { photo: null, up: 2, other: false };
const upButtons = [1, 2, 4, 6].map((count) => {
  const button = make("button", "segment", { type: "button", "aria-label": `${count} side by side` }, String(count));
  button.addEventListener("click", () => setUp(count));
  button.count = count;
  return button;
});
part("up").append(...upButtons);

let panes = new Map();
let visible = [];

export function isOpen() {
  return dialog.open;
}

export function viewedPhoto() {
  return state.photo;
}

export function openViewer(photo) {
  resetView();
  panes = new Map();
  state.photo = photo;
  if (!dialog.open) dialog.showModal();
  fillFilm();
  render();
  stage.focus();
}

export function closeViewer() {
  dialog.close();
}

dialog.addEventListener("close", () => {
  stopBlinking();
  stage.replaceChildren();
  const tile = tileOf(state.photo);
  tile?.scrollIntoView({ block: "nearest" });
  tile?.focus({ preventScroll: true });
});

// --- which photos --------------------------------------------------------------------------------------------------

/** The photo that the selected one is held against: the best one, or for that the second. */
function reference() {
  const { photos } = state.photo.series;
  return state.photo.place === 0 ? (photos[1] ?? photos[0]) : photos[0];
}

/** The first photo of the series and the page of others that holds the selected one. */
function photosOnStage() {
  const { photos } = state.photo.series;
  const count = Math.min(state.up, photos.length);
  if (state.other) return [reference()];
  if (count === 1 || blinking) return [state.photo];
  const others = count - 1;
  const candidate = Math.max(1, state.photo.place);
  const start = Math.min(photos.length - others, 1 + Math.floor((candidate - 1) / others) * others);
  return [photos[0], ...photos.slice(start, start + others)];
}

export function select(photo) {
  state.photo = photo;
  render();
}

/** Goes along the series; stays at its ends. */
export function step(by) {
  const next = state.photo.series.photos[state.photo.place + by];
  if (next) select(next);
}

export function stepSeries(by) {
  const list = shownSeries();
  const next = list[list.indexOf(state.photo.series) + by];
  if (next) openViewer(next.photos[0]);
}

export function setUp(count) {
  state.up = count;
  render();
}

// --- drawing -------------------------------------------------------------------------------------------------------

function paneOf(photo) {
  if (!panes.has(photo)) panes.set(photo, makePane(photo));
  return panes.get(photo);
}

function render() {
  const { photo } = state;
  visible = photosOnStage().map(paneOf);
  const elements = visible.map((entry) => entry.pane);
  if (elements.length !== stage.children.length || elements.some((pane, index) => pane !== stage.children[index])) {
    stage.replaceChildren(...elements);
  }
  stage.dataset.up = visible.length;
  const settle = () => {
    place();
    fillPanel();
  };
  visible.forEach((entry) => fillPane(entry, settle));
  place();
  refreshViewer();
  fillPanel();
  for (const frame of film.children) {
    const isCurrent = frame.photo === photo;
    frame.setAttribute("aria-current", isCurrent);
    if (isCurrent) film.scrollTo({ left: frame.offsetLeft - film.clientWidth / 2 + frame.clientWidth / 2 });
  }
  const list = shownSeries();
  const position = list.indexOf(photo.series) + 1;
  part("viewer-series").textContent = seriesName(photo.series);
  part("viewer-place").textContent = position ? `${position} of ${list.length}` : "";
  prepareNeighbours();
}

// the next look should be there at once: neighbours are decoded while nothing else is to be done
function prepareNeighbours() {
  const { place, series } = state.photo;
  for (const photo of [series.photos[place + 1], series.photos[place - 1]]) {
    if (photo) setTimeout(() => largeImage(photo).decode().catch(() => {}), 0);
  }
}

function mainPane() {
  return visible.find((entry) => entry.photo === state.photo) ?? visible[0];
}

function place() {
  if (!visible.length) return;
  holdView(mainPane());
  visible.forEach(placePane);
  part("zoom").setAttribute("aria-pressed", view.zoom > 1);
  part("zoom").textContent = view.zoom > 1 ? `Zoom ${view.zoom.toFixed(1)}×` : "Zoom";
  legend.hidden = !(view.differences && visible.some((entry) => entry.map));
}

/** Marks and numbers again, after the person marked something. */
export function refreshViewer() {
  visible.forEach((entry) => describePane(entry, visible.length > 1 && entry.photo === state.photo));
  const mark = markOf(state.photo);
  part("mark-pick").setAttribute("aria-pressed", mark === "pick");
  part("mark-reject").setAttribute("aria-pressed", mark === "reject");
  part("difference").setAttribute("aria-pressed", view.differences);
  upButtons.forEach((button) => {
    button.setAttribute("aria-pressed", button.count === state.up);
    button.disabled = button.count > 1 && state.photo.series.photos.length === 1;
  });
  for (const frame of film.children) frame.classList.toggle("rejected", markOf(frame.photo) === "reject");
  for (const frame of film.children) frame.classList.toggle("kept", isKept(frame.photo));
  const alone = state.photo.series.single;
  for (const id of ["difference", "blink"]) part(id).disabled = alone;
}

function fillFilm() {
  const { photos, single } = state.photo.series;
  film.hidden = single;
  film.replaceChildren(
    ...photos.map((photo) => {
      const image = make("img", "", { alt: "" });
      if (photo.image.src) image.src = photo.image.src;
      const frame = make("button", "frame", { type: "button", title: readable(photo.name) }, image, make("span", "rank", {}, String(photo.rank ?? photo.place + 1)));
      frame.setAttribute("aria-label", `Photo ${photo.place + 1}, ${readable(photo.name)}`);
      frame.photo = photo;
      frame.addEventListener("click", () => select(photo));
      return frame;
    }),
  );
}

function facts(photo) {
  const { series } = photo;
  if (series.single) return "The only photo of its moment.";
  if (series.whole) return `Frame ${photo.place + 1} of ${series.photos.length}, kept whole and not ranked.`;
  const parts = [`Rank ${photo.rank} of ${series.photos.length}`, `${percent(photo.chance ?? 0)} sure to be the best`];
  if (photo.score !== null) parts.push(`score ${photo.score.toFixed(2)}`);
  if (photo.coarse !== null) parts.push(`${photo.coarse.toFixed(1)} of 10 by itself`);
  return parts.join(" · ");
}

function pictureNote(photo) {
  const { image } = paneOf(photo);
  if (image?.lost) return "The preview was not found. Keep the folder report_previews beside this file.";
  if (image && !image.fine && document.readyState !== "loading") return "The report holds only a small picture of this photo.";
  return null;
}

function fillPanel() {
  const { photo } = state;
  const versus = photo.reasons.length ? (photoAt(photo.reasons[0].versus) ?? null) : null;
  const note = pictureNote(photo);
  const lines = photo.reasons.map(reasonLine);
  const silent = photo.series.single || photo.series.whole;
  panel.replaceChildren(
    ...[
      make("h2", "", {}, readable(photo.name)),
      make("p", "facts", {}, facts(photo)),
      photo.series.tooClose ? make("p", "close-note", {}, "Too close to call: look for yourself.") : null,
      versus ? make("p", "versus", {}, `Compared with ${readable(versus.name)}`) : null,
      lines.length ? make("ul", "reasons", {}, ...lines) : null,
      !lines.length && !silent ? make("p", "versus", {}, "No measured difference stands out.") : null,
      particulars(photo) ? make("p", "particulars", {}, particulars(photo)) : null,
      ...photo.notes.map((text) => make("p", "note", {}, readable(text))),
      photo.companions.length ? make("p", "particulars", {}, `With ${photo.companions.map(readable).join(", ")}`) : null,
      note ? make("p", "note", {}, note) : null,
      make("p", "path", {}, readable(photo.path)),
    ].filter(Boolean),
  );
}

// --- zoom, differences, blinking -----------------------------------------------------------------------------------

/** To the pixels at the place where the photo differs most, or back to the whole picture. */
export function toggleZoom(at) {
  if (view.zoom > 1) {
    resetView();
  } else {
    const middle = at ?? strikingPlace(state.photo) ?? { x: 0.5, y: 0.5 };
    Object.assign(view, { zoom: pixelZoom(mainPane()), x: middle.x, y: middle.y });
  }
  place();
}

export function zoomBy(factor) {
  const box = mainPane().pane.getBoundingClientRect();
  zoomAround(mainPane(), view.zoom * factor, box.left + box.width / 2, box.top + box.height / 2);
  place();
}

export function toggleDifferences() {
  if (state.photo.series.single) return;
  view.differences = !view.differences;
  refreshViewer();
  place();
}

export function togglePanel() {
  const isShown = dialog.classList.toggle("without-panel");
  part("panel").setAttribute("aria-pressed", !isShown);
}

const BLINK_MILLISECONDS = 400;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let blinking = null;

/** While held, the selected photo and the one it is held against take turns in one place. */
export function startBlinking() {
  if (blinking || state.photo.series.single) return;
  const turn = () => {
    state.other = !state.other;
    render();
  };
  // for those who want no motion the other photo stays as long as the key is held
  blinking = calm.matches ? -1 : setInterval(turn, BLINK_MILLISECONDS);
  part("blink").setAttribute("aria-pressed", "true");
  turn();
}

export function stopBlinking() {
  if (!blinking) return;
  clearInterval(blinking);
  blinking = null;
  state.other = false;
  part("blink").setAttribute("aria-pressed", "false");
  if (dialog.open) render();
}

// --- mouse, pen and fingers ----------------------------------------------------------------------------------------

const SWIPE_PIXELS = 48;
const pointers = new Map();
let travelled = 0;
let start = null;

function entryAt(target) {
  return visible.find((entry) => entry.pane.contains(target)) ?? mainPane();
}

function spread() {
  const [a, b] = [...pointers.values()];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.hypot(a.x - b.x, a.y - b.y) };
}

stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const speed = event.ctrlKey ? 0.01 : event.deltaMode ? 0.05 : 0.0018;
    zoomAround(entryAt(event.target), view.zoom * Math.exp(-event.deltaY * speed), event.clientX, event.clientY);
    place();
  }, { passive: false });

stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (pointers.size === 1) {
    travelled = 0;
    start = { x: event.clientX, y: event.clientY, entry: entryAt(event.target) };
  }
  stage.setPointerCapture(event.pointerId);
});

stage.addEventListener("pointermove", (event) => {
  const last = pointers.get(event.pointerId);
  if (!last) return;
  const before = pointers.size === 2 ? spread() : null;
  travelled += Math.hypot(event.clientX - last.x, event.clientY - last.y);
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (before) {
    const now = spread();
    moveBy(start.entry, now.x - before.x, now.y - before.y);
    zoomAround(start.entry, (view.zoom * now.distance) / Math.max(1, before.distance), now.x, now.y);
  } else if (view.zoom > 1) {
    moveBy(start.entry, event.clientX - last.x, event.clientY - last.y);
  }
  place();
});

function letGo(event) {
  if (!pointers.delete(event.pointerId) || pointers.size) return;
  const across = event.clientX - start.x;
  if (travelled < 6) select(start.entry.photo);
  else if (event.pointerType === "touch" && view.zoom === 1 && Math.abs(across) > SWIPE_PIXELS) step(across < 0 ? 1 : -1);
}
stage.addEventListener("pointerup", letGo);
stage.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));

stage.addEventListener("dblclick", (event) => {
  const entry = entryAt(document.elementFromPoint(event.clientX, event.clientY));
  if (view.zoom > 1) resetView();
  else zoomAround(entry, pixelZoom(entry), event.clientX, event.clientY);
  place();
});

new ResizeObserver(() => dialog.open && place()).observe(stage);
complete.then(() => {
  if (!dialog.open) return;
  fillFilm();
  render();
});
stage.tabIndex = -1;
