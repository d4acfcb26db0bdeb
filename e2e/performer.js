/**
 * Runs in the page before its own scripts: puts a performer in the place of the camera.
 *
 * getUserMedia gives a canvas that is painted with the performer's frames: resting until the server asks
 * a challenge (read from the page's own websocket), then, after a person's reaction time, that movement.
 * `settings` is written in front of this file by performer.py.
 */
(() => {
  const { act, framesPerSecond, reactionMs, repeatAfterMs, cameras, refusal } = settings;
  const asked = { name: "", atMs: 0, id: "" };
  let pictures = null;

  /** One file holds all JPEGs; the index says where each lies. */
  async function load() {
    const [index, bytes] = await Promise.all([
      fetch(`/performer/${act}.json`).then((answer) => answer.json()),
      fetch(`/performer/${act}.bin`).then((answer) => answer.blob()),
    ]);
    const cut = (spans) => spans.map(([from, to]) => bytes.slice(from, to, "image/jpeg"));
    const movements = Object.fromEntries(Object.entries(index.movements).map(([name, at]) => [name, cut(at)]));
    return { width: index.width, height: index.height, idle: cut(index.idle), movements };
  }

  function restingAt(frame) {
    const { idle } = pictures;
    const period = Math.max(1, 2 * idle.length - 2);
    const place = frame % period;
    return idle[place < idle.length ? place : period - place];
  }

  /** The same as Player.frame in tests/performance.py. */
  function pictureAt(nowMs) {
    const resting = restingAt(Math.floor((nowMs * framesPerSecond) / 1000));
    const movement = pictures.movements[asked.name];
    const sinceMs = nowMs - asked.atMs - reactionMs;
    if (movement === undefined || sinceMs < 0) return resting;
    const pause = Math.floor((repeatAfterMs * framesPerSecond) / 1000);
    const place = Math.floor((sinceMs * framesPerSecond) / 1000) % (movement.length + pause);
    return movement[place] ?? resting;
  }

  async function openCanvas() {
    pictures ??= await load();
    const canvas = document.createElement("canvas");
    canvas.width = pictures.width;
    canvas.height = pictures.height;
    const context = canvas.getContext("2d", { alpha: false });
    let isBusy = false;
    async function paint() {
      if (isBusy) return;
      isBusy = true;
      const picture = await createImageBitmap(pictureAt(performance.now()));
      context.drawImage(picture, 0, 0);
      picture.close();
      isBusy = false;
    }
    await paint();
    const stream = canvas.captureStream();
    const timer = setInterval(paint, 1000 / framesPerSecond);
    const [track] = stream.getVideoTracks();
    const stop = track.stop.bind(track);
    track.stop = () => {
      clearInterval(timer);
      stop();
    };
    window.performer.track = track;
    return stream;
  }

  function follow(text) {
    const found = /^42\/capture,(\[.*\])$/s.exec(text);
    if (found === null) return;
    const [name, message] = JSON.parse(found[1]);
    window.performer.heard.push(name);
    if (name === "challenge") {
      const { kind, direction, challenge_id: id } = message;
      Object.assign(asked, { name: `${kind} ${direction ?? ""}`.trim(), atMs: performance.now(), id });
    }
    if (name === "challenge_result" && message.challenge_id === asked.id) asked.name = "";
  }

  window.performer = { heard: [], track: null };
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args);
      window.performer.socket = this;
      this.addEventListener("message", ({ data }) => typeof data === "string" && follow(data));
    }
  };
  const devices = navigator.mediaDevices;
  if (devices === undefined) return;
  devices.getUserMedia = () => {
    if (refusal !== "") return Promise.reject(new DOMException("as the test wants", refusal));
    return openCanvas();
  };
  devices.enumerateDevices = async () =>
    cameras.map((label, place) => ({ kind: "videoinput", deviceId: `camera-${place}`, groupId: "", label }));
})();
