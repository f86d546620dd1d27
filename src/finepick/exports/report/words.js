// Everything the page says: names made readable, numbers, sentences.

/** Text that can be shown: lone surrogates, control characters and direction marks made visible. */
export function readable(text) {
  return String(text)
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
    .replace(/[\u0000-\u001f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
}

export function plural(count, one, many = one + "s") {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;
}

export function percent(share) {
  if (share < 0.005) return "< 1 %";
  if (share > 0.995) return "> 99 %";
  return `${Math.round(share * 100)} %`;
}

const KINDS = {
  burst: (n) => `Burst of ${n}`,
  similar: (n) => `${n} similar photos`,
  prompt: (n) => `${n} from one prompt`,
  folder: (n) => `Folder of ${n}`,
  bracket: (n) => `Bracket of ${n}`,
  panorama: (n) => `Panorama of ${n}`,
  focus_stack: (n) => `Focus stack of ${n}`,
};

export function seriesName(series) {
  if (series.single) return "Single photo";
  return (KINDS[series.kind] ?? ((n) => `Series of ${n}`))(series.photos.length);
}

/** "12 June 2026, 14:32:05", or the text itself where it is no date. The camera's own clock, no zone. */
export function moment(text) {
  const found = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?/.exec(text);
  if (!found) return readable(text);
  const day = new Date(Date.UTC(+found[1], +found[2] - 1, +found[3]));
  const words = day.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
  return found[4] ? `${words}, ${found[4]}` : words;
}

/** When and with what a series was taken, as far as its photos say. */
export function circumstances(series) {
  const first = series.photos.reduce((a, b) => ((b.takenAt ?? "~") < (a.takenAt ?? "~") ? b : a));
  const cameras = [...new Set(series.photos.map((photo) => photo.camera).filter(Boolean))];
  const parts = [];
  if (first.takenAt) parts.push(moment(first.takenAt));
  if (cameras.length) parts.push(cameras.map(readable).join(", "));
  return parts.join(" · ");
}

/** "12 June 2026, 14:32:05 · Camera · 4000 × 3000" */
export function particulars(photo) {
  const parts = [];
  if (photo.takenAt) parts.push(moment(photo.takenAt));
  if (photo.camera) parts.push(readable(photo.camera));
  if (photo.width && photo.height) parts.push(`${photo.width} × ${photo.height}`);
  return parts.join(" · ");
}

/** What a screen reader says of a thumbnail. */
export function spoken(photo, mark, kept) {
  const parts = [readable(photo.name)];
  if (photo.series.whole) parts.push(`frame ${photo.place + 1} of ${photo.series.photos.length}`);
  else if (!photo.series.single) {
    parts.push(`rank ${photo.rank} of ${photo.series.photos.length}`, `${percent(photo.chance ?? 0)} sure`);
  }
  if (mark) parts.push(mark === "pick" ? "picked by you" : "rejected by you");
  parts.push(kept ? "kept" : "not kept");
  return parts.join(", ");
}

export function outsideSentence({ outside, folder }) {
  const verb = outside === 1 ? "preview lies" : "previews lie";
  return `${outside.toLocaleString("en-GB")} ${verb} in the folder ${folder} beside this file; keep them together.`;
}

/** An element with classes, attributes and children; text always as text. */
export function make(tag, classes = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}
