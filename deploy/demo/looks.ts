/** What makes a demo site a site of its own: its colours, its words, its front page. */
export interface Look {
  readonly title: string
  readonly tagline: string
  readonly style: string
  readonly items: readonly { readonly title: string; readonly text: string; readonly mark: string }[]
  readonly members: { readonly title: string; readonly text: string; readonly items: readonly string[] }
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
      { title: 'Enamel kettle', text: 'One and a half litres, and a lid that stays on.', mark: '🫖' },
      { title: 'Wool blanket', text: 'Woven thick. Smells of nothing.', mark: '🧶' },
      { title: 'Storm lantern', text: 'Runs all night on one filling.', mark: '🏮' },
    ],
    members: {
      title: 'Your orders',
      text: 'Only you see this page.',
      items: ['Enamel kettle, on its way', 'Wool blanket, delivered', 'Free mending, until spring'],
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
        mark: '',
      },
      {
        title: 'Lighthouse gets a coat of paint',
        text: 'White again, says the council, after a long debate on cream.',
        mark: '',
      },
      {
        title: 'Bakery opens on the quay',
        text: 'Rye on weekdays, and cinnamon when the fog is in.',
        mark: '',
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
  },
  games: {
    title: 'Nine Lives Arcade',
    tagline: 'Small games for a slow lift.',
    style: `
:root { --page: light-dark(#eef0ff, #0d0b1e); --ink: light-dark(#1b1740, #e9e6ff); --card: light-dark(#fff, #1a1638); --accent: light-dark(#6a2bd9, #b79bff); --line: light-dark(#d5d3f5, #37306b); --radius: 1.25rem; }
body { font-family: ui-rounded, "Trebuchet MS", system-ui, sans-serif; }
header .name { text-transform: lowercase; letter-spacing: .02em; }`,
    items: [
      { title: 'Catfall', text: 'Land on your feet. Nine times.', mark: '🐈' },
      { title: 'Lift Tetra', text: 'Stack the people by floor.', mark: '🛗' },
      { title: 'Moth', text: 'Find the lamp before the lamp finds you.', mark: '💡' },
    ],
    members: {
      title: 'Your high scores',
      text: 'Kept for as long as you like.',
      items: ['Catfall: 9 lives left', 'Lift Tetra: floor 41', 'Moth: 3 lamps'],
    },
  },
}
