import type { Help } from './help-en.ts'

/** The page that says what each code means, in Traditional Chinese. */
export const helpZhHant: Help = {
  title: '代碼的含義',
  lead: '無法繼續的頁面會在最後一行顯示一個代碼。這裡說明它的含義，以及您可以怎麼做。',
  look: '致此網站的管理者：',
  groups: {
    way: '前往網站的途中',
    forms: '帳號與表單',
    faults: '我們這邊的故障，以及位址',
  },
  codes: {
    ticket_missing: {
      title: '登入少了一步',
      text: '該位址缺少把登入帶到網站的憑證。請直接開啟該網站，不要使用中途位址的書籤，再從那裡登入。',
      look: '若經常發生，表示途中有東西刪去了 /api/auth 的查詢部分。',
    },
    ticket_unknown: {
      title: '返回耗時過長',
      text: '把登入帶到網站的憑證只能使用一次，且只有幾秒有效。它已過期或已使用，例如按了上一頁，或網路很慢。請重新登入。',
      look: '該網站與本服務是否使用同一個儲存，是否有東西把位址開啟兩次，例如連結掃描。',
    },
    ticket_wrong_site: {
      title: '那次登入屬於另一個網站',
      text: '您開啟的位址是為另一個網站產生的。請前往您想去的網站，從那裡登入。',
      look: '代理是否通向了另一個網站的 agent：carnet doctor 會指出。',
    },
    ticket_wrong_client: {
      title: '您的網路位址變了',
      text: '您的登入從一個網路位址出發，卻從另一個抵達，某些 VPN 和代理會這樣。請重新登入；若仍如此，請關閉 VPN。',
      look: '本服務和該網站的 CARNET_TRUST_PROXY 是否列出了每個代理；其次是 ticket.binding。',
    },
    state_mismatch: {
      title: '那次登入並非始於此瀏覽器',
      text: '瀏覽器沒有保留該網站的 Cookie，或者位址來自另一個瀏覽器，或者頁面開啟已超過十分鐘。請允許該網站的 Cookie，開啟該網站，從那裡登入。',
      look: '代理是否丟棄了 Set-Cookie 或 Cookie，人們使用的位址是否與清單中的完全一致。',
    },
    other_user: {
      title: '那裡登入著另一個帳號',
      text: '在該網站仍有另一個帳號處於登入狀態，因此一切未變。請先在那裡登出，再重新登入。',
      look: '無需處理。這是在保護已登入的人。',
    },
    pixel_blocked: {
      title: '瀏覽器不保留其他網站的 Cookie',
      text: '沒有出錯，您什麼也不必做。開啟該網站時您就會登入。',
      look: '無需處理。該網站改由轉址進入。',
    },
    signed_out: {
      title: '您尚未登入',
      text: '您已在此處或另一個網站登出，或者工作階段已結束，或者需要再次輸入密碼。請登入。若登入無法保持，請允許該網站的 Cookie，或清除已有的 Cookie。',
      look: '若不斷循環：該網站的回應是否保留了 Set-Cookie，其所有行程的密鑰是否相同。',
    },
    session_gone: {
      title: '您已登出',
      text: '您在前往該網站的途中，工作階段已結束。請重新登入。',
      look: '若經常發生：session.idle，以及 Redis 是否丟棄鍵（maxmemory-policy）。',
    },
    unknown_site: {
      title: '該網站未加入',
      text: '您來自的網站沒有加入此登入，或已不再加入。請告知該網站的管理者。',
      look: '該網站是否以此 id 列在清單中：carnet site list。',
    },
    invalid_credentials: {
      title: '電子郵件或密碼錯誤',
      text: '請檢查兩者是否輸錯。若忘記密碼，請設定新密碼。尚未確認的電子郵件也可能得到同樣的提示：請先點選我們郵件中的連結。',
      look: 'carnet user show 和 carnet audit；使用 accounts.credentials 時查看後端。',
    },
    email_taken: {
      title: '此電子郵件已有帳號',
      text: '如果帳號是您的，請用它登入，或設定新密碼。',
      look: '查看 carnet user show。',
    },
    email_unverified: {
      title: '請確認您的電子郵件',
      text: '確認電子郵件後才能開啟該頁面。請點選我們郵件中的連結，也請查看垃圾郵件。若沒有收到，可再要一封。',
      look: '郵件是否寄出：日誌中的 mail_delayed，以及 carnet doctor。',
    },
    forbidden: {
      title: '您無權使用',
      text: '您的帳號不能這樣做，或者此處不對任何人開放。如果您認為自己應該可以，請聯絡該網站的管理者。',
      look: 'carnet user roles、accounts.signUp，以及該網站的 signInForm。',
    },
    rate_limited: {
      title: '操作過於頻繁',
      text: '請等待頁面所說的時間，然後重試。沒有人會被永久鎖定。若多人共用一個位址，例如在辦公室，可能是別人用完了次數。',
      look: '若所有人都遇到：檢查 CARNET_TRUST_PROXY，否則所有人看起來都在代理的位址上。',
    },
    csrf: {
      title: '請重新開啟表單',
      text: '送出的內容並非來自我們的頁面，或者該頁面開啟得太久。請重新開啟表單，並允許其 Cookie。',
      look: '代理是否改動了 Origin 或 Sec-Fetch-Site，人們使用的位址是否與清單中的完全一致。',
    },
    invalid_input: {
      title: '有內容無法讀取',
      text: '有欄位缺少或有誤，或者連結不完整或已過期。請重新開啟頁面；若來自郵件，請開啟完整的連結。',
      look: '代理或您的頁面是否改動了查詢部分，或送出了其他欄位。',
    },
    store_unavailable: {
      title: '暫時無法使用',
      text: '保管登入狀態的服務沒有回應。一切未變。請稍後再試。',
      look: '/readyz 的內容，以及日誌中的 store_error。',
    },
    internal: {
      title: '我們這邊出了問題',
      text: '這不是您的過錯。請稍後再試；若仍如此，請告知該網站的管理者，並說明時間。',
      look: '日誌中的 request_failed 或 request_refused，其中有原因。',
    },
    bad_signature: {
      title: '網站無法證明自己的身分',
      text: '這是網站與本服務之間的事。請稍後再試，並告知該網站的管理者。',
      look: '該網站的密鑰（carnet site secret）、時鐘，以及代理是否改動了路徑或內文。',
    },
    not_found: {
      title: '這裡什麼也沒有',
      text: '位址有誤，或者原有的內容已不存在。請從首頁開始。',
      look: '連結來自何處，代理是否改動了路徑。',
    },
    method_not_allowed: {
      title: '這個位址不接受這種請求',
      text: '位址存在，但不接受這種請求。請從它所屬的頁面開啟。',
      look: '您的表單或程式是否使用了協定規定的方法。',
    },
  },
}
