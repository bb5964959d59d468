import { MemoryStore } from '@carnet/protocol'
import anyTest, { type TestFn } from 'ava'
import { conforms, type Subject } from './store-conformance.ts'

const test = anyTest as TestFn<Subject>

const store = new MemoryStore()
test.beforeEach(t => {
  t.context = { store }
})
test.after.always(() => store.close())

conforms(test)
