// The compiled kernels that the library carries.
#pragma once

namespace intentd::attention {

/// A cubin for one compute capability, or PTX for whatever is newer.
struct Image {
    int major;
    int minor;
    bool ptx;
    const void* data;
};

/// The image a device of this compute capability runs, null for one older than 8.0.
const Image* imageFor(int major, int minor) noexcept;

} // namespace intentd::attention
