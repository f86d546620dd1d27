// The page itself: series as strips, singles as a grid, what was skipped.

import { allSeries, photoAt, photos, picked } from "./data.js";
import { complete, previewAddress, watchThumbnails } from "./pictures.js";
import { isKept, markOf } from "./choices.js";
import { circumstances, icon, make, percent, plural, readable, seriesName, spoken } from "./words.js";

const MOST_REASONS = 3;
const USUAL_RATIO = 1.5;

const main = document.getElementById("main");
const tiles = new Map();
const cards = new Map();

const lit = document.createElement("div");
lit.className = "gallery";
const singles = make("section", "singles", { "aria-label": "Single photos" });
const skippedPart = make("section", "skipped", { "aria-label": "Skipped files" });
const nothing = make("p", "empty", { hidden: "" });

export function tileOf(photo) {
  return tiles.get(photo);
}

export function cardOf(series) {
  return cards.get(series);
}

function meter(chance) {
  const bar = make("i", "meter", { "aria-hidden": "true" }, make("b"));
  bar.firstChild.style.width = `${(chance * 100).toFixed(1)}%`;
  return bar;
}

function setRatio(photo, box) {
  const { image } = photo;
  const known = photo.width && photo.height ? photo.width / photo.height : null;
  box.style.setProperty("--ratio", known ?? USUAL_RATIO);
  if (!known) {
    image.addEventListener("load", () => box.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight), {
      once: true,
    });
  }
}

function makeTile(photo, isLead) {
  photo.image.alt = "";
  photo.image.decoding = "sync";
  photo.image.draggable = false;
  const mat = make("span", "mat", {}, photo.image, make("span", "stamp", { "aria-hidden": "true" }));
  const place = photo.rank ?? photo.place + 1;
  const caption = make(
    "span",
    "caption",
    {},
    photo.series.single ? null : make("b", "rank", {}, String(place)),
    make("span", "name", {}, readable(photo.name)),
    photo.chance === null || photo.series.single ? null : make("span", "chance", {}, percent(photo.chance)),
  );
  const tile = make("button", isLead ? "tile lead" : "tile", { type: "button", title: readable(photo.path) }, mat, caption);
  if (!isLead && photo.chance !== null && !photo.series.single) tile.append(meter(photo.chance));
  tile.dataset.photo = photo.number;
  setRatio(photo, tile);
  tiles.set(photo, tile);
  refreshTile(photo);
  return tile;
}

/** Shows a photo's mark and whether it is kept. */
export function refreshTile(photo) {
  const tile = tiles.get(photo);
  if (!tile) return;
  const mark = markOf(photo);
  const kept = isKept(photo);
  tile.classList.toggle("kept", kept);
  tile.classList.toggle("rejected", mark === "reject");
  tile.classList.toggle("by-hand", mark !== null);
  tile.setAttribute("aria-label", spoken(photo, mark, kept));
  const stamp = tile.querySelector(".stamp");
  stamp.replaceChildren(...(mark === "reject" ? [icon("cross")] : kept ? [icon("tick")] : []));
}

/** One line of "why": better or worse, the sentence, how strongly. */
export function reasonLine(reason) {
  const better = reason.direction === "better";
  const line = make(
    "li",
    better ? "reason better" : "reason worse",
    {},
    icon(better ? "better" : "worse"),
    make("span", "unseen", {}, better ? "better: " : "worse: "),
    make("span", "sentence", {}, readable(reason.text)),
  );
  line.style.setProperty("--strength", reason.strength ?? 0);
  return line;
}

function verdict(series) {
  const [best] = series.photos;
  const shown = best.reasons.slice(0, MOST_REASONS);
  const versus = shown.length ? photoAt(shown[0].versus) : null;
  return make(
    "div",
    "verdict",
    {},
    make("p", "sure", {}, make("strong", "", {}, percent(best.chance ?? 0)), series.tooClose ? ` the likeliest of ${series.photos.length}` : " sure", meter(best.chance ?? 0)),
    versus ? make("p", "versus", {}, `Compared with ${readable(versus.name)}`) : null,
    shown.length ? make("ul", "reasons", {}, ...shown.map(reasonLine)) : make("p", "versus", {}, "No measured difference stands out."),
  );
}

function makeCard(series) {
  const id = `series-${series.photos[0].number}`;
  const card = make(
    "section",
    series.whole ? "series whole" : "series",
    { "aria-labelledby": id },
    make(
      "header",
      "series-head",
      {},
      make("h2", "", { id }, seriesName(series)),
      series.whole ? make("span", "badge keep", {}, icon("whole"), "kept whole") : null,
      series.tooClose ? make("span", "badge close", {}, icon("balance"), "Too close to call") : null,
      make("span", "circumstances", {}, circumstances(series)),
    ),
  );
  const rest = series.whole ? series.photos : series.photos.slice(1);
  const strip = make("div", "strip", {}, ...rest.map((photo) => makeTile(photo, false)));
  if (series.whole) {
    card.append(strip);
  } else {
    card.append(make("div", "spread", {}, makeTile(series.photos[0], true), make("div", "side", {}, verdict(series), strip)));
  }
  cards.set(series, card);
  return card;
}

function skippedTable() {
  const rows = picked.skipped.map((entry) =>
    make(
      "tr",
      "",
      {},
      make("td", "path", {}, readable(entry.path)),
      make("td", "lost", {}, { find: "finding", read: "reading", judge: "judging" }[entry.stage] ?? readable(entry.stage)),
      make("td", "", {}, readable(entry.reason)),
    ),
  );
  const head = make("tr", "", {}, ...["File", "Lost while", "Why"].map((text) => make("th", "", { scope: "col" }, text)));
  return make("table", "", {}, make("thead", "", {}, head), make("tbody", "", {}, ...rows));
}

function fillSkipped() {
  const ignored = picked.counts?.ignored ?? 0;
  if (!picked.skipped.length && !ignored) return;
  skippedPart.append(make("h2", "part", {}, "Skipped"));
  if (picked.skipped.length) skippedPart.append(skippedTable());
  if (ignored) {
    const sentence = `${plural(ignored, "other file")} ${ignored === 1 ? "was" : "were"} ignored because ${ignored === 1 ? "it is no picture" : "they are no pictures"}.`;
    skippedPart.append(make("p", "ignored", {}, sentence));
  }
}

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const BUILD_MILLISECONDS = 10;

/** Builds the gallery, the first screens at once and the rest between frames. */
export async function buildGallery() {
  const several = allSeries.filter((series) => !series.single);
  const alone = allSeries.filter((series) => series.single);
  main.append(lit, singles, skippedPart, nothing);
  fillSkipped();
  watchThumbnails((photo) => photo.image.parentElement?.classList.add("missing"));
  watchLeads();
  const grid = make("div", "grid");
  if (alone.length) singles.append(make("h2", "part", {}, several.length ? "Single photos" : "Photos"), grid);
  let since = performance.now();
  for (const series of [...several, ...alone]) {
    if (series.single) {
      grid.append(makeTile(series.photos[0], false));
      cards.set(series, tiles.get(series.photos[0]));
    } else {
      lit.append(makeCard(series));
      leads.observe(cards.get(series));
    }
    if (performance.now() - since > BUILD_MILLISECONDS) {
      await nextFrame();
      since = performance.now();
    }
  }
}

let leads;

/** Best frames near the window are drawn from their preview, others only from their thumbnail. */
function watchLeads() {
  const near = new Set();
  leads = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) near.add(target);
        else near.delete(target);
        refine(target, isIntersecting);
      }
    },
    { rootMargin: "60% 0%" },
  );
  complete.then(() => near.forEach((card) => refine(card, true)));
}

async function refine(card, isNear) {
  const tile = card.querySelector(".tile.lead");
  if (!tile) return;
  const fine = tile.querySelector("img.fine");
  if (!isNear) return fine?.remove();
  const address = fine ? null : previewAddress(photos[tile.dataset.photo]);
  if (!address) return;
  const image = make("img", "fine", { alt: "" });
  image.draggable = false;
  image.src = address;
  try {
    await image.decode();
  } catch {
    return; // the folder of previews was left behind; the thumbnail stays
  }
  if (!tile.querySelector("img.fine")) tile.querySelector(".mat img").after(image);
}

// --- what is shown -------------------------------------------------------------------------------------------------

export const FILTERS = [
  ["all", "All", () => allSeries.length],
  ["close", "Close calls first", () => allSeries.filter((series) => series.tooClose).length],
  ["kept", "Kept", () => photos.filter(isKept).length],
  ["whole", "Sets kept whole", () => allSeries.filter((series) => series.whole).length],
  ["singles", "Singles", () => allSeries.filter((series) => series.single).length],
  ["skipped", "Skipped", () => picked.skipped.length],
];

const SHOWS = {
  all: () => true,
  close: () => true,
  kept: (series) => series.photos.some(isKept),
  whole: (series) => series.whole,
  singles: (series) => series.single,
  skipped: () => false,
};

let shown = allSeries;

/** Series that are shown, in the order in which they are. */
export function shownSeries() {
  return shown;
}

/** Shows what passes the filter and whose name holds the searched text; returns how many photos that are. */
export function applyFilter(filter, search) {
  const wanted = search.trim().toLowerCase();
  const isWanted = (text) => !wanted || readable(text).toLowerCase().includes(wanted);
  const passes = (series) => SHOWS[filter](series) && series.photos.some((photo) => isWanted(photo.path));
  shown = allSeries.filter(passes);
  const order = allSeries.filter((series) => !series.single);
  if (filter === "close") {
    const closeFirst = (a, b) => b.tooClose - a.tooClose;
    shown = [...shown].sort(closeFirst);
    order.sort(closeFirst);
  }
  main.dataset.filter = filter;
  const visible = new Set(shown);
  for (const series of allSeries) {
    const card = cards.get(series);
    if (card) card.hidden = !visible.has(series);
  }
  if (order.some((series, index) => cards.get(series) && cards.get(series) !== lit.children[index])) {
    lit.append(...order.map((series) => cards.get(series)).filter(Boolean));
  }
  lit.hidden = !shown.some((series) => !series.single);
  singles.hidden = !shown.some((series) => series.single);
  const rows = [...skippedPart.querySelectorAll("tbody tr")];
  rows.forEach((row) => (row.hidden = !isWanted(row.firstChild.textContent)));
  const someSkipped = wanted ? rows.some((row) => !row.hidden) : skippedPart.hasChildNodes();
  skippedPart.hidden = !(["all", "close", "skipped"].includes(filter) && someSkipped);
  nothing.hidden = shown.length > 0 || !skippedPart.hidden;
  nothing.textContent = photos.length ? "Nothing here matches." : "No photos were found.";
  return shown.flatMap((series) => series.photos).filter((photo) => filter !== "kept" || isKept(photo)).length;
}
