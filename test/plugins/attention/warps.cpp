#include "warps.h"

namespace emulation {

Block block;
Index threadIndex;
Index blockIndex;

namespace {

const std::function<void()>* currentBody = nullptr;

void enterFiber() {
    (*currentBody)();
    self().done = true;
    swapcontext(&self().context, &block.scheduler);
}

} // namespace

void runBlock(Index index, int threads, const std::function<void()>& body) {
    blockIndex = index;
    currentBody = &body;
    block.meeting = {};
    block.warps.assign(static_cast<std::size_t>(threads) / 32, Exchange{});
    while (block.fibers.size() < static_cast<std::size_t>(threads)) block.fibers.push_back(std::make_unique<Fiber>());
    for (int i = 0; i < threads; i++) {
        Fiber& fiber = *block.fibers[static_cast<std::size_t>(i)];
        fiber.done = false;
        fiber.copies.assign(1, {});
        fiber.stack.resize(256 * 1024);
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size();
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, enterFiber, 0);
    }
    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < threads; i++) {
            Fiber& fiber = *block.fibers[static_cast<std::size_t>(i)];
            if (fiber.done) continue;
            any = true;
            block.running = i;
            threadIndex.x = static_cast<unsigned>(i);
            swapcontext(&block.scheduler, &fiber.context);
        }
    }
}

} // namespace emulation
