// Talking to the server. The link's secret comes after the # of the address, which browsers send nowhere.

const KEY = "finepick.token";

function readToken() {
  const given = decodeURIComponent(location.hash.slice(1));
  if (/^[\w-]{10,200}$/.test(given)) {
    history.replaceState(null, "", location.pathname); // out of sight, and out of screenshots
    remember(given);
    return given;
  }
  try {
    return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function remember(token) {
  try {
    sessionStorage.setItem(KEY, token); // two links in two tabs stay apart
    localStorage.setItem(KEY, token);
  } catch {
    // a browser that remembers nothing: the link has to be opened again
  }
}

export const token = readToken();

/** What the server says no to; `status` 0 where it could not be reached at all. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function request(path, options = {}) {
  let reply;
  try {
    reply = await fetch(path, { ...options, headers: { "x-finepick-token": token, ...options.headers } });
  } catch {
    throw new Refusal(0, "the server cannot be reached");
  }
  if (reply.ok) return reply;
  let message = `the server says ${reply.status}`;
  try {
    message = (await reply.json()).error.message;
  } catch {
    // whatever stands in between us and the server has its own way of saying no
  }
  throw new Refusal(reply.status, message);
}

export const get = async (path) => (await request(path)).json();
export const getBlob = async (path, signal) => (await request(path, { signal })).blob();

export async function send(path, body, method = "POST") {
  const headers = { "content-type": "application/json" };
  return (await request(path, { method, headers, body: JSON.stringify(body ?? {}), keepalive: true })).json();
}

export async function sendFile(path, file) {
  const headers = { "content-type": "application/octet-stream" };
  return (await request(path, { method: "POST", headers, body: file })).json();
}
