// @ts-check
/** The systems that the package runs on. JavaScript without imports, since `npm run setup` asks before it compiles. */

/** By `process.platform`, as package.json lists them under `os`: the processors that a TensorFlow is pinned for. */
export const SYSTEMS = Object.freeze({
  linux: Object.freeze({ name: 'Linux', processors: Object.freeze(['x64', 'arm64']) }),
  darwin: Object.freeze({ name: 'macOS', processors: Object.freeze(['arm64']) }),
});

/**
 * Why the package does not run on a system; undefined where it does. On another processor of a supported system, a
 * libtensorflow that was built for it is used.
 *
 * @param {string} platform as `process.platform`
 * @returns {string | undefined}
 */
export function whyUnsupportedPlatform(platform = process.platform) {
  if (Object.hasOwn(SYSTEMS, platform)) return undefined;
  const systems = Object.values(SYSTEMS).map(({ name, processors }) => `${name} (${processors.join(', ')})`);
  const instead = platform === 'win32' ? 'Windows itself: use WSL 2, where it runs as on Linux' : platform;
  return `keras-explainable runs on ${systems.join(' and ')}, not on ${instead}`;
}
