/** `npm run coverage` counts what the processes run that tests start, as well as the tests' own. */
const { KE_CHILD_COVERAGE } = process.env;
if (KE_CHILD_COVERAGE !== undefined) process.env.NODE_V8_COVERAGE = KE_CHILD_COVERAGE;
