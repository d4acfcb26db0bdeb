/**
 * The demo integrator's page: who was enrolled, one person at a time, one session at a time.
 */

import { cancelSession, listPeople, Refused, readSession, startSession } from "./demo_api.js";
import { returnedBanner } from "./demo_decision.js";
import { createEnrolForm } from "./demo_enrol.js";
import { followSession } from "./demo_live.js";
import { alertBox, isOpen, statusChip } from "./demo_parts.js";
import { startPanel } from "./demo_start.js";
import { button, h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {import("./demo_api.js").Person} Person
 * @typedef {import("./demo_api.js").Session} Session
 * @typedef {import("./demo_api.js").StartOptions} StartOptions
 */

const stage = /** @type {HTMLElement} */ (document.getElementById("stage"));
const list = /** @type {HTMLElement} */ (document.getElementById("people"));
const returned = JSON.parse(document.getElementById("returned")?.textContent ?? "null");

/** @type {Person[]} */
let people = [];
/** @type {string|null} */
let selectedId = null;
/** @type {{stop: () => void}|null} */
let followed = null;

/** Puts something else onto the stage. @param {Node[]} content */
function put(...content) {
  followed?.stop();
  followed = null;
  stage.replaceChildren(...content);
}

function focusStage() {
  const heading = /** @type {HTMLElement|null} */ (stage.querySelector("h2"));
  heading?.focus({ preventScroll: true });
  if (matchMedia("(max-width: 899px)").matches) stage.scrollIntoView();
}

function showList() {
  const rows = people.map((person) => {
    const latest = person.sessions[0];
    const row = h(
      "button",
      { type: "button", class: "person", "aria-current": person.entityId === selectedId ? "true" : null },
      h("span", { class: "person__initial", "aria-hidden": "true" }, [...person.name][0]?.toUpperCase() ?? ""),
      h("span", { class: "person__name" }, person.name),
      latest === undefined ? h("span", { class: "person__none" }, "No session") : statusChip(latest.status),
    );
    row.addEventListener("click", () => showPerson(person));
    return h("li", {}, row);
  });
  list.replaceChildren(...(rows.length > 0 ? rows : [h("li", { class: "note" }, "Nobody yet.")]));
}

function showNothing() {
  selectedId = null;
  put(
    h(
      "section",
      { class: "empty" },
      h("span", { class: "empty__figure" }, icon("shield")),
      h("h2", { class: "empty__title", tabindex: "-1" }, "See a verification end to end"),
      h(
        "ol",
        { class: "steps" },
        h("li", {}, "Enrol a person: a name and a portrait."),
        h("li", {}, "Start a verification and follow what the page asks."),
        h("li", {}, "Read the verdict, and the evidence it rests on."),
      ),
    ),
  );
}

/** @param {Person} person @param {Node[]} notes */
function showPerson(person, ...notes) {
  selectedId = person.entityId;
  showList();
  const panel = startPanel(person, {
    onStart: (options) => void start(person, options),
    onOpen: (sessionId) => void open(person, sessionId, null),
  });
  put(...notes, panel);
  focusStage();
}

/** @param {Person} person @param {StartOptions} options */
async function start(person, options) {
  try {
    const session = await startSession(person.entityId, options);
    if (options.mode === "redirect") location.assign(session.sessionUrl);
    else await open(person, session.id, null);
  } catch (error) {
    await reload();
    showPerson(fresh(person), refusal(person, error));
  }
}

/** What the API refused; where a session is in the way, how to get past it. @param {Person} person @param {unknown} error */
function refusal(person, error) {
  const box = alertBox(error instanceof Error ? error.message : "That did not work.");
  const activeId = error instanceof Refused ? error.body.activeSessionId : undefined;
  if (typeof activeId !== "string") return box;
  return h(
    "div",
    { class: "conflict" },
    box,
    button({
      label: "Go on with it",
      class: "button button--secondary button--small",
      onPress: () => void open(person, activeId, null),
    }),
    button({
      label: "Cancel it",
      class: "button button--danger button--small",
      onPress: () => void cancel(activeId).then(() => showPerson(fresh(person))),
    }),
  );
}

/** @param {string} sessionId */
async function cancel(sessionId) {
  // Too late is no trouble: the status that is read next says how it ended.
  await cancelSession(sessionId).catch(() => {});
  await reload();
}

/** @param {Person} person @param {string} sessionId @param {Node|null} banner */
async function open(person, sessionId, banner) {
  let session;
  try {
    session = await readSession(sessionId);
  } catch (error) {
    showPerson(person, alertBox(error instanceof Error ? error.message : "That did not work."));
    return;
  }
  selectedId = person.entityId;
  followed?.stop();
  followed = followSession(stage, person.name, session, banner, {
    onCancel: cancel,
    onBack: () => showPerson(fresh(person)),
    onChanged: noteChange,
  });
  noteChange(session);
  focusStage();
  if (session.callback !== null && isOpen(session.status)) stage.append(continueLink(session));
}

/** An open session that was made for a redirect goes on there. @param {Session} session */
function continueLink({ sessionUrl }) {
  return h("a", { class: "button button--primary", href: sessionUrl }, "Go to the hosted page");
}

/** @param {Session} session */
function noteChange({ id, entityId, status }) {
  people = people.map((person) => {
    if (person.entityId !== entityId) return person;
    const isKnown = person.sessions.some((one) => one.id === id);
    const sessions = isKnown
      ? person.sessions.map((one) => (one.id === id ? { id, status } : one))
      : [{ id, status }, ...person.sessions];
    return { ...person, sessions };
  });
  showList();
}

/** @param {Person} person */
function fresh(person) {
  return people.find(({ entityId }) => entityId === person.entityId) ?? person;
}

async function reload() {
  people = await listPeople().catch(() => people);
  showList();
}

async function begin() {
  createEnrolForm({
    root: document,
    onEnrolled: (person) => {
      people = [person, ...people];
      showPerson(person);
    },
  });
  showList();
  showNothing();
  await reload();
  if (returned === null) return;
  // The signed result is in the address: it has been checked and need not stay there.
  history.replaceState(null, "", "/demo");
  const banner = returnedBanner(returned);
  const person = people.find(({ sessions }) => sessions.some(({ id }) => id === returned.sessionId));
  if (person === undefined) stage.prepend(banner);
  else await open(person, returned.sessionId, banner);
}

void begin();
