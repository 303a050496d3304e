// How each line of a chart looks: a colour of the theme, and a dash once the colours are used up.
const COLOURS = 8;
const DASHES: (number[] | undefined)[] = [undefined, [8, 4], [2, 4]];

export function colourOf(index: number): string {
  return `var(--series-${index % COLOURS})`;
}

export function dashOf(index: number): number[] | undefined {
  return DASHES[Math.floor(index / COLOURS) % DASHES.length];
}

/** The colour itself in the theme of now, for what knows neither variables nor themes. */
export function resolved(colour: string): string {
  const probe = document.createElement('span');
  probe.style.color = colour;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** A number in few signs, as axes and legends want it. */
export function formatFor(locale: string): (value: number) => string {
  const plain = new Intl.NumberFormat(locale, { maximumSignificantDigits: 4 });
  const large = new Intl.NumberFormat(locale, {
    notation: 'compact',
    maximumSignificantDigits: 4,
  });
  return (value) => (Math.abs(value) >= 100_000 ? large : plain).format(value);
}

/** Times of a chart: seconds where it is short, the day where it is long. */
export function timeFormatFor(locale: string, seconds: number): (time: number) => string {
  const format = new Intl.DateTimeFormat(
    locale,
    seconds > 86_400
      ? { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }
      : { hour: '2-digit', minute: '2-digit', ...(seconds <= 3600 && { second: '2-digit' }) },
  );
  return (time) => format.format(time * 1000);
}
