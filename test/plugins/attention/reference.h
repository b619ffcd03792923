// The attention by its definition, in double precision, plainly.
#pragma once

#include <vector>

#include "kernel.h"
#include "planner.h"

/// Query, key, value as real numbers [batch, sequence, 3 * hidden]; the result [batch, sequence, hidden], zero past lengths.
std::vector<double> referenceAttention(const intentd::attention::AttentionShape& shape, double scale,
                                       const std::vector<int>& lengths, const std::vector<double>& queryKeyValue);
