/**
 * Frames and the still as JPEG. Pictures leave the page unmirrored: the mirror is CSS, for the eyes only.
 */

const STILL_QUALITY = 0.92;
const QUALITY_STEP = 0.12;
const LOWEST_QUALITY = 0.3;

/**
 * @typedef {{sourceX: number, sourceY: number, sourceWidth: number, sourceHeight: number,
 *   width: number, height: number}} Crop
 * @typedef {{videoWidth: number, videoHeight: number}} VideoSize
 */

/**
 * The centre of the video in the shape of the policy, upright where the video is upright. All in pixels.
 * @param {VideoSize} video
 * @param {{width: number, height: number}} policy the landscape size
 * @returns {Crop}
 */
export function cropFor(video, policy) {
  const { videoWidth, videoHeight } = video;
  const isUpright = videoHeight > videoWidth;
  const width = isUpright ? policy.height : policy.width;
  const height = isUpright ? policy.width : policy.height;
  const scale = Math.min(videoWidth / width, videoHeight / height);
  const sourceWidth = Math.round(width * scale);
  const sourceHeight = Math.round(height * scale);
  return {
    sourceX: Math.round((videoWidth - sourceWidth) / 2),
    sourceY: Math.round((videoHeight - sourceHeight) / 2),
    sourceWidth,
    sourceHeight,
    width,
    height,
  };
}

/**
 * The bytes of a `data:` address. Not by fetch: the page's policy lets it connect to its server only.
 * @param {string} address
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytesOf(address) {
  const binary = atob(address.slice(address.indexOf(",") + 1));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/**
 * The first JPEG that is small enough, with less quality each time, or null.
 * @param {(quality: number) => Uint8Array<ArrayBuffer>} toJpeg
 * @param {number} quality
 * @param {number} maxBytes
 */
export function encodeWithin(toJpeg, quality, maxBytes) {
  for (let q = quality; q >= LOWEST_QUALITY; q -= QUALITY_STEP) {
    const bytes = toJpeg(q);
    if (bytes.length <= maxBytes) return bytes;
  }
  return null;
}

/**
 * Draws from the video into one canvas that is used again and again.
 *
 * Encoding is done at once, by toDataURL: toBlob and convertToBlob wait in Chromium for the page to be
 * idle, and on a busy machine a frame was seen to leave five seconds after it was taken.
 * @param {HTMLVideoElement} video
 */
export function createPictures(video) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });

  /** @param {number} quality */
  const toJpeg = (quality) => bytesOf(canvas.toDataURL("image/jpeg", quality));

  /** @param {Crop} crop @param {number} quality @param {number} maxBytes */
  function take(crop, quality, maxBytes) {
    if (context === null || crop.sourceWidth === 0) return null;
    if (canvas.width !== crop.width) canvas.width = crop.width;
    if (canvas.height !== crop.height) canvas.height = crop.height;
    const { sourceX, sourceY, sourceWidth, sourceHeight, width, height } = crop;
    context.drawImage(video, sourceX, sourceY, sourceWidth, sourceHeight, 0, 0, width, height);
    return encodeWithin(toJpeg, quality, maxBytes);
  }

  return {
    /** One frame of the stream. @param {import("./protocol.js").FramePolicy} policy @returns {ArrayBuffer|null} */
    frame(policy) {
      return take(cropFor(video, policy), policy.quality, policy.max_bytes)?.buffer ?? null;
    },

    /** The still at the stream's full resolution. @param {number} maxBytes @returns {Blob|null} */
    still(maxBytes) {
      const { videoWidth: width, videoHeight: height } = video;
      const whole = { sourceX: 0, sourceY: 0, sourceWidth: width, sourceHeight: height, width, height };
      const bytes = take(whole, STILL_QUALITY, maxBytes);
      return bytes === null ? null : new Blob([bytes], { type: "image/jpeg" });
    },
  };
}
