/**
 * The enrolment form: a name, and a portrait from the camera or a file.
 */

import { enrol, Refused } from "./demo_api.js";
import { say } from "./demo_parts.js";

const FILE_MAX_BYTES = 5 * 1024 * 1024;
const JPEG_QUALITY = 0.92;

/** @param {{root: Document, onEnrolled: (person: import("./demo_api.js").Person) => void}} parts */
export function createEnrolForm({ root, onEnrolled }) {
  const form = /** @type {HTMLFormElement} */ (root.getElementById("enrol"));
  const video = /** @type {HTMLVideoElement} */ (root.getElementById("camera"));
  const preview = /** @type {HTMLImageElement} */ (root.getElementById("preview"));
  const portrait = /** @type {HTMLElement} */ (root.getElementById("portrait"));
  const cameraButton = /** @type {HTMLButtonElement} */ (root.getElementById("use-camera"));
  const file = /** @type {HTMLInputElement} */ (root.getElementById("file"));
  const note = /** @type {HTMLElement} */ (root.getElementById("enrol-note"));
  const submit = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
  const name = /** @type {HTMLInputElement} */ (form.elements.namedItem("name"));
  const firstNote = note.textContent ?? "";
  /** @type {Blob|null} */
  let picture = null;

  /** @param {string} text @param {boolean} [isProblem] */
  function tell(text, isProblem = false) {
    note.textContent = text;
    note.classList.toggle("note--problem", isProblem);
  }

  /** @param {Blob|null} blob */
  function show(blob) {
    stopCamera();
    if (preview.src) URL.revokeObjectURL(preview.src);
    picture = blob;
    preview.hidden = blob === null;
    if (blob === null) preview.removeAttribute("src");
    else preview.src = URL.createObjectURL(blob);
    portrait.dataset.source = blob === null ? "none" : "picture";
    tell(firstNote);
  }

  function stopCamera() {
    const stream = /** @type {MediaStream|null} */ (video.srcObject);
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    video.hidden = true;
    cameraButton.textContent = "Use the camera";
    if (portrait.dataset.source === "camera") portrait.dataset.source = "none";
  }

  async function startCamera() {
    if (navigator.mediaDevices === undefined) {
      tell("This browser gives no camera here: open the page by https, or on this machine itself.", true);
      return;
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 720 } },
      });
      show(null);
      video.srcObject = stream;
      video.hidden = false;
      portrait.dataset.source = "camera";
      await video.play();
      cameraButton.textContent = "Take the picture";
      tell("Look straight ahead, with a calm face.");
    } catch {
      tell("The camera cannot be used. Allow it in the browser, or choose a picture.", true);
    }
  }

  function takePicture() {
    const canvas = root.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    canvas.toBlob((blob) => show(blob), "image/jpeg", JPEG_QUALITY);
  }

  cameraButton.addEventListener("click", () => (video.hidden ? startCamera() : takePicture()));
  file.addEventListener("change", () => {
    const chosen = file.files?.[0] ?? null;
    if (chosen !== null && chosen.size > FILE_MAX_BYTES) tell("The picture is larger than 5 MiB.", true);
    else if (chosen !== null) show(chosen);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (picture === null) {
      tell("Take a picture or choose a file first.", true);
      return;
    }
    submit.disabled = true;
    tell("Enrolling …");
    try {
      const person = await enrol(name.value.trim(), picture);
      form.reset();
      show(null);
      say(`${person.name} is enrolled`);
      onEnrolled(person);
    } catch (error) {
      tell(error instanceof Refused ? error.message : "That did not work.", true);
    } finally {
      submit.disabled = false;
    }
  });
}
