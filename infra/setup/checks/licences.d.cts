export interface Licensed {
  name: string;
  version: string;
  /** An SPDX expression; undefined when the package names none. */
  licence: string | undefined;
  /** Whether it is installed with `npm ci --omit=dev`. */
  production: boolean;
}

/** Whether an SPDX expression can be met by permissive licences alone. */
export function isPermissive(expression: string): boolean;

/** Every package of package-lock.json, by name. */
export function listLicences(root: string): Licensed[];
