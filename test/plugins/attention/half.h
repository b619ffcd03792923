// IEEE half precision on the CPU.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

inline float halfToFloat(const unsigned char* bytes) {
    std::uint16_t bits;
    std::memcpy(&bits, bytes, 2);
    const int exponent = bits >> 10 & 31;
    const int mantissa = bits & 1023;
    float x;
    if (exponent == 31) {
        x = mantissa != 0 ? NAN : INFINITY;
    } else {
        x = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                          : std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
    }
    return (bits & 0x8000) != 0 ? -x : x;
}

/// Rounds to nearest, to even.
inline std::uint16_t floatToHalf(float x) {
    const std::uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    const float size = std::fabs(x);
    if (std::isnan(x)) return 0x7e00;
    if (size >= 65520.0f) return sign | 0x7c00;
    if (size < std::ldexp(1.0f, -14)) return sign | static_cast<std::uint16_t>(std::nearbyint(std::ldexp(size, 24)));
    int exponent;
    const float mantissa = std::frexp(size, &exponent); // in [0.5, 1)
    const auto digits = static_cast<int>(std::nearbyint(std::ldexp(mantissa, 11))); // 1024..2048
    return sign | static_cast<std::uint16_t>(((exponent + 13) << 10) + digits);
}
