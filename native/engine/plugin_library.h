#pragma once

#include <string>

namespace intentd {

/**
 * Gives TensorRT the plugin creators of a library that exports `getCreators`. The same file again changes nothing.
 *
 * @throws Error `PLUGIN`, `NO_TENSORRT`, `WRONG_VERSION`
 */
void loadPluginLibrary(const std::string& path);

}  // namespace intentd
