/**
 * Waits for what a browser may never answer.
 */

/**
 * What comes of a promise, or `otherwise` where it fails or takes too long.
 * @template Value, Otherwise
 * @param {Promise<Value>} promise
 * @param {number} timeoutMs
 * @param {Otherwise} otherwise
 * @returns {Promise<Value|Otherwise>}
 */
export async function inTime(promise, timeoutMs, otherwise) {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(otherwise), timeoutMs);
  });
  try {
    return /** @type {Value|Otherwise} */ (await Promise.race([promise, late]));
  } catch {
    return otherwise;
  } finally {
    clearTimeout(timer);
  }
}
