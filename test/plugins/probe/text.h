// The words of a command, and its answer as one line of JSON.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace probe {

using Words = std::vector<std::string>;

inline Words split(const std::string& text, char separator)
{
    Words parts;
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);)
        if (!part.empty()) parts.push_back(part);
    return parts;
}

inline std::string quoted(const std::string& text)
{
    std::string result = "\"";
    for (const char letter : text) {
        if (letter == '"' || letter == '\\') result += '\\';
        result += letter == '\n' ? ' ' : letter;
    }
    return result + "\"";
}

/// JSON of already written values.
inline std::string list(const Words& values)
{
    std::string text = "[";
    for (std::size_t i = 0; i < values.size(); ++i) text += (i ? "," : "") + values[i];
    return text + "]";
}

inline std::string quotedList(const Words& texts)
{
    Words values;
    for (const std::string& one : texts) values.push_back(quoted(one));
    return list(values);
}

} // namespace probe
