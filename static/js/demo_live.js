/**
 * A session while it runs: the hosted page in an iframe, what it says, and the status as the API has it.
 */

import { Refused, readSession } from "./demo_api.js";
import { sessionReport } from "./demo_decision.js";
import { alertBox, copyableId, isOpen, say, statusChip, statusOf } from "./demo_parts.js";
import { button, h } from "./dom.js";

const POLL_MS = 2_000;
const HOSTED_LINGERS_MS = 3_000;
const MESSAGES_SHOWN = 6;

/**
 * @typedef {import("./demo_api.js").Session} Session
 * @typedef {{onCancel: (sessionId: string) => Promise<void>, onBack: () => void,
 *   onChanged: (session: Session) => void}} Handlers
 */

/**
 * Shows a session and follows it until it is over. Call `stop` before showing something else.
 * @param {HTMLElement} stage @param {string} name @param {Session} first
 * @param {Node|null} banner @param {Handlers} handlers
 */
export function followSession(stage, name, first, banner, { onCancel, onBack, onChanged }) {
  let session = first;
  let timer = 0;
  let isStopped = false;
  const hosted = isOpen(session.status) && session.callback === null ? hostedFrame(session) : null;
  const state = h("div", { class: "state" });
  const report = h("div", {});
  const messages = h("ol", { class: "messages" });
  const log = h(
    "details",
    { class: "options", hidden: true },
    h("summary", {}, "Messages of the hosted page"),
    messages,
  );
  const cancelButton = button({
    label: "Cancel the session",
    class: "button button--danger button--small",
    onPress: () => void onCancel(session.id).then(update),
  });

  /** @param {MessageEvent} event */
  function onMessage(event) {
    const isOurs = event.source === hosted?.contentWindow && event.origin === new URL(session.sessionUrl).origin;
    if (!isOurs || event.data?.source !== "bonafide" || event.data.sessionId !== session.id) return;
    const { type, data } = event.data;
    if (type === "resize") return;
    log.hidden = false;
    messages.prepend(h("li", {}, h("code", {}, type), ` ${Object.values(data ?? {}).join(" ")}`));
    while (messages.children.length > MESSAGES_SHOWN) messages.lastElementChild?.remove();
    if (type === "close_request") onBack();
    else if (type === "completed" || type === "cancelled") void update();
  }

  async function update() {
    clearTimeout(timer);
    try {
      const previous = session;
      session = await readSession(session.id);
      if (isStopped) return;
      if (session.updatedAt !== previous.updatedAt) show();
      if (session.status !== previous.status) say(statusOf(session.status, session.inReview).label);
      onChanged(session);
    } catch (error) {
      if (isStopped) return;
      state.hidden = false;
      state.replaceChildren(alertBox(error instanceof Refused ? error.message : "The status is not known."));
    }
    if (!isStopped && isOpen(session.status)) timer = window.setTimeout(update, POLL_MS);
  }

  function show() {
    const open = isOpen(session.status);
    state.replaceChildren(statusChip(session.status, session.inReview), copyableId(session.id, "session id"));
    cancelButton.hidden = !open;
    const isOver = !open || session.inReview;
    const hasReport = hosted === null || isOver;
    // The report says both in its own words.
    state.hidden = hasReport;
    report.replaceChildren(...(hasReport ? [sessionReport(session)] : []));
    // The hosted page's own last screen is worth a look before it makes room.
    if (isOver) setTimeout(() => hosted?.remove(), HOSTED_LINGERS_MS);
  }

  const blocked = () => hosted?.replaceWith(alertBox(foreignOrigin(session)));
  document.addEventListener("securitypolicyviolation", blocked);
  window.addEventListener("message", onMessage);
  stage.replaceChildren(
    h(
      "section",
      { class: "panel panel--main" },
      h("h2", { class: "panel__title", tabindex: "-1" }, name),
      state,
      ...[banner, hosted, report, log].filter((part) => part !== null),
      h(
        "div",
        { class: "actions" },
        cancelButton,
        button({ label: "Back", class: "button button--secondary button--small", onPress: onBack }),
      ),
    ),
  );
  show();
  if (isOpen(session.status)) timer = window.setTimeout(update, POLL_MS);
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
      document.removeEventListener("securitypolicyviolation", blocked);
      window.removeEventListener("message", onMessage);
    },
  };
}

/** @param {Session} session */
function hostedFrame({ sessionUrl, iframeAllow }) {
  return h("iframe", { class: "hosted", src: sessionUrl, allow: iframeAllow, title: "Verification" });
}

/** @param {Session} session */
function foreignOrigin({ sessionUrl }) {
  return `Links are made for another address. Open the demo at ${new URL(sessionUrl).origin}/demo.`;
}
