// The round: pairs come ahead of time, an answer is written down before the page moves on.

import { byId, make, number, plural, say } from "./elements.js";
import { post, sendAll, waitingAnswers, watchOutbox } from "./outbox.js";
import { photo } from "./photos.js";
import { get, send, token } from "./server.js";
import { clear, glow, isBroken, isReady, listen, markChosen, retry, show, toggleZoom, zoomBy } from "./stage.js";

const AHEAD = 4;
const SERVER_MILLISECONDS = 300; // so long an answer waits for the server before the page goes on with its own note
const IDLE_MILLISECONDS = 90_000;

const queue = []; // pairs that come next; the first is on the stage
const done = []; // own answers, the last one at the end
let back = 0; // how many answers back the stage is; 0: at the front of the queue
let me = null;
let progress = { answered: 0, total: 0 };
let isOver = false;
let asking = null;
let moving = false;
const clock = { since: 0, before: 0, running: false };

const shown = () => (back ? done[done.length - back] : queue[0]);

// --- the clock --------------------------------------------------------------------------------------------------

function restartClock() {
  Object.assign(clock, { since: performance.now(), before: 0, running: true });
  watchIdle();
}

function stopClock() {
  if (clock.running) clock.before += performance.now() - clock.since;
  clock.running = false;
}

function continueClock() {
  if (!clock.running) Object.assign(clock, { since: performance.now(), running: true });
}

const secondsSoFar = () => (clock.before + (clock.running ? performance.now() - clock.since : 0)) / 1000;

function watchIdle() {
  clearTimeout(watchIdle.timer);
  watchIdle.timer = setTimeout(() => {
    if (shown() && byId("curtain").hidden) pause("You were away for a while, so the clock was stopped.");
  }, IDLE_MILLISECONDS);
}

// --- pairs ------------------------------------------------------------------------------------------------------

const keyOf = ({ left, right }) => [Math.min(left, right), Math.max(left, right)].join("-");

/** Sees to it that a few pairs lie ready, with their photos decoded. */
function fetchAhead() {
  if (isOver || asking || queue.length >= AHEAD) return asking;
  // what was answered and has not reached the server yet is held, too
  const held = [...queue, ...waitingAnswers()].map(({ left, right }) => [left, right]).slice(-100);
  asking = send("/api/pairs", { count: AHEAD + 2 - queue.length, held })
    .then((said) => {
      progress = said.progress;
      const known = new Set(queue.map(keyOf));
      const fresh = said.pairs.filter((pair) => !known.has(keyOf(pair)));
      queue.push(...fresh);
      isOver = !fresh.length;
      for (const { left, right } of fresh) for (const id of [left, right]) photo(id).catch(() => {});
      refreshProgress();
      return true;
    })
    .catch((error) => {
      if (error.status === 401) throw error;
      setTimeout(fetchAndShow, 2000);
      return false;
    })
    .finally(() => (asking = null));
  return asking;
}

async function fetchAndShow() {
  const before = shown();
  await fetchAhead();
  if (!before && !moving) await showCurrent();
  if (queue.length < AHEAD && !isOver) fetchAhead()?.catch(() => {});
}

async function showCurrent() {
  const pair = shown();
  refreshChoices();
  refreshProgress();
  if (!pair) {
    clear();
    stopClock();
    if (isOver) end();
    else curtain("One moment", "The next pair is on its way.", null);
    return;
  }
  lift();
  const both = show(pair);
  performance.mark("pair-shown");
  markChosen(back ? pair.choice : null);
  await both;
  restartClock();
}

// --- answers ----------------------------------------------------------------------------------------------------

const newId = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID needs a secure context
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};

async function choose(choice) {
  const pair = shown();
  if (!pair || moving || !byId("curtain").hidden || byId("help").open) return;
  if (!isReady() && !(choice === "bad" && isBroken())) return; // nobody can judge what is not there
  moving = true;
  const { series, left, right } = pair;
  const answer = { id: newId(), series, left, right, choice, seconds: Math.round(secondsSoFar() * 100) / 100, answered_at: Date.now() };
  const chips = choice === "left" || choice === "right" ? chosenChips() : [];
  const sentence = byId("sentence").value.trim();
  if (chips.length) answer.chips = chips;
  if (sentence) answer.sentence = sentence;
  if (back) answer.replaces = pair.id;
  const { kept, isWritten } = post(answer);
  const patience = new Promise((resolve) => setTimeout(resolve, SERVER_MILLISECONDS));
  await (isWritten ? Promise.race([kept, patience]) : kept); // where the browser keeps nothing, the server has to
  moveOn(answer);
  moving = false;
  // the pair that is there first, then those that come: to fetch and decode them takes the machine, too
  requestAnimationFrame(() => setTimeout(() => fetchAndShow().catch(refused)));
}

function moveOn(answer) {
  if (back) {
    done[done.length - back] = answer;
    back = 0;
    say("Answered anew");
  } else {
    queue.shift();
    done.push(answer);
    progress.answered += 1;
  }
  clearReasons();
  showCurrent();
  glow(answer.choice);
}

function goBack() {
  if (moving || back >= done.length) return done.length ? say("There is nothing before this one") : say("This is the first one");
  back += 1;
  showCurrent();
  fillReasons(shown());
}

function goForward() {
  if (!back) return;
  back -= 1;
  clearReasons();
  if (back) fillReasons(shown());
  showCurrent();
}

// --- why --------------------------------------------------------------------------------------------------------

const chipButtons = () => [...byId("chips").children];
const chosenChips = () => chipButtons().filter((chip) => chip.ariaPressed === "true").map((chip) => chip.dataset.chip);

function makeReasons() {
  byId("chips").replaceChildren(
    ...me.chips.map(({ id, text }, place) => {
      const chip = make("button", "chip", { type: "button", "data-chip": id, "aria-pressed": "false" }, make("small", "", {}, String(place + 1)), text);
      chip.addEventListener("click", () => toggleChip(chip));
      return chip;
    }),
  );
  byId("sentence-label").hidden = !me.sentence;
  byId("why").hidden = !me.sentence && !me.chips.length;
}

function toggleChip(chip) {
  if (chip) chip.ariaPressed = chip.ariaPressed === "true" ? "false" : "true";
}

function clearReasons() {
  for (const chip of chipButtons()) chip.ariaPressed = "false";
  byId("sentence").value = "";
}

function fillReasons(answer) {
  for (const chip of chipButtons()) chip.ariaPressed = String((answer.chips ?? []).includes(chip.dataset.chip));
  byId("sentence").value = answer.sentence ?? "";
}

// --- what the page says ---------------------------------------------------------------------------------------------

function refreshProgress() {
  const { answered, total } = progress;
  byId("count").replaceChildren(make("b", "", {}, number(answered)), ` of ${number(Math.max(total, answered))}`);
  byId("way").style.transform = `scaleX(${total ? Math.min(1, answered / total) : 0})`;
}

function refreshChoices() {
  byId("question").textContent = back ? (back === 1 ? "Your last answer" : `Your answer ${back} pairs ago`) : me.question;
  byId("question").classList.toggle("again", back > 0);
  for (const button of document.querySelectorAll("[data-choice]")) {
    button.classList.toggle("given", back > 0 && shown()?.choice === button.dataset.choice);
  }
  byId("back").disabled = !done.length || back >= done.length;
}

function curtain(title, text, button, act) {
  byId("curtain-title").textContent = title;
  byId("curtain-text").textContent = text;
  byId("curtain-button").hidden = !button;
  byId("curtain-button").textContent = button ?? "";
  byId("curtain-button").onclick = act ?? null;
  byId("curtain-back").hidden = true;
  byId("curtain").hidden = false;
  if (button) byId("curtain-button").focus({ preventScroll: true });
}

function lift() {
  byId("curtain").hidden = true;
}

function pause(text = "The clock stands still. Your answers are kept.") {
  if (!shown() || !byId("curtain").hidden) return;
  stopClock();
  curtain("Paused", text, "Go on", () => {
    lift();
    continueClock();
    watchIdle();
  });
}

function end() {
  const waiting = waitingAnswers().length;
  const text = waiting
    ? `${plural(waiting, "answer")} still wait for the server; leave this page open until they are sent.`
    : `Thank you, ${me.person.name}. You answered ${plural(progress.answered, "pair")}.`;
  curtain("All pairs of this round are answered", text, "Look for more", () => {
    isOver = false;
    fetchAndShow().catch(refused);
  });
  byId("curtain-back").hidden = !done.length;
}

function refused(error) {
  clear();
  const title = error.status === 401 ? "This link does not work" : "Something is in the way";
  const text = error.status === 401
    ? "It may have been replaced by a newer one. Ask whoever invited you."
    : `${error.message[0].toUpperCase()}${error.message.slice(1)}.`;
  curtain(title, text, "Try again", () => location.reload());
}

function tellOutbox({ waiting, trouble, refused: ids }) {
  const state = byId("state");
  state.hidden = !trouble || !waiting;
  if (trouble && waiting) {
    state.textContent = `${trouble.status ? "Not taken yet" : "Offline"} · ${plural(waiting, "answer")} wait`;
    state.title = trouble.message;
  }
  if (ids.length) say(`${plural(ids.length, "answer")} could not be kept: ${ids[0].reason}`);
  if (!waiting && isOver && !shown() && me) end();
  if (!trouble) retry();
}

// --- keys -------------------------------------------------------------------------------------------------------

const KEYS = {
  ArrowLeft: () => choose("left"),
  ArrowRight: () => choose("right"),
  ArrowDown: () => choose("tie"),
  ArrowUp: () => choose("bad"),
  b: goBack,
  Backspace: goBack,
  f: goForward,
  Escape: goForward,
  z: toggleZoom,
  " ": toggleZoom,
  "+": () => zoomBy(1.4),
  "=": () => zoomBy(1.4),
  "-": () => zoomBy(1 / 1.4),
  p: () => pause(),
  t: () => byId("sentence").focus(),
  "?": () => byId("help").showModal(),
};

function press(event) {
  watchIdle();
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.target === byId("sentence")) {
    if (event.key === "Enter" || event.key === "Escape") byId("sentence").blur();
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!byId("curtain").hidden) {
    if (key === "b" && !byId("curtain-back").hidden) leaveEnd();
    return;
  }
  const chip = /^[1-9]$/.test(key) ? chipButtons()[key - 1] : null;
  if (!chip && !KEYS[key]) return;
  event.preventDefault();
  if (event.repeat) return; // a key that is held down is one answer
  if (chip) toggleChip(chip);
  else KEYS[key]();
}

function leaveEnd() {
  lift();
  goBack();
}

function bind() {
  document.addEventListener("keydown", press);
  document.addEventListener("pointerdown", watchIdle, { passive: true });
  for (const button of document.querySelectorAll("[data-choice]")) {
    button.addEventListener("click", () => {
      button.blur();
      if (button.dataset.choice === "back") goBack();
      else choose(button.dataset.choice);
    });
  }
  byId("zoom").addEventListener("click", toggleZoom);
  byId("pause").addEventListener("click", () => pause());
  byId("help-button").addEventListener("click", () => byId("help").showModal());
  byId("help-close").addEventListener("click", () => byId("help").close());
  byId("curtain-back").addEventListener("click", leaveEnd);
  document.addEventListener("visibilitychange", () => (document.hidden ? stopClock() : byId("curtain").hidden && continueClock()));
  listen(choose);
}

// --- begin ------------------------------------------------------------------------------------------------------

async function begin() {
  bind();
  if (!token) return refused({ status: 401 });
  curtain("One moment", "The first pair is on its way.", null);
  try {
    me = await get("/api/me");
  } catch (error) {
    return error.status === 0 ? setTimeout(() => location.reload(), 3000) : refused(error);
  }
  document.title = `${me.project} · Finepick`;
  byId("project").textContent = me.project;
  byId("to-project").hidden = me.person.role !== "owner";
  progress = me.progress;
  done.push(...me.recent.reverse());
  makeReasons();
  watchOutbox(tellOutbox);
  await sendAll();
  await fetchAndShow().catch(refused);
}

begin();
