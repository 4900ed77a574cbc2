/** Runs `work` for each item, so many at a time, in order. */
export async function pool(items, width, work) {
  const rest = [...items];
  const next = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, next));
}
