// Arguments as a script writes them, results as it reads them.
#pragma once

#include <cstdint>
#include <string>

#include "abi.h"
#include "memory.h"

// An argument with what it points to.
class Argument {
 public:
  Argument();
  Argument(Argument&&) = default;
  Argument& operator=(Argument&&) = default;

  // Reads a token such as `i4:5` or `s:text`; false if it is none.
  static bool parse(const std::string& token, Argument& argument);
  static Argument text(const std::u16string& units);
  static Argument bytes(const std::string& bytes);
  static Argument i4(std::int32_t number);
  static Argument r8(double number);
  static Argument boolean(std::uint8_t value);
  static Argument empty() { return Argument(); }
  // The same value as one that came back.
  static Argument of(const struct Value& value);

  // The bits as the add-in gets them; they live as long as this.
  abi::Variant variant() const;

  // For values that no honest host would make.
  abi::Variant raw;

 private:
  std::u16string units_;
  std::string bytes_;
  enum { kInline, kUnits, kBytes } kind_ = kInline;
};

// A value that came back, copied and its block freed.
struct Value {
  std::uint16_t tag = abi::kEmpty;
  double number = 0;
  std::u16string units;
  std::string bytes;

  // `{"type":"text","text":…}` and so on; large payloads by length and fingerprint.
  std::string json() const;
  bool is_true() const { return tag == abi::kBool && number != 0; }

  // Takes the contents of `variant` over; the text says what is wrong with it, nothing if all is well.
  static std::string take(Memory& memory, abi::Variant& variant, Value& value);
};
