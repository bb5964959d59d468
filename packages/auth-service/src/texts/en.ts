/** What pages and mails say, in English. The other languages have the same keys. */
export const en = {
  language: { name: 'English', switch: 'Language' },

  fields: {
    email: 'E-mail address',
    newEmail: 'New e-mail address',
    name: 'Name',
    password: 'Password',
    newPassword: 'New password',
    passwordAgain: 'The same password again',
    remember: 'Keep me signed in on this device',
  },

  hints: {
    password: (least: number) => `At least ${least} characters. A few words in a row are easy to remember.`,
  },

  faults: {
    some: 'Some fields are missing or faulty.',
    unknown: 'This field is unknown.',
    value: 'This value cannot be read.',
    tooLong: (most: number) => `This may have ${most} characters at most.`,
    email: 'Give an e-mail address such as name@example.com.',
    emailMissing: 'Give your e-mail address.',
    emailTaken: 'There is an account with this address.',
    emailSame: 'This is your address already.',
    name: 'A name cannot have control characters.',
    nameMissing: 'Give your name.',
    passwordMissing: 'Give your password.',
    newPasswordMissing: 'Choose a password.',
    passwordAgain: 'The two passwords differ.',
    passwordAgainMissing: 'Type the password again.',
    passwordWrong: 'This is not the password of this account.',
    short: (least: number) => `A password needs at least ${least} characters.`,
    long: (most: number) => `A password may have ${most} characters at most.`,
    common: 'This password is one of those that are tried first. Choose another one.',
    repeated: 'This is one sequence or one piece over and over. Choose something harder to guess.',
    personal: 'This is little more than your name, your address or the name of this service.',
  },

  errors: {
    title: 'That did not work',
    start: 'To the start page',
    signIn: 'To the sign-in page',
    invalid_credentials: 'The e-mail address or the password is wrong.',
    unconfirmed: 'The e-mail address or the password is wrong, or the address has not been confirmed yet.',
    store_unavailable: 'Something that we need does not answer. Nothing has changed. Try again in a moment.',
    rate_limited: (when: string) => `That was too often. Try again ${when}.`,
    tryAgain: 'Try again',
    internal: 'Something went wrong on our side.',
    csrf: 'This request did not start on one of our own pages.',
    not_found: 'There is no such page.',
    method_not_allowed: 'This address does not take such a request.',
    unknown_site:
      'The address names a site that is not part of this sign-in. Go back to the site and sign in from there.',
    signed_out: 'Sign in first.',
    forbidden: 'This is not open to you.',
    not_fresh: 'Give your password again first.',
    email_taken: 'There is an account with this e-mail address.',
    session_gone: 'This session has ended.',
    titles: {
      not_found: 'There is nothing here',
      csrf: 'Please open the form again',
      store_unavailable: 'Not just now',
      rate_limited: 'Not just now',
      internal: 'Something went wrong',
      unknown_site: 'That site does not take part',
    },
  },

  home: {
    title: 'Your sites',
    hello: (name: string) => `Hello, ${name}`,
    signedIn: (email: string) => `${email} is signed in, for all of these sites:`,
    signedInAlone: (email: string) => `${email} is signed in.`,
    welcome: 'Welcome',
    signedOut: 'You are signed out',
    invitation: 'Sign in once for all of these sites:',
    invitationAlone: 'Sign in to go on.',
    account: 'Your account',
    unverified: 'Your e-mail address is not confirmed yet, so some pages stay closed.',
    confirm: 'Confirm it',
  },

  signIn: {
    title: 'Sign in',
    lead: (brand: string) => `With your ${brand} account.`,
    leadTo: (brand: string, site: string) => `With your ${brand} account, to continue to ${site}.`,
    again: 'Confirm that it is you',
    againLead: 'Give your password again.',
    againLeadTo: (site: string) => `Give your password again, to continue to ${site}.`,
    button: 'Sign in',
    forgot: 'Forgot your password?',
    signUp: 'Create an account',
    sites: (names: string) => `One sign-in for ${names}.`,
  },

  signedIn: {
    title: 'Signed in',
    heading: 'You are signed in',
    on: 'Taking you on …',
    onTo: (site: string) => `Taking you to ${site} …`,
    button: 'Continue',
    buttonTo: (site: string) => `Continue to ${site}`,
  },

  consent: {
    title: (site: string) => `Continue to ${site}`,
    heading: (site: string, name: string) => `Continue to ${site} as ${name}?`,
    learns: (site: string) => `What ${site} learns about you`,
    roles: 'Roles',
    keeps: 'It never sees your password. We ask once for each sign-in, and signing out ends it there too.',
    button: 'Continue',
    notNow: 'Not now',
    another: 'Use another account',
  },

  signOut: {
    title: 'Sign out',
    heading: 'Sign out everywhere?',
    lead: (email: string) => `${email} is signed in. Signing out ends this at every site at once:`,
    leadAlone: (email: string) => `${email} is signed in.`,
    button: 'Sign out everywhere',
    stay: 'Stay signed in',
    unconfirmed:
      'We could not confirm that you are signed out. Some sites may still take you for signed in. Please try again in a moment.',
  },

  signUp: {
    title: 'Create an account',
    lead: (brand: string) => `For ${brand}.`,
    leadTo: (brand: string, site: string) => `For ${brand}, to continue to ${site}.`,
    button: 'Create the account',
    have: 'Already have an account?',
    signIn: 'Sign in',
    taken: 'There is an account with this address. Is it yours?',
    closed: 'New accounts are not open here. Ask the people who run this service.',
    sentTitle: 'Check your mail',
    sent: 'We have sent a mail to the address that you gave. Its link goes on from there.',
  },

  verify: {
    title: 'Confirm your e-mail address',
    lead: (email: string) => `Is ${email} your address? Then confirm it here.`,
    leadPassword: (email: string) =>
      `Is ${email} your address, and the account yours? Then give the password of the account.`,
    button: 'Confirm the address',
    notMe: 'This was not me',
    notMeLead: 'You did not open an account here? Then say so, and the account is removed.',
    notMeChange: 'You did not ask for this? Then say so, and nothing is changed.',
    doneTitle: 'The address is confirmed',
    done: (email: string) => `${email} is confirmed. You can go on where you were.`,
    deniedTitle: 'Thank you for telling us',
    denied: 'The account that was opened with your address is gone.',
    deniedChange: 'Nothing was changed.',
    void: 'This link has expired, was used, or belongs to something that changed since.',
    voidTitle: 'This link is no longer good',
    waitTitle: 'Your address is not confirmed yet',
    wait: (email: string) =>
      `Follow the link in the mail that we send to ${email}. If you have none, ask for another.`,
    waitUnknown: 'Give your address, and a new mail is on its way if the address waits to be confirmed.',
    resend: 'Send the mail again',
    resent: 'If this address waits to be confirmed, a mail is on its way.',
    verified: (email: string) => `${email} is confirmed already.`,
  },

  forgot: {
    title: 'Forgot your password?',
    lead: 'Give your e-mail address, and we send you a link with which you choose a new one.',
    button: 'Send the link',
    sentTitle: 'Check your mail',
    sent: 'If there is an account with this address, a mail is on its way. Its link is good for 30 minutes.',
  },

  reset: {
    title: 'Choose a new password',
    lead: (email: string) => `For ${email}. It signs out every device that is signed in now.`,
    button: 'Set the password',
    done: 'The new password is set. Sign in with it.',
  },

  account: {
    title: 'Your account',
    profile: 'Profile',
    saved: 'Saved.',
    save: 'Save',
    email: 'E-mail address',
    confirmed: 'confirmed',
    unconfirmed: 'not confirmed',
    changeEmail: 'Change the address',
    changeEmailLead:
      'A mail goes to the new address. It takes the place of the old one once it is confirmed.',
    changeEmailSent: 'Check the mail of the new address: its link makes the change.',
    password: 'Password',
    changePassword: 'Change the password',
    changePasswordLead: 'It signs out every other device.',
    passwordChanged: 'The new password is set, and every other device is signed out.',
    notMe: 'That device is signed out. Whoever used it may know your password, so choose a new one.',
    elsewhere: 'Name, address and password are kept by another system, and changed there.',
    sessions: 'Devices',
    sessionsLead: 'Where you are signed in now',
    data: 'Your data',
    export: 'Download all that is stored about you',
    remove: 'Delete the account',
    removeTitle: 'Delete your account?',
    removeLead: 'It is removed at once and for good, and you are signed out everywhere.',
    removeButton: 'Delete it for good',
    removed: 'Your account is deleted.',
    keep: 'Keep it',
    back: 'Back to your account',
    start: 'To the start page',
  },

  sessions: {
    this: 'this device',
    remembered: 'stays signed in',
    unknownDevice: 'Unknown device',
    since: (when: string) => `since ${when}`,
    lastSeen: (when: string) => `last seen ${when}`,
    place: (network: string) => `network ${network}`,
    at: (sites: string) => `at ${sites}`,
    end: 'Sign out',
    notMe: 'This is not me',
    others: 'Sign out all others',
    everywhere: 'Sign out everywhere',
    ended: 'Signed out there.',
  },

  mail: {
    greeting: (name: string) => `Hello ${name},`,
    footer: (brand: string, address: string) => `This mail was sent by ${brand} to ${address}.`,
    ignore: 'If you did not ask for this, you need not do anything.',
    until: (hours: string) => `The link is good for ${hours}, once.`,
    hour: 'one hour',
    halfHour: '30 minutes',
    lastResort: 'If you cannot get in any more, tell the people who run this service.',
    verify: {
      subject: (brand: string) => `Confirm your e-mail address for ${brand}`,
      text: (brand: string) =>
        `An account at ${brand} was opened with this address. Confirm that it is yours:`,
      button: 'Confirm the address',
      notYou: 'If that was not you, follow the link and say so: the account is removed.',
    },
    taken: {
      subject: (brand: string) => `You have an account at ${brand}`,
      text: (brand: string) =>
        `Somebody wanted to open an account at ${brand} with this address, but there is one already. If that was you, sign in, or choose a new password:`,
      button: 'Sign in',
    },
    reset: {
      subject: (brand: string) => `Choose a new password for ${brand}`,
      text: (brand: string) =>
        `Somebody asked for a new password for your account at ${brand}. Choose it here:`,
      button: 'Choose a new password',
    },
    changeEmail: {
      subject: (brand: string) => `Confirm your new e-mail address for ${brand}`,
      text: (brand: string) => `This address is to become the one of your account at ${brand}. Confirm it:`,
      button: 'Confirm the address',
    },
    changeAsked: {
      subject: (brand: string) => `Your e-mail address at ${brand} is to change`,
      text: (brand: string, address: string) =>
        `Somebody signed in to your account at ${brand} asked to change its address to ${address}.`,
      notYou: 'If that was not you, choose a new password now. That also stops the change:',
      button: 'Choose a new password',
    },
    emailChanged: {
      subject: (brand: string) => `Your e-mail address at ${brand} was changed`,
      text: (brand: string, address: string) => `The address of your account at ${brand} is now ${address}.`,
      notYou:
        'If that was not you, sign in with that address and your password, and choose “This is not me” beside the device that you do not know:',
      button: 'Look at the devices',
    },
    passwordChanged: {
      subject: (brand: string) => `Your password at ${brand} was changed`,
      text: (brand: string) => `The password of your account at ${brand} was changed.`,
      notYou: 'If that was not you, choose another one now:',
      button: 'Choose a new password',
    },
    removed: {
      subject: (brand: string) => `Your account at ${brand} was deleted`,
      text: (brand: string) =>
        `Your account at ${brand} was deleted, with all that was stored about you. This is the last mail about it.`,
      notYou: 'If that was not you, tell the people who run this service.',
    },
    stolen: {
      subject: (brand: string) => `A sign-in of yours at ${brand} was copied`,
      text: (brand: string) =>
        `A browser that ${brand} keeps signed in for you showed up twice, so somebody may have copied it. We have signed that browser out. If you cannot explain this, choose a new password:`,
      button: 'Choose a new password',
    },
    newDevice: {
      subject: (brand: string) => `A sign-in at ${brand} on a new device`,
      text: (brand: string, where: string) =>
        `Somebody signed in to your account at ${brand} on a device that you have not signed in on before: ${where}. If that was you, you need not do anything. If not, end that sign-in and choose a new password:`,
      button: 'See where I am signed in',
    },
  },
}

/** What every language has to say. */
export type Texts = typeof en
