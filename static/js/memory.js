/**
 * What this device remembers for the next time, where it may: in a foreign frame, or in private, it often may not.
 */

const CAMERA_KEY = "bonafide.camera";

/** @returns {string|null} the camera that was picked the last time */
export function rememberedCamera() {
  try {
    return localStorage.getItem(CAMERA_KEY);
  } catch {
    return null;
  }
}

/** @param {string} cameraId */
export function rememberCamera(cameraId) {
  try {
    localStorage.setItem(CAMERA_KEY, cameraId);
  } catch {
    // Nothing depends on it.
  }
}
