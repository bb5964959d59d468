import type { Help } from './help-en.ts'

/** The page that says what each code means, in Simplified Chinese. */
export const helpZhHans: Help = {
  title: '代码的含义',
  lead: '无法继续的页面会在最后一行显示一个代码。这里说明它的含义，以及您可以怎么做。',
  look: '致此站点的管理者：',
  groups: {
    way: '前往站点的途中',
    forms: '帐号与表单',
    faults: '我们这边的故障，以及地址',
  },
  codes: {
    ticket_missing: {
      title: '登录少了一步',
      text: '该地址缺少把登录带到站点的凭证。请直接打开该站点，不要使用中途地址的书签，再从那里登录。',
      look: '若经常发生，说明途中有东西删去了 /api/auth 的查询部分。',
    },
    ticket_unknown: {
      title: '返回耗时过长',
      text: '把登录带到站点的凭证只能使用一次，且只有几秒有效。它已过期或已使用，例如按了后退键，或网络很慢。请重新登录。',
      look: '该站点与本服务是否使用同一个存储，是否有东西把地址打开两次，例如链接扫描。',
    },
    ticket_wrong_site: {
      title: '那次登录属于另一个站点',
      text: '您打开的地址是为另一个站点生成的。请前往您想去的站点，从那里登录。',
      look: '代理是否通向了另一个站点的 agent：carnet doctor 会指出。',
    },
    ticket_wrong_client: {
      title: '您的网络地址变了',
      text: '您的登录从一个网络地址出发，却从另一个到达，某些 VPN 和代理会这样。请重新登录；若仍如此，请关闭 VPN。',
      look: '本服务和该站点的 CARNET_TRUST_PROXY 是否列出了每个代理；其次是 ticket.binding。',
    },
    state_mismatch: {
      title: '那次登录并非始于此浏览器',
      text: '浏览器没有保留该站点的 Cookie，或者地址来自另一个浏览器，或者页面打开已超过十分钟。请允许该站点的 Cookie，打开该站点，从那里登录。',
      look: '代理是否丢弃了 Set-Cookie 或 Cookie，人们使用的地址是否与清单中的完全一致。',
    },
    other_user: {
      title: '那里登录着另一个帐号',
      text: '在该站点仍有另一个帐号处于登录状态，因此一切未变。请先在那里退出，再重新登录。',
      look: '无需处理。这是在保护已登录的人。',
    },
    pixel_blocked: {
      title: '浏览器不保留其他站点的 Cookie',
      text: '没有出错，您什么也不必做。打开该站点时您就会登录。',
      look: '无需处理。该站点改由跳转进入。',
    },
    signed_out: {
      title: '您尚未登录',
      text: '您已在此处或另一个站点退出，或者会话已结束，或者需要再次输入密码。请登录。若登录无法保持，请允许该站点的 Cookie，或清除已有的 Cookie。',
      look: '若不断循环：该站点的应答是否保留了 Set-Cookie，其所有进程的密钥是否相同。',
    },
    session_gone: {
      title: '您已退出登录',
      text: '您在前往该站点的途中，会话已结束。请重新登录。',
      look: '若经常发生：session.idle，以及 Redis 是否丢弃键（maxmemory-policy）。',
    },
    unknown_site: {
      title: '该站点未加入',
      text: '您来自的站点没有加入此登录，或已不再加入。请告知该站点的管理者。',
      look: '该站点是否以此 id 列在清单中：carnet site list。',
    },
    invalid_credentials: {
      title: '电子邮箱或密码错误',
      text: '请检查两者是否输错。若忘记密码，请设置新密码。尚未确认的邮箱也可能得到同样的提示：请先点击我们邮件中的链接。',
      look: 'carnet user show 和 carnet audit；使用 accounts.credentials 时查看后端。',
    },
    email_taken: {
      title: '此邮箱已有帐号',
      text: '如果帐号是您的，请用它登录，或设置新密码。',
      look: '查看 carnet user show。',
    },
    email_unverified: {
      title: '请确认您的电子邮箱',
      text: '确认邮箱后才能打开该页面。请点击我们邮件中的链接，也请查看垃圾邮件。若没有收到，可再要一封。',
      look: '邮件是否发出：日志中的 mail_delayed，以及 carnet doctor。',
    },
    forbidden: {
      title: '您无权使用',
      text: '您的帐号不能这样做，或者此处不对任何人开放。如果您认为自己应该可以，请联系该站点的管理者。',
      look: 'carnet user roles、accounts.signUp，以及该站点的 signInForm。',
    },
    rate_limited: {
      title: '操作过于频繁',
      text: '请等待页面所说的时间，然后重试。没有人会被永久锁定。若多人共用一个地址，例如在办公室，可能是别人用完了次数。',
      look: '若所有人都遇到：检查 CARNET_TRUST_PROXY，否则所有人看起来都在代理的地址上。',
    },
    csrf: {
      title: '请重新打开表单',
      text: '提交的内容并非来自我们的页面，或者该页面打开得太久。请重新打开表单，并允许其 Cookie。',
      look: '代理是否改动了 Origin 或 Sec-Fetch-Site，人们使用的地址是否与清单中的完全一致。',
    },
    invalid_input: {
      title: '有内容无法读取',
      text: '有字段缺失或有误，或者链接不完整或已过期。请重新打开页面；若来自邮件，请打开完整的链接。',
      look: '代理或您的页面是否改动了查询部分，或发送了其他字段。',
    },
    store_unavailable: {
      title: '暂时不可用',
      text: '保管登录状态的服务没有响应。一切未变。请稍后再试。',
      look: '/readyz 的内容，以及日志中的 store_error。',
    },
    internal: {
      title: '我们这边出了问题',
      text: '这不是您的过错。请稍后再试；若仍如此，请告知该站点的管理者，并说明时间。',
      look: '日志中的 request_failed 或 request_refused，其中有原因。',
    },
    bad_signature: {
      title: '站点无法证明自己的身份',
      text: '这是站点与本服务之间的事。请稍后再试，并告知该站点的管理者。',
      look: '该站点的密钥（carnet site secret）、时钟，以及代理是否改动了路径或正文。',
    },
    not_found: {
      title: '这里什么也没有',
      text: '地址有误，或者原有的内容已不存在。请从首页开始。',
      look: '链接来自何处，代理是否改动了路径。',
    },
    method_not_allowed: {
      title: '这个地址不接受这种请求',
      text: '地址存在，但不接受这种请求。请从它所属的页面打开。',
      look: '您的表单或程序是否使用了协议规定的方法。',
    },
  },
}
