// Photos by their id, fetched ahead, decoded before they are shown, the last few kept.

import { getBlob } from "./server.js";

const KEPT = 40;
const kept = new Map(); // "id/size" → {image: Promise<HTMLImageElement>, address}

/** A decoded picture of the photo; the promise fails with the server's reason. */
export function photo(id, size = "screen") {
  const key = `${id}/${size}`;
  const there = kept.get(key);
  if (there) {
    kept.delete(key);
    kept.set(key, there); // used last, forgotten last
    return there.image;
  }
  const entry = { address: null, image: null };
  entry.image = load(key, entry);
  entry.image.catch(() => kept.delete(key)); // may be asked for again
  kept.set(key, entry);
  forgetOldest();
  return entry.image;
}

async function load(key, entry) {
  const blob = await getBlob(`/api/photos/${key}`);
  entry.address = URL.createObjectURL(blob);
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.src = entry.address;
  await image.decode();
  return image;
}

function forgetOldest() {
  for (const [key, entry] of kept) {
    if (kept.size <= KEPT) return;
    kept.delete(key);
    // an image that is on the page keeps its pixels
    if (entry.address) URL.revokeObjectURL(entry.address);
  }
}
