// How long processing took: a scale of powers of ten with its percentiles, and columns where a histogram is there.

import { h, replace, s } from "./dom.js";
import { duration, number, say } from "./language.js";

/** Its bound is null of what is above all others. @typedef {{ upToMs: number | null, count: number }} Bucket */
/** @typedef {{ count: number, avgMs: number | null, p50Ms: number | null, p95Ms: number | null, p99Ms: number | null, maxMs: number | null, histogram?: Bucket[] }} Lag */
/** Percentiles of a histogram: of each the bound of its column, as nothing finer is kept. @typedef {Lag & { isBound?: boolean }} Shown */

/** Until it is known how much room there is, and what less room is scrolled in. */
const [WIDTH, WIDTH_MIN] = [640, 240];
/** Columns need more room than points on a line. */
const [TALL, LOW] = [140, 72];
const AXIS = 26;
/** Where what is above all bounds is drawn to. */
const ABOVE_ALL_MS = 3_600_000;
const TICKS_MS = [10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 86_400_000];
/** Labels of percentiles that are nearer than this stand below each other. */
const LABEL_PX = 100;
/** Half of the text of a tick. */
const TICK_PX = 24;

const SECONDS_TO_A_TENTH_MS = 10_000;

/** `702 ms`, `2.8 s`: finer than durations elsewhere, as percentiles differ by little. @param {number | null} milliseconds */
export const lagText = (milliseconds) =>
  milliseconds !== null && milliseconds >= 1000 && milliseconds < SECONDS_TO_A_TENTH_MS
    ? `${number(Math.round(milliseconds / 100) / 10)} s`
    : duration(milliseconds);

/**
 * The bound of the column that so many of a hundred lie below or in; null of nothing, and above all bounds.
 * @param {Bucket[]} buckets
 * @param {number} percent
 */
export function boundOf(buckets, percent) {
  const all = buckets.reduce((sum, { count }) => sum + count, 0);
  let through = 0;
  for (const { upToMs, count } of buckets) {
    through += count;
    if (through > 0 && through * 100 >= all * percent) return upToMs;
  }
  return null;
}

/** @param {Shown} lag @param {number} limit What 95 of 100 are to be faster than. */
export function lagChart(lag, limit) {
  const picture = s("svg", { class: lag.histogram?.length ? "chart lag" : "chart lag low", role: "img" });
  let drawn = 0;
  const fit = (/** @type {number} */ width) => {
    if (width === drawn) return;
    drawn = width;
    draw(picture, lag, limit, width);
  };
  fit(WIDTH);
  // Drawn anew for each width: a picture that is stretched stretches its texts as well.
  new ResizeObserver(() => fit(Math.max(WIDTH_MIN, Math.round(picture.getBoundingClientRect().width)))).observe(picture);
  return h(
    "div",
    { class: "chart-scroll", tabindex: "0", role: "group", "aria-label": say("Processing time", "Behandlingstid") },
    picture,
  );
}

/** @param {SVGElement} picture @param {Shown} lag @param {number} limit @param {number} width In pixels. */
function draw(picture, lag, limit, width) {
  const isHistogram = Boolean(lag.histogram?.length);
  const base = isHistogram ? TALL : LOW;
  const buckets = (lag.histogram ?? []).map(({ upToMs, count }) => ({ upToMs: upToMs ?? ABOVE_ALL_MS, count }));
  const longest = Math.max(
    limit * 2,
    lag.maxMs ?? 0,
    ...buckets.filter(({ count }) => count > 0).map(({ upToMs }) => upToMs),
  );
  const shortest = Math.min(10, ...buckets.map(({ upToMs }) => upToMs).filter((upToMs) => upToMs > 0));
  const span = Math.log10(longest * 1.3) - Math.log10(shortest);
  const x = (/** @type {number} */ value) =>
    ((Math.log10(Math.max(value, shortest)) - Math.log10(shortest)) / span) * width;

  const most = Math.max(1, ...buckets.map(({ count }) => count));
  const bars = buckets
    .filter(({ upToMs }) => upToMs <= longest * 1.3)
    .map(({ upToMs, count }, index, all) => {
      const left = index === 0 ? 0 : x(all[index - 1].upToMs);
      const height = count === 0 ? 0 : Math.max(2, (count / most) * (base - 50));
      return s("rect", {
        class: upToMs > limit ? "fill-bad" : "fill-run",
        x: left + 1,
        y: base - height,
        width: Math.max(1, x(upToMs) - left - 2),
        height,
      });
    });
  /** Those whose texts have room beside each other. @type {number[]} */
  const marked = [];
  for (const at of TICKS_MS.filter((at) => at > shortest && at < longest * 1.2)) {
    const before = marked.at(-1);
    if (before === undefined || x(at) - x(before) >= TICK_PX * 2) marked.push(at);
  }
  const ticks = marked.map((at) => [
    s("line", { class: "grid-line", x1: x(at), x2: x(at), y1: 30, y2: base }),
    // The last one's text is not to stand beyond the picture.
    s("text", { x: x(at), y: base + AXIS - 6, "text-anchor": x(at) > width - TICK_PX ? "end" : "middle" }, lagText(at)),
  ]);
  /** @type {[string, number | null, string][]} */
  const named = [
    ["P50", lag.p50Ms, "mark"],
    ["P95", lag.p95Ms, "mark"],
    ["P99", lag.p99Ms, "mark"],
    [say("limit", "grænse"), limit, "limit"],
  ];
  const marks = named.filter(([, at]) => at !== null).sort((left, right) => Number(left[1]) - Number(right[1]));
  const rows = marks.map(() => 0);
  marks.forEach(([, at], index) => {
    const before = marks.slice(0, index).map(([, other], place) => ({ x: x(Number(other)), row: rows[place] }));
    while (before.some((other) => other.row === rows[index] && x(Number(at)) - other.x < LABEL_PX)) rows[index] += 1;
  });
  const lines = marks.map(([name, at, kind], index) => {
    const place = x(Number(at));
    const isFarRight = place > width - LABEL_PX;
    const label = {
      class: kind,
      x: place + (isFarRight ? -5 : 5),
      y: 10 + rows[index] * 14,
      "text-anchor": isFarRight ? "end" : "start",
    };
    const text = `${name} ${lag.isBound && kind === "mark" ? "≤ " : ""}${lagText(Number(at))}`;
    return [
      s("line", { class: kind, x1: place, x2: place, y1: 2 + rows[index] * 14, y2: base }),
      s("text", label, text),
    ];
  });
  const dots = isHistogram
    ? null
    : marks
        .filter(([, , kind]) => kind === "mark")
        .map(([, at]) =>
          s("circle", { class: Number(at) > limit ? "fill-bad" : "fill-run", cx: x(Number(at)), cy: base, r: 4 }),
        );
  const told = marks
    .map(([name, at, kind]) => `${name} ${lag.isBound && kind === "mark" ? "≤ " : ""}${lagText(Number(at))}`)
    .join(", ");
  const label = say(
    `Processing time of ${number(lag.count)} deliveries: ${told}`,
    `Behandlingstid for ${number(lag.count)} leverancer: ${told}`,
  );
  const axis = s("line", { class: "base", x1: 0, x2: width, y1: base, y2: base });
  picture.setAttribute("viewBox", `0 0 ${width} ${base + AXIS}`);
  picture.setAttribute("aria-label", label);
  replace(picture, ticks, bars, axis, lines, dots);
}
