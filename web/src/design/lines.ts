// The lines of a long text that only grows: kept as it came, a line is cut out when it is shown.

interface Block {
  /** The place of its first line in the whole. */
  first: number;
  /** Whole lines, each with its end. */
  text: string;
  /** Behind each line's end. */
  ends: Uint32Array;
}

/** What was found so far, so that a growing text is searched once. */
interface Search {
  needle: string;
  blocks: number;
  places: number[];
}

export class Lines {
  #blocks: Block[] = [];
  #ended = 0;
  /** A line whose end has not come yet. */
  #rest = '';
  #search: Search = { needle: '', blocks: 0, places: [] };

  get count(): number {
    return this.#ended + (this.#rest === '' ? 0 : 1);
  }

  append(text: string): void {
    const end = text.lastIndexOf('\n') + 1;
    if (end === 0) {
      this.#rest += text;
      return;
    }
    const block = blockOf(this.#ended, this.#rest + text.slice(0, end));
    this.#blocks.push(block);
    this.#ended += block.ends.length;
    this.#rest = text.slice(end);
  }

  /** The line at this place from 0; empty where there is none. */
  at(place: number): string {
    if (place >= this.#ended) return place === this.#ended ? this.#rest : '';
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#blocks[middle]?.first ?? 0) <= place) low = middle;
      else high = middle - 1;
    }
    const block = this.#blocks[low];
    return block ? lineOf(block, place - block.first) : '';
  }

  /** The places of the lines that have this text, in any case of its letters. */
  find(text: string): number[] {
    const needle = text.toLowerCase();
    if (this.#search.needle !== needle) this.#search = { needle, blocks: 0, places: [] };
    const search = this.#search;
    for (; search.blocks < this.#blocks.length; search.blocks++) {
      const block = this.#blocks[search.blocks];
      if (block) findIn(block, needle, search.places);
    }
    const inRest = this.#rest.toLowerCase().includes(needle) && this.#rest !== '';
    return inRest ? [...search.places, this.#ended] : search.places;
  }

  /** The whole text in parts, as it came. */
  parts(): string[] {
    return [...this.#blocks.map(({ text }) => text), this.#rest];
  }
}

function blockOf(first: number, text: string): Block {
  const ends: number[] = [];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) ends.push(at + 1);
  return { first, text, ends: Uint32Array.from(ends) };
}

function lineOf({ text, ends }: Block, line: number): string {
  return text.slice(line === 0 ? 0 : ends[line - 1], (ends[line] ?? 1) - 1);
}

function findIn(block: Block, needle: string, places: number[]): void {
  const text = block.text.toLowerCase();
  if (text.length !== block.text.length) {
    // Few letters become several when they are made small; then the ends would not fit any more.
    block.ends.forEach((_, line) => {
      if (lineOf(block, line).toLowerCase().includes(needle)) places.push(block.first + line);
    });
    return;
  }
  let line = 0;
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, block.ends[line - 1])) {
    while ((block.ends[line] ?? Number.POSITIVE_INFINITY) <= at) line++;
    places.push(block.first + line);
    line++;
    if (line >= block.ends.length) return;
  }
}
