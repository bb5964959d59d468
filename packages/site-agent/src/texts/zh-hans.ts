import type { Texts } from './en.ts'

/** What the agent's pages say, in Simplified Chinese. */
export const zhHans: Texts = {
  tag: 'zh-Hans',
  back: site => `返回 ${site}`,
  signInAgain: '重新登录',
  tryAgain: '重试',
  away: {
    title: '暂时不可用',
    store: '保管登录状态的服务没有响应，一切未变。请稍后再试。',
    signOut: '我们无法确认您已退出登录，某些站点可能仍视您为已登录。请稍后再试。',
    other: '我们这边出了问题，请稍后再试。',
  },
  address: { title: '此地址无效' },
  unknown: {
    title: '暂时无法确认登录',
    text: '此页面需要知道您是谁，但相关服务没有响应。您并未退出登录。',
  },
  unlisted: {
    title: '此处未开放登录',
    text: '此站点目前没有加入统一登录，因此这里没有人处于登录状态。请告知此站点的管理者。',
  },
  forbidden: { title: '您的帐号无权访问', text: '您的帐号不能打开此页面。' },
  unverified: {
    title: '请确认您的电子邮箱',
    text: email =>
      `确认您的邮箱 ${email} 后才能打开此页面。请点击我们邮件中的链接，然后再回来。若没有收到，可再要一封。`,
    button: '发送邮件',
  },
  loop: {
    title: '登录无法保持',
    text: site =>
      `您已连续登录多次，但浏览器没有保留 ${site} 的登录。请允许此站点的 Cookie，关闭其他标签页或清除其 Cookie，然后重新登录。`,
  },
  declined: {
    title: site => `您尚未登录 ${site}`,
    text: '此页面仅供已登录者使用，而您刚才选择了暂不继续。',
    button: '登录',
  },
  cookiesBlocked: {
    title: '您的浏览器在此阻止了 Cookie',
    text: '登录需要此站点的一个 Cookie。请在浏览器设置中允许，然后重新登录。',
  },
  ticketExpired: {
    title: '返回耗时过长',
    text: '把登录带到此站点的凭证只有几秒有效，它已过期或已使用。请重新登录；若经常如此，可能是您的网络很慢。',
  },
  sessionGone: { title: '您已退出登录', text: '您在前往此站点的途中，会话已结束。请重新登录。' },
  wrongClient: {
    title: '您的网络地址变了',
    text: '您的登录从一个网络地址出发，却从另一个到达，某些 VPN 和代理会这样。请重新登录；若仍如此，请关闭 VPN 或告知此站点的管理者。',
  },
  wrongSite: { title: '那次登录属于另一个站点', text: '您打开的地址属于另一个站点。请从这里重新登录。' },
  otherBrowser: {
    title: '那次登录始于另一个浏览器',
    text: '您打开的地址属于另一个浏览器的登录，或开始得太久。请从这里重新登录。',
  },
  other: { title: '登录未成功', text: '此站点无法接收您的登录。请重新登录。' },
}
