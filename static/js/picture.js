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

/** @typedef {{canvas: OffscreenCanvas|HTMLCanvasElement, toJpeg: (quality: number) => Promise<Blob|null>}} Easel */

/** A canvas off the page where there is one, else one that is never attached. @returns {Easel} */
function createEasel() {
  if (typeof OffscreenCanvas === "function" && "convertToBlob" in OffscreenCanvas.prototype) {
    const canvas = new OffscreenCanvas(1, 1);
    return { canvas, toJpeg: (quality) => canvas.convertToBlob({ type: "image/jpeg", quality }) };
  }
  const canvas = document.createElement("canvas");
  return {
    canvas,
    toJpeg: (quality) => new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality)),
  };
}

/**
 * The first JPEG that is small enough, with less quality each time.
 * @param {(quality: number) => Promise<Blob|null>} toJpeg
 * @param {number} quality
 * @param {number} maxBytes
 * @returns {Promise<Blob|null>}
 */
export async function encodeWithin(toJpeg, quality, maxBytes) {
  for (let q = quality; q >= LOWEST_QUALITY; q -= QUALITY_STEP) {
    const blob = await toJpeg(q);
    if (blob === null) return null;
    if (blob.size <= maxBytes) return blob;
  }
  return null;
}

/**
 * Draws from the video into one canvas that is used again and again.
 * @param {HTMLVideoElement} video
 */
export function createPictures(video) {
  /** @type {Easel|null} */
  let easel = null;

  /** @param {Crop} crop @param {number} quality @param {number} maxBytes */
  async function take(crop, quality, maxBytes) {
    easel ??= createEasel();
    const { canvas, toJpeg } = easel;
    if (canvas.width !== crop.width) canvas.width = crop.width;
    if (canvas.height !== crop.height) canvas.height = crop.height;
    const context = /** @type {CanvasRenderingContext2D|null} */ (canvas.getContext("2d", { alpha: false }));
    if (context === null || crop.sourceWidth === 0) return null;
    const { sourceX, sourceY, sourceWidth, sourceHeight, width, height } = crop;
    context.drawImage(video, sourceX, sourceY, sourceWidth, sourceHeight, 0, 0, width, height);
    return encodeWithin(toJpeg, quality, maxBytes);
  }

  return {
    /** One frame of the stream. @param {import("./protocol.js").FramePolicy} policy @returns {Promise<ArrayBuffer|null>} */
    async frame(policy) {
      const blob = await take(cropFor(video, policy), policy.quality, policy.max_bytes);
      return blob === null ? null : blob.arrayBuffer();
    },

    /** The still at the stream's full resolution. @param {number} maxBytes @returns {Promise<Blob|null>} */
    still(maxBytes) {
      const { videoWidth: width, videoHeight: height } = video;
      const whole = { sourceX: 0, sourceY: 0, sourceWidth: width, sourceHeight: height, width, height };
      return take(whole, STILL_QUALITY, maxBytes);
    },
  };
}
