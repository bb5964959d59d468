/** What makes a demo site a site of its own: its colours, its words, its front page. A mark is the inside of a 48 × 48 SVG drawing. */
export interface Look {
  readonly title: string
  readonly tagline: string
  readonly style: string
  readonly items: readonly { readonly title: string; readonly text: string; readonly mark: string | null }[]
  readonly members: Reserved
  readonly verified: Reserved
}

/** A page that not everybody sees. */
export interface Reserved {
  readonly title: string
  readonly text: string
  readonly items: readonly string[]
}

/** The looks of the demo's sites; any other site gets the shop's. */
export const LOOKS: Readonly<Record<string, Look>> = {
  shop: {
    title: 'Pine & Harbour',
    tagline: 'Things for outdoors that last.',
    style: `
:root { --page: light-dark(#f7f4ee, #191714); --ink: light-dark(#2b2620, #f0ebe2); --card: light-dark(#fff, #24211c); --accent: light-dark(#2f6b4f, #7cc7a1); --line: light-dark(#e4ddd0, #3a352d); --radius: .75rem; }
body { font-family: Georgia, "Times New Roman", serif; }
.mark { background: color-mix(in oklab, var(--accent) 14%, var(--card)); }`,
    items: [
      {
        title: 'Enamel kettle',
        text: 'One and a half litres, and a lid that stays on.',
        mark: '<path d="M14 20h20l4 18H10zM18 20v-4a6 6 0 0 1 12 0v4M34 24l8-4M10 26H6v8h4"/>',
      },
      {
        title: 'Wool blanket',
        text: 'Woven thick. Smells of nothing.',
        mark: '<path d="M8 10h32v28H8zM8 17h32M8 24h32M8 31h32M14 38v4M24 38v4M34 38v4"/>',
      },
      {
        title: 'Storm lantern',
        text: 'Runs all night on one filling.',
        mark: '<path d="M16 16h16v20H16zM14 16h20M14 36h20M18 16v-3h12v3M20 13a4 4 0 0 1 8 0M24 31c-4-3-3-6 0-10 3 4 4 7 0 10z"/>',
      },
    ],
    members: {
      title: 'Your orders',
      text: 'Only you see this page.',
      items: ['Enamel kettle, on its way', 'Wool blanket, delivered', 'Free mending, until spring'],
    },
    verified: {
      title: 'Send something back',
      text: 'The label comes by mail, so this page asks for a confirmed address.',
      items: ['Wool blanket, within sixty days', 'Storm lantern, any time'],
    },
  },
  news: {
    title: 'The Ferry Gazette',
    tagline: 'Printed when the boat comes in.',
    style: `
:root { --page: light-dark(#fff, #101010); --ink: light-dark(#111, #eee); --card: transparent; --accent: light-dark(#a3171f, #ff8a8f); --line: light-dark(#111, #666); --radius: 0; }
body { font-family: "Iowan Old Style", Palatino, Georgia, serif; }
header .name { font-size: 2rem; letter-spacing: -.02em; }
.item { border-width: 1px 0 0; padding-inline: 0; }
.mark { display: none; }`,
    items: [
      {
        title: 'Tide tables agreed at last',
        text: 'Both piers will go by the same clock from Monday on.',
        mark: null,
      },
      {
        title: 'Lighthouse gets a coat of paint',
        text: 'White again, says the council, after a long debate on cream.',
        mark: null,
      },
      {
        title: 'Bakery opens on the quay',
        text: 'Rye on weekdays, and cinnamon when the fog is in.',
        mark: null,
      },
    ],
    members: {
      title: 'Subscribers’ desk',
      text: 'The long reads, without the short ones.',
      items: [
        'Why every map of the bay is wrong',
        'A year of weather, drawn by hand',
        'The crossword, number 212',
      ],
    },
    verified: {
      title: 'Letters to the editor',
      text: 'We print no letter without an answerable sender, so this page asks for a confirmed address.',
      items: ['On cream, again', 'The clock on the north pier is right'],
    },
  },
  games: {
    title: 'Nine Lives Arcade',
    tagline: 'Small games for a slow lift.',
    style: `
:root { --page: light-dark(#eef0ff, #0d0b1e); --ink: light-dark(#1b1740, #e9e6ff); --card: light-dark(#fff, #1a1638); --accent: light-dark(#6a2bd9, #b79bff); --line: light-dark(#d5d3f5, #37306b); --radius: 1.25rem; }
body { font-family: ui-rounded, "Trebuchet MS", system-ui, sans-serif; }
header .name { text-transform: lowercase; letter-spacing: .02em; }`,
    items: [
      {
        title: 'Catfall',
        text: 'Land on your feet. Nine times.',
        mark: '<path d="M12 40c-2-12 2-18 4-26l5 4h6l5-4c2 8 6 14 4 26zM20 24h.1M28 24h.1M22 29l2 1 2-1M36 38c6 0 6-8 2-10"/>',
      },
      {
        title: 'Lift Tetra',
        text: 'Stack the people by floor.',
        mark: '<path d="M8 40V30h10v10zM18 40V30h10v10zM18 30V20h10v10zM30 40V30h10v10zM30 12h8M34 8v8"/>',
      },
      {
        title: 'Moth',
        text: 'Find the lamp before the lamp finds you.',
        mark: '<path d="M24 8a11 11 0 0 0-6 20v5h12v-5a11 11 0 0 0-6-20zM19 37h10M21 41h6M24 33V22"/>',
      },
    ],
    members: {
      title: 'Your high scores',
      text: 'Kept for as long as you like.',
      items: ['Catfall: 9 lives left', 'Lift Tetra: floor 41', 'Moth: 3 lamps'],
    },
    verified: {
      title: 'The Sunday cup',
      text: 'Winners hear by mail, so this page asks for a confirmed address.',
      items: ['Catfall, at noon', 'Moth, at dusk'],
    },
  },
}
