#ifdef _WIN32
#define _WIN32_WINNT 0x0601
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <tlhelp32.h>
#include <fcntl.h>
#include <io.h>
#include <process.h>

#include <cstdio>
#include <cstdlib>

#include "os.h"

namespace os {

namespace {
std::wstring wide(const std::string& text) {
  int length = MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
  std::wstring result(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), &result[0], length);
  return result;
}
}  // namespace

std::unique_ptr<Library> Library::open(const std::string& path, std::string& error) {
  HMODULE handle = LoadLibraryW(wide(path).c_str());
  if (handle == nullptr) {
    error = "LoadLibrary failed with " + std::to_string(GetLastError());
    return nullptr;
  }
  return std::unique_ptr<Library>(new Library(handle));
}

Library::~Library() { FreeLibrary(static_cast<HMODULE>(handle_)); }

void* Library::symbol(const char* name) const {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle_), name));
}

struct Lock::Inner {
  CRITICAL_SECTION section;
};

Lock::Lock() : inner_(new Inner) { InitializeCriticalSection(&inner_->section); }
Lock::~Lock() { DeleteCriticalSection(&inner_->section); }
void Lock::lock() { EnterCriticalSection(&inner_->section); }
void Lock::unlock() { LeaveCriticalSection(&inner_->section); }

struct Thread::Inner {
  HANDLE thread = nullptr;
  std::function<void()> body;

  static unsigned __stdcall run(void* inner) {
    static_cast<Inner*>(inner)->body();
    return 0;
  }
};

Thread::Thread(std::function<void()> body, std::size_t stack_bytes) : inner_(new Inner) {
  inner_->body = std::move(body);
  auto stack = static_cast<unsigned>(stack_bytes);
  auto thread = _beginthreadex(nullptr, stack, &Inner::run, inner_.get(), STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
  inner_->thread = reinterpret_cast<HANDLE>(thread);
  if (inner_->thread == nullptr) {
    std::fprintf(stderr, "cannot start a thread\n");
    std::abort();
  }
}

Thread::~Thread() { join(); }

void Thread::join() {
  if (inner_->thread == nullptr) return;
  WaitForSingleObject(inner_->thread, INFINITE);
  CloseHandle(inner_->thread);
  inner_->thread = nullptr;
}

struct SilentListener::Inner {
  SOCKET listener = INVALID_SOCKET;
  SOCKET taken = INVALID_SOCKET;
  int port = 0;
};

SilentListener::SilentListener() : inner_(new Inner) {
  WSADATA data;
  WSAStartup(MAKEWORD(2, 2), &data);
  inner_->listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(inner_->listener, generic, length) != 0 || listen(inner_->listener, 128) != 0 ||
      getsockname(inner_->listener, generic, &length) != 0) {
    std::fprintf(stderr, "cannot listen on loopback: %d\n", WSAGetLastError());
    std::abort();
  }
  inner_->port = ntohs(address.sin_port);
}

SilentListener::~SilentListener() {
  drop();
  closesocket(inner_->listener);
  WSACleanup();
}

int SilentListener::port() const { return inner_->port; }

bool SilentListener::accept(int milliseconds) {
  drop();
  fd_set waited;
  FD_ZERO(&waited);
  FD_SET(inner_->listener, &waited);
  timeval time{milliseconds / 1000, milliseconds % 1000 * 1000};
  if (select(0, &waited, nullptr, nullptr, &time) != 1) return false;
  inner_->taken = ::accept(inner_->listener, nullptr, nullptr);
  return inner_->taken != INVALID_SOCKET;
}

void SilentListener::drop() {
  if (inner_->taken != INVALID_SOCKET) closesocket(inner_->taken);
  inner_->taken = INVALID_SOCKET;
}

double now() {
  LARGE_INTEGER count, frequency;
  QueryPerformanceCounter(&count);
  QueryPerformanceFrequency(&frequency);
  return static_cast<double>(count.QuadPart) * 1e3 / static_cast<double>(frequency.QuadPart);
}

void pause_micros(unsigned micros) { Sleep((micros + 999) / 1000); }

std::uint64_t thread_number() { return GetCurrentThreadId(); }

void prepare() {
  _setmode(_fileno(stdin), _O_BINARY);
  _setmode(_fileno(stdout), _O_BINARY);
}

// There is no such signal.
void write_into_broken_pipe() {}

long threads() {
  HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
  if (all == INVALID_HANDLE_VALUE) return -1;
  THREADENTRY32 entry{};
  entry.dwSize = sizeof(entry);
  long count = 0;
  for (BOOL more = Thread32First(all, &entry); more; more = Thread32Next(all, &entry)) {
    count += entry.th32OwnerProcessID == GetCurrentProcessId();
  }
  CloseHandle(all);
  return count;
}

long open_files() {
  DWORD count = 0;
  return GetProcessHandleCount(GetCurrentProcess(), &count) ? static_cast<long>(count) : -1;
}

long resident_kib() { return -1; }
bool limit_memory(std::uint64_t) { return false; }
bool interrupt_every(unsigned) { return false; }
long interrupts() { return 0; }
bool change_zones(bool) { return false; }
bool keep_child(bool) { return false; }
bool can_hang_names() { return false; }
void hang_names(bool) {}
long hanging_names() { return 0; }
bool fail_thread(long) { return false; }
bool has_thread_failed() { return false; }
// mingw lays virtual classes out as Linux does and not as the 1C host on Windows.
bool cpp_delete(void*) { return false; }

}  // namespace os
#endif
