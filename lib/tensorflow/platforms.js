// @ts-check
/** The systems that the package supports. JavaScript without imports: `npm run setup` uses it before compiling. */

/** The processors with a pinned TensorFlow, by `process.platform`. package.json lists the same systems under `os`. */
export const SYSTEMS = Object.freeze({
  linux: Object.freeze({ name: 'Linux', processors: Object.freeze(['x64', 'arm64']) }),
  darwin: Object.freeze({ name: 'macOS', processors: Object.freeze(['arm64']) }),
});

/**
 * Returns the reason why the package does not run on a system, or undefined if it does. Another processor of a
 * supported system needs a libtensorflow that is built for that processor.
 *
 * @param {string} platform a value of `process.platform`
 * @returns {string | undefined}
 */
export function whyUnsupportedPlatform(platform = process.platform) {
  if (Object.hasOwn(SYSTEMS, platform)) return undefined;
  const systems = Object.values(SYSTEMS).map(({ name, processors }) => `${name} (${processors.join(', ')})`);
  const instead =
    platform === 'win32' ? 'Windows: use WSL 2, in which the package runs as on Linux' : platform;
  return `keras-explainable runs on ${systems.join(' and ')}, not on ${instead}`;
}
