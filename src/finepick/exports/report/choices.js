// The person's own marks, kept in this browser, and the lists made of them.

import { photos, picked, report } from "./data.js";
import { readable } from "./words.js";

const storageKey = (what) => `finepick:${location.pathname}:${report.id}:${what}`;

// pages opened as files may be refused a store: then marks live as long as the page
export function remember(what, value) {
  try {
    localStorage.setItem(storageKey(what), JSON.stringify(value));
  } catch {
    /* nothing to be done */
  }
}

export function recall(what, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(storageKey(what))) ?? otherwise;
  } catch {
    return otherwise;
  }
}

const marks = new Map(Object.entries(recall("marks", {})));

export function markOf(photo) {
  return marks.get(photo.path) ?? null;
}

/** Sets "pick", "reject" or null; the same mark twice clears it. */
export function setMark(photo, mark) {
  if (!mark || markOf(photo) === mark) marks.delete(photo.path);
  else marks.set(photo.path, mark);
  remember("marks", Object.fromEntries(marks));
}

/** Kept in the end: by the person's mark, else by Finepick. */
export function isKept(photo) {
  const mark = markOf(photo);
  return mark ? mark === "pick" : photo.keep;
}

export function keeps() {
  return photos.filter(isKept);
}

export async function copyKeeps() {
  const text = keeps().map((photo) => readable(photo.path)).join("\n");
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function cell(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function choiceAsCsv() {
  const rows = photos.map((photo) => [photo.series.id, photo.path, photo.rank, photo.keep, markOf(photo), isKept(photo)]);
  return [["series", "path", "rank", "keep", "mark", "kept"], ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** JSON keeps names that are not UTF-8 exactly; CSV cannot. */
export function choiceAsJson() {
  const choice = photos.map((photo) => ({
    series: photo.series.id,
    path: photo.path,
    keep: photo.keep,
    mark: markOf(photo),
    kept: isKept(photo),
  }));
  return JSON.stringify({ finepick: picked.finepick, choice }, null, 1);
}

export function download(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
