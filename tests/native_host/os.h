// All that differs between Linux and Windows, and the C++ library of neither compiler is asked for: threads, locks,
// loading, listening. mingw's win32 flavour has no std::thread and no std::mutex.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace os {

class Library {
 public:
  // Loads a shared library; the text says why not.
  static std::unique_ptr<Library> open(const std::string& path, std::string& error);
  ~Library();
  void* symbol(const char* name) const;

 private:
  explicit Library(void* handle) : handle_(handle) {}
  void* handle_;
};

class Lock {
 public:
  Lock();
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  void lock();
  void unlock();

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

class Guard {
 public:
  explicit Guard(Lock& lock) : lock_(lock) { lock_.lock(); }
  ~Guard() { lock_.unlock(); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  Lock& lock_;
};

// Joined when dropped.
class Thread {
 public:
  // A stack of 0 bytes is one of the usual size.
  explicit Thread(std::function<void()> body, std::size_t stack_bytes = 0);
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  void join();

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// A listener on loopback that takes connections and never says a word.
class SilentListener {
 public:
  SilentListener();
  ~SilentListener();
  int port() const;
  // Waits for a connection and keeps it; whether one came in time.
  bool accept(int milliseconds);
  // Ends the connection taken last.
  void drop();

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// Milliseconds of a clock that never goes back.
double now();
void pause_micros(unsigned micros);
std::uint64_t thread_number();

// Streams in binary, SIGPIPE at its default.
void prepare();
// Writes into a pipe without a reader, which ends a process with SIGPIPE at its default.
void write_into_broken_pipe();

// Figures of this process; -1 where the system does not tell.
long threads();
long open_files();
long resident_kib();

// Leaves this much of the address space beside what is in use now, 0 lifts the limit; false if the system cannot.
bool limit_memory(std::uint64_t more_bytes);

// Interrupts system calls every so many microseconds, 0 ends it; false if the system cannot.
bool interrupt_every(unsigned micros);
long interrupts();

// Sets the time zone of the environment again and again in a thread of its own; false if the system cannot.
bool change_zones(bool on);

// Starts a child that lives until it is told to end; false if the system cannot, and if it did not live so long.
bool keep_child(bool on);

// Name resolution that hangs: a getaddrinfo of this program stands before the C library's for whatever it loads.
bool can_hang_names();
void hang_names(bool hang);
long hanging_names();

// The n-th thread from now on that anything in this process starts cannot be had, and no other; 0: all can. For this, too,
// a function of this program stands before the C library's. False if the system cannot.
bool fail_thread(long n);
// Whether it came to that.
bool has_thread_failed();

// Deletes through the first table as a C++ host does; false where virtual classes of this compiler have another layout.
bool cpp_delete(void* component);

}  // namespace os
