// What the report is about: the document of `pick`, as series of photos that know each other.

const parsed = JSON.parse(document.getElementById("document").textContent);

export const report = parsed.report;
export const picked = parsed.document;

const WHOLE = new Set(["bracket", "panorama", "focus_stack"]);

/** Every photo, in the order of the document; the numbers are those of the picture elements t0, p0, d0 … */
export const photos = [];

export const allSeries = picked.series.map((entry) => {
  const series = {
    id: entry.id,
    kind: entry.kind,
    tooClose: Boolean(entry.too_close),
    single: entry.photos.length === 1,
    photos: [],
  };
  for (const given of entry.photos) {
    const photo = {
      number: photos.length,
      place: series.photos.length,
      series,
      path: given.path,
      name: lastPart(given.path),
      rank: given.rank ?? null,
      score: given.score ?? null,
      coarse: given.coarse ?? null,
      chance: given.p_best ?? null,
      keep: Boolean(given.keep),
      reasons: given.reasons ?? [],
      companions: given.companions ?? [],
      notes: given.notes ?? [],
      takenAt: given.taken_at ?? null,
      camera: given.camera ?? null,
      width: given.width ?? null,
      height: given.height ?? null,
      image: new Image(),
    };
    series.photos.push(photo);
    photos.push(photo);
  }
  series.whole = WHOLE.has(entry.kind) && series.photos.every((photo) => photo.rank === null);
  return series;
});

const byPath = new Map(photos.map((photo) => [photo.path, photo]));

/** The photo with this path, or undefined. */
export function photoAt(path) {
  return byPath.get(path);
}

export function lastPart(path) {
  const parts = path.split(path.includes("/") ? "/" : "\\");
  return parts.at(-1) || path;
}
