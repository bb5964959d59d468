import type { Texts } from './en.ts'

/** What the agent's pages say, in Traditional Chinese. */
export const zhHant: Texts = {
  tag: 'zh-Hant',
  back: site => `返回 ${site}`,
  signInAgain: '重新登入',
  tryAgain: '重試',
  away: {
    title: '暫時無法使用',
    store: '保管登入狀態的服務沒有回應，一切未變。請稍後再試。',
    signOut: '我們無法確認您已登出，某些網站可能仍視您為已登入。請稍後再試。',
    other: '我們這邊出了問題，請稍後再試。',
  },
  address: { title: '此位址無效' },
  unknown: {
    title: '暫時無法確認登入',
    text: '此頁面需要知道您是誰，但相關服務沒有回應。您並未登出。',
  },
  unlisted: {
    title: '此處未開放登入',
    text: '此網站目前沒有加入統一登入，因此這裡沒有人處於登入狀態。請告知此網站的管理者。',
  },
  forbidden: { title: '您的帳號無權存取', text: '您的帳號不能開啟此頁面。' },
  unverified: {
    title: '請確認您的電子郵件',
    text: email =>
      `確認您的電子郵件 ${email} 後才能開啟此頁面。請點選我們郵件中的連結，然後再回來。若沒有收到，可再要一封。`,
    button: '寄送郵件',
  },
  loop: {
    title: '登入無法保持',
    text: site =>
      `您已連續登入多次，但瀏覽器沒有保留 ${site} 的登入。請允許此網站的 Cookie，關閉其他分頁或清除其 Cookie，然後重新登入。`,
  },
  declined: {
    title: site => `您尚未登入 ${site}`,
    text: '此頁面僅供已登入者使用，而您剛才選擇了暫不繼續。',
    button: '登入',
  },
  cookiesBlocked: {
    title: '您的瀏覽器在此封鎖了 Cookie',
    text: '登入需要此網站的一個 Cookie。請在瀏覽器設定中允許，然後重新登入。',
  },
  ticketExpired: {
    title: '返回耗時過長',
    text: '把登入帶到此網站的憑證只有幾秒有效，它已過期或已使用。請重新登入；若經常如此，可能是您的網路很慢。',
  },
  sessionGone: { title: '您已登出', text: '您在前往此網站的途中，工作階段已結束。請重新登入。' },
  wrongClient: {
    title: '您的網路位址變了',
    text: '您的登入從一個網路位址出發，卻從另一個抵達，某些 VPN 和代理會這樣。請重新登入；若仍如此，請關閉 VPN 或告知此網站的管理者。',
  },
  wrongSite: { title: '那次登入屬於另一個網站', text: '您開啟的位址屬於另一個網站。請從這裡重新登入。' },
  otherBrowser: {
    title: '那次登入始於另一個瀏覽器',
    text: '您開啟的位址屬於另一個瀏覽器的登入，或開始得太久。請從這裡重新登入。',
  },
  other: { title: '登入未成功', text: '此網站無法接收您的登入。請重新登入。' },
}
