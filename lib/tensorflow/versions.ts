/** The supported releases of TensorFlow, defined only here. */
import { TENSORFLOW_VERSION } from './pins.js';

/** The oldest release that the tests use. Older releases lack functions that the addon calls. */
const OLDEST = '2.12';

/** The newest release that the tests use: the pinned release, at any patch level. */
const NEWEST = TENSORFLOW_VERSION.split('.', 2).join('.');

/** The range in words, for messages. */
export const SUPPORTED_VERSIONS = `${OLDEST} to ${NEWEST}`;

/**
 * Returns the reason why a library of version `version` is refused, or undefined if the version is supported. Newer
 * releases are refused like older releases. A release can change the values that kernels compute: 2.21's oneDNN fuses
 * layer normalisations with an epsilon of its own. Without tests, maps of a newer release may be wrong.
 */
export function whyUnsupported(version: string): string | undefined {
  const release = releaseOf(version);
  if (release === undefined) return `reports '${version}', which is not a TensorFlow version`;
  const is = `is TensorFlow ${version}`;
  if (release < numberOf(OLDEST))
    return `${is}, older than ${OLDEST}. Supported versions: ${SUPPORTED_VERSIONS}`;
  if (release > numberOf(NEWEST)) {
    return `${is}, newer than ${NEWEST}, the newest tested version. Supported versions: ${SUPPORTED_VERSIONS}`;
  }
  return undefined;
}

const numberOf = (version: string) => releaseOf(version) as number;

/** Returns a number by which versions such as '2.21.0-rc1' are compared, or undefined if `version` is no version. */
function releaseOf(version: string): number | undefined {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})(?:[.+-].*)?$/.exec(version) ?? [];
  return major === undefined ? undefined : Number(major) * 10_000 + Number(minor);
}
