// Values that no honest host would pass, to every method and property, and indices that do not exist.

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "parts.h"
#include "text.h"

namespace {

// Large enough for everything an add-in may look at, should it trust a tag.
constexpr std::size_t kPageBytes = 4096;
alignas(16) unsigned char page[kPageBytes];

double odd_number(Dice& dice) {
  const double numbers[] = {0.0,
                            -0.0,
                            -1.0,
                            0.5,
                            1e300,
                            -1e300,
                            2147483647.0,
                            2147483648.0,
                            -2147483649.0,
                            65536.0,
                            9007199254740993.0,
                            std::numeric_limits<double>::quiet_NaN(),
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::denorm_min()};
  return numbers[dice.below(sizeof(numbers) / sizeof(numbers[0]))];
}

std::u16string odd_text(Dice& dice) {
  const char16_t* texts[] = {u"", u"0", u"-1", u"9999999999999999999", u"ws://", u"wss://%", u"{", u"{}", u"[]", u"{\"use_tls\":7}",
                             u"\"", u"true", u"Привет", u"\xD83D\xDE00", u"nan", u"\xFEFF", u"/", u"{\"a\":{\"a\":[[[[[[{}]]]]]]}}"};
  std::u16string text = texts[dice.below(sizeof(texts) / sizeof(texts[0]))];
  for (unsigned long more = dice.below(4) == 0 ? dice.below(20) : 0; more > 0; --more) {
    text.push_back(static_cast<char16_t>(dice.next()));
  }
  return text;
}

Argument odd(Dice& dice) {
  Argument argument;
  switch (dice.below(10)) {
    case 0:
      return Argument::r8(odd_number(dice));
    case 1:
      return Argument::i4(static_cast<std::int32_t>(dice.next()));
    case 2:
      return Argument::text(odd_text(dice));
    case 3:
      return Argument::bytes(std::string(dice.below(40), static_cast<char>(dice.next())));
    case 4:
      return Argument::boolean(static_cast<std::uint8_t>(dice.next()));
    case 5:
      // A length without anything behind it.
      argument.raw.tag = dice.below(2) == 0 ? abi::kText : abi::kBlob;
      argument.raw.pieces.length = dice.below(2) == 0 ? 0 : static_cast<std::uint32_t>(dice.next());
      return argument;
    case 6:
      // A length that no machine could mean.
      argument.raw.tag = dice.below(2) == 0 ? abi::kText : abi::kBlob;
      argument.raw.pieces.data = page;
      argument.raw.pieces.length = static_cast<std::uint32_t>(0xFFFFFFFFu - dice.below(1000));
      return argument;
    default: {
      // Any bits under any tag but those whose pointer must be believed.
      unsigned char* bits = reinterpret_cast<unsigned char*>(&argument.raw);
      for (std::size_t i = 0; i < sizeof(argument.raw); ++i) bits[i] = static_cast<unsigned char>(dice.next());
      std::uint16_t tag = dice.below(2) == 0 ? static_cast<std::uint16_t>(dice.below(30)) : static_cast<std::uint16_t>(dice.next());
      if (tag == abi::kText || tag == abi::kBlob || tag == abi::kAnsi) {
        argument.raw.pieces.data = page;
        argument.raw.pieces.length = static_cast<std::uint32_t>(dice.below(kPageBytes / 2));
      }
      argument.raw.tag = tag;
      return argument;
    }
  }
}

long odd_index(Dice& dice, long count) {
  const long indices[] = {-1, count, count + 1, std::numeric_limits<long>::max(), std::numeric_limits<long>::min(), 1000000};
  return dice.below(20) == 0 ? indices[dice.below(6)] : static_cast<long>(dice.below(static_cast<unsigned long>(count)));
}

void ask_everything(Component& object, Dice& dice) {
  long method = odd_index(dice, object.method_count());
  long property = odd_index(dice, object.property_count());
  long alias = odd_index(dice, 2);
  object.method_name(method, alias);
  object.property_name(property, alias);
  object.parameter_count(method);
  object.has_return_value(method);
  object.is_readable(property);
  object.is_writable(property);
  object.find_method(odd_text(dice).c_str());
  object.find_property(odd_text(dice).c_str());
  object.set_locale(odd_text(dice).c_str());
  Outcome standard = object.default_value(method, odd_index(dice, 5));
  if (!standard.fault.empty()) broken(standard.fault);
  Outcome value = object.property(property);
  if (!value.fault.empty()) broken(value.fault);
  object.set_property(property, odd(dice));
  // Exceptions now and then: with them, no result says what failed.
  if (dice.below(4) != 0) object.set_property(object.find_property(u"ThrowErrors"), Argument::boolean(0));
}

}  // namespace

int run_random(const std::string& library, const Settings& settings) {
  auto add_in = load(library);
  Memory memory;
  Dice dice(static_cast<unsigned long>(settings["seed"]));
  for (unsigned char& byte : page) byte = static_cast<unsigned char>(dice.next());
  long calls = 0, failed = 0;
  for (const char16_t* class_name : {u"Client", u"Server"}) {
    auto object = create(*add_in, memory, class_name);
    long stop = object->find_method(u"StopServer");
    for (long round = 0; round < settings["rounds"]; ++round) {
      long method = odd_index(dice, object->method_count());
      std::vector<Argument> arguments;
      long right = object->parameter_count(method);
      unsigned long count = dice.below(8) == 0 || right < 0 ? dice.below(9) : static_cast<unsigned long>(right);
      while (arguments.size() < count) arguments.push_back(odd(dice));
      Outcome outcome = object->call(method, arguments, dice.below(4) != 0);
      if (!outcome.fault.empty()) broken(outcome.fault);
      failed += !outcome.ok;
      if (field(outcome.value.units, "errorCode") == "internal") broken("a panic: " + text::json(outcome.value.units));
      ++calls;
      // A server that a random port happened to start would make the next wait a true one.
      if (stop >= 0) object->call(stop, {}, true);
      if (round % 8 == 0) ask_everything(*object, dice);
      object->connection().take_errors();
    }
    destroy(*object, Ending::kExport);
  }
  check_balance(memory);
  std::printf("{\"calls\":%ld,\"answered_false\":%ld,\"seed\":%ld,\"memory\":%s}\n", calls, failed, settings["seed"],
              memory.json().c_str());
  return 0;
}
