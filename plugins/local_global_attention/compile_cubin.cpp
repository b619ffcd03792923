// Compiles one CUDA source with NVRTC, opened at run time, to a cubin or PTX: device code for JetPack 6 has to come from
// a compiler no newer than CUDA 12.6, and that one's nvcc is not packaged, its NVRTC is.
//
//   compile_cubin LIBNVRTC SOURCE TARGET OUTPUT [NVRTC-OPTION...]     TARGET: sm_87, or compute_80 for PTX
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <nvrtc.h>

namespace {

template <class F>
F* symbol(void* library, const char* name) {
    void* found = dlsym(library, name);
    if (found == nullptr) {
        std::fprintf(stderr, "compile_cubin: NVRTC has no %s\n", name);
        std::exit(1);
    }
    return reinterpret_cast<F*>(found);
}

struct Nvrtc {
    explicit Nvrtc(const char* path) : library(dlopen(path, RTLD_NOW)) {
        if (library == nullptr) {
            std::fprintf(stderr, "compile_cubin: cannot open NVRTC: %s\n", dlerror());
            std::exit(1);
        }
    }
    template <class F>
    F* operator()(const char* name) const { return symbol<F>(library, name); }
    void* library;
};

std::string readFile(const char* path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::fprintf(stderr, "compile_cubin: cannot read %s\n", path);
        std::exit(1);
    }
    return {std::istreambuf_iterator<char>(file), {}};
}

void printLog(const Nvrtc& nvrtc, nvrtcProgram program) {
    std::size_t size = 0;
    nvrtc.operator()<decltype(nvrtcGetProgramLogSize)>("nvrtcGetProgramLogSize")(program, &size);
    std::string log(size, '\0');
    nvrtc.operator()<decltype(nvrtcGetProgramLog)>("nvrtcGetProgramLog")(program, log.data());
    if (size > 1) std::fprintf(stderr, "%s\n", log.c_str());
}

std::string output(const Nvrtc& nvrtc, nvrtcProgram program, bool ptx) {
    std::size_t size = 0;
    std::string bytes;
    if (ptx) {
        nvrtc.operator()<decltype(nvrtcGetPTXSize)>("nvrtcGetPTXSize")(program, &size);
        bytes.resize(size);
        nvrtc.operator()<decltype(nvrtcGetPTX)>("nvrtcGetPTX")(program, bytes.data());
    } else {
        nvrtc.operator()<decltype(nvrtcGetCUBINSize)>("nvrtcGetCUBINSize")(program, &size);
        bytes.resize(size);
        nvrtc.operator()<decltype(nvrtcGetCUBIN)>("nvrtcGetCUBIN")(program, bytes.data());
    }
    return bytes;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: compile_cubin LIBNVRTC SOURCE TARGET OUTPUT [NVRTC-OPTION...]\n");
        return 2;
    }
    const Nvrtc nvrtc(argv[1]);
    const std::string source = readFile(argv[2]);
    const std::string target = argv[3];
    const bool ptx = target.rfind("compute_", 0) == 0;
    const std::string architecture = "--gpu-architecture=" + target;
    std::vector<const char*> options = {architecture.c_str(), "--std=c++17"};
    options.insert(options.end(), argv + 5, argv + argc);

    nvrtcProgram program = nullptr;
    nvrtc.operator()<decltype(nvrtcCreateProgram)>("nvrtcCreateProgram")(&program, source.c_str(), argv[2], 0, nullptr,
                                                                         nullptr);
    const nvrtcResult result = nvrtc.operator()<decltype(nvrtcCompileProgram)>("nvrtcCompileProgram")(
        program, static_cast<int>(options.size()), options.data());
    printLog(nvrtc, program);
    if (result != NVRTC_SUCCESS) return 1;

    const std::string bytes = output(nvrtc, program, ptx);
    std::ofstream file(argv[4], std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
        std::fprintf(stderr, "compile_cubin: cannot write %s\n", argv[4]);
        return 1;
    }
    return 0;
}
