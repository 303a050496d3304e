// The rows of a long table that are near the view: of thousands only these are in the document.
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type RefObject, useLayoutEffect, useRef, useState } from 'react';

/** Rows beyond the view that are ready before somebody scrolls to them. */
const BEYOND = 12;

export interface WindowRows<T extends HTMLElement> {
  /** For the element that holds the table, which is as high as the whole of it. */
  holder: RefObject<T | null>;
  style: { paddingTop: number; paddingBottom: number };
  /** The places of the rows to show. */
  indexes: number[];
  /** For each row, together with its place in `data-index`: its true height. */
  measure: (row: Element | null) => void;
}

export function useWindowRows<T extends HTMLElement>(
  count: number,
  rowPixels: number,
): WindowRows<T> {
  const holder = useRef<T>(null);
  const [top, setTop] = useState(0);
  // What stands above the table may grow or shrink at any time.
  useLayoutEffect(() => {
    const look = (): void => {
      const box = holder.current?.getBoundingClientRect();
      if (box) setTop(Math.round(box.top + scrollY));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  const rows = useWindowVirtualizer({
    count,
    estimateSize: () => rowPixels,
    overscan: BEYOND,
    scrollMargin: top,
  });
  const items = rows.getVirtualItems();
  const above = (items[0]?.start ?? top) - top;
  const shown = (items.at(-1)?.end ?? top) - top;
  return {
    holder,
    style: { paddingTop: above, paddingBottom: Math.max(0, rows.getTotalSize() - shown) },
    indexes: items.map(({ index }) => index),
    measure: rows.measureElement,
  };
}
