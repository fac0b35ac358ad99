/**
 * The exact files that `install-tensorflow` fetches: one TensorFlow release, each file with its SHA-256. To pin another
 * release, change every row and run the native tests, which compare this package's declarations with the headers of
 * the release.
 */

/** The TensorFlow release that the package installs and that the tests use. */
export const TENSORFLOW_VERSION = '2.21.0';

/** The build of TensorFlow. `gpu` runs on NVIDIA GPUs, and on the CPU of a machine without a GPU. */
export type TensorflowVariant = 'cpu' | 'gpu';

/** A wheel as pip's index lists it. `size` is in bytes, for the progress display; undefined if not measured. */
export interface PinnedWheel {
  readonly requirement: string;
  readonly file: string;
  readonly sha256: string;
  readonly size?: number;
}

/**
 * The wheels of one platform. `platforms` are the platform tags given to pip. `cuda` are the libraries that a GPU
 * needs.
 */
export interface PinnedPlatform {
  readonly platforms: readonly string[];
  readonly cpu: PinnedWheel;
  readonly gpu?: PinnedWheel;
  readonly cuda?: readonly PinnedWheel[];
}

function wheel(name: string, version: string, tag: string, sha256: string, size?: number): PinnedWheel {
  const file = `${name.replaceAll('-', '_')}-${version}-${tag}.whl`;
  return { requirement: `${name}==${version}`, file, sha256, size };
}

const tf = (name: string, platform: string, sha256: string, size?: number) =>
  wheel(name, TENSORFLOW_VERSION, `cp312-cp312-${platform}`, sha256, size);

/** The packages of the wheel's `and-cuda` extra, all of one CUDA 12.9 release: a download of 2.8 GB. */
const CUDA_LINUX_X64: readonly PinnedWheel[] = [
  wheel(
    'nvidia-cublas-cu12',
    '12.9.3.13',
    'py3-none-manylinux_2_27_x86_64',
    'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
  ),
  wheel(
    'nvidia-cuda-cupti-cu12',
    '12.9.79',
    'py3-none-manylinux_2_25_x86_64',
    '096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f',
  ),
  wheel(
    'nvidia-cuda-nvcc-cu12',
    '12.9.86',
    'py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64',
    '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
  ),
  wheel(
    'nvidia-cuda-nvrtc-cu12',
    '12.9.86',
    'py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64',
    '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
  ),
  wheel(
    'nvidia-cuda-runtime-cu12',
    '12.9.79',
    'py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64',
    '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
  ),
  wheel(
    'nvidia-cudnn-cu12',
    '9.28.0.42',
    'py3-none-manylinux_2_27_x86_64',
    '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
  ),
  wheel(
    'nvidia-cufft-cu12',
    '11.4.1.4',
    'py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64',
    'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
  ),
  wheel(
    'nvidia-curand-cu12',
    '10.3.10.19',
    'py3-none-manylinux_2_27_x86_64',
    '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
  ),
  wheel(
    'nvidia-cusolver-cu12',
    '11.7.5.82',
    'py3-none-manylinux_2_27_x86_64',
    '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
  ),
  wheel(
    'nvidia-cusparse-cu12',
    '12.5.10.65',
    'py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64',
    '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
  ),
  wheel(
    'nvidia-nccl-cu12',
    '2.32.3',
    'py3-none-manylinux_2_27_x86_64',
    'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
  ),
  wheel(
    'nvidia-nvjitlink-cu12',
    '12.9.86',
    'py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64',
    'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
  ),
];

/**
 * The wheels by `process.platform`-`process.arch`, for each processor of platforms.js. Other platforms install from a
 * tarball or a directory.
 */
export const PINNED: Readonly<Record<string, PinnedPlatform>> = {
  'linux-x64': {
    platforms: [
      'manylinux_2_27_x86_64',
      'manylinux_2_25_x86_64',
      'manylinux_2_17_x86_64',
      'manylinux2014_x86_64',
      'manylinux_2_12_x86_64',
      'manylinux2010_x86_64',
    ],
    cpu: tf(
      'tensorflow-cpu',
      'manylinux_2_27_x86_64',
      'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
      274_000_871,
    ),
    gpu: tf(
      'tensorflow',
      'manylinux_2_27_x86_64',
      'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
      572_611_111,
    ),
    cuda: CUDA_LINUX_X64,
  },
  // No tensorflow-cpu is published for the next two platforms. Their tensorflow wheel is a CPU build.
  'linux-arm64': {
    platforms: ['manylinux_2_27_aarch64'],
    cpu: tf(
      'tensorflow',
      'manylinux_2_27_aarch64',
      'b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552',
    ),
  },
  'darwin-arm64': {
    platforms: ['macosx_12_0_arm64'],
    cpu: tf(
      'tensorflow',
      'macosx_12_0_arm64',
      '56ecd7d47429acbe1df2694d50b75bf9fc3995ac92cb367cd9af6c4780ead712',
    ),
  },
};
