/** Does something with each item, `size` of them at once: a store that is asked for all at once would be late for most. */
export async function inBatches<Item, Done>(
  items: readonly Item[],
  size: number,
  work: (item: Item) => Promise<Done>,
): Promise<Done[]> {
  const done: Done[] = []
  for (let at = 0; at < items.length; at += size) {
    done.push(...(await Promise.all(items.slice(at, at + size).map(work))))
  }
  return done
}
