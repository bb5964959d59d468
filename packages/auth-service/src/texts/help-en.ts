import type { ErrorCode } from '@carnet/protocol'

/** What is said of a code. */
export interface CodeHelp {
  readonly title: string
  /** What it means, and what one can do. */
  readonly text: string
  /** What the people who run the site should look at. */
  readonly look: string
}

/** What every language has to say on the page about codes. */
export interface Help {
  readonly title: string
  readonly lead: string
  /** What the line for those who run the site begins with. */
  readonly look: string
  readonly groups: Readonly<Record<'way' | 'forms' | 'faults', string>>
  readonly codes: Readonly<Record<ErrorCode, CodeHelp>>
}

/** The page that says what each code means, in English. */
export const helpEn: Help = {
  title: 'What the code means',
  lead: 'A page that could not go on shows a code in its last line. Here is what it means, and what you can do.',
  look: 'For those who run the site:',
  groups: {
    way: 'On the way to a site',
    forms: 'Accounts and forms',
    faults: 'Faults on our side, and addresses',
  },
  codes: {
    ticket_missing: {
      title: 'A step of the sign-in was left out',
      text: 'The address lacks the pass that brings your sign-in to the site. Open the site itself, not a bookmark of an address in between, and sign in from there.',
      look: 'If it happens often, something on the way cuts the query off /api/auth.',
    },
    ticket_unknown: {
      title: 'The way back took too long',
      text: 'The pass that brings your sign-in to a site is good once, and for a few seconds only. Yours had expired or was used already, as by the back button or on a very slow connection. Sign in again.',
      look: 'Whether the site has the store of this service, and whether something loads addresses twice, such as a scanner of links.',
    },
    ticket_wrong_site: {
      title: 'That sign-in was for another site',
      text: 'The address that you followed was made for another site. Go to the site that you want, and sign in there.',
      look: 'Whether a proxy leads to the agent of another site: carnet doctor names it.',
    },
    ticket_wrong_client: {
      title: 'Your network address changed',
      text: 'Your sign-in set out from one network address and arrived from another, as happens with some VPNs and proxies. Sign in again; where it stays so, switch the VPN off.',
      look: 'Whether CARNET_TRUST_PROXY names every proxy, here and at the site; then ticket.binding.',
    },
    state_mismatch: {
      title: 'That sign-in did not begin in this browser',
      text: 'The browser keeps no cookies of the site, or the address came from another browser, or the page had been open for more than ten minutes. Allow cookies for the site, open it, and sign in there.',
      look: 'Whether a proxy drops Set-Cookie or Cookie, and whether people use the very address that the manifest has.',
    },
    other_user: {
      title: 'Somebody else is signed in there',
      text: 'At that site another account is still signed in, so nothing was changed. Sign out there, then sign in again.',
      look: 'Nothing. It protects who is signed in.',
    },
    pixel_blocked: {
      title: 'The browser keeps no cookies of other sites',
      text: 'Nothing is wrong, and there is nothing to do. You are signed in at that site as soon as you open it.',
      look: 'Nothing. The site is entered by a redirect instead.',
    },
    signed_out: {
      title: 'You are not signed in',
      text: 'You have signed out, here or at another site, or your session has ended, or a password is asked for once more. Sign in. Where that does not stay, allow cookies for the site or clear those that it has.',
      look: 'If it goes round in circles: whether the site’s answers keep their Set-Cookie, and whether all its processes have the same secrets.',
    },
    session_gone: {
      title: 'You have been signed out',
      text: 'Your session ended while you were on the way to the site. Sign in again.',
      look: 'If it happens often: session.idle, and whether Redis throws keys away (maxmemory-policy).',
    },
    unknown_site: {
      title: 'That site does not take part',
      text: 'The site that you come from is not part of this sign-in, or not any more. Tell the people who run that site.',
      look: 'Whether the site is in the manifest under this very id: carnet site list.',
    },
    invalid_credentials: {
      title: 'The address or the password is wrong',
      text: 'Look for slips in both. If you do not know the password any more, ask for a new one. An address that still waits to be confirmed may be told the same: follow the link in our mail first.',
      look: 'carnet user show and carnet audit; with accounts.credentials the backend.',
    },
    email_taken: {
      title: 'There is an account with this address',
      text: 'If it is yours, sign in with it, or ask for a new password.',
      look: 'carnet user show.',
    },
    email_unverified: {
      title: 'Confirm your e-mail address',
      text: 'The page opens once your address is confirmed. Follow the link in our mail, and look among the unwanted mails, too. If you have none, ask for another.',
      look: 'Whether mails go out: mail_delayed in the log, and carnet doctor.',
    },
    forbidden: {
      title: 'This is not open to you',
      text: 'Your account may not do this, or nobody may do it here. If you think that you should, ask the people who run the site.',
      look: 'carnet user roles, accounts.signUp, and the site’s signInForm.',
    },
    rate_limited: {
      title: 'That was too often',
      text: 'Wait for as long as the page says, then try again. Nobody is locked out for good. Where many people share one address, as in an office, others may have used up the tries.',
      look: 'If it meets everybody: CARNET_TRUST_PROXY, or all seem to be at the address of the proxy.',
    },
    csrf: {
      title: 'Please open the form again',
      text: 'What was sent did not come from a page of ours, or that page had been open for too long. Open the form again, and allow cookies for it.',
      look: 'Whether a proxy changes Origin or Sec-Fetch-Site, and whether people use the very address that the manifest has.',
    },
    invalid_input: {
      title: 'Something could not be read',
      text: 'A field is missing or faulty, or a link was cut off or has expired. Open the page again; from a mail, follow the whole link.',
      look: 'Whether a proxy or a page of yours changes the query or sends other fields.',
    },
    store_unavailable: {
      title: 'Not just now',
      text: 'Something that keeps the sign-ins does not answer. Nothing has changed. Try again in a moment.',
      look: 'What /readyz says, and store_error in the log.',
    },
    internal: {
      title: 'Something went wrong on our side',
      text: 'It was no fault of yours. Try again in a moment; if it stays, tell the people who run the site, and when it was.',
      look: 'request_failed or request_refused in the log, with the reason.',
    },
    bad_signature: {
      title: 'A site could not prove which one it is',
      text: 'This is between a site and this service. Try again later, and tell the people who run that site.',
      look: 'The site’s secret (carnet site secret), its clock, and whether a proxy changes path or body.',
    },
    not_found: {
      title: 'There is nothing here',
      text: 'The address is wrong, or what was there is gone. Begin at the start page.',
      look: 'Where the link came from, and whether a proxy changes the path.',
    },
    method_not_allowed: {
      title: 'This address does not take such a request',
      text: 'The address is there, but not for what was asked. Open it from the page that it belongs to.',
      look: 'Whether a form or a program of yours uses the method that the protocol has.',
    },
  },
}
