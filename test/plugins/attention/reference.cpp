#include "reference.h"

#include <algorithm>
#include <cmath>

using intentd::attention::AttentionShape;

namespace {

/// By the words of the definition, not by the planner's.
bool sees(const AttentionShape& shape, int i, int j) {
    const bool near = shape.windowEachSide < 0 || std::abs(i - j) <= shape.windowEachSide;
    return near || i < shape.globalTokens || j < shape.globalTokens;
}

} // namespace

std::vector<double> referenceAttention(const AttentionShape& shape, double scale, const std::vector<int>& lengths,
                                       const std::vector<double>& data) {
    const int hidden = shape.heads * shape.headSize;
    std::vector<double> out(static_cast<std::size_t>(shape.batch) * shape.sequence * hidden);
    std::vector<double> weights(static_cast<std::size_t>(shape.sequence));
    for (int b = 0; b < shape.batch; b++) {
        const auto token = [&](int i) { return data.data() + (static_cast<std::size_t>(b) * shape.sequence + i) * 3 * hidden; };
        for (int i = 0; i < lengths[b]; i++) {
            for (int h = 0; h < shape.heads; h++) {
                const double* query = token(i) + h * shape.headSize;
                double top = -INFINITY;
                for (int j = 0; j < lengths[b]; j++) {
                    const double* key = token(j) + hidden + h * shape.headSize;
                    double dot = 0;
                    for (int d = 0; d < shape.headSize; d++) dot += query[d] * key[d];
                    weights[j] = sees(shape, i, j) ? scale * dot : -INFINITY;
                    top = std::max(top, weights[j]);
                }
                double sum = 0;
                for (int j = 0; j < lengths[b]; j++) sum += weights[j] = std::exp(weights[j] - top);
                double* result = out.data() + (static_cast<std::size_t>(b) * shape.sequence + i) * hidden + h * shape.headSize;
                for (int j = 0; j < lengths[b]; j++) {
                    const double* value = token(j) + 2 * hidden + h * shape.headSize;
                    for (int d = 0; d < shape.headSize; d++) result[d] += weights[j] / sum * value[d];
                }
            }
        }
    }
    return out;
}
