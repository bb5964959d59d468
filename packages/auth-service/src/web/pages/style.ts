import { Html } from '../../html.ts'

/** The style of every page, in the brand's accent. */
export function style(accent: string): Html {
  return new Html(`
:root {
  color-scheme: light dark;
  --accent: ${accent};
  --on-accent: ${isDark(accent) ? '#fff' : '#111'};
  --page: light-dark(#f3f4f6, #111317);
  --card: light-dark(#fff, #1b1e24);
  --text: light-dark(#1a1c20, #eceef2);
  --muted: light-dark(#565c66, #a3a9b5);
  --line: light-dark(#8a909c, #6b7280);
  --hair: light-dark(#e2e5ea, #2c3038);
  --bad: light-dark(#b3261e, #ff9b93);
  --good: light-dark(#1b7a3d, #7ddc9b);
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column; align-items: center;
  background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
}
.card { width: 100%; max-width: 26rem; padding: 2rem 1.5rem; background: var(--card); flex: 1; }
@media (min-width: 32rem) {
  body { padding: 12vh 1rem 3rem; }
  .card { flex: none; padding: 2.5rem; border: 1px solid var(--hair); border-radius: 1rem; box-shadow: 0 1px 2px #0001, 0 8px 24px #0000000f; }
}
.brand { display: flex; align-items: center; gap: .625rem; margin: 0 0 1.75rem; font-weight: 600; color: var(--muted); }
.brand i { width: 1.25rem; height: 1.25rem; border-radius: .375rem; background: var(--accent); }
.brand img { height: 1.75rem; }
h1 { margin: 0 0 .375rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; }
/* Chinese would be broken within its words. */
h1:not(:lang(zh)) { text-wrap: balance; }
.lead { margin: 0 0 1.5rem; color: var(--muted); overflow-wrap: anywhere; }
.field { margin: 0 0 1.125rem; }
label { display: block; margin: 0 0 .375rem; font-weight: 600; font-size: .9375rem; }
input:not([type=hidden], [type=checkbox]) {
  width: 100%; padding: .6875rem .875rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); color: inherit; font: inherit;
}
input[aria-invalid] { border-color: var(--bad); border-width: 2px; padding: calc(.6875rem - 1px) calc(.875rem - 1px); }
.hint { margin: .375rem 0 0; color: var(--muted); font-size: .875rem; }
.check { display: flex; gap: .625rem; align-items: center; margin: 0 0 1.25rem; }
.check input { width: 1.25rem; height: 1.25rem; accent-color: var(--accent); margin: 0; flex: none; }
.check label { margin: 0; font-weight: 400; }
.unseen { position: absolute; width: 1px !important; height: 1px; padding: 0 !important; opacity: 0; pointer-events: none; }
.error { margin: .375rem 0 0; color: var(--bad); font-size: .9375rem; }
.alert { margin: 0 0 1.25rem; padding: .75rem .875rem; border-left: 4px solid var(--bad); border-radius: .25rem; background: light-dark(#fdecea, #3a1f1d); }
button, .button {
  display: block; width: 100%; padding: .75rem 1rem; border: 0; border-radius: .5rem; background: var(--accent);
  color: var(--on-accent); font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer;
}
button:hover, .button:hover { filter: brightness(1.08); }
.alert.good { border-color: var(--good); background: light-dark(#e7f4ec, #16301f); }
button.danger { background: light-dark(#b3261e, #ff9b93); color: light-dark(#fff, #111); }
.quiet { background: none; border: 1px solid var(--line); color: inherit; margin-top: .75rem; }
.small { width: auto; padding: .4375rem .875rem; margin: 0; font-size: .9375rem; }
:is(a, button, input):focus-visible { outline: 3px solid light-dark(#1a1c20, #fff); outline-offset: 2px; }
a { color: inherit; text-underline-offset: .2em; }
ul.sites { list-style: none; margin: 0 0 1.5rem; padding: 0; border-top: 1px solid var(--hair); }
ul.sites li { border-bottom: 1px solid var(--hair); }
ul.sites :is(a, span) { display: flex; justify-content: space-between; gap: 1rem; padding: .75rem 0; text-decoration: none; }
ul.sites a:hover b { text-decoration: underline; }
ul.sites small { color: var(--muted); font-size: .875rem; overflow-wrap: anywhere; }
.ways { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; margin: 1.25rem 0 0; font-size: .9375rem; }
hr { border: 0; border-top: 1px solid var(--hair); margin: 1.75rem 0 0; }
.card.wide { max-width: 36rem; }
section { border-top: 1px solid var(--hair); padding: 1.25rem 0; }
h1 + :is(.alert, section) { margin-top: 1.25rem; }
section:last-of-type { border-bottom: 1px solid var(--hair); margin-bottom: .75rem; }
h2 { margin: 0 0 .625rem; font-size: 1.0625rem; line-height: 1.3; }
section p { margin: 0 0 .5rem; overflow-wrap: anywhere; }
.row { display: flex; gap: .75rem; align-items: end; flex-wrap: wrap; }
.row .field { flex: 1 1 14rem; margin: 0; }
.row button { width: auto; margin: 0; }
/* The label above and the fault below are of one height. */
.row:has([aria-invalid]) { align-items: center; }
.tag { display: inline-block; margin: 0 0 0 .375rem; padding: .0625rem .5rem; border: 1px solid var(--line); border-radius: 1rem; font-size: .8125rem; color: var(--muted); }
ul.sessions { list-style: none; margin: 0 0 1rem; padding: 0; border-top: 1px solid var(--hair); }
ul.sessions li { display: flex; flex-wrap: wrap; gap: .75rem 1rem; justify-content: space-between; align-items: start; padding: 1rem 0; border-bottom: 1px solid var(--hair); }
ul.sessions div { flex: 1 1 15rem; }
ul.sessions form { display: flex; flex-wrap: wrap; gap: .5rem; }
@media (min-width: 32rem) { ul.sessions form { flex-direction: column; } }
ul.sessions button { white-space: nowrap; }
dl.facts { margin: 0 0 1rem; border-top: 1px solid var(--hair); }
dl.facts div { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding: .625rem 0; border-bottom: 1px solid var(--hair); }
dl.facts dt { color: var(--muted); }
dl.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; min-width: 0; }
dl.facts + .hint { margin: 0 0 1.5rem; }
.letter { margin-top: .75rem; white-space: pre-wrap; }
.languages { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; justify-content: center; padding: 1.25rem 1.5rem; font-size: .875rem; color: var(--muted); width: 100%; }
.languages > * { padding: .25rem 0; }
.pixel { width: 1px; height: 1px; opacity: 0; position: absolute; }
.bar { height: 4px; margin: 0 0 1.5rem; border-radius: 2px; background: var(--hair); overflow: hidden; }
.bar::after { content: ""; display: block; width: 40%; height: 100%; border-radius: 2px; background: var(--accent); animation: slide 1.1s ease-in-out infinite; }
@keyframes slide { from { transform: translateX(-100%); } to { transform: translateX(250%); } }
@media (prefers-reduced-motion: reduce) { .bar::after { animation: none; width: 100%; } }
/* The code that somebody came for. */
h2.group { margin: 2rem 0 .75rem; color: var(--muted); }
h3 { margin: 0 0 .25rem; font-size: 1.0625rem; line-height: 1.3; }
section.code { margin: 0 -.875rem; padding: 1rem .875rem; scroll-margin-top: 1rem; }
section.code:last-of-type { margin-bottom: 1.25rem; }
section.code code { color: var(--muted); font: .875rem ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
section.code:target { border-color: transparent; border-radius: .5rem; outline: 2px solid var(--accent); background: color-mix(in oklab, var(--accent) 8%, var(--card)); }
.foot { margin: 1.5rem 0 0; color: var(--muted); font-size: .875rem; }
`)
}

/** Whether white text is the better one on a colour (relative luminance, WCAG 2.2). */
function isDark(colour: string): boolean {
  const digits =
    colour.length === 4 ? [...colour.slice(1)].map(digit => digit + digit).join('') : colour.slice(1)
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map(at => {
    const part = Number.parseInt(digits.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  // Where both contrasts are equal: 1.05 / (L + 0.05) = (L + 0.05) / 0.05, with the dark text's own luminance near 0.
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.183
}
