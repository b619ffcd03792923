// Runs a block's threads as fibers on one CPU thread, so that device code can be checked where there is no GPU: every
// lane runs until it meets the others of its warp or block, as the instruction it stands for would.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include <ucontext.h>

namespace emulation {

struct Index {
    unsigned int x, y, z;
};

struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    bool done;
    std::vector<std::vector<std::function<void()>>> copies; // groups of asynchronous copies not yet waited for
};

struct Meeting {
    int arrived = 0;
    std::uint64_t round = 0;
};

/// What the lanes of a warp hand to an instruction that all of them take part in.
struct Exchange {
    Meeting meeting;
    std::uint32_t in[32][16];
    std::uint32_t out[32][4];
};

struct Block {
    std::vector<std::unique_ptr<Fiber>> fibers;
    std::vector<Exchange> warps;
    Meeting meeting;
    ucontext_t scheduler;
    int running;
};

extern Block block;
extern Index threadIndex;
extern Index blockIndex;

inline Fiber& self() { return *block.fibers[static_cast<std::size_t>(block.running)]; }

inline void yield() {
    const int me = block.running;
    swapcontext(&self().context, &block.scheduler);
    block.running = me;
    threadIndex.x = static_cast<unsigned>(me);
}

/// Waits until `size` fibers are here; the last of them runs `work` first.
template <class Work>
void meet(Meeting& meeting, int size, Work work) {
    const std::uint64_t round = meeting.round;
    if (++meeting.arrived == size) {
        work();
        meeting.arrived = 0;
        meeting.round++;
        return;
    }
    while (meeting.round == round) yield();
}

inline Exchange& warp() { return block.warps[static_cast<std::size_t>(block.running) / 32]; }
inline int lane() { return block.running % 32; }

/// All lanes give `in`, `work` makes every lane's `out` from them all.
template <class Work>
void exchange(const std::uint32_t* in, int inCount, std::uint32_t* out, int outCount, Work work) {
    Exchange& all = warp();
    const int me = lane();
    std::memcpy(all.in[me], in, static_cast<std::size_t>(inCount) * 4);
    meet(all.meeting, 32, [&] { work(all); });
    std::uint32_t mine[4];
    std::memcpy(mine, all.out[me], sizeof mine);
    // Nobody may overwrite the exchange before everybody has read.
    meet(all.meeting, 32, [] {});
    std::memcpy(out, mine, static_cast<std::size_t>(outCount) * 4);
}

/// Runs `body` once for each of `threads` threads of block `index`.
void runBlock(Index index, int threads, const std::function<void()>& body);

} // namespace emulation
