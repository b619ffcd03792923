#include "images.h"

// INTENTD_IMAGE_DIR is where the build put what compile_cubin wrote.
#define INTENTD_EMBED(name, file)                                                                                      \
    __asm__(".section .rodata\n.balign 64\n.hidden " name "\n.global " name "\n" name ":\n.incbin \"" INTENTD_IMAGE_DIR \
            "/" file "\"\n.byte 0\n.previous\n")

INTENTD_EMBED("intentd_attention_sm_80", "attention.sm_80.cubin");
INTENTD_EMBED("intentd_attention_sm_87", "attention.sm_87.cubin");
INTENTD_EMBED("intentd_attention_sm_90", "attention.sm_90.cubin");
INTENTD_EMBED("intentd_attention_ptx", "attention.compute_80.ptx");

extern "C" {
extern const char intentd_attention_sm_80[];
extern const char intentd_attention_sm_87[];
extern const char intentd_attention_sm_90[];
extern const char intentd_attention_ptx[];
}

namespace intentd::attention {

namespace {

const Image kImages[] = {
    {8, 0, false, intentd_attention_sm_80},
    {8, 7, false, intentd_attention_sm_87},
    {9, 0, false, intentd_attention_sm_90},
    {8, 0, true, intentd_attention_ptx},
};

} // namespace

const Image* imageFor(int major, int minor) noexcept {
    const Image* best = nullptr;
    for (const Image& image : kImages) {
        // A cubin runs on its own capability and later minor ones of the same major; the closest comes last.
        if (!image.ptx && image.major == major && image.minor <= minor) best = &image;
    }
    if (best != nullptr || major < 8) return best;
    return &kImages[3];
}

} // namespace intentd::attention
