// What axe finds wrong with a page as it stands: what is serious or critical, one line each.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResult {
  violations: { id: string; impact: string; nodes: { html: string }[] }[];
}

export async function findings(page: Page): Promise<string[]> {
  // The policy lets no text be run, so the checker comes in through the debugging interface.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const checker = (globalThis as unknown as { axe: { run: () => Promise<AxeResult> } }).axe;
    const { violations } = await checker.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)}`);
  });
}
