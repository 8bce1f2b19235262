// The binary interface between a host and a Native API add-in, declared anew from its description.
//
// Methods are called through tables of function pointers and not as virtual C++ methods: the same source then shows
// both layouts, that of the Itanium C++ ABI (two destructor slots) and that of Microsoft's (one).
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>

#ifdef _WIN32
#define HOST_CALL __stdcall
#else
#define HOST_CALL
#endif

namespace abi {

using Char = char16_t;

#ifdef _WIN32
constexpr std::size_t kDestructors = 1;
#else
constexpr std::size_t kDestructors = 2;
#endif

enum Tag : std::uint16_t {
  kEmpty = 0,
  kNull = 1,
  kI2 = 2,
  kI4 = 3,
  kR4 = 4,
  kR8 = 5,
  kDate = 6,
  kTime = 7,
  kAnsi = 8,
  kInterface = 9,
  kError = 10,
  kBool = 11,
  kVariant = 12,
  kI1 = 13,
  kUI1 = 14,
  kUI2 = 15,
  kUI4 = 16,
  kI8 = 17,
  kUI8 = 18,
  kInt = 19,
  kUInt = 20,
  kResult = 21,
  kText = 22,
  kBlob = 23,
  kClassId = 24,
  kVector = 0x1000,
  kArray = 0x2000,
  kByReference = 0x4000,
};

struct Pieces {
  void* data;
  std::uint32_t length;
};

// A value that crosses the border: a union, a count of array elements, a tag.
struct Variant {
  union {
    std::int8_t i1;
    std::int16_t i2;
    std::int32_t i4;
    std::int64_t i8;
    std::uint8_t ui1;
    std::uint16_t ui2;
    std::uint32_t ui4;
    std::uint64_t ui8;
    float r4;
    double r8;
    std::uint8_t boolean;
    std::tm time;
    void* pointer;
    Pieces pieces;
  };
  std::uint32_t elements;
  std::uint16_t tag;
};

#if defined(__x86_64__) && !defined(_WIN32) || defined(__aarch64__)
static_assert(sizeof(Variant) == 64 && offsetof(Variant, tag) == 60 && offsetof(Variant, elements) == 56, "64-bit Linux");
static_assert(offsetof(Variant, pieces.length) == 8, "64-bit Linux");
#elif defined(_WIN64)
static_assert(sizeof(Variant) == 48 && offsetof(Variant, tag) == 44 && offsetof(Variant, elements) == 40, "64-bit Windows");
static_assert(offsetof(Variant, pieces.length) == 8, "64-bit Windows");
#elif defined(_WIN32)
static_assert(sizeof(Variant) == 48 && offsetof(Variant, tag) == 44 && offsetof(Variant, elements) == 40, "32-bit Windows");
static_assert(offsetof(Variant, pieces.length) == 4, "32-bit Windows");
#elif defined(__i386__)
static_assert(sizeof(Variant) == 52 && offsetof(Variant, tag) == 48 && offsetof(Variant, elements) == 44, "32-bit Linux");
static_assert(offsetof(Variant, pieces.length) == 4, "32-bit Linux");
#endif

// The five exports.
using GetClassNames = const Char* (*)();
using GetClassObject = long (*)(const Char* name, void** component);
using DestroyObject = long (*)(void** component);
using SetPlatformCapabilities = int (*)(int level);
using GetAttachType = int (*)();

// Which of the component's tables.
enum Base : std::size_t { kInitDone, kLanguageExtender, kLocale, kUserLanguage };

// Slots of the tables, counted from the first after the destructor.
namespace init_done {
enum Slot : std::size_t { kInit, kSetMemoryManager, kGetInfo, kDone };
}
namespace language_extender {
enum Slot : std::size_t {
  kRegisterExtensionAs,
  kGetNProps,
  kFindProp,
  kGetPropName,
  kGetPropVal,
  kSetPropVal,
  kIsPropReadable,
  kIsPropWritable,
  kGetNMethods,
  kFindMethod,
  kGetMethodName,
  kGetNParams,
  kGetParamDefValue,
  kHasRetVal,
  kCallAsProc,
  kCallAsFunc,
};
}

// A truth value as the callee leaves it: anything but 0 and 1 is a fault of the add-in.
using Truth = std::uint8_t;

}  // namespace abi
