// Runs every kernel on emulated warps over random cases and holds it against the reference in double precision. Prints
// each failing case and a last line of JSON; exit code 1 where any failed. Usage: emulate_test [CASES-OF-EACH]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "emulated_kernels.h"
#include "half.h"
#include "launch_plan.h"
#include "reference.h"

using namespace intentd::attention;

namespace {

constexpr double kTolerance = 2e-3;

struct Case {
    Attention call{};
    Tuning tuning;
    std::vector<int> lengths;
    std::vector<double> real;           // [batch, sequence, 3 * hidden], 0 past the lengths
    std::vector<unsigned char> queryKey; // as stored
    std::vector<unsigned char> value;
    std::vector<unsigned char> output;
    std::vector<unsigned char> workspace;
    std::vector<std::uint32_t> counters;
};

class Draw {
  public:
    explicit Draw(unsigned seed) : random(seed) {}
    int from(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); }
    int of(std::initializer_list<int> choices) { return choices.begin()[from(0, static_cast<int>(choices.size()) - 1)]; }
    double normal() { return std::normal_distribution<double>()(random); }

  private:
    std::mt19937 random;
};

void drawSizes(Case& c, Draw& draw, const Variant& variant) {
    AttentionShape& shape = c.call.shape;
    shape.batch = draw.from(1, 2);
    shape.heads = draw.from(1, 2);
    shape.headSize = variant.headSize;
    shape.sequence = draw.of({1, 16, 17, 64, draw.from(1, 64), draw.from(1, 200), draw.from(100, 400)});
    shape.windowEachSide = draw.of({-1, 0, 1, 5, 16, 31, 64, 64, 100, shape.sequence, 100000});
    shape.globalTokens = draw.of({0, 0, 1, 1, 1, 2, 7, 16, 17, 70, shape.sequence});
    for (int b = 0; b < shape.batch; b++) {
        c.lengths.push_back(draw.of({0, 1, shape.sequence, shape.sequence, draw.from(0, shape.sequence)}));
    }
    c.tuning.splitKeys = draw.of({-1, 0, 64, 128});
}

/// Global rows in several parts, which chance alone makes too rarely.
void drawParts(Case& c, Draw& draw) {
    AttentionShape& shape = c.call.shape;
    shape.sequence = draw.from(130, 300);
    shape.windowEachSide = draw.of({0, 31, 64});
    shape.globalTokens = draw.of({1, 3, 20, 70});
    c.lengths.assign(shape.batch, draw.from(70, shape.sequence));
    c.tuning.splitKeys = 64;
}

void store(std::vector<unsigned char>& bytes, std::size_t index, bool int8, double stored) {
    if (int8) {
        bytes[index] = static_cast<unsigned char>(static_cast<signed char>(stored));
    } else {
        const std::uint16_t half = floatToHalf(static_cast<float>(stored));
        std::memcpy(&bytes[2 * index], &half, 2);
    }
}

double load(const std::vector<unsigned char>& bytes, std::size_t index, bool int8) {
    return int8 ? static_cast<double>(static_cast<signed char>(bytes[index]))
                : static_cast<double>(halfToFloat(&bytes[2 * index]));
}

/// Past a row's length int8 data are 127 and halves NaN.
double drawStored(Draw& draw, bool int8, bool past, double inputScale) {
    if (past) return int8 ? 127 : NAN;
    if (!int8) return draw.normal();
    return std::min(127.0, std::max(-128.0, std::nearbyint(draw.normal() / inputScale)));
}

void drawData(Case& c, Draw& draw, bool int8) {
    const AttentionShape& shape = c.call.shape;
    const int hidden = shape.heads * shape.headSize;
    const std::size_t tokens = static_cast<std::size_t>(shape.batch) * shape.sequence;
    const std::size_t element = int8 ? 1 : 2;
    const int width = c.call.packed ? 3 * hidden : 2 * hidden;
    c.queryKey.resize(tokens * width * element);
    c.value.resize(tokens * hidden * element);
    c.output.assign(tokens * hidden * (c.call.type == DataType::kHalf ? 2 : 1), 0x7f); // NaN in halves
    c.real.assign(tokens * 3 * hidden, 0);
    for (std::size_t token = 0; token < tokens; token++) {
        const bool past = static_cast<int>(token % shape.sequence) >= c.lengths[token / shape.sequence];
        for (int column = 0; column < 3 * hidden; column++) {
            const double stored = drawStored(draw, int8, past, c.call.inputScale);
            const bool isValue = column >= 2 * hidden && !c.call.packed;
            std::vector<unsigned char>& bytes = isValue ? c.value : c.queryKey;
            const std::size_t index = isValue ? token * hidden + column - 2 * hidden : token * width + column;
            store(bytes, index, int8, stored);
            const double factor = int8 ? static_cast<double>(c.call.inputScale) : 1.0;
            if (!past) c.real[token * 3 * hidden + column] = load(bytes, index, int8) * factor;
        }
    }
}

Case drawCase(Draw& draw, int variantIndex, bool parts) {
    const Variant& variant = kVariants[variantIndex];
    Case c;
    c.tuning.variant = variantIndex;
    drawSizes(c, draw, variant);
    if (parts) drawParts(c, draw);
    c.call.type = variant.type;
    c.call.packed = draw.from(0, 1) == 1;
    c.call.scale = 1 / std::sqrt(static_cast<float>(variant.headSize));
    c.call.inputScale = 0.03f;
    c.call.outputScale = static_cast<float>(draw.of({5, 20, 30})) * 1e-3f;
    drawData(c, draw, variant.type == DataType::kInt8);
    return c;
}

void run(Case& c) {
    const LaunchPlan plan = planLaunch(c.call.shape, c.call.type, c.tuning);
    c.call.queryKey = c.queryKey.data();
    c.call.value = c.call.packed ? nullptr : c.value.data();
    c.call.lengths = c.lengths.data();
    c.call.output = c.output.data();
    KernelParams params = kernelParams(c.call, plan);
    const std::size_t heads = static_cast<std::size_t>(c.call.shape.batch) * c.call.shape.heads;
    const std::size_t partial = static_cast<std::size_t>(c.call.shape.headSize) + kPartialExtra;
    c.workspace.assign(heads * plan.splits * params.globals * partial * 4 + 16, 0xff);
    c.counters.assign(heads, 0);
    params.partials = reinterpret_cast<float*>(c.workspace.data());
    params.counters = c.counters.data();
    emulate(*findEmulated(kVariants[plan.variant].name), params, plan.grid.heads, plan.grid.items);
}

/// What is wrong, or nothing.
std::string judge(const Case& c, double& worst) {
    const bool int8 = c.call.type != DataType::kHalf;
    const std::vector<double> expected = referenceAttention(c.call.shape, c.call.scale, c.lengths, c.real);
    const int hidden = c.call.shape.heads * c.call.shape.headSize;
    for (std::size_t i = 0; i < expected.size(); i++) {
        const double got = load(c.output, i, int8);
        const int token = static_cast<int>(i / hidden % c.call.shape.sequence);
        const int row = static_cast<int>(i / hidden / c.call.shape.sequence);
        double want = expected[i];
        double error = std::fabs(got - want) / kTolerance;
        if (int8) {
            want = std::min(127.0, std::max(-128.0, want / static_cast<double>(c.call.outputScale)));
            error = std::fabs(got - want) / (0.5 + kTolerance / static_cast<double>(c.call.outputScale));
        }
        if (token >= c.lengths[row]) error = got == 0 ? 0 : INFINITY;
        if (!(error <= 1)) {
            return "row " + std::to_string(row) + " token " + std::to_string(token) + " column " +
                   std::to_string(i % hidden) + ": " + std::to_string(got) + " for " + std::to_string(want);
        }
        worst = std::max(worst, error);
    }
    for (const std::uint32_t counter : c.counters) {
        if (counter != 0) return "a counter is not zero";
    }
    return "";
}

void printFailure(const Case& c, const std::string& problem) {
    const AttentionShape& s = c.call.shape;
    std::printf("FAIL %s splitKeys %d batch %d sequence %d heads %d window %d globals %d packed %d lengths",
                kVariants[c.tuning.variant].name, c.tuning.splitKeys, s.batch, s.sequence, s.heads,
                s.windowEachSide, s.globalTokens, c.call.packed);
    for (const int length : c.lengths) std::printf(" %d", length);
    std::printf(": %s\n", problem.c_str());
}

} // namespace

int main(int argc, char** argv) {
    const int each = argc > 1 ? std::atoi(argv[1]) : 5;
    const char* only = argc > 2 ? argv[2] : "";
    Draw draw(argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 20261124u);
    int cases = 0;
    int failures = 0;
    double worst = 0;
    for (int variant = 0; variant < kVariantCount; variant++) {
        if (std::strstr(kVariants[variant].name, only) == nullptr) continue;
        for (int i = 0; i < each; i++) {
            Case c = drawCase(draw, variant, i == 0);
            run(c);
            const std::string problem = judge(c, worst);
            cases++;
            if (problem.empty()) continue;
            failures++;
            printFailure(c, problem);
        }
    }
    std::printf("{\"cases\": %d, \"failures\": %d, \"worst\": %.3g}\n", cases, failures, worst);
    return failures == 0 ? 0 : 1;
}
