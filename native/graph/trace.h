#pragma once
// Moved: include "trace/trace.h". LEAD removes this file.
#include "trace/trace.h"
