import { gate } from '../../../gate.ts'

export const { GET, POST } = gate.routes
