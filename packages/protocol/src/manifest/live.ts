import { unwatchFile, watchFile } from 'node:fs'
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

/** Loads a manifest file and follows it. Throws `ManifestError` where it is faulty at the start. */
export function watchManifest(file: string, listener: ManifestListener = {}): LiveManifest {
  let current = loadManifest(file)
  const reload = () => {
    try {
      current = loadManifest(file)
    } catch (error) {
      listener.refused?.(error as Error)
      return
    }
    listener.changed?.(current)
  }
  // Polled, since change events are lost where an editor or Kubernetes swaps the file by a rename or a link.
  watchFile(file, { interval: 500, persistent: false }, reload)
  return {
    get current() {
      return current
    },
    close: () => unwatchFile(file, reload),
  }
}

/** A manifest that stays as it is. */
export function fixedManifest(manifest: Manifest): LiveManifest {
  return { current: manifest, close: () => {} }
}
