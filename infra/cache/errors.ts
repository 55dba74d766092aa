/** Thrown for a value that cannot be kept: JSON cannot say it, or it does not fit the namespace's schema. */
export class CacheValueRefused extends Error {
  override name = 'CacheValueRefused';
}

/** Thrown when a loader takes longer than its namespace allows. */
export class CacheLoadTimeout extends Error {
  override name = 'CacheLoadTimeout';
}

/** Thrown for what a namespace cannot do, such as finding obfuscated keys by a pattern. */
export class CacheMisuse extends Error {
  override name = 'CacheMisuse';
}
