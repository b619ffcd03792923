// Loads the plugin library as TensorRT's registry does and talks to its plugin without TensorRT's own libraries and
// without a GPU: one command a line on standard input, one line of JSON for each on standard output.
//   intentd_plugin_probe LIBRARY

#include <dlfcn.h>

#include <iostream>
#include <map>
#include <memory>

#include "expressions.h"
#include "fields.h"
#include "tensors.h"
#include "text.h"

namespace probe {

class Log final : public nvinfer1::ILogger, public nvinfer1::ILoggerFinder {
public:
    void log(Severity, const char* message) noexcept override { messages.emplace_back(message); }
    nvinfer1::ILogger* findLogger() override { return this; }

    Words messages;
};

class Probe {
public:
    /// Loads the plugin library itself.
    explicit Probe(const char* path)
    {
        void* library = opened(path);
        symbol<void (*)(nvinfer1::ILoggerFinder*)>(library, "setLoggerFinder")(&log_);
        std::int32_t count = 0;
        using GetCreators = nvinfer1::IPluginCreatorInterface* const* (*)(std::int32_t&);
        auto* creators = symbol<GetCreators>(library, "getCreators")(count);
        if (count != 1) throw std::runtime_error(std::to_string(count) + " creators");
        creator_ = static_cast<nvinfer1::IPluginCreatorV3One*>(creators[0]);
    }

    /// Has TensorRT's registry load it.
    Probe(const char* path, const char* tensorRt)
    {
        auto* registry = symbol<nvinfer1::IPluginRegistry* (*)()>(opened(tensorRt), "getPluginRegistry")();
        if (!registry->loadLibrary(path)) throw std::runtime_error("the registry did not load the library");
        auto* creator = registry->getCreator("LocalGlobalAttention", "1", "");
        if (!creator) throw std::runtime_error("the registry has no LocalGlobalAttention 1");
        creator_ = static_cast<nvinfer1::IPluginCreatorV3One*>(creator);
    }

    /// The answer to one command: what it gave, whether that is success, and what was logged meanwhile.
    std::string answer(const Words& words)
    {
        static const std::map<std::string, std::string (Probe::*)(const Words&)> commands = {
            {"creator", &Probe::describe}, {"create", &Probe::create}, {"clone", &Probe::clone},
            {"attach", &Probe::attach}, {"types", &Probe::types}, {"shapes", &Probe::shapes},
            {"supports", &Probe::supports}, {"configure", &Probe::configure}, {"workspace", &Probe::workspace},
            {"change", &Probe::change}, {"metadata", &Probe::metadata}, {"plan", &Probe::plan}, {"reload", &Probe::reload}};
        log_.messages.clear();
        const std::string members = (this->*commands.at(words.at(0)))({words.begin() + 1, words.end()});
        return "{" + members + ",\"log\":" + quotedList(log_.messages) + "}";
    }

private:
    using Plugin = std::unique_ptr<nvinfer1::IPluginV3>;

    std::string describe(const Words&)
    {
        const nvinfer1::PluginFieldCollection& fields = *creator_->getFieldNames();
        Words names;
        for (std::int32_t i = 0; i < fields.nbFields; ++i) names.emplace_back(fields.fields[i].name);
        return "\"name\":" + quoted(creator_->getPluginName()) + ",\"version\":" + quoted(creator_->getPluginVersion())
               + ",\"namespace\":" + quoted(creator_->getPluginNamespace()) + ",\"fields\":" + quotedList(names);
    }

    std::string create(const Words& words)
    {
        Fields fields;
        for (std::size_t i = 1; i < words.size(); ++i) fields.add(words[i]);
        return keep(made(fields, words.at(0) == "plan" ? nvinfer1::TensorRTPhase::kRUNTIME : nvinfer1::TensorRTPhase::kBUILD));
    }

    std::string clone(const Words&) { return keep(Plugin(plugin_->clone())); }

    std::string attach(const Words&) { return keep(Plugin(runtime().attachToContext(nullptr))); }

    std::string metadata(const Words&) { return "\"metadata\":" + quoted(build().getMetadataString()); }

    std::string plan(const Words&) { return "\"ok\":true,\"fields\":" + Fields::json(*runtime().getFieldsToSerialize()); }

    std::string reload(const Words&)
    {
        Fields fields;
        fields.add(*runtime().getFieldsToSerialize());
        plugin_.reset(); // what the plan holds outlives the plugin that wrote it
        return keep(made(fields, nvinfer1::TensorRTPhase::kRUNTIME));
    }

    std::string types(const Words& words)
    {
        std::vector<nvinfer1::DataType> inputs;
        for (const std::string& word : words) inputs.push_back(typeOf(word));
        nvinfer1::DataType output{};
        const auto code = build().getOutputDataTypes(&output, 1, inputs.data(), std::int32_t(inputs.size()));
        return ok(code) + ",\"output\":" + std::to_string(static_cast<int>(output));
    }

    std::string shapes(const Words& words)
    {
        Expressions expressions;
        std::vector<nvinfer1::DimsExprs> inputs;
        for (const std::string& word : words) {
            nvinfer1::DimsExprs& dims = inputs.emplace_back();
            for (const std::string& size : split(word, 'x'))
                dims.d[dims.nbDims++] = isdigit(size[0]) ? expressions.constant(std::stoll(size)) : expressions.unknown(size);
        }
        nvinfer1::DimsExprs output{};
        const auto code = build().getOutputShapes(
            inputs.data(), std::int32_t(inputs.size()), nullptr, 0, &output, 1, expressions);
        Words sizes;
        for (std::int32_t i = 0; i < output.nbDims; ++i) sizes.push_back(Expressions::text(*output.d[i]));
        return ok(code) + ",\"output\":" + quotedList(sizes);
    }

    /// "half/linear" for each input, and the output last: what the plugin says at each position.
    std::string supports(const Words& words)
    {
        std::vector<nvinfer1::DynamicPluginTensorDesc> tensors;
        for (const std::string& word : words) {
            const Words parts = split(word, '/');
            nvinfer1::DynamicPluginTensorDesc& tensor = tensors.emplace_back();
            tensor.desc.type = typeOf(parts.at(0));
            tensor.desc.format = formatOf(parts.at(1));
        }
        const auto count = std::int32_t(tensors.size());
        Words answers;
        for (std::int32_t pos = 0; pos < count; ++pos)
            answers.push_back(build().supportsFormatCombination(pos, tensors.data(), count - 1, 1) ? "true" : "false");
        return "\"positions\":" + list(answers);
    }

    std::string configure(const Words& words)
    {
        const auto tensors = tensorsOf(words);
        return ok(build().configurePlugin(tensors.data(), std::int32_t(tensors.size()), nullptr, 0));
    }

    std::string workspace(const Words& words)
    {
        const auto tensors = tensorsOf(words);
        return "\"bytes\":" + std::to_string(build().getWorkspaceSize(tensors.data(), std::int32_t(tensors.size()), nullptr, 0));
    }

    std::string change(const Words& words)
    {
        std::vector<nvinfer1::PluginTensorDesc> inputs;
        for (const auto& tensor : tensorsOf(words)) inputs.push_back(tensor.desc);
        return ok(runtime().onShapeChange(inputs.data(), std::int32_t(inputs.size()), nullptr, 0));
    }

    Plugin made(const Fields& fields, nvinfer1::TensorRTPhase phase)
    {
        const nvinfer1::PluginFieldCollection collection = fields.collection();
        return Plugin(creator_->createPlugin("node", &collection, phase));
    }

    std::string keep(Plugin plugin)
    {
        if (plugin) plugin_ = std::move(plugin);
        else return "\"ok\":false";
        return "\"ok\":true";
    }

    static std::string ok(std::int32_t code) { return std::string("\"ok\":") + (code == 0 ? "true" : "false"); }

    nvinfer1::IPluginV3OneBuild& build() { return capability<nvinfer1::IPluginV3OneBuild>(nvinfer1::PluginCapabilityType::kBUILD); }
    nvinfer1::IPluginV3OneRuntime& runtime() { return capability<nvinfer1::IPluginV3OneRuntime>(nvinfer1::PluginCapabilityType::kRUNTIME); }

    template <typename Capability>
    Capability& capability(nvinfer1::PluginCapabilityType type)
    {
        if (!plugin_) throw std::runtime_error("no plugin: create one first");
        return *static_cast<Capability*>(plugin_->getCapabilityInterface(type));
    }

    static void* opened(const char* path)
    {
        void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!library) throw std::runtime_error(dlerror());
        return library;
    }

    template <typename Function>
    static Function symbol(void* library, const char* name)
    {
        void* found = dlsym(library, name);
        if (!found) throw std::runtime_error(std::string("there is no ") + name);
        return reinterpret_cast<Function>(found);
    }

    Log log_;
    nvinfer1::IPluginCreatorV3One* creator_ = nullptr;
    Plugin plugin_;
};

} // namespace probe

int main(int argc, char** argv)
{
    try {
        if (argc != 2 && argc != 3) throw std::runtime_error("usage: intentd_plugin_probe LIBRARY [LIBNVINFER]");
        probe::Probe probe = argc == 2 ? probe::Probe(argv[1]) : probe::Probe(argv[1], argv[2]);
        for (std::string line; std::getline(std::cin, line);) std::cout << probe.answer(probe::split(line, ' ')) << std::endl;
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
