import { expect, test } from 'vitest';
import { TENSORFLOW_VERSION } from '../../../lib/tensorflow/pins.js';
import { SUPPORTED_VERSIONS, whyUnsupported } from '../../../lib/tensorflow/versions.js';

test('releases of a kind are taken together', () => {
  expect(SUPPORTED_VERSIONS).toBe('2.12 to 2.21');
  for (const version of [
    '2.12.0',
    '2.12.1',
    '2.16.2',
    '2.21.0-rc1',
    '2.21.7',
    '2.13.0+nv23.06',
    TENSORFLOW_VERSION,
  ]) {
    expect(whyUnsupported(version), version).toBeUndefined();
  }
});

test('others are refused with the reason', () => {
  expect(whyUnsupported('2.9.3')).toBe(
    'is TensorFlow 2.9.3, older than 2.12. Supported versions: 2.12 to 2.21',
  );
  expect(whyUnsupported('1.99.0')).toContain('older than 2.12');
  expect(whyUnsupported('2.22.0-dev20260701')).toContain('newer than 2.21, the newest tested version');
  expect(whyUnsupported('3.0.0')).toContain('newer than 2.21');
  for (const version of ['', '2', 'v2.20.0', '2.20rc', '2.x', '99999999999999.1']) {
    expect(whyUnsupported(version)).toBe(`reports '${version}', which is not a TensorFlow version`);
  }
});
