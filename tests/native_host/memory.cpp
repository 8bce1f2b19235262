#include "memory.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {
// What a careless reader of a block that was never written sees.
constexpr int kUnwritten = 0xA5;
// More than any result; a sum that wrapped would ask for it.
constexpr unsigned long kLargest = 1ul << 30;
}  // namespace

Memory::Memory() : object_{table_, this} {
  std::size_t slot = 0;
  while (slot < abi::kDestructors) table_[slot++] = reinterpret_cast<void*>(&Memory::destructor);
  table_[slot++] = reinterpret_cast<void*>(&Memory::alloc_memory);
  table_[slot] = reinterpret_cast<void*>(&Memory::free_memory);
}

void Memory::destructor() {
  std::fprintf(stderr, "the add-in deleted the host's memory manager\n");
  std::abort();
}

abi::Truth HOST_CALL Memory::alloc_memory(void* self, void** out, unsigned long bytes) {
  return static_cast<Object*>(self)->owner->allocate(out, bytes);
}

void HOST_CALL Memory::free_memory(void* self, void** block) {
  if (block == nullptr || *block == nullptr) return;
  static_cast<Object*>(self)->owner->release(*block);
  *block = nullptr;
}

bool Memory::allocate(void** out, unsigned long bytes) {
  os::Guard guard(lock_);
  bool fails = refuses_ || bytes > kLargest || (fail_in_ != 0 && --fail_in_ == 0);
  if (out == nullptr) {
    ++figures_.bad;
    return false;
  }
  *out = nullptr;
  // At least one byte: an answer of a null pointer means failure.
  void* block = fails ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
  if (block == nullptr) {
    failed_ = true;
    return false;
  }
  std::memset(block, kUnwritten, bytes < 4096 ? bytes : 4096);
  blocks_[block] = bytes;
  ++figures_.allocations;
  ++figures_.live;
  figures_.live_bytes += bytes;
  *out = block;
  return true;
}

void Memory::release(void* block) {
  if (block == nullptr) return;
  os::Guard guard(lock_);
  auto found = blocks_.find(block);
  if (found == blocks_.end()) {
    ++figures_.bad;
    return;
  }
  --figures_.live;
  figures_.live_bytes -= found->second;
  blocks_.erase(found);
  std::free(block);
}

std::size_t Memory::size_of(const void* block) {
  os::Guard guard(lock_);
  auto found = blocks_.find(block);
  return found == blocks_.end() ? 0 : found->second;
}

void Memory::fail_at(unsigned long n) {
  os::Guard guard(lock_);
  fail_in_ = n;
  failed_ = false;
}

bool Memory::failed() {
  os::Guard guard(lock_);
  return failed_;
}

void Memory::refuse(bool all) {
  os::Guard guard(lock_);
  refuses_ = all;
  failed_ = false;
}

Memory::Figures Memory::figures() {
  os::Guard guard(lock_);
  return figures_;
}

std::string Memory::json() {
  Figures is = figures();
  return "{\"allocations\":" + std::to_string(is.allocations) + ",\"live\":" + std::to_string(is.live) +
         ",\"live_bytes\":" + std::to_string(is.live_bytes) + ",\"bad\":" + std::to_string(is.bad) +
         ",\"failed\":" + (failed() ? "true" : "false") + "}";
}
