// How a flow acts on the page: with a pointer, or with the keyboard alone.
import type { Locator, Page } from 'playwright-core';

export interface Hands {
  /** Presses a button or follows a link. */
  press: (what: Locator) => Promise<void>;
  /** Puts a text in the place of what a field has. */
  write: (field: Locator, text: string) => Promise<void>;
  /** Goes to a section: by its link, or by its key after `g`. */
  section: (name: string, key: string) => Promise<void>;
  toggle: (box: Locator) => Promise<void>;
  /** Takes what a list calls so. */
  choose: (list: Locator, label: string) => Promise<void>;
}

/** More entries than a list of the page has. */
const CHOICES_MAX = 50;

/** More tab stops than a screen of the demonstration has. */
const TABS_MAX = 400;

export function pointer(page: Page): Hands {
  return {
    press: (what) => what.click(),
    write: (field, text) => field.fill(text),
    section: (name) =>
      page.locator('header').getByRole('link', { name, exact: true }).first().click(),
    toggle: (box) => box.click(),
    choose: async (list, label) => {
      await list.selectOption({ label });
    },
  };
}

export function keyboard(page: Page): Hands {
  const reach = async (what: Locator): Promise<void> => {
    await what.waitFor();
    for (let tabs = 0; tabs < TABS_MAX; tabs++) {
      if (await what.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`not reached by ${TABS_MAX} tab stops: ${what}`);
  };
  const press = async (what: Locator): Promise<void> => {
    await reach(what);
    await page.keyboard.press('Enter');
  };
  return {
    press,
    write: async (field, text) => {
      await reach(field);
      await page.keyboard.press('Control+A');
      await page.keyboard.type(text);
    },
    section: async (name, key) => {
      // The keys work wherever nothing is being written.
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
    },
    toggle: async (box) => {
      await reach(box);
      await page.keyboard.press('Space');
    },
    choose: async (list, label) => {
      await reach(list);
      for (let steps = 0; steps < CHOICES_MAX; steps++) {
        // The list keeps the letters to itself until it is left.
        if ((await list.locator('option:checked').textContent()) === label)
          return page.keyboard.press('Tab');
        await page.keyboard.press('ArrowDown');
      }
      throw new Error(`the list has no ${label}`);
    },
  };
}
