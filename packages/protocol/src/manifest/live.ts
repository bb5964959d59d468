import { statSync } from 'node:fs'
import { loadManifest } from './manifest.ts'
import type { Manifest } from './schema.ts'

/** A manifest that follows its file: `current` is always the last good one. */
export interface LiveManifest {
  readonly current: Manifest
  close(): void
}

/** Hears of changes: a new manifest in force, or a faulty one that was left alone. */
export interface ManifestListener {
  changed?(manifest: Manifest): void
  refused?(error: Error): void
}

const LOOK_EVERY_MS = 500

/** Loads a manifest file and follows it. Throws `ManifestError` where it is faulty at the start. */
export function watchManifest(file: string, listener: ManifestListener = {}): LiveManifest {
  // The mark is taken before the file is read: what is written in between is seen at the next look.
  let mark = markOf(file)
  let current = loadManifest(file)
  const look = () => {
    const now = markOf(file)
    if (now === mark) return
    mark = now
    try {
      current = loadManifest(file)
    } catch (error) {
      listener.refused?.(error as Error)
      return
    }
    listener.changed?.(current)
  }
  // Polled, since change events are lost where an editor or Kubernetes swaps the file by a rename or a link.
  const timer = setInterval(look, LOOK_EVERY_MS).unref()
  return {
    get current() {
      return current
    },
    close: () => clearInterval(timer),
  }
}

/** Differs whenever the file is another or was written. */
function markOf(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file)
    return `${ino} ${size} ${mtimeMs}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

/** A manifest that stays as it is. */
export function fixedManifest(manifest: Manifest): LiveManifest {
  return { current: manifest, close: () => {} }
}
