#ifndef _WIN32
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "os.h"

namespace os {

std::unique_ptr<Library> Library::open(const std::string& path, std::string& error) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* text = dlerror();
    error = text == nullptr ? "dlopen failed" : text;
    return nullptr;
  }
  return std::unique_ptr<Library>(new Library(handle));
}

Library::~Library() { dlclose(handle_); }

void* Library::symbol(const char* name) const { return dlsym(handle_, name); }

struct Lock::Inner {
  pthread_mutex_t mutex;
};

Lock::Lock() : inner_(new Inner) { pthread_mutex_init(&inner_->mutex, nullptr); }
Lock::~Lock() { pthread_mutex_destroy(&inner_->mutex); }
void Lock::lock() { pthread_mutex_lock(&inner_->mutex); }
void Lock::unlock() { pthread_mutex_unlock(&inner_->mutex); }

struct Thread::Inner {
  pthread_t thread;
  std::function<void()> body;
  bool joined = false;

  static void* run(void* inner) {
    static_cast<Inner*>(inner)->body();
    return nullptr;
  }
};

Thread::Thread(std::function<void()> body, std::size_t stack_bytes) : inner_(new Inner) {
  inner_->body = std::move(body);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (stack_bytes != 0) pthread_attr_setstacksize(&attributes, stack_bytes);
  int error = pthread_create(&inner_->thread, &attributes, &Inner::run, inner_.get());
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    std::fprintf(stderr, "cannot start a thread: %s\n", std::strerror(error));
    std::abort();
  }
}

Thread::~Thread() { join(); }

void Thread::join() {
  if (inner_->joined) return;
  inner_->joined = true;
  pthread_join(inner_->thread, nullptr);
}

struct SilentListener::Inner {
  int listener = -1;
  int taken = -1;
  int port = 0;
};

SilentListener::SilentListener() : inner_(new Inner) {
  inner_->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(inner_->listener, generic, length) != 0 || listen(inner_->listener, 128) != 0 ||
      getsockname(inner_->listener, generic, &length) != 0) {
    std::perror("cannot listen on loopback");
    std::abort();
  }
  inner_->port = ntohs(address.sin_port);
}

SilentListener::~SilentListener() {
  drop();
  close(inner_->listener);
}

int SilentListener::port() const { return inner_->port; }

bool SilentListener::accept(int milliseconds) {
  drop();
  pollfd waited{inner_->listener, POLLIN, 0};
  if (poll(&waited, 1, milliseconds) != 1) return false;
  inner_->taken = accept4(inner_->listener, nullptr, nullptr, SOCK_CLOEXEC);
  return inner_->taken >= 0;
}

void SilentListener::drop() {
  if (inner_->taken >= 0) close(inner_->taken);
  inner_->taken = -1;
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

void pause_micros(unsigned micros) {
  timespec time{static_cast<time_t>(micros / 1000000), static_cast<long>(micros % 1000000) * 1000};
  nanosleep(&time, nullptr);
}

std::uint64_t thread_number() { return static_cast<std::uint64_t>(syscall(SYS_gettid)); }

void prepare() { signal(SIGPIPE, SIG_DFL); }

void write_into_broken_pipe() {
  int ends[2];
  if (pipe(ends) != 0) return;
  close(ends[0]);
  ssize_t ignored = write(ends[1], "x", 1);
  static_cast<void>(ignored);
}

namespace {
long entries(const char* folder) {
  DIR* directory = opendir(folder);
  if (directory == nullptr) return -1;
  long count = 0;
  while (dirent* entry = readdir(directory)) count += entry->d_name[0] != '.';
  closedir(directory);
  return count;
}
}  // namespace

long threads() { return entries("/proc/self/task"); }

// Without the one that reads the folder.
long open_files() { return entries("/proc/self/fd") - 1; }

long resident_kib() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return -1;
  long total = 0, resident = -1;
  if (std::fscanf(file, "%ld %ld", &total, &resident) != 2) resident = -1;
  std::fclose(file);
  return resident < 0 ? -1 : resident * (sysconf(_SC_PAGESIZE) / 1024);
}

bool limit_memory(std::uint64_t more_bytes) {
  rlimit limit{};
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long pages = 0;
  bool known = file != nullptr && std::fscanf(file, "%lu", &pages) == 1 && getrlimit(RLIMIT_AS, &limit) == 0;
  if (file != nullptr) std::fclose(file);
  if (!known) return false;
  auto mapped = static_cast<rlim_t>(pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
  limit.rlim_cur = more_bytes == 0 ? limit.rlim_max : mapped + static_cast<rlim_t>(more_bytes);
  return setrlimit(RLIMIT_AS, &limit) == 0;
}

namespace {
std::atomic<long> interrupts_seen{0};

void count_interrupt(int) { ++interrupts_seen; }
}  // namespace

// A timer's signal goes to whichever thread the system likes, mostly to the first; this goes to all but its own.
bool interrupt_every(unsigned micros) {
  static std::atomic<bool> over{false};
  static std::unique_ptr<Thread> thread;
  over = true;
  thread.reset();
  if (micros == 0) return true;
  struct sigaction action{};
  action.sa_handler = &count_interrupt;
  // Without SA_RESTART: whoever waits in a system call is told.
  if (sigaction(SIGALRM, &action, nullptr) != 0) return false;
  over = false;
  thread.reset(new Thread([micros] {
    while (!over) {
      DIR* tasks = opendir("/proc/self/task");
      if (tasks == nullptr) return;
      while (dirent* task = readdir(tasks)) {
        long number = std::atol(task->d_name);
        // One that has ended meanwhile is none.
        if (number > 0 && number != syscall(SYS_gettid)) syscall(SYS_tgkill, getpid(), number, SIGALRM);
      }
      closedir(tasks);
      pause_micros(micros);
    }
  }));
  return true;
}

long interrupts() { return interrupts_seen; }

bool change_zones(bool on) {
  static std::atomic<bool> over{false};
  static std::unique_ptr<Thread> thread;
  over = true;
  thread.reset();
  if (!on) return true;
  over = false;
  thread.reset(new Thread([] {
    const char* const zones[] = {"UTC", "Europe/Moscow", "America/New_York", ":/nowhere", "XYZ-5", ""};
    for (unsigned long turn = 0; !over; ++turn) {
      setenv("TZ", zones[turn % 6], 1);
      pause_micros(20);
    }
  }));
  return true;
}

bool keep_child(bool on) {
  static std::FILE* child = nullptr;
  if (!on) return child != nullptr && pclose(std::exchange(child, nullptr)) == 0;
  // It ends with this process at the latest.
  child = popen("exec cat", "w");
  return child != nullptr;
}

namespace {
std::atomic<bool> names_hang{false};
std::atomic<long> names_hanging{0};
}  // namespace

bool can_hang_names() { return true; }
void hang_names(bool hang) { names_hang = hang; }
long hanging_names() { return names_hanging; }

namespace {
std::atomic<long> threads_until_failure{0};
std::atomic<bool> thread_failed{false};
}  // namespace

bool fail_thread(long n) {
  thread_failed = false;
  threads_until_failure = n;
  return true;
}

bool has_thread_failed() { return thread_failed; }

// What a C++ host writes down of the first base; only the destructor is called through it. Not in an unnamed namespace:
// the compiler would see that nothing is derived from it, and call no destructor of the add-in.
class InitDone {
 public:
  virtual ~InitDone() = default;
  virtual bool Init(void* connection) = 0;
  virtual bool setMemManager(void* memory) = 0;
  virtual long GetInfo() = 0;
  virtual void Done() = 0;
};

bool cpp_delete(void* component) {
  delete static_cast<InitDone*>(component);
  return true;
}

}  // namespace os

extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                                                                  addrinfo** result) {
  using Resolve = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto resolve = reinterpret_cast<Resolve>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (os::names_hang) {
    ++os::names_hanging;
    while (os::names_hang) os::pause_micros(1000);
    --os::names_hanging;
    return EAI_AGAIN;
  }
  return resolve(node, service, hints, result);
}

// As the system answers at RLIMIT_NPROC, which does not bind root.
extern "C" __attribute__((visibility("default"))) int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                                                                     void* (*body)(void*), void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  if (os::threads_until_failure > 0 && --os::threads_until_failure == 0) {
    os::thread_failed = true;
    return EAGAIN;
  }
  return create(thread, attributes, body, argument);
}
#endif
