// What Rust's compiler calls under ThreadSanitizer and GCC's runtime does not have: copies and fills, which that runtime
// watches under their usual names.
#ifdef __SANITIZE_THREAD__
#include <cstddef>
#include <cstring>

#define SHOWN extern "C" __attribute__((visibility("default")))

SHOWN void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) { return std::memcpy(to, from, bytes); }
SHOWN void* __tsan_memmove(void* to, const void* from, std::size_t bytes) { return std::memmove(to, from, bytes); }
SHOWN void* __tsan_memset(void* to, int value, std::size_t bytes) { return std::memset(to, value, bytes); }
#endif
