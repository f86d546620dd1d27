// Pictures out of the inert elements behind the page, taken as they stream in.

import { photos } from "./data.js";

const thumbnails = () => document.getElementById("thumbnails");

/** Resolves when the whole file is there. */
export const complete = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", resolve, { once: true });
});

// The parser may be in the middle of the last element: it is whole once something follows it.
function isWhole(element) {
  return document.readyState !== "loading" || element.nextElementSibling || element.parentElement.nextElementSibling;
}

function jpeg(text) {
  return "data:image/jpeg;base64," + text;
}

function takeThumbnails(store) {
  let element;
  while ((element = store?.firstElementChild) && isWhole(element)) {
    photos[element.id.slice(1)].image.src = jpeg(element.textContent);
    element.remove();
  }
}

/** Gives every photo its thumbnail as soon as it has arrived; says so where there is none. */
export function watchThumbnails(whenMissing) {
  const body = new MutationObserver(() => takeThumbnails(thumbnails()));
  body.observe(document.body, { childList: true, subtree: true });
  takeThumbnails(thumbnails());
  return complete.then(() => {
    body.disconnect();
    takeThumbnails(thumbnails());
    photos.filter((photo) => !photo.image.src).forEach(whenMissing);
  });
}

/** Address of a photo's preview; null where it has none, or none yet. */
export function previewAddress(photo) {
  const element = document.getElementById(`p${photo.number}`);
  if (!element) return null;
  if (element.dataset.file) return element.dataset.file;
  return isWhole(element) ? jpeg(element.textContent) : null;
}

/** A photo's difference map as {rows, columns, values in [0, 255]}, or null. */
export function differenceMap(photo) {
  const element = document.getElementById(`d${photo.number}`);
  if (!element || !isWhole(element)) return null;
  const values = Uint8Array.from(atob(element.textContent), (letter) => letter.charCodeAt(0));
  const columns = Number(element.dataset.columns);
  return { rows: values.length / columns, columns, values };
}

/** How many previews lie in the folder beside the file; null while the file is still arriving. */
export function ending() {
  const element = document.getElementById("ending");
  return element ? JSON.parse(element.textContent) : null;
}

const decoded = new Map();
const MOST_DECODED = 16;

/**
 * An image element with the best there is of a photo, kept ready for the next look; `image.fine` says whether it is
 * the preview. The same element again while it stays among the last sixteen.
 */
export function largeImage(photo) {
  const known = decoded.get(photo.number);
  const address = known?.fine ? null : previewAddress(photo);
  if (known && (known.fine || !address)) {
    decoded.delete(photo.number);
    decoded.set(photo.number, known);
    return known;
  }
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.fine = Boolean(address);
  image.decoding = "sync";
  image.src = address ?? photo.image.src;
  // a folder that was left behind: the thumbnail is better than nothing
  image.addEventListener("error", () => {
    if (image.fine) {
      image.fine = false;
      image.lost = true;
      image.src = photo.image.src;
    }
  });
  decoded.set(photo.number, image);
  if (decoded.size > MOST_DECODED) decoded.delete(decoded.keys().next().value);
  return image;
}
