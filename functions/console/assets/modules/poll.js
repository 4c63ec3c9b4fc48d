// Asking again and again: not while nobody looks, and at once when they look again.

/**
 * Calls `ask` every so often. The first call is the caller's.
 * @param {() => unknown} ask
 * @param {number} milliseconds
 * @returns {() => void} Ends it.
 */
export function poll(ask, milliseconds) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let last = Date.now();
  let isOver = false;
  const next = () => {
    clearTimeout(timer);
    if (document.hidden || isOver) return;
    timer = setTimeout(now, Math.max(0, last + milliseconds - Date.now()));
  };
  const now = async () => {
    last = Date.now();
    await ask();
    next();
  };
  document.addEventListener("visibilitychange", next);
  next();
  return () => {
    // It may be ended by what it asks, which it would go on behind.
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", next);
  };
}
