// The connection that a host hands to `Init`: it takes errors and external events, and writes down all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "abi.h"
#include "os.h"

class Connection {
 public:
  Connection();
  Connection(const Connection&) = delete;

  // What Init wants.
  void* pointer() { return &object_; }

  // After Done the add-in has no business here; whatever it calls then is counted.
  void end();

  struct Error {
    unsigned code;
    long status;
    std::u16string source;
    std::u16string text;
  };
  struct Event {
    std::u16string source;
    std::u16string message;
    std::u16string data;
    std::uint64_t thread;
  };

  std::vector<Error> take_errors();
  std::vector<Event> take_events();
  // Waits for an event.
  bool wait_for_event(int milliseconds);
  // Whether the queue of events takes more; false is what a 1C server says always.
  void accept_events(bool accepts);
  long depth();
  long lost_events();
  long late_calls();

 private:
  struct Object {
    void** table;
    Connection* owner;
  };
  // An IPlatformInfo: no destructor in its table.
  struct Platform {
    void** table;
  };
  struct Application {
    const abi::Char* version;
    const abi::Char* user_agent;
    int type;
  };

  static Connection& of(void* self);
  void enter();

  static void destructor();
  static abi::Truth HOST_CALL add_error(void* self, unsigned short code, const abi::Char* source, const abi::Char* text, long status);
  static abi::Truth HOST_CALL read(void* self, abi::Char* name, abi::Variant* value, long* error, abi::Char** text);
  static abi::Truth HOST_CALL write(void* self, abi::Char* name, abi::Variant* value);
  static abi::Truth HOST_CALL register_profile(void* self, abi::Char* name);
  static abi::Truth HOST_CALL set_depth(void* self, long depth);
  static long HOST_CALL get_depth(void* self);
  static abi::Truth HOST_CALL external_event(void* self, abi::Char* source, abi::Char* message, abi::Char* data);
  static void HOST_CALL clean_events(void* self);
  static abi::Truth HOST_CALL set_status(void* self, abi::Char* text);
  static void HOST_CALL reset_status(void* self);
  static void* HOST_CALL get_interface(void* self, int id);
  static const Application* HOST_CALL platform_info(void* self);

  void* table_[abi::kDestructors + 11];
  void* platform_table_[1];
  Object object_;
  Platform platform_;
  os::Lock lock_;
  std::vector<Error> errors_;
  std::vector<Event> events_;
  long depth_ = 1;
  long lost_ = 0;
  long late_ = 0;
  bool ended_ = false;
  bool accepts_ = true;
};
