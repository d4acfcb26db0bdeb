/**
 * What follows from a change of the state where a phone takes part: links are asked for, run out, and are watched.
 */

/** How often a page that waits for its phone asks how it stands: the server may not know where to tell it. */
const WATCH_EVERY_MS = 20_000;

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 */

/**
 * @param {object} parts
 * @param {ReturnType<typeof import("./socket.js").createSocket>} parts.socket
 * @param {(event: MachineEvent) => void} parts.dispatch
 */
export function createHandoffEffects({ socket, dispatch }) {
  let expiry = 0;
  let watching = 0;

  /** @param {State} next */
  function onLink({ handoff }) {
    clearTimeout(expiry);
    if (handoff === null) return;
    const { link, expiresInMs } = handoff;
    expiry = window.setTimeout(() => dispatch({ type: "handoff_expired", link }), expiresInMs);
  }

  return {
    /** @param {State} next @param {State} previous */
    follow(next, previous) {
      if (next.handoffs > previous.handoffs) void socket.handoff();
      if (next.handoff !== previous.handoff) onLink(next);
      const isOver = next.screen === "outcome" || next.screen === "superseded";
      if (next.watches && !isOver && watching === 0) {
        watching = window.setInterval(() => void socket.watch(), WATCH_EVERY_MS);
      }
      if ((!next.watches || isOver) && watching !== 0) {
        clearInterval(watching);
        watching = 0;
      }
    },
  };
}
