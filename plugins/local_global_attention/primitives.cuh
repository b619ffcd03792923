// The instructions the kernels are made of: tensor cores, matrix loads, asynchronous copies, quad exchanges.
#ifndef INTENTD_ATTENTION_PRIMITIVES
#define INTENTD_ATTENTION_PRIMITIVES // a guard by name: the emulation in the tests stands in for this file

namespace intentd::attention {

using u32 = unsigned int;

__device__ __forceinline__ int laneIndex() { return threadIdx.x & 31; }

__device__ __forceinline__ u32 sharedAddress(const void* pointer) {
    return static_cast<u32>(__cvta_generic_to_shared(pointer));
}

/// D += A * B: 16 x 8, 16 halves deep.
__device__ __forceinline__ void multiplyHalf(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// D += A * B: 16 x 8, 32 int8 deep.
__device__ __forceinline__ void multiplyInt8(int (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void loadMatrices(u32 (&r)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

__device__ __forceinline__ void loadMatricesTransposed(u32 (&r)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

/// Transposes an 8 x 8 matrix of 16-bit elements that lies across the warp.
__device__ __forceinline__ u32 transposeMatrix(u32 r) {
    u32 d;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(d) : "r"(r));
    return d;
}

/// Copies 16 bytes to shared memory, or writes zeros there and reads nothing.
__device__ __forceinline__ void copyAsync(u32 shared, const void* global, bool present) {
    const int bytes = present ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(global), "r"(bytes) : "memory");
}

/// Copies 16 bytes to shared memory.
__device__ __forceinline__ void copyAsync(u32 shared, const void* global) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared), "l"(global) : "memory");
}

__device__ __forceinline__ void storeShared(u32 address, u32 x) {
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(address), "r"(x) : "memory");
}

__device__ __forceinline__ uint4 loadShared(u32 address) {
    uint4 v;
    asm volatile("ld.shared.v4.b32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(address) : "memory");
    return v;
}

__device__ __forceinline__ void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

template <int kPending>
__device__ __forceinline__ void waitCopies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

__device__ __forceinline__ float exp2Fast(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ __forceinline__ float reciprocal(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/// The lowest `count` bits set; all of them for 32 or more, none for less than 1.
__device__ __forceinline__ u32 lowBits(int count) {
    u32 r;
    asm("shl.b32 %0, %1, %2;" : "=r"(r) : "r"(0xffffffffu), "r"(count > 0 ? count : 0)); // shifts out all from 32 on
    return ~r;
}

/// Two floats as two halves; the first in the low bits.
__device__ __forceinline__ u32 packHalves(float low, float high) {
    u32 r;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
    return r;
}

__device__ __forceinline__ u32 roundToInt8(float x) {
    int r;
    asm("cvt.rni.s32.f32 %0, %1;" : "=r"(r) : "f"(fminf(fmaxf(x, -128.0f), 127.0f)));
    return static_cast<u32>(r) & 0xffu;
}

/// Four int8, bytes 0 and 2 as the halves `even`, 1 and 3 as `odd`: 0x6400 + byte is the half 1024 + byte.
__device__ __forceinline__ void widenInt8(u32 packed, u32& even, u32& odd) {
    const u32 biased = packed ^ 0x80808080u;
    const u32 evenBits = __byte_perm(biased, 0x64646464u, 0x4240);
    const u32 oddBits = __byte_perm(biased, 0x64646464u, 0x4341);
    asm("sub.f16x2 %0, %1, %2;" : "=r"(even) : "r"(evenBits), "r"(0x64806480u));
    asm("sub.f16x2 %0, %1, %2;" : "=r"(odd) : "r"(oddBits), "r"(0x64806480u));
}

__device__ __forceinline__ float quadMax(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

/// What lane `from` of the warp has.
__device__ __forceinline__ u32 shuffleFrom(u32 x, int from) {
    return __shfl_sync(0xffffffffu, x, from);
}

/// Four lanes hold a 4 x 4 matrix, a row each; afterwards a column each.
__device__ __forceinline__ void transposeQuad(u32& r0, u32& r1, u32& r2, u32& r3) {
    const int lane = laneIndex();
    const bool oddLane = lane & 1;
    const bool highLane = lane & 2;
    const u32 a = __shfl_xor_sync(0xffffffffu, oddLane ? r0 : r1, 1);
    const u32 b = __shfl_xor_sync(0xffffffffu, oddLane ? r2 : r3, 1);
    if (oddLane) { r0 = a; r2 = b; } else { r1 = a; r3 = b; }
    const u32 c = __shfl_xor_sync(0xffffffffu, highLane ? r0 : r2, 2);
    const u32 d = __shfl_xor_sync(0xffffffffu, highLane ? r1 : r3, 2);
    if (highLane) { r0 = c; r1 = d; } else { r2 = c; r3 = d; }
}

} // namespace intentd::attention

#endif
