// The memory manager that a host lends its add-ins, and the judge of what they do with it.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "abi.h"
#include "os.h"

// Counts every block, knows the live ones, fails when told to.
class Memory {
 public:
  Memory();
  Memory(const Memory&) = delete;

  // What SetMemManager wants.
  void* pointer() { return &object_; }

  // The n-th allocation from now fails, once; 0: none does.
  void fail_at(unsigned long n);
  // Whether it came to that since `fail_at`.
  bool failed();
  // All allocations fail from now on, or none.
  void refuse(bool all);

  // Frees what an add-in gave away. A pointer that is none of our live blocks is counted as bad.
  void release(void* block);
  // The size of a live block; 0 of anything else.
  std::size_t size_of(const void* block);

  struct Figures {
    unsigned long allocations = 0;
    unsigned long live = 0;
    unsigned long live_bytes = 0;
    unsigned long bad = 0;
  };
  Figures figures();
  // The figures as JSON.
  std::string json();

 private:
  struct Object {
    void** table;
    Memory* owner;
  };

  bool allocate(void** out, unsigned long bytes);

  static abi::Truth HOST_CALL alloc_memory(void* self, void** out, unsigned long bytes);
  static void HOST_CALL free_memory(void* self, void** block);
  static void destructor();

  void* table_[abi::kDestructors + 2];
  Object object_;
  os::Lock lock_;
  std::unordered_map<const void*, std::size_t> blocks_;
  Figures figures_;
  unsigned long fail_in_ = 0;
  bool failed_ = false;
  bool refuses_ = false;
};
