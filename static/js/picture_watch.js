/**
 * Looks at the live picture itself: a covered lens and a driver that repeats one frame give a stream that
 * the browser calls alive.
 */

const WIDTH = 24;
const HEIGHT = 18;

/** How often the picture is looked at. */
export const LOOK_EVERY_MS = 500;

/** Looks in a row that make a trouble: a shadow or a slow camera passes sooner. */
export const BLACK_LOOKS = 6;
export const FROZEN_LOOKS = 12;

/** Of 255. A dark room still shows a face, lit by the screen; a covered lens shows one even black. */
const BLACK_MEAN = 12;
const BLACK_SPREAD = 16;

/**
 * What one look tells. Pure.
 * @param {Uint8ClampedArray} pixels RGBA
 * @returns {{isBlack: boolean, print: string}} `print` is the same for the same picture only
 */
export function lookAt(pixels) {
  let [sum, least, most, print] = [0, 255, 0, 0];
  for (let at = 0; at < pixels.length; at += 4) {
    const [red = 0, green = 0, blue = 0] = [pixels[at], pixels[at + 1], pixels[at + 2]];
    const luma = (red * 3 + green * 6 + blue) / 10;
    sum += luma;
    least = Math.min(least, luma);
    most = Math.max(most, luma);
    print = (Math.imul(print, 31) + red * 65_536 + green * 256 + blue) | 0;
  }
  const mean = sum / Math.max(1, pixels.length / 4);
  return { isBlack: mean <= BLACK_MEAN && most - least <= BLACK_SPREAD, print: `${print} ${Math.round(sum)}` };
}

/**
 * Counts looks in a row: the trouble once there are enough, else null. Pure but for its counts.
 * @returns {(look: {isBlack: boolean, print: string}) => "black"|"frozen"|null}
 */
export function createJudge() {
  let [black, same, last] = [0, 0, ""];
  return ({ isBlack, print }) => {
    black = isBlack ? black + 1 : 0;
    same = print === last ? same + 1 : 0;
    last = print;
    if (black >= BLACK_LOOKS) return "black";
    return same >= FROZEN_LOOKS ? "frozen" : null;
  };
}

/**
 * @param {{video: HTMLVideoElement, onTrouble: (trouble: "black"|"frozen") => void}} parts
 */
export function createPictureWatch({ video, onTrouble }) {
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  let timer = 0;
  let judge = createJudge();

  function look() {
    if (context === null || video.readyState < 2 || document.hidden) return;
    context.drawImage(video, 0, 0, WIDTH, HEIGHT);
    const trouble = judge(lookAt(context.getImageData(0, 0, WIDTH, HEIGHT).data));
    if (trouble !== null) onTrouble(trouble);
  }

  return {
    start() {
      if (timer !== 0) return;
      judge = createJudge();
      timer = window.setInterval(look, LOOK_EVERY_MS);
    },
    stop() {
      clearInterval(timer);
      timer = 0;
    },
  };
}
