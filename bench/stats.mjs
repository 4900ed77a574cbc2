/** The value below which the part `q` (0 to 1) of the values lies, between neighbours in proportion. NaN of nothing. */
export function quantile(values, q) {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  return low + (high - low) * (at - Math.floor(at));
}

export function median(values) {
  return quantile(values, 0.5);
}

/** Median and quartiles: what a run of measurements is told by. */
export function spread(values) {
  return { n: values.length, median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}

/**
 * What a row says: ours, its baseline, how the two compare (of medians), and whether the budget holds. A budget is about the ratio,
 * the difference or the value itself, and holds up to and including `most`.
 */
export function judge(row) {
  const ours = spread(row.ours);
  const base = row.against ? spread(row.against.values) : null;
  const ratio = base ? ours.median / base.median : null;
  const difference = base ? ours.median - base.median : null;
  const measured = row.budget ? { ratio, difference, value: ours.median }[row.budget.of] : null;
  const verdict = row.budget ? (measured !== null && measured <= row.budget.most ? 'holds' : 'missed') : null;
  return { ours, base, ratio, difference, verdict };
}

/**
 * Measures every side `times` times, one after the other in each round and each round beginning with another side, so that whatever
 * else the machine does befalls all of them. `warm` rounds before that are thrown away. Gives each side's results in order.
 */
export async function interleave(times, sides, warm = 1) {
  const names = Object.keys(sides);
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -warm; round < times; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round + warm) % names.length];
      const result = await sides[name]();
      if (round >= 0) results[name].push(result);
    }
  }
  return results;
}

/** How long `work` takes, in milliseconds. */
export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * The exact 95 % interval of a share of which `k` of `n` were seen (Clopper and Pearson, 1934): both tails of the binomial law, each 2.5 %.
 * From 0 with nothing seen, to 1 with nothing else.
 */
export function interval(k, n, level = 0.95) {
  const tail = (1 - level) / 2;
  return {
    low: k === 0 ? 0 : solve((p) => atLeast(k, n, p) < tail),
    high: k === n ? 1 : solve((p) => 1 - atLeast(k + 1, n, p) >= tail),
  };
}

/** The largest share for which `holds`, which holds up to some share and not beyond. */
function solve(holds) {
  let [low, high] = [0, 1];
  for (let turn = 0; turn < 60; turn++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The probability of `k` or more of `n`, each with probability p. */
function atLeast(k, n, p) {
  let sum = 0;
  let choose = 0;
  for (let i = 0; i <= n; i++) {
    if (i > 0) choose += Math.log((n - i + 1) / i);
    if (i >= k) sum += Math.exp(choose + i * Math.log(p) + (n - i) * Math.log1p(-p));
  }
  return Math.min(1, sum);
}
