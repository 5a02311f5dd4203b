// Loads scripts of the page into a bare context: what needs no document can be tested without a browser.
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";

const assets = new URL("../../assets/js/", import.meta.url);

// The page's global `Tokenscope` after the scripts have run, on top of `given`. Timers never fire by themselves, unless
// `around` brings others; it holds what else the scripts find outside of them.
export function load(scripts, given = {}, around = {}) {
  const timers = { setTimeout: () => 0, clearTimeout() {} };
  const document = { body: { classList: { contains: () => false } } };
  const window = { Tokenscope: { state: {}, ...given } };
  const context = createContext({ window, document, console, ...timers, ...around });
  for (const script of scripts) runInContext(readFileSync(new URL(script, assets), "utf8"), context, { filename: script });
  return window.Tokenscope;
}
