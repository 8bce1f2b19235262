// An add-in that is loaded, and an object of one of its classes, called as a host calls it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "abi.h"
#include "connection.h"
#include "memory.h"
#include "os.h"
#include "value.h"

class AddIn {
 public:
  // Loads it, finds its five exports and agrees on the level of capabilities; the text says what is missing.
  static std::unique_ptr<AddIn> load(const std::string& path, std::string& error);

  std::u16string class_names() const { return names_(); }
  int attach_type() const { return attach_(); }
  int level() const { return level_; }
  // An object, or a null pointer.
  void* create(const std::u16string& name) const;
  // Gives the handle back. The functions may be called still: an add-in with threads stays where it is.
  void unload() { library_.reset(); }
  // What the export answers; the pointer must be null after.
  long destroy(void** component) const { return destroy_(component); }

 private:
  std::unique_ptr<os::Library> library_;
  abi::GetClassNames names_ = nullptr;
  abi::GetClassObject create_ = nullptr;
  abi::DestroyObject destroy_ = nullptr;
  abi::GetAttachType attach_ = nullptr;
  int level_ = 0;
};

// What a call gave.
struct Outcome {
  bool ok = false;
  Value value;
  // What the add-in did wrong at the border, whatever the call was about.
  std::string fault;
  double milliseconds = 0;

  std::string json() const;
};

enum class Order { kManagerFirst, kInitFirst, kBare };
enum class Ending { kExport, kFirstTable, kCpp };

class Component {
 public:
  // An object of a class, initialised in that order; a null pointer if there is none.
  static std::unique_ptr<Component> create(const AddIn& add_in, Memory& memory, const std::u16string& name, Order order);
  // What was not destroyed before is leaked: a script says when.
  ~Component() = default;

  bool init();
  bool set_memory_manager(bool null = false);
  long info();
  void done();
  // Ends the object; the text says what went wrong.
  std::string destroy(Ending ending);
  bool is_destroyed() const { return destroyed_; }

  // Also empty if the add-in answers false or nothing.
  std::u16string extension_name();
  void set_locale(const std::u16string& locale);
  void set_language(const std::u16string& code);

  long method_count();
  long find_method(const std::u16string& name);
  std::u16string method_name(long method, long alias);
  long parameter_count(long method);
  bool has_return_value(long method);
  Outcome default_value(long method, long parameter);
  // As a function or as a procedure, with as many variants as there are arguments.
  Outcome call(long method, const std::vector<Argument>& arguments, bool as_function);

  long property_count();
  long find_property(const std::u16string& name);
  std::u16string property_name(long property, long alias);
  Outcome property(long property);
  bool set_property(long property, const Argument& value);
  bool is_readable(long property);
  bool is_writable(long property);

  // Adds the defaults of the parameters that are not given, as a host does before a call.
  void fill(long method, std::vector<Argument>& arguments);
  // Find, fill and call; a missing method is a fault.
  Outcome call(const char16_t* method, std::vector<Argument> arguments);

  Connection& connection() { return *connection_; }

 private:
  Component(const AddIn& add_in, Memory& memory, void* object);

  template <class Result, class... Arguments>
  Result invoke(abi::Base base, std::size_t slot, Arguments... arguments) const {
    auto** tables = static_cast<void***>(object_);
    using Method = Result(HOST_CALL*)(void*, Arguments...);
    auto method = reinterpret_cast<Method>(tables[base][abi::kDestructors + slot]);
    return method(&tables[base], arguments...);
  }

  std::u16string take_name(const abi::Char* name);
  Outcome outcome(abi::Truth truth, abi::Variant& variant, double started);

  const AddIn& add_in_;
  Memory& memory_;
  std::unique_ptr<Connection> connection_;
  // Kept to the end: a race is about calls that come too late.
  void* const object_;
  bool destroyed_ = false;
};
