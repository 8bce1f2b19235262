#include "text.h"

#include <cstdint>
#include <cstdio>
#include <sstream>

namespace text {

namespace {

bool is_high(char16_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(char16_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_scalar(std::u16string& out, std::uint32_t scalar) {
  if (scalar < 0x10000) {
    out.push_back(static_cast<char16_t>(scalar));
    return;
  }
  scalar -= 0x10000;
  out.push_back(static_cast<char16_t>(0xD800 + (scalar >> 10)));
  out.push_back(static_cast<char16_t>(0xDC00 + (scalar & 0x3FF)));
}

void append_utf8(std::string& out, std::uint32_t scalar) {
  auto push = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (scalar < 0x80) {
    push(scalar);
  } else if (scalar < 0x800) {
    push(0xC0 | scalar >> 6);
    push(0x80 | (scalar & 0x3F));
  } else if (scalar < 0x10000) {
    push(0xE0 | scalar >> 12);
    push(0x80 | (scalar >> 6 & 0x3F));
    push(0x80 | (scalar & 0x3F));
  } else {
    push(0xF0 | scalar >> 18);
    push(0x80 | (scalar >> 12 & 0x3F));
    push(0x80 | (scalar >> 6 & 0x3F));
    push(0x80 | (scalar & 0x3F));
  }
}

void append_escaped(std::string& out, std::uint32_t unit) {
  char escape[8];
  std::snprintf(escape, sizeof(escape), "\\u%04X", static_cast<unsigned>(unit));
  out += escape;
}

}  // namespace

std::u16string units(const std::string& escaped) {
  std::u16string out;
  std::size_t at = 0;
  while (at < escaped.size()) {
    auto byte = static_cast<unsigned char>(escaped[at]);
    if (byte == '\\' && at + 1 < escaped.size()) {
      if (escaped[at + 1] == 'u' && at + 5 < escaped.size()) {
        std::uint32_t unit = 0;
        for (std::size_t i = at + 2; i < at + 6; ++i) unit = unit << 4 | static_cast<std::uint32_t>(digit(escaped[i]) & 15);
        out.push_back(static_cast<char16_t>(unit));
        at += 6;
      } else {
        out.push_back(static_cast<char16_t>(escaped[at + 1]));
        at += 2;
      }
      continue;
    }
    std::size_t more = byte < 0x80 ? 0 : byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    std::uint32_t scalar = more == 0 ? byte : byte & (0x3F >> more);
    for (std::size_t i = 1; i <= more && at + i < escaped.size(); ++i) {
      scalar = scalar << 6 | (static_cast<unsigned char>(escaped[at + i]) & 0x3F);
    }
    append_scalar(out, scalar);
    at += more + 1;
  }
  return out;
}

bool is_well_formed(const std::u16string& units) {
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (is_low(units[i])) return false;
    if (is_high(units[i]) && (++i == units.size() || !is_low(units[i]))) return false;
  }
  return true;
}

std::string json(const std::u16string& units) {
  std::string out = "\"";
  for (std::size_t i = 0; i < units.size(); ++i) {
    std::uint32_t unit = units[i];
    if (is_high(units[i]) && i + 1 < units.size() && is_low(units[i + 1])) {
      append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (units[++i] - 0xDC00u));
    } else if (is_high(units[i]) || is_low(units[i]) || unit < 0x20 || unit == 0x7F) {
      append_escaped(out, unit);
    } else if (unit == '"' || unit == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(unit));
    } else {
      append_utf8(out, unit);
    }
  }
  return out + '"';
}

std::string json(const std::string& utf8) {
  std::string out = "\"";
  for (char c : utf8) {
    if (static_cast<unsigned char>(c) < 0x20) {
      append_escaped(out, static_cast<unsigned char>(c));
    } else {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  return out + '"';
}

std::string hex(const void* bytes, std::size_t count) {
  static const char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(count * 2);
  for (std::size_t i = 0; i < count; ++i) {
    auto byte = static_cast<const unsigned char*>(bytes)[i];
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

std::string hex(const std::u16string& units) {
  std::string big_endian;
  for (char16_t unit : units) {
    big_endian.push_back(static_cast<char>(unit >> 8));
    big_endian.push_back(static_cast<char>(unit & 0xFF));
  }
  return hex(big_endian.data(), big_endian.size());
}

bool bytes_of_hex(const std::string& digits, std::string& bytes) {
  if (digits.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    int high = digit(digits[i]), low = digit(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return true;
}

std::string decimal(double number) {
  std::ostringstream out;
  out.precision(17);
  out << number;
  return out.str();
}

std::string fingerprint(const void* bytes, std::size_t count) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (std::size_t i = 0; i < count; ++i) {
    hash ^= static_cast<const unsigned char*>(bytes)[i];
    hash *= 0x100000001B3u;
  }
  char out[24];
  std::snprintf(out, sizeof(out), "%08lx%08lx", static_cast<unsigned long>(hash >> 32),
                static_cast<unsigned long>(hash & 0xFFFFFFFFu));
  return out;
}

}  // namespace text
