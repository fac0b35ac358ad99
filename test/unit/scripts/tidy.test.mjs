import { expect, it } from 'vitest';
import { withIncludes, withoutPrecompiledHeader } from '../../../scripts/setup/tidy.mjs';

it('a source is made of every header that it includes, directly or not', () => {
  const files = {
    'native/a/a.cc': '#include "a/a.h"\n#include <vector>\n  # include "beside.h"\n#include "elsewhere.h"\n',
    'native/a/a.h': '#include "b/b.h"\n',
    'native/a/beside.h': '',
    'native/b/b.h': '#include "a/a.h"\n// #include "c/c.h"\n',
    'native/c/c.h': '',
  };
  const project = { read: (file) => files[file], exists: (file) => file in files };
  expect(withIncludes('native/a/a.cc', project)).toEqual([
    'native/a/a.cc',
    'native/a/a.h',
    'native/a/beside.h',
    'native/b/b.h',
  ]);
});

it('a compile command for clang-tidy has no precompiled header', () => {
  const plain = (before) => `${before} -o a.o -c a.cc`;
  const gcc = plain('c++ -Wall -Winvalid-pch -include /x/CMakeFiles/ke_core.dir/cmake_pch.hxx');
  const clang = plain(
    'c++ -Wall -Winvalid-pch -Xclang -include-pch -Xclang /x/cmake_pch.hxx.pch -Xclang -include -Xclang /x/cmake_pch.hxx',
  );
  for (const command of [gcc, clang]) expect(withoutPrecompiledHeader(command)).toBe(plain('c++ -Wall'));
});
