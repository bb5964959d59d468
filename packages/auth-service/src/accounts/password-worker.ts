import bcrypt from 'bcryptjs'

export function hash({ password, cost }: { password: string; cost: number }): string {
  return bcrypt.hashSync(password, cost)
}

export function verify({ password, hash }: { password: string; hash: string }): boolean {
  return bcrypt.compareSync(password, hash)
}
