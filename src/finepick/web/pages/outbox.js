// Answers on their way: written down in this browser first, sent as soon as there is a server, forgotten when it has them.

import { Refusal, send, token } from "./server.js";

const KEY = `finepick.outbox.${token.slice(0, 12)}`;
const MOST_TOGETHER = 50;
const WAITS = [300, 700, 1500, 3000];

const listeners = new Set();
let waiting = read();
let sending = null;
let failures = 0;
let trouble = null;

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

function write() {
  try {
    if (waiting.length) localStorage.setItem(KEY, JSON.stringify(waiting));
    else localStorage.removeItem(KEY);
    return true;
  } catch {
    return false; // no room, or not allowed: then the server alone keeps them
  }
}

function tell(refused = []) {
  for (const listener of listeners) listener({ waiting: waiting.length, trouble, refused });
}

/** Calls *listener* whenever what is waiting changes, and once now. */
export function watchOutbox(listener) {
  listeners.add(listener);
  listener({ waiting: waiting.length, trouble, refused: [] });
}

export const waitingAnswers = () => waiting;

/** Writes *answer* down, if the browser can, and sends it; `kept` is fulfilled when the server has it on its disk. */
export function post(answer) {
  waiting.push(answer);
  const isWritten = write();
  return { isWritten, kept: sendAll() };
}

export function sendAll() {
  sending ??= sendWaiting().finally(() => (sending = null));
  return sending;
}

async function sendWaiting() {
  while (waiting.length) {
    const part = waiting.slice(0, MOST_TOGETHER);
    let said;
    try {
      said = await send("/api/answers", { answers: part });
    } catch (error) {
      return giveUpForNow(error);
    }
    const done = new Set([...said.kept, ...said.refused.map((one) => one.id)]);
    waiting = waiting.filter((answer) => !done.has(answer.id));
    write();
    failures = 0;
    trouble = null;
    tell(said.refused);
  }
  return true;
}

function giveUpForNow(error) {
  trouble = error instanceof Refusal ? error : new Refusal(0, String(error));
  const wait = WAITS[Math.min(failures++, WAITS.length - 1)];
  setTimeout(sendAll, wait);
  tell();
  return false;
}

addEventListener("online", sendAll);
// another tab with the same link may have sent them, or have more
addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const theirs = read();
  const known = new Set(waiting.map((answer) => answer.id));
  waiting.push(...theirs.filter((answer) => !known.has(answer.id)));
  tell();
});
