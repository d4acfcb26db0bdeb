/**
 * Where the oval and the video lie on the stage: pure geometry, all in CSS pixels.
 *
 * In the frame that the server judges, the oval is 0.72 of a landscape frame's height, or 0.72 of an
 * upright frame's width times 1.618 and at most 0.8 of its height. The video is laid so that this very
 * oval falls into the window that the layout leaves between prompt and hint.
 */

import { cropFor } from "./picture.js";

/** Height over width of the oval: what a face is, measured in the field. */
export const OVAL_RATIO = 1.618;
const OVAL_SHARE = 0.72;
const OVAL_SHARE_UPRIGHT_LIMIT = 0.8;

/** Room for the ring around the oval. */
const RING_ROOM_PX = 14;

/** Of the stage's width; wider, a face would have to come too close. */
const WIDEST_SHARE = 0.8;
const WIDEST_PX = 380;

/** A video that has not told its size yet. */
const UNKNOWN_VIDEO = Object.freeze({ videoWidth: 640, videoHeight: 480 });
const LANDSCAPE_FRAME = Object.freeze({ width: 640, height: 480 });

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{cx: number, cy: number, rx: number, ry: number}} Oval
 */

/**
 * Height of the oval in pixels of the video.
 * @param {{videoWidth: number, videoHeight: number}} video
 * @returns {number}
 */
export function ovalHeightInVideo(video) {
  const { sourceWidth, sourceHeight } = cropFor(video, LANDSCAPE_FRAME);
  if (sourceWidth >= sourceHeight) return OVAL_SHARE * sourceHeight;
  return Math.min(OVAL_SHARE * sourceWidth * OVAL_RATIO, OVAL_SHARE_UPRIGHT_LIMIT * sourceHeight);
}

/**
 * @param {Box} window what the layout leaves for the oval, in the stage's own coordinates
 * @param {number} stageWidth
 * @param {{videoWidth: number, videoHeight: number}} video
 * @returns {{oval: Oval, video: Box}}
 */
export function layOut(window, stageWidth, video) {
  const known = video.videoWidth > 0 ? video : UNKNOWN_VIDEO;
  const widest = Math.min(WIDEST_PX, stageWidth * WIDEST_SHARE, window.width - 2 * RING_ROOM_PX);
  const highest = Math.max(1, Math.min(window.height - 2 * RING_ROOM_PX, widest * OVAL_RATIO));
  const cx = window.x + window.width / 2;
  const cy = window.y + window.height / 2;
  const scale = highest / ovalHeightInVideo(known);
  const width = known.videoWidth * scale;
  const height = known.videoHeight * scale;
  return {
    oval: { cx, cy, rx: highest / OVAL_RATIO / 2, ry: highest / 2 },
    video: { x: cx - width / 2, y: cy - height / 2, width, height },
  };
}

/**
 * An ellipse as a path that begins at the top and runs clockwise, so that segments can be dashes of it.
 * @param {Oval} oval
 * @param {number} [grow] pixels outwards
 * @returns {string}
 */
export function ellipsePath({ cx, cy, rx, ry }, grow = 0) {
  const x = rx + grow;
  const y = ry + grow;
  const top = cy - y;
  return `M${cx} ${top}A${x} ${y} 0 0 1 ${cx} ${cy + y}A${x} ${y} 0 0 1 ${cx} ${top}Z`;
}

/**
 * Start and length of each segment in hundredths of the ring, with a gap between neighbours.
 * @param {number} total
 * @param {number} [gap] hundredths
 * @returns {{start: number, length: number}[]}
 */
export function segmentsOf(total, gap = 3) {
  if (total <= 1) return [{ start: 0, length: 100 }];
  const share = 100 / total;
  return Array.from({ length: total }, (_, index) => ({
    start: index * share + gap / 2,
    length: share - gap,
  }));
}
