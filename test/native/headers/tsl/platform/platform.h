// Stands in for TensorFlow's header of that name where an installed library lacks it:
// `tensorflow/c/kernels.h` includes it to learn whether it is built for a phone, and it is no part of the C
// API.
#pragma once
