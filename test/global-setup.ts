import { existsSync } from 'node:fs';

/** Says once, and clearly, what every single test would otherwise say in its own words. */
export default function setup(): void {
  const builds = ['../build/cmake/Release', '../build/Release'].map(
    (build) => `${build}/keras_explainable.node`,
  );
  if (!builds.some((build) => existsSync(new URL(build, import.meta.url)))) {
    throw new Error(
      'The native addon is not built. Run `npm run setup` once, or `npm test`, which does all.',
    );
  }
}
