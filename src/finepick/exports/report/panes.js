// One picture on the stage: fitted, zoomed and moved in step with the others, with its difference map over it.

import { differenceMap, largeImage } from "./pictures.js";
import { isKept, markOf } from "./choices.js";
import { icon, make, percent, readable } from "./words.js";

export const MOST_ZOOM = 16;

/** How the stage looks at its pictures: zoom 1 = fitted; x, y = the place in the middle, in [0, 1] of the picture. */
export const view = { zoom: 1, x: 0.5, y: 0.5, differences: false };

export function resetView() {
  Object.assign(view, { zoom: 1, x: 0.5, y: 0.5 });
}

export function makePane(photo) {
  const picture = make("div", "picture");
  const caption = make("p", "pane-caption");
  const pane = make("figure", "pane", {}, picture, caption);
  return { photo, pane, picture, caption, image: null, map: null };
}

/** Puts the best picture there is into the pane; again when a better one may have arrived. */
export function fillPane(entry, whenLoaded) {
  const image = largeImage(entry.photo);
  if (image !== entry.image) {
    entry.image = image;
    entry.picture.prepend(image);
    while (image.nextElementSibling?.tagName === "IMG") image.nextElementSibling.remove();
    if (!image.complete) image.addEventListener("load", whenLoaded, { once: true });
  }
  placePane(entry);
}

export function describePane(entry, isSelected) {
  const { photo } = entry;
  const mark = markOf(photo);
  const isRanked = photo.chance !== null && !photo.series.single;
  const chance = isRanked ? make("span", "chance", {}, percent(photo.chance)) : null;
  const place = photo.series.single ? null : make("b", "rank", {}, String(photo.rank ?? photo.place + 1));
  const stamp = mark === "reject" ? icon("cross") : isKept(photo) ? icon("tick") : null;
  entry.pane.classList.toggle("selected", isSelected);
  entry.pane.classList.toggle("rejected", mark === "reject");
  const name = make("span", "name", {}, readable(photo.name));
  entry.caption.replaceChildren(...[place, name, chance, stamp].filter(Boolean));
}

function fitted(entry) {
  const { clientWidth: width, clientHeight: height } = entry.pane;
  const { naturalWidth, naturalHeight } = entry.image;
  // singles come without a preview: their thumbnail is not blown up to a blur
  const most = entry.photo.series.single ? 2 : Infinity;
  const scale = Math.min(width / naturalWidth, height / naturalHeight, most);
  return { width, height, wide: naturalWidth * scale, high: naturalHeight * scale, scale };
}

/** Zoom at which one pixel of the preview is one pixel of the screen; never less than a step closer. */
export function pixelZoom(entry) {
  if (!entry.image?.naturalWidth) return 2;
  return Math.min(MOST_ZOOM, Math.max(1.5, 1 / (fitted(entry).scale * devicePixelRatio)));
}

// the middle may not leave the picture so far that an empty border shows
function held(middle, shown, extent) {
  const margin = shown / extent / 2;
  return margin >= 0.5 ? 0.5 : Math.min(1 - margin, Math.max(margin, middle));
}

/** Keeps the shared view within the bounds of the given pane. */
export function holdView(entry) {
  view.zoom = Math.min(MOST_ZOOM, Math.max(1, view.zoom));
  if (!entry.image?.naturalWidth) return;
  const { width, height, wide, high } = fitted(entry);
  view.x = held(view.x, width, wide * view.zoom);
  view.y = held(view.y, height, high * view.zoom);
}

export function placePane(entry) {
  if (!entry.image?.naturalWidth) return;
  const { width, height, wide, high } = fitted(entry);
  const left = width / 2 - view.x * wide * view.zoom;
  const top = height / 2 - view.y * high * view.zoom;
  entry.picture.style.width = `${wide}px`;
  entry.picture.style.height = `${high}px`;
  entry.picture.style.transform = `translate(${left.toFixed(2)}px, ${top.toFixed(2)}px) scale(${view.zoom.toFixed(4)})`;
  entry.pane.classList.toggle("closer", view.zoom > 1);
  entry.picture.classList.toggle("pixels", view.zoom * fitted(entry).scale * devicePixelRatio > 2.5);
  showDifferences(entry);
}

/** The place in the picture, in [0, 1], under a point of the pane. */
export function placeUnder(entry, clientX, clientY) {
  const box = entry.pane.getBoundingClientRect();
  const { width, height, wide, high } = fitted(entry);
  return {
    x: view.x + (clientX - box.left - width / 2) / (wide * view.zoom),
    y: view.y + (clientY - box.top - height / 2) / (high * view.zoom),
  };
}

/** Zooms so that what is under the point stays there. */
export function zoomAround(entry, zoom, clientX, clientY) {
  if (!entry.image?.naturalWidth) return;
  const before = placeUnder(entry, clientX, clientY);
  view.zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
  const after = placeUnder(entry, clientX, clientY);
  view.x += before.x - after.x;
  view.y += before.y - after.y;
}

export function moveBy(entry, pixelsX, pixelsY) {
  if (!entry.image?.naturalWidth) return;
  const { wide, high } = fitted(entry);
  view.x -= pixelsX / (wide * view.zoom);
  view.y -= pixelsY / (high * view.zoom);
}

// --- where the photos differ ---------------------------------------------------------------------------------------

const FINENESS = 6;

function showDifferences(entry) {
  entry.pane.classList.toggle("differences", view.differences);
  if (!view.differences || entry.map) return;
  const map = differenceMap(entry.photo);
  if (!map) return;
  entry.map = drawMap(map);
  entry.picture.append(entry.map);
}

/** The middle of the place where the photo differs most, in [0, 1]; null where nothing does. */
export function strikingPlace(photo) {
  const map = differenceMap(photo);
  if (!map) return null;
  const smooth = enlarged(map, 1);
  let most = 0;
  for (let i = 1; i < smooth.length; i++) if (smooth[i] > smooth[most]) most = i;
  if (smooth[most] < 0.05) return null;
  return { x: ((most % map.columns) + 0.5) / map.columns, y: (Math.floor(most / map.columns) + 0.5) / map.rows };
}

/** Weights of the cubic B-spline over the four cells around a place t in [0, 1) past the second. */
function spline(t) {
  const u = 1 - t;
  return [(u * u * u) / 6, (3 * t * t * t - 6 * t * t + 4) / 6, (3 * u * u * u - 6 * u * u + 4) / 6, (t * t * t) / 6];
}

function enlargedLine(source, from, step, count, target, to, stride, times) {
  for (let i = 0; i < count * times; i++) {
    const place = (i + 0.5) / times - 0.5;
    const cell = Math.floor(place);
    const weights = spline(place - cell);
    let sum = 0;
    for (let k = 0; k < 4; k++) {
      sum += weights[k] * source[from + step * Math.min(count - 1, Math.max(0, cell - 1 + k))];
    }
    target[to + i * stride] = sum;
  }
}

/** A map enlarged so that no cells show; values in [0, 1]. */
function enlarged({ rows, columns, values }, times) {
  const wide = columns * times;
  const halfway = new Float32Array(wide * rows);
  const full = new Float32Array(wide * rows * times);
  for (let row = 0; row < rows; row++) enlargedLine(values, row * columns, 1, columns, halfway, row * wide, 1, times);
  for (let x = 0; x < wide; x++) enlargedLine(halfway, x, wide, rows, full, x, wide, times);
  return full.map((value) => value / 255);
}

// From nothing over blue and teal to yellow, ever lighter: told apart with any colour vision, and in grey.
const COLOURS = [
  [0, 40, 70, 130, 0],
  [0.12, 40, 80, 150, 0.25],
  [0.4, 30, 140, 160, 0.55],
  [0.7, 120, 205, 120, 0.68],
  [1, 255, 235, 60, 0.78],
];

function colourOf(value) {
  const upper = Math.max(1, COLOURS.findIndex(([stop]) => stop >= value));
  const [low, ...from] = COLOURS[upper - 1];
  const [high, ...to] = COLOURS[upper];
  const share = (value - low) / (high - low);
  return from.map((part, index) => part + (to[index] - part) * share);
}

function drawMap(map) {
  const canvas = make("canvas", "heat", { "aria-hidden": "true" });
  canvas.width = map.columns * FINENESS;
  canvas.height = map.rows * FINENESS;
  const values = enlarged(map, FINENESS);
  const palette = Array.from({ length: 256 }, (_, level) => colourOf(level / 255));
  const drawing = canvas.getContext("2d");
  const pixels = drawing.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < values.length; i++) {
    const [red, green, blue, opacity] = palette[Math.round(values[i] * 255)];
    pixels.data.set([red, green, blue, opacity * 255], i * 4);
  }
  drawing.putImageData(pixels, 0, 0);
  return canvas;
}
