import { type Html, html } from '../../html.ts'
import type { Flash } from '../context.ts'

/** One field of a form. */
export interface Field {
  readonly name: string
  readonly label: string
  readonly type: 'email' | 'password' | 'text'
  readonly autocomplete: string
  readonly value?: string
  readonly hint?: string
  /** Whether it is the one to begin with, where none is faulty. */
  readonly focus?: boolean
}

/** A labelled field, with what was typed and the fault beside it. The first faulty one has the focus. */
export function field(flash: Flash | null, field: Field): Html {
  const { name, label, type, autocomplete, hint, focus = false } = field
  const error = flash?.fields[name] ?? null
  const [faulty] = Object.keys(flash?.fields ?? {})
  const focused = faulty === undefined ? focus : faulty === name
  const value = type === 'password' ? '' : (flash?.values[name] ?? field.value ?? '')
  const notes = [error === null ? null : `${name}-error`, hint === undefined ? null : `${name}-hint`]
  const described = notes.filter(note => note !== null).join(' ')
  return html`<div class="field">
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" required${focused && html` autofocus`}${error !== null && html` aria-invalid="true"`}${described !== '' && html` aria-describedby="${described}"`}>
${error !== null && html`<p class="error" id="${name}-error">${error}</p>`}
${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}
</div>`
}

/** A labelled checkbox. */
export function check(name: string, label: string, checked: boolean): Html {
  return html`<div class="check">
<input id="${name}" name="${name}" type="checkbox"${checked && html` checked`}>
<label for="${name}">${label}</label>
</div>`
}

/** What the last form said about the page as a whole. */
export function said(flash: Flash | null): Html | null {
  if (flash?.message === undefined) return null
  return flash.good === true
    ? html`<p class="alert good" role="status">${flash.message}</p>`
    : html`<p class="alert" role="alert" id="alert">${flash.message}</p>`
}
