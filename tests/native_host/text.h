// UTF-16 as the border has it, UTF-8 as the script and its answers have it, and JSON.
#pragma once

#include <string>

namespace text {

// Well-formed UTF-8 to UTF-16; `\uXXXX` is one code unit, whatever it is, and `\\` a backslash.
std::u16string units(const std::string& escaped);

// Whether every surrogate has its other half.
bool is_well_formed(const std::u16string& units);

// A JSON string; a lone surrogate becomes `\uXXXX`, which not every reader of JSON takes.
std::string json(const std::u16string& units);
std::string json(const std::string& utf8);

// Four hexadecimal digits a unit, two a byte.
std::string hex(const std::u16string& units);
std::string hex(const void* bytes, std::size_t count);
bool bytes_of_hex(const std::string& digits, std::string& bytes);

// A number as JSON has it, whatever the locale.
std::string decimal(double number);

// FNV-1a over the bytes, 16 hexadecimal digits: says of large payloads whether they are the same.
std::string fingerprint(const void* bytes, std::size_t count);

}  // namespace text
