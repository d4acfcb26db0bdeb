import assert from "node:assert/strict";
import { test } from "node:test";
import { layOut, OVAL_RATIO, ovalHeightInVideo, segmentsOf } from "../../static/js/oval.js";
import { bytesOf, cropFor, encodeWithin } from "../../static/js/picture.js";
import { ringOf } from "../../static/js/ring.js";
import { stateOn } from "./states.js";

const POLICY = Object.freeze({ width: 640, height: 480 });
const VIDEOS = Object.freeze([
  { videoWidth: 1280, videoHeight: 720 },
  { videoWidth: 640, videoHeight: 480 },
  { videoWidth: 720, videoHeight: 1280 },
  { videoWidth: 480, videoHeight: 640 },
  { videoWidth: 720, videoHeight: 720 },
  { videoWidth: 353, videoHeight: 289 },
]);

/** @param {number} a @param {number} b @param {number} within */
const near = (a, b, within) => assert.ok(Math.abs(a - b) <= within, `${a} is not near ${b}`);

test("a frame is the centre of the video, upright where the video is, and never stretched", () => {
  for (const video of VIDEOS) {
    const crop = cropFor(video, POLICY);
    const isUpright = video.videoHeight > video.videoWidth;
    assert.deepEqual([crop.width, crop.height], isUpright ? [480, 640] : [640, 480]);
    near(crop.sourceWidth / crop.sourceHeight, crop.width / crop.height, 0.01);
    near(crop.sourceX * 2 + crop.sourceWidth, video.videoWidth, 1);
    near(crop.sourceY * 2 + crop.sourceHeight, video.videoHeight, 1);
    const touches = crop.sourceWidth === video.videoWidth || crop.sourceHeight === video.videoHeight;
    assert.ok(touches, "as much of the picture as fits");
  }
});

test("a picture that is too large is made again with less quality, and given up in the end", () => {
  /** @type {number[]} */
  const qualities = [];
  /** @param {number} quality */
  const toJpeg = (quality) => {
    qualities.push(quality);
    return new Uint8Array(Math.round(quality * 1000));
  };
  assert.ok((encodeWithin(toJpeg, 0.7, 500)?.length ?? 501) <= 500);
  assert.ok(qualities.length > 1);
  assert.equal(encodeWithin(toJpeg, 0.7, 10), null);
});

test("the bytes of a data address come back whole", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
  const address = `data:image/jpeg;base64,${Buffer.from(bytes).toString("base64")}`;
  assert.deepEqual(bytesOf(address), bytes);
  assert.deepEqual(bytesOf("data:,"), new Uint8Array(0));
});

test("the oval has the shares of the frame that the server judges by", () => {
  near(ovalHeightInVideo({ videoWidth: 640, videoHeight: 480 }), 0.72 * 480, 0.01);
  near(ovalHeightInVideo({ videoWidth: 480, videoHeight: 640 }), 0.8 * 640, 0.01);
});

test("the oval stands in its window, and the video lies so that the frame's oval falls into it", () => {
  const stages = [
    { width: 320, window: { x: 0, y: 112, width: 320, height: 360 } },
    { width: 390, window: { x: 0, y: 140, width: 390, height: 580 } },
    { width: 1000, window: { x: 0, y: 140, width: 1000, height: 430 } },
    { width: 844, window: { x: 281, y: 36, width: 281, height: 354 } },
  ];
  for (const { width, window } of stages) {
    for (const video of VIDEOS) {
      const { oval, video: at } = layOut(window, width, video);
      near(oval.ry / oval.rx, OVAL_RATIO, 0.001);
      assert.ok(oval.cy - oval.ry >= window.y && oval.cy + oval.ry <= window.y + window.height);
      assert.ok(oval.cx - oval.rx >= window.x && oval.cx + oval.rx <= window.x + window.width);
      near(at.width / at.height, video.videoWidth / video.videoHeight, 0.001);
      near((2 * oval.ry) / at.height, ovalHeightInVideo(video) / video.videoHeight, 0.001);
      near(at.x + at.width / 2, oval.cx, 0.001);
      near(at.y + at.height / 2, oval.cy, 0.001);
    }
  }
});

test("a video without a size yet, and a stage without room, break nothing", () => {
  const none = { videoWidth: 0, videoHeight: 0 };
  const { oval } = layOut({ x: 0, y: 0, width: 0, height: 0 }, 0, none);
  assert.ok(Number.isFinite(oval.rx) && oval.rx > 0);
});

test("segments share the ring with gaps, and one alone is whole", () => {
  assert.deepEqual(segmentsOf(1), [{ start: 0, length: 100 }]);
  for (const total of [2, 4, 8, 9]) {
    const segments = segmentsOf(total);
    const covered = segments.reduce((sum, { length }) => sum + length, 0);
    near(covered, 100 - 3 * total, 0.001);
    const last = segments.at(-1);
    assert.ok(last && last.start + last.length < 100);
  }
});

test("the ring shows alignment, then each challenge, and stays full afterwards", () => {
  assert.deepEqual(ringOf(stateOn("align", { alignPercent: 40 })), { total: 1, fills: [40], passed: 0 });
  assert.deepEqual(ringOf(stateOn("challenge", { percent: 40 })), { total: 4, fills: [100, 40, 0, 0], passed: 1 });
  assert.deepEqual(ringOf(stateOn("capture")), { total: 4, fills: [100, 100, 100, 100], passed: 4 });
  const failed = stateOn("challenge", { percent: 0, passed: 1 });
  assert.deepEqual(ringOf(failed).fills, [100, 0, 0, 0]);
});
