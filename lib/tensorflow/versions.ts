/** Which releases of TensorFlow the package runs on: the one place that says so. */
import { TENSORFLOW_VERSION } from './pins.js';

/** The oldest release that the tests run on; older ones lack functions that the addon calls. */
const OLDEST = '2.12';

/** The newest release that the tests run on: the one that is pinned, of any patch level. */
const NEWEST = TENSORFLOW_VERSION.split('.', 2).join('.');

/** In words, for messages. */
export const SUPPORTED_VERSIONS = `${OLDEST} to ${NEWEST}`;

/**
 * Why a library that says its version is `version` is not used; undefined where it is. A newer one is refused as an
 * older one is: releases change what kernels compute (2.21's oneDNN fuses layer normalisations with an epsilon of its
 * own), and nothing that is not tested says that its maps are right.
 */
export function whyUnsupported(version: string): string | undefined {
  const release = releaseOf(version);
  if (release === undefined) return `says that its version is '${version}', which is none`;
  const is = `is TensorFlow ${version}`;
  if (release < numberOf(OLDEST)) return `${is}, older than ${OLDEST}; supported are ${SUPPORTED_VERSIONS}`;
  if (release > numberOf(NEWEST)) {
    return `${is}, newer than ${NEWEST}, on which nothing here is tested; supported are ${SUPPORTED_VERSIONS}`;
  }
  return undefined;
}

const numberOf = (version: string) => releaseOf(version) as number;

/** '2.21.0-rc1' as a number to compare by; undefined for what is no version. */
function releaseOf(version: string): number | undefined {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})(?:[.+-].*)?$/.exec(version) ?? [];
  return major === undefined ? undefined : Number(major) * 10_000 + Number(minor);
}
