#include "connection.h"

#include <cstdio>
#include <cstdlib>

namespace {

enum Interface { kMessageBox = 0, kPlatformInfo = 1, kAttachedInfo = 2 };

std::u16string copy(const abi::Char* text) { return text == nullptr ? std::u16string() : std::u16string(text); }

template <class Function>
void* slot(Function function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

Connection::Connection() : object_{table_, this}, platform_{platform_table_} {
  std::size_t at = 0;
  while (at < abi::kDestructors) table_[at++] = slot(&Connection::destructor);
  void* const methods[] = {
      slot(&Connection::add_error),      slot(&Connection::read),         slot(&Connection::write),
      slot(&Connection::register_profile), slot(&Connection::set_depth),  slot(&Connection::get_depth),
      slot(&Connection::external_event), slot(&Connection::clean_events), slot(&Connection::set_status),
      slot(&Connection::reset_status),   slot(&Connection::get_interface),
  };
  for (void* method : methods) table_[at++] = method;
  platform_table_[0] = slot(&Connection::platform_info);
}

void Connection::destructor() {
  std::fprintf(stderr, "the add-in deleted the host's connection\n");
  std::abort();
}

Connection& Connection::of(void* self) {
  Connection& owner = *static_cast<Object*>(self)->owner;
  owner.enter();
  return owner;
}

void Connection::enter() {
  os::Guard guard(lock_);
  late_ += ended_;
}

void Connection::end() {
  os::Guard guard(lock_);
  ended_ = true;
}

abi::Truth HOST_CALL Connection::add_error(void* self, unsigned short code, const abi::Char* source, const abi::Char* text, long status) {
  Connection& owner = of(self);
  os::Guard guard(owner.lock_);
  owner.errors_.push_back(Error{code, status, copy(source), copy(text)});
  return true;
}

abi::Truth HOST_CALL Connection::read(void* self, abi::Char*, abi::Variant*, long*, abi::Char**) {
  of(self);
  return false;
}

abi::Truth HOST_CALL Connection::write(void* self, abi::Char*, abi::Variant*) {
  of(self);
  return false;
}

abi::Truth HOST_CALL Connection::register_profile(void* self, abi::Char*) {
  of(self);
  return false;
}

abi::Truth HOST_CALL Connection::set_depth(void* self, long depth) {
  Connection& owner = of(self);
  os::Guard guard(owner.lock_);
  if (depth < 1) return false;
  owner.depth_ = depth;
  return true;
}

long HOST_CALL Connection::get_depth(void* self) {
  Connection& owner = of(self);
  os::Guard guard(owner.lock_);
  return owner.depth_;
}

abi::Truth HOST_CALL Connection::external_event(void* self, abi::Char* source, abi::Char* message, abi::Char* data) {
  Connection& owner = of(self);
  os::Guard guard(owner.lock_);
  if (!owner.accepts_ || static_cast<long>(owner.events_.size()) >= owner.depth_) {
    ++owner.lost_;
    return false;
  }
  owner.events_.push_back(Event{copy(source), copy(message), copy(data), os::thread_number()});
  return true;
}

void HOST_CALL Connection::clean_events(void* self) {
  Connection& owner = of(self);
  os::Guard guard(owner.lock_);
  owner.events_.clear();
}

abi::Truth HOST_CALL Connection::set_status(void* self, abi::Char*) {
  of(self);
  return true;
}

void HOST_CALL Connection::reset_status(void* self) { of(self); }

void* HOST_CALL Connection::get_interface(void* self, int id) {
  Connection& owner = of(self);
  if (id != kPlatformInfo) return nullptr;
  void* platform = &owner.platform_;
#ifdef _WIN32
  // Microsoft's compiler puts the empty base that is handed out one word behind the table's pointer.
  return static_cast<void**>(platform) + 1;
#else
  return platform;
#endif
}

const Connection::Application* HOST_CALL Connection::platform_info(void*) {
  static const Application application{u"8.3.27.1234", u"", 3};
  return &application;
}

std::vector<Connection::Error> Connection::take_errors() {
  os::Guard guard(lock_);
  std::vector<Error> taken;
  taken.swap(errors_);
  return taken;
}

std::vector<Connection::Event> Connection::take_events() {
  os::Guard guard(lock_);
  std::vector<Event> taken;
  taken.swap(events_);
  return taken;
}

bool Connection::wait_for_event(int milliseconds) {
  double deadline = os::now() + milliseconds;
  while (true) {
    {
      os::Guard guard(lock_);
      if (!events_.empty()) return true;
    }
    if (os::now() >= deadline) return false;
    os::pause_micros(500);
  }
}

void Connection::accept_events(bool accepts) {
  os::Guard guard(lock_);
  accepts_ = accepts;
}

long Connection::depth() {
  os::Guard guard(lock_);
  return depth_;
}

long Connection::lost_events() {
  os::Guard guard(lock_);
  return lost_;
}

long Connection::late_calls() {
  os::Guard guard(lock_);
  return late_;
}
