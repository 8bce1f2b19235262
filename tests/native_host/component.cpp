#include "component.h"

#include <cstring>

#include "text.h"

namespace lx = abi::language_extender;

namespace {
// The newest level there is.
constexpr int kLevel = 3;

bool truth(abi::Truth value) { return value != 0; }
}  // namespace

std::unique_ptr<AddIn> AddIn::load(const std::string& path, std::string& error) {
  std::unique_ptr<AddIn> add_in(new AddIn);
  add_in->library_ = os::Library::open(path, error);
  if (add_in->library_ == nullptr) return nullptr;
  auto symbol = [&](const char* name) {
    void* found = add_in->library_->symbol(name);
    if (found == nullptr) error = std::string("no export ") + name;
    return found;
  };
  add_in->names_ = reinterpret_cast<abi::GetClassNames>(symbol("GetClassNames"));
  add_in->create_ = reinterpret_cast<abi::GetClassObject>(symbol("GetClassObject"));
  add_in->destroy_ = reinterpret_cast<abi::DestroyObject>(symbol("DestroyObject"));
  add_in->attach_ = reinterpret_cast<abi::GetAttachType>(symbol("GetAttachType"));
  auto agree = reinterpret_cast<abi::SetPlatformCapabilities>(symbol("SetPlatformCapabilities"));
  if (!error.empty()) return nullptr;
  add_in->level_ = agree(kLevel);
  return add_in;
}

void* AddIn::create(const std::u16string& name) const {
  void* object = nullptr;
  return create_(name.c_str(), &object) != 0 ? object : nullptr;
}

std::string Outcome::json() const {
  std::string text =
      std::string("{\"ok\":") + (ok ? "true" : "false") + ",\"value\":" + value.json() + ",\"ms\":" + text::decimal(milliseconds);
  if (!fault.empty()) text += ",\"fault\":\"" + fault + "\"";
  return text + "}";
}

Component::Component(const AddIn& add_in, Memory& memory, void* object)
    : add_in_(add_in), memory_(memory), connection_(new Connection), object_(object) {}

std::unique_ptr<Component> Component::create(const AddIn& add_in, Memory& memory, const std::u16string& name, Order order) {
  void* object = add_in.create(name);
  if (object == nullptr) return nullptr;
  std::unique_ptr<Component> component(new Component(add_in, memory, object));
  bool ok = true;
  if (order == Order::kManagerFirst) ok = component->set_memory_manager() && component->init();
  if (order == Order::kInitFirst) ok = component->init() && component->set_memory_manager();
  if (!ok) component->destroy(Ending::kExport);
  return ok ? std::move(component) : nullptr;
}

bool Component::init() { return truth(invoke<abi::Truth>(abi::kInitDone, abi::init_done::kInit, connection_->pointer())); }

bool Component::set_memory_manager(bool null) {
  void* memory = null ? nullptr : memory_.pointer();
  return truth(invoke<abi::Truth>(abi::kInitDone, abi::init_done::kSetMemoryManager, memory));
}

long Component::info() { return invoke<long>(abi::kInitDone, abi::init_done::kGetInfo); }

void Component::done() {
  invoke<void>(abi::kInitDone, abi::init_done::kDone);
  connection_->end();
}

std::string Component::destroy(Ending ending) {
  void* object = object_;
  destroyed_ = true;
  if (ending == Ending::kExport) {
    long status = add_in_.destroy(&object);
    connection_->end();
    if (status != 0) return "DestroyObject answered " + std::to_string(status);
    return object == nullptr ? "" : "DestroyObject left the pointer";
  }
  if (ending == Ending::kCpp && os::cpp_delete(object)) {
    connection_->end();
    return "";
  }
  void** table = *static_cast<void***>(object);
#ifdef _WIN32
#ifdef _WIN64
  using Deleting = void* (*)(void*, unsigned);
#else
  using Deleting = void*(__thiscall*)(void*, unsigned);
#endif
  void* answer = reinterpret_cast<Deleting>(table[0])(object, 1);
  connection_->end();
  return answer == object ? "" : "the deleting destructor did not return the object";
#else
  reinterpret_cast<void (*)(void*)>(table[1])(object);
  connection_->end();
  return "";
#endif
}

std::u16string Component::take_name(const abi::Char* name) {
  if (name == nullptr) return u"";
  // Names end with a NUL within their block.
  std::size_t units = memory_.size_of(name) / sizeof(abi::Char), length = 0;
  while (length < units && name[length] != 0) ++length;
  std::u16string copy = length < units ? std::u16string(name, length) : u"(no NUL)";
  memory_.release(const_cast<abi::Char*>(name));
  return copy;
}

std::u16string Component::extension_name() {
  abi::Char* name = nullptr;
  if (!truth(invoke<abi::Truth>(abi::kLanguageExtender, lx::kRegisterExtensionAs, &name))) return u"";
  return take_name(name);
}

void Component::set_locale(const std::u16string& locale) { invoke<void>(abi::kLocale, 0, locale.c_str()); }
void Component::set_language(const std::u16string& code) { invoke<void>(abi::kUserLanguage, 0, code.c_str()); }

long Component::method_count() { return invoke<long>(abi::kLanguageExtender, lx::kGetNMethods); }

long Component::find_method(const std::u16string& name) {
  return invoke<long>(abi::kLanguageExtender, lx::kFindMethod, name.c_str());
}

std::u16string Component::method_name(long method, long alias) {
  return take_name(invoke<const abi::Char*>(abi::kLanguageExtender, lx::kGetMethodName, method, alias));
}

long Component::parameter_count(long method) { return invoke<long>(abi::kLanguageExtender, lx::kGetNParams, method); }

bool Component::has_return_value(long method) {
  return truth(invoke<abi::Truth>(abi::kLanguageExtender, lx::kHasRetVal, method));
}

Outcome Component::outcome(abi::Truth answer, abi::Variant& variant, double started) {
  Outcome outcome;
  outcome.milliseconds = os::now() - started;
  outcome.ok = truth(answer);
  outcome.fault = Value::take(memory_, variant, outcome.value);
  if (answer > 1) outcome.fault = "a truth value of " + std::to_string(answer);
  if (!outcome.ok && outcome.value.tag != abi::kEmpty) outcome.fault = "a failed call wrote a value";
  return outcome;
}

Outcome Component::default_value(long method, long parameter) {
  abi::Variant value = Argument::empty().variant();
  double started = os::now();
  abi::Truth answer = invoke<abi::Truth>(abi::kLanguageExtender, lx::kGetParamDefValue, method, parameter, &value);
  return outcome(answer, value, started);
}

Outcome Component::call(long method, const std::vector<Argument>& arguments, bool as_function) {
  std::vector<abi::Variant> given;
  for (const Argument& argument : arguments) given.push_back(argument.variant());
  std::vector<abi::Variant> before = given;
  abi::Variant value = Argument::empty().variant();
  abi::Variant* first = given.empty() ? nullptr : given.data();
  long count = static_cast<long>(given.size());
  double started = os::now();
  abi::Truth answer = as_function
                          ? invoke<abi::Truth>(abi::kLanguageExtender, lx::kCallAsFunc, method, &value, first, count)
                          : invoke<abi::Truth>(abi::kLanguageExtender, lx::kCallAsProc, method, first, count);
  Outcome result = outcome(answer, value, started);
  if (!given.empty() && std::memcmp(given.data(), before.data(), given.size() * sizeof(abi::Variant)) != 0) {
    result.fault = "an argument was changed";
  }
  return result;
}

void Component::fill(long method, std::vector<Argument>& arguments) {
  for (long at = static_cast<long>(arguments.size()); at < parameter_count(method); ++at) {
    Outcome standard = default_value(method, at);
    // Without a default the parameter is mandatory, and the script has an error of its own.
    if (!standard.ok || standard.value.tag == abi::kEmpty) return;
    arguments.push_back(Argument::of(standard.value));
  }
}

Outcome Component::call(const char16_t* method, std::vector<Argument> arguments) {
  long index = find_method(method);
  if (index >= 0) {
    fill(index, arguments);
    return call(index, arguments, true);
  }
  Outcome outcome;
  outcome.fault = "a method is missing";
  return outcome;
}

long Component::property_count() { return invoke<long>(abi::kLanguageExtender, lx::kGetNProps); }

long Component::find_property(const std::u16string& name) {
  return invoke<long>(abi::kLanguageExtender, lx::kFindProp, name.c_str());
}

std::u16string Component::property_name(long property, long alias) {
  return take_name(invoke<const abi::Char*>(abi::kLanguageExtender, lx::kGetPropName, property, alias));
}

Outcome Component::property(long property) {
  abi::Variant value = Argument::empty().variant();
  double started = os::now();
  return outcome(invoke<abi::Truth>(abi::kLanguageExtender, lx::kGetPropVal, property, &value), value, started);
}

bool Component::set_property(long property, const Argument& value) {
  abi::Variant variant = value.variant();
  return truth(invoke<abi::Truth>(abi::kLanguageExtender, lx::kSetPropVal, property, &variant));
}

bool Component::is_readable(long property) {
  return truth(invoke<abi::Truth>(abi::kLanguageExtender, lx::kIsPropReadable, property));
}

bool Component::is_writable(long property) {
  return truth(invoke<abi::Truth>(abi::kLanguageExtender, lx::kIsPropWritable, property));
}
