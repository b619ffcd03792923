// primitives.cuh by the definitions of the PTX manual, in plain C++ on emulated warps. Forced in before the kernels.
#pragma once

#define INTENTD_ATTENTION_PRIMITIVES
#define __device__
#define __forceinline__ inline
#define __shared__
#define __align__(bytes) __attribute__((aligned(bytes)))

#include <algorithm>
#include <cmath>

#include "half.h"
#include "warps.h"

struct uint4 {
    unsigned int x, y, z, w;
};
struct float2 {
    float x, y;
};
inline uint4 make_uint4(unsigned int x, unsigned int y, unsigned int z, unsigned int w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
#define threadIdx emulation::threadIndex
#define blockIdx emulation::blockIndex

template <class T>
T __ldg(const T* pointer) {
    return *pointer;
}
inline float __ldcg(const float* pointer) { return *pointer; }
inline float __int_as_float(int bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}
inline void __threadfence() {}
inline void __syncthreads() {
    emulation::meet(emulation::block.meeting, static_cast<int>(emulation::block.warps.size()) * 32, [] {});
}
inline unsigned int atomicAdd(unsigned int* counter, unsigned int x) {
    const unsigned int old = *counter;
    *counter += x;
    return old;
}
inline void __syncwarp() {
    emulation::meet(emulation::warp().meeting, 32, [] {});
}
inline bool __any_sync(unsigned int, bool mine) {
    const std::uint32_t in = mine;
    std::uint32_t out;
    emulation::exchange(&in, 1, &out, 1, [](emulation::Exchange& all) {
        bool any = false;
        for (auto& lane : all.in) any = any || lane[0] != 0;
        for (auto& lane : all.out) lane[0] = any;
    });
    return out != 0;
}

namespace intentd::attention {

using u32 = unsigned int;

extern char sharedMemory[];

inline int laneIndex() { return emulation::lane(); }
inline u32 sharedAddress(const void* pointer) {
    return static_cast<u32>(static_cast<const char*>(pointer) - sharedMemory);
}

inline u32 shuffleXor(u32 x, int mask) {
    u32 out;
    emulation::exchange(&x, 1, &out, 1, [mask](emulation::Exchange& all) {
        for (int i = 0; i < 32; i++) all.out[i][0] = all.in[i ^ mask][0];
    });
    return out;
}

inline u32 shuffleFrom(u32 x, int from) {
    const u32 in[2] = {x, static_cast<u32>(from)};
    u32 out;
    emulation::exchange(in, 2, &out, 1, [](emulation::Exchange& all) {
        for (int i = 0; i < 32; i++) all.out[i][0] = all.in[all.in[i][1]][0];
    });
    return out;
}

/// The fragments of m16n8: element (row, column) of the results lies in this lane and register.
inline void place(int row, int column, int& lane, int& r) {
    lane = row % 8 * 4 + column / 2;
    r = row / 8 * 2 + column % 2;
}

/// Byte `k` of row `row` of A, byte `k` of column `column` of B: 32 bytes deep for halves and int8 alike.
inline const unsigned char* bytesOfA(const emulation::Exchange& all, int row, int k) {
    const int lane = row % 8 * 4 + k % 16 / 4;
    const int r = row / 8 + k / 16 * 2;
    return reinterpret_cast<const unsigned char*>(&all.in[lane][4 + r]) + k % 4;
}
inline const unsigned char* bytesOfB(const emulation::Exchange& all, int column, int k) {
    return reinterpret_cast<const unsigned char*>(&all.in[column * 4 + k % 16 / 4][8 + k / 16]) + k % 4;
}

template <class T, class Product>
void multiply(T (&d)[4], const u32 (&a)[4], u32 b0, u32 b1, Product product) {
    u32 in[10];
    std::memcpy(in, d, 16);
    std::memcpy(in + 4, a, 16);
    in[8] = b0;
    in[9] = b1;
    u32 out[4];
    emulation::exchange(in, 10, out, 4, [&](emulation::Exchange& all) {
        for (int row = 0; row < 16; row++) {
            for (int column = 0; column < 8; column++) {
                int lane, r;
                place(row, column, lane, r);
                T sum;
                std::memcpy(&sum, &all.in[lane][r], 4);
                sum += product(all, row, column);
                std::memcpy(&all.out[lane][r], &sum, 4);
            }
        }
    });
    std::memcpy(d, out, 16);
}

inline void multiplyHalf(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    multiply(d, a, b0, b1, [](const emulation::Exchange& all, int row, int column) {
        float sum = 0;
        for (int k = 0; k < 32; k += 2) {
            sum += halfToFloat(bytesOfA(all, row, k)) * halfToFloat(bytesOfB(all, column, k));
        }
        return sum;
    });
}

inline void multiplyInt8(int (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    multiply(d, a, b0, b1, [](const emulation::Exchange& all, int row, int column) {
        int sum = 0;
        for (int k = 0; k < 32; k++) {
            sum += static_cast<signed char>(*bytesOfA(all, row, k)) * static_cast<signed char>(*bytesOfB(all, column, k));
        }
        return sum;
    });
}

template <int kCount>
void loadMatrices(u32 (&r)[kCount], u32 address, bool transposed) {
    u32 out[4];
    emulation::exchange(&address, 1, out, kCount, [transposed](emulation::Exchange& all) {
        for (int matrix = 0; matrix < kCount; matrix++) {
            for (int lane = 0; lane < 32; lane++) {
                std::uint16_t pair[2];
                for (int e = 0; e < 2; e++) {
                    const int row = transposed ? lane % 4 * 2 + e : lane / 4;
                    const int column = transposed ? lane / 4 : lane % 4 * 2 + e;
                    std::memcpy(&pair[e], sharedMemory + all.in[matrix * 8 + row][0] + column * 2, 2);
                }
                std::memcpy(&all.out[lane][matrix], pair, 4);
            }
        }
    });
    std::memcpy(r, out, sizeof r);
}
inline void loadMatrices(u32 (&r)[4], u32 address) { loadMatrices<4>(r, address, false); }
inline void loadMatricesTransposed(u32 (&r)[4], u32 address) { loadMatrices<4>(r, address, true); }

inline u32 transposeMatrix(u32 r) {
    u32 out;
    emulation::exchange(&r, 1, &out, 1, [](emulation::Exchange& all) {
        for (int lane = 0; lane < 32; lane++) {
            u32 pair = 0;
            for (int e = 0; e < 2; e++) { // element (2t + e, g) of the source
                const int row = lane % 4 * 2 + e;
                const int column = lane / 4;
                pair |= (all.in[row * 4 + column / 2][0] >> (column % 2 * 16) & 0xffffu) << (16 * e);
            }
            all.out[lane][0] = pair;
        }
    });
    return out;
}

/// Copies happen only when they are waited for: code that reads too early reads what was there before.
inline void copyAsync(u32 shared, const void* global, bool present) {
    emulation::self().copies.back().push_back([=] {
        if (present) {
            std::memcpy(sharedMemory + shared, global, 16);
        } else {
            std::memset(sharedMemory + shared, 0, 16);
        }
    });
}
inline void copyAsync(u32 shared, const void* global) { copyAsync(shared, global, true); }
inline void storeShared(u32 address, u32 x) { std::memcpy(sharedMemory + address, &x, 4); }
inline uint4 loadShared(u32 address) {
    uint4 v;
    std::memcpy(&v, sharedMemory + address, sizeof v);
    return v;
}
inline void commitCopies() { emulation::self().copies.emplace_back(); }
template <int kPending>
void waitCopies() {
    auto& groups = emulation::self().copies;
    while (groups.size() > kPending + 1) {
        for (auto& copy : groups.front()) copy();
        groups.erase(groups.begin());
    }
}

inline float reciprocal(float x) { return 1 / x; }
inline u32 lowBits(int count) { return count >= 32 ? ~0u : count <= 0 ? 0u : (1u << count) - 1; }
inline float exp2Fast(float x) { return std::exp2(x); }
inline u32 packHalves(float low, float high) { return floatToHalf(low) | static_cast<u32>(floatToHalf(high)) << 16; }
inline u32 roundToInt8(float x) {
    return static_cast<u32>(static_cast<int>(std::nearbyint(std::min(std::max(x, -128.0f), 127.0f)))) & 0xffu;
}
inline void widenInt8(u32 packed, u32& even, u32& odd) {
    const auto byte = [packed](int i) { return static_cast<float>(static_cast<signed char>(packed >> (8 * i) & 0xffu)); };
    even = packHalves(byte(0), byte(2));
    odd = packHalves(byte(1), byte(3));
}

inline float shuffleFloat(float x, int mask) {
    u32 bits;
    std::memcpy(&bits, &x, 4);
    bits = shuffleXor(bits, mask);
    std::memcpy(&x, &bits, 4);
    return x;
}
inline float quadMax(float x) {
    x = std::fmax(x, shuffleFloat(x, 1));
    return std::fmax(x, shuffleFloat(x, 2));
}
inline void transposeQuad(u32& r0, u32& r1, u32& r2, u32& r3) {
    const u32 in[4] = {r0, r1, r2, r3};
    u32 out[4];
    emulation::exchange(in, 4, out, 4, [](emulation::Exchange& all) {
        for (int lane = 0; lane < 32; lane++) {
            for (int c = 0; c < 4; c++) all.out[lane][c] = all.in[lane / 4 * 4 + c][lane % 4];
        }
    });
    r0 = out[0], r1 = out[1], r2 = out[2], r3 = out[3];
}

} // namespace intentd::attention
