/** What the agent's pages say, in English. The other languages have the same keys. */
export const en = {
  tag: 'en',
  back: (site: string) => `Back to ${site}`,
  signInAgain: 'Sign in again',
  tryAgain: 'Try again',
  away: {
    title: 'Not just now',
    store:
      'The place that keeps the sign-ins does not answer, so nothing has changed. Please try again in a moment.',
    signOut:
      'We could not confirm that you are signed out. Some sites may still take you for signed in. Please try again in a moment.',
    other: 'Something went wrong on our side. Please try again in a moment.',
  },
  address: { title: 'This address does not work' },
  unknown: {
    title: 'Sign-in is out of reach for a moment',
    text: 'This page needs to know who you are, and the place that knows does not answer. You have not been signed out.',
  },
  unlisted: {
    title: 'Sign-in is not open here',
    text: 'This site does not take part in the common sign-in at present, so nobody is signed in here. Please tell the people who run it.',
  },
  forbidden: { title: 'This is not for your account', text: 'Your account may not open this.' },
  unverified: {
    title: 'Confirm your e-mail address',
    text: (email: string) =>
      `This page opens once your address, ${email}, is confirmed. Follow the link in our mail, then come back. If you have none, ask for another.`,
    button: 'Get a mail',
  },
  loop: {
    title: 'The sign-in does not stay',
    text: (site: string) =>
      `You were signed in several times in a row, but your browser does not keep the sign-in at ${site}. Allow cookies for this site, close its other tabs, or clear its cookies, and sign in again.`,
  },
  declined: {
    title: (site: string) => `You are not signed in at ${site}`,
    text: 'This page is for people who are signed in, and you chose not to go on to this site just now.',
    button: 'Sign in',
  },
  cookiesBlocked: {
    title: 'Your browser blocks cookies here',
    text: 'Signing in needs one cookie of this site. Allow cookies for it in the settings of your browser, then sign in again.',
  },
  ticketExpired: {
    title: 'The way back took too long',
    text: 'The pass that brings your sign-in to this site lives for a few seconds only, and it had expired or was used already. Sign in again; where this happens often, your connection may be very slow.',
  },
  sessionGone: {
    title: 'You have been signed out',
    text: 'Your session ended while you were on the way to this site. Please sign in again.',
  },
  wrongClient: {
    title: 'Your network address changed',
    text: 'Your sign-in set out from one network address and arrived from another, as happens with some VPNs and proxies. Sign in again; where it stays so, switch the VPN off or tell the people who run this site.',
  },
  wrongSite: {
    title: 'That sign-in was for another site',
    text: 'The address you followed belongs to another site. Please sign in again from here.',
  },
  otherBrowser: {
    title: 'That sign-in began in another browser',
    text: 'The address you followed belongs to a sign-in of another browser or one that was begun too long ago. Please sign in again from here.',
  },
  other: {
    title: 'The sign-in did not work',
    text: 'This site could not take over your sign-in. Please sign in again.',
  },
}

/** What every language has to say. */
export type Texts = typeof en
