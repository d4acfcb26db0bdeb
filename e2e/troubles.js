/**
 * Runs in the page before its own scripts: a camera without anybody before it, which the test can cover, turn,
 * unplug, take away or never answer for; what the page sends; and what moves on it without being asked to.
 */
(() => {
  const shifts = [];
  let countedFrom = 0;
  new PerformanceObserver((list) => shifts.push(...list.getEntries())).observe({
    type: "layout-shift",
    buffered: true,
  });
  const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  // Entries come late: what was shifted before is told by its time.
  window.forgetShifts = async () => {
    await drawn();
    countedFrom = performance.now();
  };
  window.shifted = () =>
    shifts.reduce((sum, { startTime, value }) => sum + (startTime >= countedFrom ? value : 0), 0);

  window.sent = [];
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function sendNoted(data) {
    if (typeof data === "string") window.sent.push(data);
    return send.call(this, data);
  };

  const camera = { answers: [], isBlack: false, asked: 0, constraints: null, track: null };
  window.camera = camera;

  function open() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
    const context = canvas.getContext("2d", { alpha: false });
    let step = 0;
    function paint() {
      step += 1;
      context.fillStyle = camera.isBlack ? "#000" : `hsl(30 10% ${45 + (step % 7)}%)`;
      context.fillRect(0, 0, canvas.width, canvas.height);
      if (!camera.isBlack) context.clearRect(0, 0, (step * 13) % canvas.width, 20);
    }
    paint();
    setInterval(paint, 66);
    const stream = canvas.captureStream();
    [camera.track] = stream.getVideoTracks();
    camera.turn = () => Object.assign(canvas, { width: canvas.height, height: canvas.width });
    camera.unplug = () => {
      camera.track.stop();
      camera.track.dispatchEvent(new Event("ended"));
    };
    return stream;
  }

  const devices = navigator.mediaDevices;
  if (devices === undefined) return;
  devices.getUserMedia = (constraints) => {
    camera.asked += 1;
    camera.constraints = constraints;
    const answer = camera.answers.shift() ?? "open";
    if (answer === "open") return Promise.resolve(open());
    return answer === "never" ? new Promise(() => {}) : Promise.reject(new DOMException("as the test wants", answer));
  };
  devices.enumerateDevices = async () =>
    ["Front camera", "Back camera"].map((label, place) => ({
      kind: "videoinput",
      deviceId: `camera-${place}`,
      groupId: "",
      label,
    }));
})();
