/**
 * Runs in the page before its own scripts: puts a performer in the place of the camera.
 *
 * getUserMedia gives a canvas that is painted with the performer's frames: resting until the server asks
 * a challenge (read from the page's own websocket), then, after a person's reaction time, that movement.
 * `settings` is written in front of this file by performer.py.
 */
(() => {
  const { act, framesPerSecond, noiseSigma, reactionMs, repeatAfterMs, cameras, refusal, wayMs } = settings;
  const asked = { name: "", atMs: 0, id: "", again: null };
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

  /** Played on frame by frame: at rest to and fro, and from its first frame on the movement that is asked. */
  const play = { movement: null, place: 0, step: 1, notBeforeMs: 0 };

  /** As Player in app/simulation/player.py, without its chances. */
  function nextPicture(nowMs) {
    const { idle, movements } = pictures;
    if (play.movement !== null) {
      play.place += 1;
      if (play.place < play.movement.length) return play.movement[play.place];
      Object.assign(play, { movement: null, place: 0, step: 1, notBeforeMs: nowMs + repeatAfterMs });
      return idle[0];
    }
    const movement = movements[asked.name];
    const dueMs = Math.max(asked.atMs + reactionMs, asked.again === asked.id ? play.notBeforeMs : 0);
    const wayBackMs = (1000 * play.place) / framesPerSecond;
    if (movement !== undefined && play.place === 0 && nowMs >= dueMs) {
      Object.assign(play, { movement, place: 0 });
      asked.again = asked.id;
      return movement[0];
    }
    if (movement !== undefined && nowMs >= dueMs - wayBackMs) play.step = -1;
    if (idle[play.place + play.step] === undefined) play.step = -play.step;
    if (idle[play.place + play.step] !== undefined) play.place += play.step;
    return idle[play.place];
  }

  /** Noise of a sensor, drawn once; each frame shows another part of it. */
  function makeNoise(width, height) {
    const noise = new OffscreenCanvas(2 * width, 2 * height);
    const context = noise.getContext("2d");
    const image = context.createImageData(noise.width, noise.height);
    for (let at = 0; at < image.data.length; at += 4) {
      const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
      image.data.fill(normal > 0 ? 255 : 0, at, at + 3);
      // Over middle grey, white or black of this opacity changes so many levels.
      image.data[at + 3] = Math.min(255, Math.round(2 * noiseSigma * Math.abs(normal)));
    }
    context.putImageData(image, 0, 0);
    return noise;
  }

  async function openCanvas() {
    pictures ??= await load();
    const canvas = document.createElement("canvas");
    canvas.width = pictures.width;
    canvas.height = pictures.height;
    const context = canvas.getContext("2d", { alpha: false });
    const noise = makeNoise(canvas.width, canvas.height);
    let isBusy = false;
    async function paint() {
      if (isBusy) return;
      isBusy = true;
      const picture = await createImageBitmap(nextPicture(performance.now()));
      context.drawImage(picture, 0, 0);
      context.drawImage(noise, -Math.floor(Math.random() * canvas.width), -Math.floor(Math.random() * canvas.height));
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
      if (wayMs > 0) this.addEventListener("message", (event) => this.receiveLate(event));
      this.addEventListener("message", ({ data }) => typeof data === "string" && follow(data));
    }

    /** A long line: what is sent and what comes takes so long each. */
    send(data) {
      if (wayMs === 0) return super.send(data);
      setTimeout(() => this.readyState === Socket.OPEN && super.send(data), wayMs);
    }

    receiveLate(event) {
      if (!event.isTrusted) return;
      event.stopImmediatePropagation();
      setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data: event.data })), wayMs);
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
