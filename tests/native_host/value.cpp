#include "value.h"

#include <cstdlib>
#include <cstring>
#include <map>

#include "text.h"

namespace {

// Longer ones are told by length and fingerprint.
constexpr std::size_t kShownUnits = 1 << 17;
constexpr std::size_t kShownBytes = 4096;

template <class T>
void set(abi::Variant& raw, std::uint16_t tag, T abi::Variant::* member, T value) {
  raw.tag = tag;
  raw.*member = value;
}

}  // namespace

Argument::Argument() { std::memset(&raw, 0, sizeof(raw)); }

Argument Argument::text(const std::u16string& units) {
  Argument argument;
  argument.units_ = units;
  argument.kind_ = kUnits;
  argument.raw.tag = abi::kText;
  return argument;
}

Argument Argument::bytes(const std::string& bytes) {
  Argument argument;
  argument.bytes_ = bytes;
  argument.kind_ = kBytes;
  argument.raw.tag = abi::kBlob;
  return argument;
}

Argument Argument::i4(std::int32_t number) {
  Argument argument;
  set(argument.raw, abi::kI4, &abi::Variant::i4, number);
  return argument;
}

Argument Argument::r8(double number) {
  Argument argument;
  set(argument.raw, abi::kR8, &abi::Variant::r8, number);
  return argument;
}

Argument Argument::boolean(std::uint8_t value) {
  Argument argument;
  set(argument.raw, abi::kBool, &abi::Variant::boolean, value);
  return argument;
}

Argument Argument::of(const Value& value) {
  switch (value.tag) {
    case abi::kBool:
      return boolean(value.number != 0);
    case abi::kI4:
      return i4(static_cast<std::int32_t>(value.number));
    case abi::kR8:
      return r8(value.number);
    case abi::kText:
      return text(value.units);
    case abi::kBlob:
      return bytes(value.bytes);
    default:
      return empty();
  }
}

abi::Variant Argument::variant() const {
  abi::Variant variant = raw;
  if (kind_ == kUnits) {
    // An empty text may come with a null pointer or without; both do. Exactly sized, for AddressSanitizer.
    variant.pieces.data = units_.empty() ? nullptr : const_cast<char16_t*>(units_.data());
    variant.pieces.length = static_cast<std::uint32_t>(units_.size());
  } else if (kind_ == kBytes) {
    variant.pieces.data = bytes_.empty() ? nullptr : const_cast<char*>(bytes_.data());
    variant.pieces.length = static_cast<std::uint32_t>(bytes_.size());
  }
  return variant;
}

bool Argument::parse(const std::string& token, Argument& argument) {
  std::size_t colon = token.find(':');
  std::string kind = token.substr(0, colon);
  std::string rest = colon == std::string::npos ? std::string() : token.substr(colon + 1);
  abi::Variant& raw = argument.raw;
  auto whole = [&rest] { return std::strtoll(rest.c_str(), nullptr, 10); };
  auto real = [&rest] { return std::strtod(rest.c_str(), nullptr); };
  if (kind == "s") {
    argument = text(text::units(rest));
  } else if (kind == "x") {
    std::string content;
    if (!text::bytes_of_hex(rest, content)) return false;
    argument = bytes(content);
  } else if (kind == "fill") {
    // `fill:COUNT`: bytes 0, 1, … 250, 0, … whose period divides no power of two.
    std::string content(static_cast<std::size_t>(whole()), '\0');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i % 251);
    argument = bytes(content);
  } else if (kind == "block") {
    // `block:COUNT`: zeros that were allocated when a block of so many was asked for first, and never again.
    static std::map<long long, char*> blocks;
    char*& block = blocks[whole()];
    if (block == nullptr) block = static_cast<char*>(std::calloc(1, static_cast<std::size_t>(whole())));
    if (block == nullptr) return false;
    raw.tag = abi::kBlob;
    raw.pieces.data = block;
    raw.pieces.length = static_cast<std::uint32_t>(whole());
  } else if (kind == "letters") {
    // `letters:COUNT` of Cyrillic ones.
    std::u16string content(static_cast<std::size_t>(whole()), u'\0');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char16_t>(0x410 + i % 61);
    argument = text(content);
  } else if (kind == "empty") {
    raw.tag = abi::kEmpty;
  } else if (kind == "null") {
    raw.tag = abi::kNull;
  } else if (kind == "b") {
    argument = boolean(static_cast<std::uint8_t>(whole()));
  } else if (kind == "i1") {
    set(raw, abi::kI1, &abi::Variant::i1, static_cast<std::int8_t>(whole()));
  } else if (kind == "i2") {
    set(raw, abi::kI2, &abi::Variant::i2, static_cast<std::int16_t>(whole()));
  } else if (kind == "i4") {
    argument = i4(static_cast<std::int32_t>(whole()));
  } else if (kind == "i8") {
    set(raw, abi::kI8, &abi::Variant::i8, static_cast<std::int64_t>(whole()));
  } else if (kind == "ui1") {
    set(raw, abi::kUI1, &abi::Variant::ui1, static_cast<std::uint8_t>(whole()));
  } else if (kind == "ui2") {
    set(raw, abi::kUI2, &abi::Variant::ui2, static_cast<std::uint16_t>(whole()));
  } else if (kind == "ui4") {
    set(raw, abi::kUI4, &abi::Variant::ui4, static_cast<std::uint32_t>(whole()));
  } else if (kind == "ui8") {
    set(raw, abi::kUI8, &abi::Variant::ui8, static_cast<std::uint64_t>(std::strtoull(rest.c_str(), nullptr, 10)));
  } else if (kind == "r4") {
    set(raw, abi::kR4, &abi::Variant::r4, static_cast<float>(real()));
  } else if (kind == "r8") {
    argument = r8(real());
  } else if (kind == "date") {
    set(raw, abi::kDate, &abi::Variant::r8, real());
  } else if (kind == "tag") {
    raw.tag = static_cast<std::uint16_t>(whole());
  } else if (kind == "nowhere" || kind == "nowhereblob") {
    // A length without a pointer.
    raw.tag = kind == "nowhere" ? abi::kText : abi::kBlob;
    raw.pieces.length = static_cast<std::uint32_t>(whole());
  } else if (kind == "longer" || kind == "longerblob") {
    // A pointer to 32 bytes and a length that is a lie: it may be refused, and never believed.
    argument = bytes(std::string(32, 'x'));
    raw.pieces.data = const_cast<char*>(argument.bytes_.data());
    raw.pieces.length = static_cast<std::uint32_t>(whole());
    raw.tag = kind == "longer" ? abi::kText : abi::kBlob;
    argument.kind_ = kInline;
  } else {
    return false;
  }
  return true;
}

std::string Value::json() const {
  switch (tag) {
    case abi::kEmpty:
      return "{\"type\":\"undefined\"}";
    case abi::kBool:
      return std::string("{\"type\":\"boolean\",\"value\":") + (number != 0 ? "true}" : "false}");
    case abi::kI4:
      return "{\"type\":\"i4\",\"value\":" + text::decimal(number) + "}";
    case abi::kR8:
      return "{\"type\":\"r8\",\"value\":" + text::decimal(number) + "}";
    case abi::kText: {
      std::string length = ",\"length\":" + std::to_string(units.size());
      if (units.size() > kShownUnits) {
        return "{\"type\":\"text\"" + length + ",\"fingerprint\":\"" + text::fingerprint(units.data(), units.size() * 2) + "\"}";
      }
      if (!text::is_well_formed(units)) return "{\"type\":\"text\"" + length + ",\"units\":\"" + text::hex(units) + "\"}";
      return "{\"type\":\"text\"" + length + ",\"text\":" + text::json(units) + "}";
    }
    case abi::kBlob: {
      std::string length = ",\"length\":" + std::to_string(bytes.size());
      std::string shown = ",\"fingerprint\":\"" + text::fingerprint(bytes.data(), bytes.size()) + "\"";
      if (bytes.size() <= kShownBytes) shown += ",\"hex\":\"" + text::hex(bytes.data(), bytes.size()) + "\"";
      return "{\"type\":\"blob\"" + length + shown + "}";
    }
    default:
      return "{\"type\":\"tag " + std::to_string(tag) + "\"}";
  }
}

std::string Value::take(Memory& memory, abi::Variant& variant, Value& value) {
  value = Value();
  value.tag = variant.tag;
  switch (variant.tag) {
    case abi::kEmpty:
      return "";
    case abi::kBool:
      value.number = variant.boolean;
      return variant.boolean > 1 ? "a boolean of " + std::to_string(variant.boolean) : "";
    case abi::kI4:
      value.number = variant.i4;
      return "";
    case abi::kR8:
      value.number = variant.r8;
      return "";
    case abi::kText:
    case abi::kBlob: {
      std::size_t unit = variant.tag == abi::kText ? sizeof(char16_t) : 1;
      void* data = variant.pieces.data;
      std::size_t bytes = variant.pieces.length * unit;
      std::string fault;
      if (data == nullptr) {
        if (bytes != 0) fault = "a null pointer with a length";
      } else if (memory.size_of(data) < bytes) {
        fault = "a payload outside the host's memory";
      } else if (unit == 1) {
        value.bytes.assign(static_cast<const char*>(data), bytes);
      } else {
        value.units.assign(static_cast<const char16_t*>(data), variant.pieces.length);
      }
      memory.release(data);
      return fault;
    }
    default:
      return "a type that OneScript does not take: " + std::to_string(variant.tag);
  }
}
