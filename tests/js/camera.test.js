import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AT_ONCE_MS,
  CameraTrouble,
  classifyCameraError,
  classifyLabel,
  constraintsFor,
  countCameras,
  describeCamera,
  injectionSignals,
  listCameras,
  openCamera,
  openForPeople,
  troubleBeforeAsking,
  troubleBeforeConnecting,
} from "../../static/js/camera.js";
import { CAMERA_LABEL_CLASSES, CAMERA_TROUBLES } from "../../static/js/protocol.js";

/** @typedef {import("../../static/js/camera.js").Surroundings} Surroundings */

const CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/143.0 Safari/537.36";

/** @param {Partial<Surroundings>} [changes] @returns {Surroundings} */
function around(changes = {}) {
  return {
    isSecureContext: true,
    origin: "https://bank.example",
    isFramed: false,
    userAgent: CHROME,
    featurePolicy: { allowsFeature: () => true },
    mediaDevices: { getUserMedia: async () => stream(), enumerateDevices: async () => [] },
    ...changes,
  };
}

/** @param {object} [settings] @param {string} [label] */
function track(settings = { deviceId: "d", frameRate: 30, facingMode: "user" }, label = "FaceTime HD Camera") {
  const made = { label, isStopped: false, getSettings: () => settings, stop: () => undefined };
  made.stop = () => {
    made.isStopped = true;
  };
  return made;
}

/** @param {ReturnType<typeof track>} [only] @returns {any} */
function stream(only = track()) {
  return { getTracks: () => [only], getVideoTracks: () => [only] };
}

/** @param {() => Promise<any>} getUserMedia */
function with_(getUserMedia) {
  return around({ mediaDevices: { getUserMedia, enumerateDevices: async () => [] } });
}

/** @param {Surroundings} surroundings @param {number} [timeoutMs] */
async function troubleOf(surroundings, timeoutMs) {
  try {
    await openCamera(surroundings, null, { timeoutMs });
    return null;
  } catch (error) {
    assert.ok(error instanceof CameraTrouble);
    return error.code;
  }
}

test("what is in the way is known before anybody is asked", () => {
  assert.equal(troubleBeforeAsking(around()), null);
  assert.equal(troubleBeforeAsking(around({ isSecureContext: false })), "insecure");
  assert.equal(troubleBeforeAsking(around({ mediaDevices: undefined })), "webview");
  assert.equal(troubleBeforeAsking(around({ origin: "null" })), "sandbox");
  const forbidden = { allowsFeature: () => false };
  assert.equal(troubleBeforeAsking(around({ featurePolicy: forbidden })), "policy");
  assert.equal(troubleBeforeAsking(around({ featurePolicy: undefined })), null, "not every browser can say");
});

test("what keeps even the connection away is known when the page is loaded", () => {
  assert.equal(troubleBeforeConnecting(around({ isSecureContext: false })), "insecure");
  assert.equal(troubleBeforeConnecting(around({ isSecureContext: false, origin: "null" })), "sandbox");
  const later = { mediaDevices: undefined, featurePolicy: { allowsFeature: () => false } };
  assert.equal(troubleBeforeConnecting(around(later)), null, "a phone may help");
});

test("each error of the browser has its name, and an unknown one too", () => {
  const expected = {
    NotAllowedError: "denied",
    SecurityError: "policy",
    NotReadableError: "in_use",
    AbortError: "in_use",
    NotFoundError: "no_camera",
    OverconstrainedError: "constraints",
    TypeError: "insecure",
    NobodyKnowsError: "in_use",
  };
  for (const [name, trouble] of Object.entries(expected)) {
    assert.equal(classifyCameraError(new DOMException("", name), around()), trouble, name);
    assert.ok(CAMERA_TROUBLES.includes(trouble));
  }
  assert.equal(classifyCameraError("text", around()), "in_use");
});

test("a refusal is told apart from a frame that forbids, and from an app's own view", () => {
  const refusal = new DOMException("", "NotAllowedError");
  const forbidden = { allowsFeature: () => false };
  assert.equal(classifyCameraError(refusal, around({ featurePolicy: forbidden })), "policy");
  const inApp = around({ userAgent: "Mozilla/5.0 (Linux; Android 15; wv) Chrome/143 Mobile Instagram 300.0" });
  assert.equal(classifyCameraError(refusal, inApp), "webview");
});

test("where a frame's policy cannot be known, a refusal before anybody could answer names both causes", async () => {
  const refusal = new DOMException("", "NotAllowedError");
  const unknown = { isFramed: true, featurePolicy: undefined };
  const atOnce = true;
  assert.equal(classifyCameraError(refusal, around(unknown), atOnce), "kept_back");
  assert.equal(classifyCameraError(refusal, around(unknown)), "denied", "somebody answered");
  assert.equal(classifyCameraError(refusal, around({ isFramed: true }), atOnce), "denied", "it was passed on");
  assert.equal(
    classifyCameraError(refusal, around({ ...unknown, isFramed: false }), atOnce),
    "denied",
    "no frame",
  );
  const other = new DOMException("", "NotFoundError");
  assert.equal(classifyCameraError(other, around(unknown), atOnce), "no_camera");

  const refuse = { getUserMedia: () => Promise.reject(refusal), enumerateDevices: async () => [] };
  const framed = around({ ...unknown, mediaDevices: refuse });
  for (const [tookMs, trouble] of /** @type {const} */ ([
    [0, "kept_back"],
    [AT_ONCE_MS, "denied"],
  ])) {
    const times = [0, tookMs];
    const now = () => times.shift() ?? 0;
    await assert.rejects(openCamera(framed, null, { now }), { code: trouble });
  }
});

test("opening ends in a stream or in a named trouble", async () => {
  const made = stream();
  assert.equal(
    await openCamera(
      with_(async () => made),
      null,
    ),
    made,
  );
  assert.equal(await troubleOf(around({ isSecureContext: false })), "insecure");
  const refuse = async () => {
    throw new DOMException("", "NotFoundError");
  };
  assert.equal(await troubleOf(with_(refuse)), "no_camera");
});

test("a question that nobody answers ends, and a stream that comes too late is stopped", async () => {
  const late = track();
  /** @type {(value: unknown) => void} */
  let answer = () => undefined;
  const asked = new Promise((resolve) => {
    answer = resolve;
  });
  assert.equal(
    await troubleOf(
      with_(() => asked),
      1,
    ),
    "timeout",
  );
  answer(stream(late));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(late.isStopped, true);
});

test("nothing is demanded, only wished for", () => {
  assert.doesNotMatch(JSON.stringify([constraintsFor(null), constraintsFor("d")]), /exact/);
  assert.deepEqual(/** @type {any} */ (constraintsFor(null).video).facingMode, { ideal: "user" });
  assert.deepEqual(/** @type {any} */ (constraintsFor("d").video).deviceId, { ideal: "d" });
});

test("infrared cameras and microphones are not offered", async () => {
  const devices = [
    { kind: "videoinput", deviceId: "a", label: "Integrated Camera" },
    { kind: "videoinput", deviceId: "b", label: "Integrated IR Camera" },
    { kind: "videoinput", deviceId: "c", label: "Intel RealSense Depth" },
    { kind: "videoinput", deviceId: "", label: "" },
    { kind: "audioinput", deviceId: "d", label: "Microphone" },
    { kind: "videoinput", deviceId: "e", label: "Firm Webcam" },
  ];
  const offered = await listCameras(
    around({
      mediaDevices: {
        getUserMedia: async () => stream(),
        enumerateDevices: async () => /** @type {any} */ (devices),
      },
    }),
  );
  assert.deepEqual(
    offered.map((camera) => camera.id),
    ["a", "e"],
  );
  assert.deepEqual(await listCameras(around({ mediaDevices: undefined })), []);
});

test("labels of programs that make pictures up are told apart", () => {
  for (const label of [
    "OBS Virtual Camera",
    "ManyCam Virtual Webcam",
    "v4l2loopback dummy",
    "DroidCam Source 3",
  ]) {
    assert.equal(classifyLabel(label), "virtual", label);
  }
  for (const label of ["FaceTime HD Camera", "HD Pro Webcam C920", "camera2 1, facing front", "Observatory Cam"]) {
    assert.equal(classifyLabel(label), "physical", label);
  }
  assert.equal(classifyLabel(""), "unknown");
});

test("signs of injection are named, and a plain camera has none but the test's own hand", () => {
  class CanvasCaptureMediaStreamTrack {
    label = "";
    getSettings() {
      return {};
    }
  }
  const drawn = injectionSignals(/** @type {any} */ (new CanvasCaptureMediaStreamTrack()), around());
  for (const signal of ["canvas_track", "no_device_id", "no_label"]) assert.ok(drawn.includes(signal), signal);
  assert.deepEqual(injectionSignals(/** @type {any} */ (track()), around()), ["patched_get_user_media"]);
});

test("the server is told what the camera gives, never its name", () => {
  const told = describeCamera(stream(), { videoWidth: 720, videoHeight: 1280 }, around());
  assert.deepEqual([told.width, told.height, told.fps, told.facing], [720, 1280, 30, "user"]);
  assert.ok(CAMERA_LABEL_CLASSES.includes(told.label_class ?? ""));
  assert.doesNotMatch(JSON.stringify(told), /FaceTime/);
  const silent = { ...stream(), getVideoTracks: () => [] };
  assert.deepEqual(describeCamera(silent, { videoWidth: 0, videoHeight: 0 }, around()), { error: "no_camera" });
});

test("a browser that never says which cameras there are offers none", async () => {
  const mediaDevices = {
    enumerateDevices: () => new Promise(() => {}),
    getUserMedia: async () => new MediaStream(),
  };
  assert.deepEqual(await listCameras(/** @type {any} */ ({ mediaDevices }), 1), []);
});

test("nor does it keep anybody waiting who counts them", async () => {
  const never = { enumerateDevices: () => new Promise(() => {}), getUserMedia: async () => stream() };
  assert.equal(await countCameras(around({ mediaDevices: never }), 1), null);
  assert.equal(await countCameras(around({ mediaDevices: undefined })), null);
  const nameless = [{ kind: "videoinput", deviceId: "", label: "" }, { kind: "audioinput" }];
  const asked = { ...never, enumerateDevices: async () => /** @type {any} */ (nameless) };
  assert.equal(await countCameras(around({ mediaDevices: asked })), 1, "there is one, whatever it is");
});

/** Cameras by name, the first of which is given to who names none. @param {string[]} labels */
function cameras(...labels) {
  const tracks = labels.map((label) => track(undefined, label));
  /** @type {string[]} */
  const asked = [];
  return {
    tracks,
    asked,
    around: around({
      mediaDevices: {
        getUserMedia: async (constraints) => {
          const wanted = /** @type {any} */ (constraints?.video)?.deviceId?.ideal ?? labels[0];
          asked.push(wanted);
          return stream(tracks[labels.indexOf(wanted)]);
        },
        enumerateDevices: async () =>
          /** @type {any} */ (labels.map((label) => ({ kind: "videoinput", deviceId: label, label }))),
      },
    }),
  };
}

test("in the place of an infrared camera another is opened, once", async () => {
  const both = cameras("Integrated IR Camera", "OBS Virtual Camera", "Integrated Camera");
  const opened = await openForPeople(both.around, null);
  assert.equal(opened.getVideoTracks()[0]?.label, "Integrated Camera");
  assert.deepEqual(both.asked, ["Integrated IR Camera", "Integrated Camera"]);
  assert.equal(both.tracks[0]?.isStopped, true, "its light goes out");
});

test("an infrared camera that is the only one is kept, and any other is taken as it comes", async () => {
  for (const labels of [["Windows Hello IR"], ["Windows Hello IR", "OBS Virtual Camera"], ["Integrated Camera"]]) {
    const found = cameras(...labels);
    assert.equal((await openForPeople(found.around, null)).getVideoTracks()[0]?.label, labels[0]);
    assert.equal(found.asked.length, 1);
    assert.equal(found.tracks[0]?.isStopped, false);
  }
});
