// Where a query is written: a combobox that offers functions, metrics, labels and their values.
import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, type ReactNode, useId, useRef, useState } from 'react';
import { useMetricWords } from '../messages/Messages';
import { FUNCTIONS, fitting, insert, type Place, placeAt } from './complete';
import { labelsQuery, namesQuery } from './prometheus';

interface QueryFieldProps {
  query: string;
  onDraw: (query: string) => void;
}

export function QueryField({ query, onDraw }: QueryFieldProps): ReactNode {
  const words = useMetricWords();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(query);
  const [caret, setCaret] = useState(query.length);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const place = open ? placeAt(text, caret) : null;
  const options = useOptions(place);
  const shown = open && options.length > 0;

  const follow = (input: HTMLInputElement): void => {
    setText(input.value);
    setCaret(input.selectionStart ?? input.value.length);
    setOpen(true);
    setActive(-1);
  };
  const take = (option: string): void => {
    if (!place) return;
    const [next, at] = insert(text, place, caret, option);
    setText(next);
    setCaret(at);
    setActive(-1);
    setOpen(place.kind === 'name');
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(at, at);
    });
  };
  const press = (event: KeyboardEvent): void => {
    const option = options[active];
    if (event.key === 'Escape' && shown) {
      setOpen(false);
    } else if (event.key === 'ArrowDown' && shown) {
      setActive((active + 1) % options.length);
    } else if (event.key === 'ArrowUp' && shown) {
      setActive((Math.max(active, 0) + options.length - 1) % options.length);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && shown && option) {
      take(option);
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <form
      className="mt-4"
      onSubmit={(event) => {
        event.preventDefault();
        setOpen(false);
        onDraw(text.trim());
      }}
    >
      <label htmlFor={id} className="text-muted">
        {words.query}
      </label>
      <div className="mt-1 flex flex-wrap gap-2">
        <div className="relative min-w-0 flex-1 basis-64">
          <input
            ref={field}
            id={id}
            role="combobox"
            aria-autocomplete="list"
            aria-expanded={shown}
            aria-controls={`${id}-options`}
            aria-describedby={`${id}-hint`}
            aria-activedescendant={options[active] ? `${id}-${active}` : undefined}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            data-filter
            className="field w-full font-mono"
            value={text}
            onChange={(event) => follow(event.currentTarget)}
            onClick={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
            onKeyDown={press}
            onBlur={() => setOpen(false)}
          />
          <div
            id={`${id}-options`}
            role="listbox"
            aria-label={words.query}
            hidden={!shown}
            className="absolute start-0 top-full z-10 mt-1 max-h-72 w-full max-w-md overflow-y-auto rounded border border-line bg-raised p-1"
          >
            {options.map((option, index) => (
              <div
                key={option}
                id={`${id}-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={index === active}
                className={`flex min-h-7 cursor-pointer items-center justify-between gap-3 rounded px-2 ${
                  index === active ? 'bg-accent-ground' : ''
                }`}
                // The field keeps the focus.
                onPointerDown={(event) => event.preventDefault()}
                onClick={() => take(option)}
                onKeyDown={press}
              >
                <code>{option}</code>
                <span className="text-muted">{kindOf(option, place, words.kinds)}</span>
              </div>
            ))}
          </div>
        </div>
        <button type="submit" className="button button-first">
          {words.draw}
        </button>
      </div>
      <p id={`${id}-hint`} className="mt-1 text-[12.5px] text-muted">
        {words.queryHint}
      </p>
      <p aria-live="polite" className="sr-only">
        {open && place ? words.offered(options.length) : ''}
      </p>
    </form>
  );
}

/** What the server stores, as far as it fits; nobody is bothered when it does not answer. */
function useOptions(place: Place): string[] {
  const metric = place && place.kind !== 'name' ? place.metric : '';
  const label = place?.kind === 'value' ? place.label : '__name__';
  const wantsValues = place?.kind === 'value' || place?.kind === 'name';
  const values = useQuery({ ...namesQuery(label, metric), enabled: wantsValues });
  const labels = useQuery({ ...labelsQuery(metric), enabled: place?.kind === 'label' });
  if (!place) return [];
  if (place.kind === 'name') return fitting([...(values.data ?? []), ...FUNCTIONS], place.typed);
  const known = place.kind === 'value' ? values.data : labels.data;
  return fitting(
    (known ?? []).filter((one) => one !== '__name__'),
    place.typed,
  );
}

function kindOf(
  option: string,
  place: Place,
  kinds: Record<'name' | 'function' | 'label' | 'value', string>,
): string {
  if (!place) return '';
  return place.kind === 'name' && FUNCTIONS.includes(option) ? kinds.function : kinds[place.kind];
}
