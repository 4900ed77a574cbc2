type Bucket = { left: number; at: number };

/** Counts the requests of each key. Answers how many seconds too many they are: 0 means go on. */
export function rateLimit(
  { burst, perSecond }: { burst: number; perSecond: number },
  now: () => number = () => performance.now() / 1000,
): (key: string, count: number) => number {
  const buckets = new Map<string, Bucket>();
  return (key, count) => {
    const at = now();
    const before = buckets.get(key) ?? { left: burst, at };
    const left = Math.min(burst, before.left + (at - before.at) * perSecond);
    const wanted = Math.min(count, burst);
    buckets.set(key, { left: left < wanted ? left : left - wanted, at });
    return left < wanted ? Math.ceil((wanted - left) / perSecond) : 0;
  };
}
