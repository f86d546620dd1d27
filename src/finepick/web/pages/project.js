// The owner's page: who answers, how far every series is, what is asked, what has come of it.

import { byId, make, number, plural, say } from "./elements.js";
import { getBlob, get, send, sendFile } from "./server.js";

const POLICIES = {
  information: "the one that tells most about the order",
  best: "the one that tells most about the best photo",
  swiss: "Swiss rounds: equals against equals",
  random: "any, drawn by chance",
};
const REFRESH_MILLISECONDS = 5000;
let planIsTouched = false;

// --- people ------------------------------------------------------------------------------------------------------

const FINE = ["answers like the others", "too few answers to tell"];

function share({ right, count }, alarm = 0) {
  if (!count) return make("td", "n", {}, "–");
  const value = right / count;
  const cell = make("td", "n", {}, `${Math.round(100 * value)} % `, make("small", "", {}, `of ${number(count)}`));
  cell.classList.toggle("odd", count >= 10 && value < alarm);
  return cell;
}

function leftShare({ right, count }) {
  const cell = share({ right, count });
  // three standard deviations of a fair coin
  cell.classList.toggle("odd", count >= 20 && Math.abs(right / count - 0.5) > 1.5 / Math.sqrt(count));
  return cell;
}

function ago(milliseconds) {
  if (!milliseconds) return "–";
  const minutes = Math.max(0, Date.now() - milliseconds) / 60000;
  if (minutes < 1) return "now";
  if (minutes < 60) return `${Math.round(minutes)} min ago`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / 1440)} days ago`;
}

function personRow(one) {
  const name = make("td", "", {}, one.name);
  if (one.revoked_at) name.append(make("span", "word", {}, "no link"));
  const tools = make("td", "n");
  if (one.role === "annotator") {
    const renew = make("button", "quiet", { type: "button" }, "New link");
    renew.addEventListener("click", () => invite(one.name));
    tools.append(renew);
    if (!one.revoked_at) {
      const revoke = make("button", "quiet", { type: "button" }, "End link");
      revoke.addEventListener("click", async () => {
        await send(`/api/invitations/${one.id}/revoke`);
        say(`${one.name} cannot answer any more; what they said is kept.`);
        refresh();
      });
      tools.append(revoke);
    }
  }
  return make(
    "tr", one.revoked_at ? "revoked" : "", {},
    name, make("td", "n", {}, number(one.answers)), share(one.with_others, 0.6), share(one.steady, 0.6),
    share(one.gold, 0.7), leftShare(one.left_chosen), make("td", "n", {}, one.seconds === null ? "–" : one.seconds.toFixed(1)),
    make("td", "", {}, one.role === "elsewhere" ? "imported" : ago(one.last_at)), tools,
  );
}

async function invite(name) {
  const { name: written, token } = await send("/api/invitations", { name });
  byId("link-text").textContent = `The link of ${written}:`;
  byId("link-address").value = `${location.origin}/#${token}`;
  byId("link").hidden = false;
  byId("link-address").select();
  refresh();
}

// --- series ------------------------------------------------------------------------------------------------------

function seriesRow(one) {
  const row = make("div", "row", {}, make("b", "", { title: one.name }, one.name), make("span", "", {}, `${number(one.answers)} / ${number(one.budget)}`), make("i"));
  row.style.setProperty("--done", `${Math.min(100, (100 * one.answers) / one.budget).toFixed(1)}%`);
  row.classList.toggle("full", one.answers >= one.budget);
  row.title = `${plural(one.photos, "photo")}, ${plural(one.people, "person", "people")}`;
  return row;
}

// --- everything ----------------------------------------------------------------------------------------------------

function fill(project) {
  document.title = `${project.project} · Finepick`;
  byId("title").textContent = project.project;
  const answers = project.people.reduce((sum, one) => sum + one.answers, 0);
  const photos = project.series.reduce((sum, one) => sum + one.photos, 0);
  const settled = project.series.filter((one) => one.answers >= one.budget).length;
  const budget = project.series.reduce((sum, one) => sum + one.budget, 0);
  const inBudget = project.series.reduce((sum, one) => sum + Math.min(one.answers, one.budget), 0);
  byId("counts").replaceChildren(
    ...[plural(photos, "photo"), plural(project.series.length, "series", "series"), plural(answers, "answer"), `${number(settled)} series done`].map((text) => make("span", "", {}, text)),
  );
  byId("way").style.transform = `scaleX(${budget ? inBudget / budget : 0})`;
  const people = project.people.filter((one) => one.role !== "owner" || one.answers);
  byId("people").tBodies[0].replaceChildren(...people.map(personRow));
  byId("people").parentElement.hidden = !people.length;
  byId("series-count").textContent = "Answers given and meant to be given in this round.";
  byId("series").replaceChildren(...project.series.map(seriesRow));
  byId("gold-count").textContent = project.gold ? plural(project.gold, "gold pair") : "";
  fillTroubles(project.troubles);
  if (!planIsTouched) fillPlan(project);
  byId("main").hidden = false;
}

function fillTroubles(troubles) {
  byId("troubles").hidden = !troubles.length;
  byId("troubles").replaceChildren(
    `${plural(troubles.length, "photo")} could not be shown. Put them back, or run “finepick annotate” with --from and the folder where they are now.`,
    make("ul", "", {}, ...troubles.slice(0, 20).map(({ name, reason }) => make("li", "", {}, `${name}: ${reason}`))),
  );
}

function fillPlan({ plan, policies }) {
  const { elements } = byId("plan");
  if (!elements.policy.options.length) {
    elements.policy.append(...policies.map((name) => make("option", "", { value: name }, POLICIES[name] ?? name)));
  }
  elements.question.value = plan.question;
  elements.policy.value = plan.policy;
  elements.votes.value = plan.votes;
  elements.gold_share.value = Math.round(100 * plan.gold_share);
  elements.repeat_share.value = Math.round(100 * plan.repeat_share);
  elements.chips.checked = plan.chips;
  elements.sentence.checked = plan.sentence;
}

async function keepPlan(event) {
  event.preventDefault();
  const { elements } = byId("plan");
  await send("/api/plan", {
    question: elements.question.value,
    policy: elements.policy.value,
    votes: Number(elements.votes.value),
    gold_share: Number(elements.gold_share.value) / 100,
    repeat_share: Number(elements.repeat_share.value) / 100,
    chips: elements.chips.checked,
    sentence: elements.sentence.checked,
  }, "PUT");
  planIsTouched = false;
  say("Kept. It holds from the next pair on.");
  refresh();
}

// --- results -------------------------------------------------------------------------------------------------------

const percent = (value) => (value === null ? "–" : `${Math.round(100 * value)} %`);

function fact(term, value, remark = "") {
  return make("div", "", {}, make("dt", "", {}, term), make("dd", "", {}, value, remark ? make("small", "", {}, ` ${remark}`) : ""));
}

async function thumbnail(figure, id) {
  try {
    const image = new Image();
    image.alt = "";
    image.src = URL.createObjectURL(await getBlob(`/api/photos/${id}/small`));
    await image.decode();
    figure.prepend(image);
  } catch {
    figure.prepend(make("span", "gone"));
  }
}

function seriesResult(series) {
  const strip = make("div", "strip");
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    for (const figure of strip.children) thumbnail(figure, figure.dataset.photo);
  }, { rootMargin: "400px" });
  const rankOf = (photo) => (series.is_connected ? String(photo.rank) : "–"); // without a chain of answers there is none
  for (const photo of series.photos) {
    strip.append(make("figure", "", { "data-photo": photo.id, title: photo.name }, make("figcaption", "", {}, make("b", "", {}, rankOf(photo)), ` ${photo.score >= 0 ? "+" : "−"}${Math.abs(photo.score).toFixed(2)}`)));
  }
  watch.observe(strip);
  const remark = series.is_connected ? `${series.labelled} of ${plural(series.pairs, "pair")} told apart` : "not connected yet";
  return make("div", "", {}, make("h3", "", {}, series.series, make("small", "", {}, remark)), strip);
}

async function calibrate() {
  byId("calibrate").disabled = true;
  try {
    const found = await get("/api/calibration");
    const verdicts = found.annotators.filter((one) => !FINE.includes(one.verdict));
    const remarks = verdicts.map((one) => make("p", "notice", {}, `${one.name}: ${one.verdict}.`));
    const links = make("p", "", {});
    for (const [path, text] of ["series.jsonl", "ranks.csv", "answers.csv", "calibration.svg"].map((name) => [`/api/export/${name}`, name])) {
      const button = make("button", "quiet outlined", { type: "button" }, text);
      button.addEventListener("click", () => download(path, text));
      links.append(button, " ");
    }
    byId("results").replaceChildren(
      make(
        "dl", "summary", {},
        fact("Agreement", percent(found.agreement.value), found.agreement.alpha === null ? "" : `α ${found.agreement.alpha.toFixed(2)}`),
        fact("Consistency", percent(found.repeats.value), found.repeats.of ? `of ${number(found.repeats.of)} repeats` : "no repeats yet"),
        fact("Told apart", `${number(found.labelled)}`, `of ${number(found.pairs)} pairs`),
        fact("Circles", number(found.circles)),
      ),
      ...remarks, make("div", "order", {}, ...found.series.slice(0, 60).map(seriesResult)), links,
    );
  } catch (error) {
    say(error.message);
    byId("calibrate").disabled = false;
  }
}

async function download(path, name) {
  const address = URL.createObjectURL(await getBlob(path));
  const link = make("a", "", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// --- begin ----------------------------------------------------------------------------------------------------------

async function refresh() {
  try {
    fill(await get("/api/project"));
    byId("empty").hidden = true;
  } catch (error) {
    if (!byId("main").hidden && error.status === 0) return;
    byId("main").hidden = true;
    byId("empty").hidden = false;
    byId("empty").textContent = error.status === 401 || error.status === 403
      ? "This page is for the owner of the project: open the address that the server printed."
      : `${error.message}.`;
  }
}

const safely = (act) => (...given) => act(...given).catch((error) => say(error.message));

function bind() {
  byId("invite").addEventListener("submit", safely(async (event) => {
    event.preventDefault();
    await invite(byId("invite-name").value);
    byId("invite-name").value = "";
  }));
  byId("link-copy").addEventListener("click", async () => {
    byId("link-address").select();
    try {
      await navigator.clipboard.writeText(byId("link-address").value);
    } catch {
      document.execCommand("copy"); // without a secure context
    }
    say("Copied");
  });
  byId("plan").addEventListener("input", () => (planIsTouched = true));
  byId("plan").addEventListener("submit", safely(keepPlan));
  byId("gold").addEventListener("click", safely(async () => {
    const { done } = await send("/api/gold");
    say(done ? "Your decided answers are gold now." : "Answer some pairs first: left or right.");
    refresh();
  }));
  byId("calibrate").addEventListener("click", calibrate);
  byId("votes").addEventListener("change", safely(async () => {
    const [file] = byId("votes").files;
    byId("votes").value = "";
    if (!file) return;
    const said = await sendFile("/api/votes", file);
    byId("votes-said").textContent = `${plural(said.votes, "vote")} new, ${number(said.known_votes)} known already.`;
    refresh();
  }));
}

bind();
refresh();
setInterval(() => document.hidden || refresh(), REFRESH_MILLISECONDS);
