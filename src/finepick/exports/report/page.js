// Ties it together: header, filters, keys.

import { allSeries, photos, picked, report } from "./data.js";
import { complete, ending } from "./pictures.js";
import { choiceAsCsv, choiceAsJson, copyKeeps, download, keeps, markOf, recall, remember, setMark } from "./choices.js";
import { FILTERS, applyFilter, buildGallery, cardOf, refreshTile, shownSeries, tileOf } from "./gallery.js";
import {
  closeViewer,
  isOpen,
  openViewer,
  refreshViewer,
  setUp,
  startBlinking,
  step,
  stepSeries,
  stopBlinking,
  toggleDifferences,
  togglePanel,
  toggleZoom,
  viewedPhoto,
  zoomBy,
} from "./viewer.js";
import { make, outsideSentence, plural, readable } from "./words.js";

const byId = (id) => document.getElementById(id);
const search = byId("search");
const help = byId("help");
let filter = "all";

// --- header --------------------------------------------------------------------------------------------------------

/** Says something for a moment; *quietly* to screen readers only. */
function say(text, quietly = false) {
  const toast = byId("toast");
  toast.textContent = text;
  toast.classList.toggle("shown", !quietly);
  clearTimeout(say.timer);
  say.timer = setTimeout(() => toast.classList.remove("shown"), 2600);
}

function fillHeader() {
  const counts = picked.counts ?? {};
  const several = allSeries.filter((series) => !series.single).length;
  const parts = [plural(photos.length, "photo"), plural(several, "series", "series")];
  const alone = allSeries.length - several;
  if (alone) parts.push(plural(alone, "single"));
  parts.push(plural(photos.filter((photo) => photo.keep).length, "keep"));
  if (picked.skipped.length) parts.push(`${picked.skipped.length} skipped`);
  if (counts.ignored) parts.push(`${counts.ignored} ignored`);
  byId("counts").replaceChildren(...parts.map((text) => make("span", "", {}, text)));
  const { name, version, fingerprint } = picked.model ?? {};
  byId("model").textContent = name
    ? `Judged by ${readable(name)} ${readable(version ?? "")} · ${readable(fingerprint ?? "").slice(0, 12)}`
    : "";
  byId("model").title = `Fingerprint ${readable(fingerprint ?? "none")}; Finepick ${readable(picked.finepick ?? "")}`;
}

function refreshCounts() {
  byId("kept-count").textContent = plural(keeps().length, "keep");
  for (const button of byId("filters").children) {
    button.lastElementChild.textContent = button.count().toLocaleString("en-GB");
  }
}

function makeFilters() {
  for (const [name, label, count] of FILTERS) {
    if (name !== "all" && !count() && name !== "kept") continue;
    const button = make("button", "segment", { type: "button", "aria-pressed": name === filter }, `${label} `, make("span", "number"));
    button.count = count;
    button.dataset.filter = name;
    button.addEventListener("click", () => show(name));
    byId("filters").append(button);
  }
}

function show(name) {
  filter = name;
  for (const button of byId("filters").children) button.setAttribute("aria-pressed", button.dataset.filter === name);
  const count = applyFilter(filter, search.value);
  say(name === "skipped" ? plural(picked.skipped.length, "skipped file") : `${plural(count, "photo")} in view`, true);
}

// --- the person's choice -------------------------------------------------------------------------------------------

function mark(photo, value) {
  setMark(photo, value);
  refreshTile(photo);
  refreshCounts();
  if (isOpen()) refreshViewer();
  const now = markOf(photo);
  say(`${readable(photo.name)}: ${now ? (now === "pick" ? "picked" : "rejected") : "as Finepick has it"}`);
}

function bindChoice() {
  byId("copy-keeps").addEventListener("click", async () => {
    await copyKeeps();
    say(`${plural(keeps().length, "name")} copied. The files themselves stay where they are.`);
  });
  byId("save-csv").addEventListener("click", () => download("choice.csv", choiceAsCsv(), "text/csv"));
  byId("save-json").addEventListener("click", () => download("choice.json", choiceAsJson(), "application/json"));
}

function bindLooks() {
  const setTheme = (theme) => (document.documentElement.dataset.theme = theme);
  setTheme(recall("theme", "dark"));
  byId("theme").addEventListener("click", () => {
    remember("theme", setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  });
  const size = byId("size");
  const setSize = () => document.documentElement.style.setProperty("--tile", `${size.value}px`);
  size.value = recall("size", size.value);
  size.addEventListener("input", setSize);
  size.addEventListener("change", () => remember("size", size.value));
  if (recall("size", null)) setSize();
}

// --- keys ----------------------------------------------------------------------------------------------------------

function focusPhoto(photo) {
  const tile = photo && tileOf(photo);
  if (!tile) return;
  tile.focus({ preventScroll: true });
  const card = cardOf(photo.series);
  (photo.place === 0 ? card : tile).scrollIntoView({ block: "nearest" });
  tile.scrollIntoView({ block: "nearest" });
}

function focusedPhoto() {
  return photos[document.activeElement?.closest?.(".tile")?.dataset.photo] ?? null;
}

// in the grid of singles "down" is the photo below, not the next one
function besideInGrid(photo, by) {
  const list = shownSeries();
  const from = tileOf(photo).getBoundingClientRect();
  let index = list.indexOf(photo.series) + by;
  let best = null;
  let row = null;
  for (; list[index]?.single; index += by) {
    const box = tileOf(list[index].photos[0]).getBoundingClientRect();
    if (Math.abs(box.top - from.top) < 4) continue;
    row ??= box.top;
    if (Math.abs(box.top - row) > 4) break;
    const distance = Math.abs(box.left - from.left);
    if (!best || distance < best.distance) best = { distance, photo: list[index].photos[0] };
  }
  return best?.photo ?? (by < 0 ? list.filter((series) => !series.single).at(-1)?.photos[0] : null);
}

function moveFocus(across, down) {
  const photo = focusedPhoto();
  const list = shownSeries();
  if (!photo) return focusPhoto(list[0]?.photos[0]);
  if (photo.series.single) {
    return focusPhoto(down ? besideInGrid(photo, down) : list[list.indexOf(photo.series) + across]?.photos[0]);
  }
  return focusPhoto(down ? list[list.indexOf(photo.series) + down]?.photos[0] : photo.series.photos[photo.place + across]);
}

function nextCloseCall() {
  const current = isOpen() ? viewedPhoto() : focusedPhoto();
  const list = shownSeries();
  const from = current ? list.indexOf(current.series) + 1 : 0;
  const next = [...list.slice(from), ...list.slice(0, from)].find((series) => series.tooClose);
  if (!next) return say("No series here is too close to call.");
  if (isOpen()) openViewer(next.photos[0]);
  else focusPhoto(next.photos[0]);
}

function nextFilter() {
  const buttons = [...byId("filters").children];
  const current = buttons.findIndex((button) => button.dataset.filter === filter);
  show(buttons[(current + 1) % buttons.length].dataset.filter);
}

function openHelp() {
  help.showModal();
}

function markCurrent(value) {
  const photo = isOpen() ? viewedPhoto() : focusedPhoto();
  if (photo) mark(photo, value);
}

const EVERYWHERE = {
  n: nextCloseCall,
  p: () => markCurrent("pick"),
  x: () => markCurrent("reject"),
  u: () => markCurrent(null),
  "?": openHelp,
};

const ON_PAGE = {
  ArrowLeft: () => moveFocus(-1, 0),
  ArrowRight: () => moveFocus(1, 0),
  ArrowUp: () => moveFocus(0, -1),
  ArrowDown: () => moveFocus(0, 1),
  f: nextFilter,
  "/": () => search.focus(),
};

const IN_VIEWER = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  ArrowUp: () => stepSeries(-1),
  ArrowDown: () => stepSeries(1),
  z: () => toggleZoom(),
  " ": () => toggleZoom(),
  "+": () => zoomBy(1.4),
  "=": () => zoomBy(1.4),
  "-": () => zoomBy(1 / 1.4),
  d: toggleDifferences,
  b: startBlinking,
  i: togglePanel,
  ...Object.fromEntries([1, 2, 3, 4, 5, 6].map((count) => [count, () => setUp(count)])),
};

function bindKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.matches("input")) {
      if (event.key === "Escape" && event.target === search) {
        search.value = "";
        show(filter);
        search.blur();
      }
      return;
    }
    // a focused button is pressed by space itself
    if (event.key === " " && event.target.closest("button")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = (isOpen() ? IN_VIEWER[key] : ON_PAGE[key]) ?? EVERYWHERE[key];
    if (!action) return;
    event.preventDefault();
    if (!event.repeat || key.startsWith("Arrow") || key === "+" || key === "-") action();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "b") stopBlinking();
  });
  window.addEventListener("blur", stopBlinking);
}

function bindButtons() {
  byId("main").addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) openViewer(photos[tile.dataset.photo]);
  });
  search.addEventListener("input", () => show(filter));
  byId("zoom").addEventListener("click", () => toggleZoom());
  byId("difference").addEventListener("click", toggleDifferences);
  byId("panel").addEventListener("click", togglePanel);
  byId("close").addEventListener("click", closeViewer);
  byId("mark-pick").addEventListener("click", () => markCurrent("pick"));
  byId("mark-reject").addEventListener("click", () => markCurrent("reject"));
  byId("blink").addEventListener("pointerdown", startBlinking);
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) byId("blink").addEventListener(end, stopBlinking);
  for (const id of ["help-button", "viewer-help"]) byId(id).addEventListener("click", openHelp);
  byId("help-close").addEventListener("click", () => help.close());
  help.addEventListener("click", (event) => event.target === help && help.close());
}

// -------------------------------------------------------------------------------------------------------------------

function showEnding() {
  const found = ending();
  if (!found?.outside) return;
  byId("outside").textContent = outsideSentence(found);
  byId("outside").hidden = false;
}

fillHeader();
makeFilters();
refreshCounts();
bindLooks();
bindChoice();
bindKeys();
bindButtons();
buildGallery().then(() => {
  applyFilter(filter, search.value);
  document.documentElement.dataset.built = "yes";
});
complete.then(showEnding);
