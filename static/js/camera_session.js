/**
 * The one stream of a session, on the video element: opened from a tap, watched, closed at the end.
 */

import { CameraTrouble, classifyCameraError, describeCamera, openForPeople, stopStream } from "./camera.js";

const FIRST_PICTURE_TIMEOUT_MS = 10_000;

/** A muted track may come back (a call on a phone); longer than this it is lost. */
const MUTED_TIMEOUT_MS = 5_000;

/** @typedef {import("./capture_state.js").MachineEvent} MachineEvent */
/** @typedef {import("./camera.js").Surroundings} Surroundings */

/** Resolves when the video has a size. @param {HTMLVideoElement} video @returns {Promise<void>} */
function firstPicture(video) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CameraTrouble("timeout")), FIRST_PICTURE_TIMEOUT_MS);
    const look = () => {
      if (video.videoWidth === 0 || video.readyState < 2) return;
      clearTimeout(timer);
      video.removeEventListener("loadeddata", look);
      resolve();
    };
    video.addEventListener("loadeddata", look);
    look();
  });
}

/**
 * @param {{video: HTMLVideoElement, around: Surroundings, dispatch: (event: MachineEvent) => void}} parts
 */
export function createCameraSession({ video, around, dispatch }) {
  /** @type {MediaStream|null} */
  let stream = null;
  let opening = 0;

  function close() {
    opening += 1;
    stopStream(stream);
    stream = null;
    video.srcObject = null;
  }

  /** @param {MediaStreamTrack} track */
  function watch(track) {
    const isCurrent = () => stream?.getVideoTracks()[0] === track;
    const lose = () => isCurrent() && dispatch({ type: "camera_lost", trouble: "lost" });
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    track.addEventListener("ended", lose);
    track.addEventListener("unmute", () => clearTimeout(timer));
    track.addEventListener("mute", () => {
      timer = setTimeout(() => track.muted && !document.hidden && lose(), MUTED_TIMEOUT_MS);
    });
  }

  return {
    /** @param {string|null} cameraId */
    async open(cameraId) {
      close();
      const mine = opening;
      try {
        const opened = await openForPeople(around, cameraId);
        if (mine !== opening) return stopStream(opened);
        stream = opened;
        video.srcObject = opened;
        const [track] = opened.getVideoTracks();
        if (track !== undefined) watch(track);
        await Promise.all([video.play(), firstPicture(video)]);
        if (mine === opening) dispatch({ type: "camera_opened" });
      } catch (error) {
        if (mine !== opening) return;
        close();
        dispatch({ type: "camera_failed", trouble: classifyCameraError(error, around) });
      }
    },
    close,
    /** For the message `camera`. */
    describe() {
      return stream === null ? { error: "lost" } : describeCamera(stream, video, around);
    },
  };
}
