// Fields are separated by tabs. OBJECT and JOB are names that the script gives; VALUE is a token of `Argument::parse`.
//
//   load | unload                              the library of the command line
//   new OBJECT CLASS manager|init|bare         what comes first of SetMemManager and Init; `bare`: neither
//   init OBJECT | manager OBJECT [null]        for a bare one
//   done OBJECT | destroy OBJECT | delete OBJECT | cppdelete OBJECT
//   describe OBJECT                            methods and properties with all that can be asked of them
//   find OBJECT NAME | findproperty OBJECT NAME
//   call|proc OBJECT METHOD VALUE…             by name, as function or procedure; defaults are filled in
//   callat|procat OBJECT INDEX VALUE…          by index, whatever it is
//   get OBJECT PROPERTY | set OBJECT PROPERTY VALUE
//   start JOB OBJECT METHOD VALUE… | wait JOB  a call on a thread of its own, and its result
//   small JOB OBJECT METHOD VALUE…             the same on a thread with a small stack
//   drain OBJECT METHOD COUNT BYTES            receives and takes so many messages of so many bytes; how long it took
//   errors OBJECT | events OBJECT | waitevent OBJECT MILLISECONDS | acceptevents OBJECT 0|1
//   locale OBJECT TEXT
//   fail N | refuse 0|1 | memory               the memory manager
//   names hang|release|count                   name resolution
//   threads N                                  the N-th thread from now on cannot be started, 0: all can; whether it came to it
//   process                                    threads, files, memory of this process
//   limit BYTES                                of address space beside what is in use; 0: none
//   interrupt MICROSECONDS                     system calls are interrupted so often; 0: no more
//   zones 0|1                                  the time zone changes without end
//   collate NAME                               setlocale
//   child 0|1                                  a child that lives from 1 to 0, and inherits what a child inherits
//   exit                                       at once, with everything as it is
//   quit

#include "script.h"

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <vector>

#include "component.h"
#include "text.h"

namespace {

// What some hosts give their threads.
constexpr std::size_t kSmallStack = 128 * 1024;

struct Job {
  std::unique_ptr<os::Thread> thread;
  Outcome outcome;
};

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  for (char c : line) {
    if (c == '\t') {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back().push_back(c);
    }
  }
  return fields;
}

std::string problem(const std::string& text) { return "{\"problem\":" + text::json(text) + "}"; }
std::string yes(bool ok) { return ok ? "{\"ok\":true}" : "{\"ok\":false}"; }
std::string number(const char* name, long value) { return std::string("{\"") + name + "\":" + std::to_string(value) + "}"; }

class Script {
 public:
  explicit Script(std::string library) : library_(std::move(library)) {}

  std::string run(const std::vector<std::string>& fields) {
    const std::string& command = fields[0];
    std::size_t count = fields.size();
    if (command == "load") return load();
    if (command == "unload") return yes((add_in_.reset(), true));
    if (command == "process") return process();
    if (command == "memory") return memory_.json();
    if (command == "fail" && count == 2) return yes((memory_.fail_at(std::strtoul(fields[1].c_str(), nullptr, 10)), true));
    if (command == "refuse" && count == 2) return yes((memory_.refuse(fields[1] == "1"), true));
    if (command == "names" && count == 2) return names(fields[1]);
    if (command == "threads" && count == 2) return threads(std::atol(fields[1].c_str()));
    if (command == "limit" && count == 2) return yes(os::limit_memory(std::strtoull(fields[1].c_str(), nullptr, 10)));
    if (command == "new" && count == 4) return create(fields);
    if (command == "interrupt" && count == 2) return interrupt(fields[1]);
    if (command == "zones" && count == 2) return yes(os::change_zones(fields[1] == "1"));
    if (command == "collate" && count == 2) return yes(std::setlocale(LC_ALL, fields[1].c_str()) != nullptr);
    if (command == "child" && count == 2) return yes(os::keep_child(fields[1] == "1"));
    if (command == "start" && count >= 4) return start(fields, 0);
    if (command == "small" && count >= 4) return start(fields, kSmallStack);
    if (command == "wait" && count == 2) return wait(fields[1]);
    if (count < 2) return problem("no such command: " + command);
    auto found = objects_.find(fields[1]);
    if (found == objects_.end() || found->second->is_destroyed()) return problem("no object " + fields[1]);
    return run(*found->second, fields);
  }

 private:
  std::string load() {
    std::string error;
    add_in_ = AddIn::load(library_, error);
    if (add_in_ == nullptr) return problem(error);
    return "{\"classes\":" + text::json(add_in_->class_names()) + ",\"attach\":" + std::to_string(add_in_->attach_type()) +
           ",\"level\":" + std::to_string(add_in_->level()) + "}";
  }

  std::string process() {
    return "{\"threads\":" + std::to_string(os::threads()) + ",\"files\":" + std::to_string(os::open_files()) +
           ",\"kib\":" + std::to_string(os::resident_kib()) + "}";
  }

  std::string names(const std::string& what) {
    if (!os::can_hang_names()) return problem("this system has no such switch");
    if (what != "count") os::hang_names(what == "hang");
    return number("hanging", os::hanging_names());
  }

  static std::string threads(long n) {
    bool failed = os::has_thread_failed();
    if (!os::fail_thread(n)) return problem("this system has no such switch");
    return std::string("{\"failed\":") + (failed ? "true" : "false") + "}";
  }

  std::string create(const std::vector<std::string>& fields) {
    if (add_in_ == nullptr) return problem("nothing is loaded");
    Order order = fields[3] == "manager" ? Order::kManagerFirst : fields[3] == "init" ? Order::kInitFirst : Order::kBare;
    auto component = Component::create(*add_in_, memory_, text::units(fields[2]), order);
    bool made = component != nullptr;
    if (made) objects_[fields[1]] = std::move(component);
    return yes(made);
  }

  static std::string interrupt(const std::string& micros) {
    if (!os::interrupt_every(static_cast<unsigned>(std::atoi(micros.c_str())))) return problem("this system has no such signal");
    return number("interrupts", os::interrupts());
  }

  std::string start(const std::vector<std::string>& fields, std::size_t stack_bytes) {
    auto found = objects_.find(fields[2]);
    if (found == objects_.end() || found->second->is_destroyed()) return problem("no object " + fields[2]);
    Component& component = *found->second;
    long method = component.find_method(text::units(fields[3]));
    auto arguments = std::make_shared<std::vector<Argument>>();
    if (method < 0 || !parse(fields, 4, *arguments)) return problem("no such call");
    component.fill(method, *arguments);
    Job& job = jobs_[fields[1]];
    job.outcome = Outcome();
    job.thread.reset(new os::Thread([&component, &job, method, arguments] { job.outcome = component.call(method, *arguments, true); },
                                    stack_bytes));
    return yes(true);
  }

  std::string wait(const std::string& name) {
    auto found = jobs_.find(name);
    if (found == jobs_.end()) return problem("no job " + name);
    found->second.thread->join();
    std::string text = found->second.outcome.json();
    jobs_.erase(found);
    return text;
  }

  static bool parse(const std::vector<std::string>& fields, std::size_t from, std::vector<Argument>& arguments) {
    for (std::size_t i = from; i < fields.size(); ++i) {
      Argument argument;
      if (!Argument::parse(fields[i], argument)) return false;
      arguments.push_back(std::move(argument));
    }
    return true;
  }

  std::string run(Component& object, const std::vector<std::string>& fields) {
    const std::string& command = fields[0];
    if (command == "init") return yes(object.init());
    if (command == "manager") return yes(object.set_memory_manager(fields.size() > 2));
    if (command == "done") return done(object);
    if (command == "destroy") return destroyed(object, Ending::kExport);
    if (command == "delete") return destroyed(object, Ending::kFirstTable);
    if (command == "cppdelete") return destroyed(object, Ending::kCpp);
    if (command == "describe") return describe(object);
    if (command == "errors") return errors(object);
    if (command == "events") return events(object);
    if (fields.size() < 3) return problem("no such command: " + command);
    std::u16string name = text::units(fields[2]);
    if (command == "find") return number("index", object.find_method(name));
    if (command == "findproperty") return number("index", object.find_property(name));
    if (command == "get") return object.property(object.find_property(name)).json();
    if (command == "locale") return yes((object.set_locale(name), object.set_language(name), true));
    if (command == "waitevent") return yes(object.connection().wait_for_event(std::atoi(fields[2].c_str())));
    if (command == "acceptevents") return yes((object.connection().accept_events(fields[2] == "1"), true));
    if (command == "drain" && fields.size() == 5) return drain(object, name, std::atol(fields[3].c_str()), std::strtoul(fields[4].c_str(), nullptr, 10));
    std::vector<Argument> arguments;
    if (!parse(fields, 3, arguments)) return problem("no such value");
    if (command == "set" && arguments.size() == 1) return yes(object.set_property(object.find_property(name), arguments[0]));
    bool by_name = command == "call" || command == "proc", by_index = command == "callat" || command == "procat";
    if (!by_name && !by_index) return problem("no such command: " + command);
    long method = by_name ? object.find_method(name) : std::atol(fields[2].c_str());
    if (by_name && method < 0) return problem("no method " + fields[2]);
    if (by_name) object.fill(method, arguments);
    return object.call(method, arguments, command.compare(0, 4, "call") == 0).json();
  }

  static std::string drain(Component& object, const std::u16string& name, long count, std::size_t bytes) {
    long receive = object.find_method(name), take = object.find_method(u"TakeData");
    if (receive < 0 || take < 0) return problem("no such method");
    std::vector<Argument> wait;
    wait.push_back(Argument::i4(30000));
    object.fill(receive, wait);
    double started = os::now();
    for (long i = 0; i < count; ++i) {
      Outcome told = object.call(receive, wait, true), taken = object.call(take, {}, true);
      if (!told.ok || taken.value.bytes.size() != bytes) return problem("message " + std::to_string(i) + ": " + told.json());
    }
    return "{\"ms\":" + text::decimal(os::now() - started) + "}";
  }

  static std::string done(Component& object) {
    double started = os::now();
    object.done();
    return "{\"ok\":true,\"ms\":" + text::decimal(os::now() - started) + "}";
  }

  static std::string destroyed(Component& object, Ending ending) {
    double started = os::now();
    std::string error = object.destroy(ending);
    if (!error.empty()) return problem(error);
    return "{\"ok\":true,\"ms\":" + text::decimal(os::now() - started) +
           ",\"late\":" + std::to_string(object.connection().late_calls()) + "}";
  }

  static std::string describe(Component& object) {
    std::string out = "{\"info\":" + std::to_string(object.info()) + ",\"extension\":" + text::json(object.extension_name());
    out += ",\"methods\":[";
    for (long i = 0; i < object.method_count(); ++i) {
      out += i == 0 ? "{" : ",{";
      out += "\"english\":" + text::json(object.method_name(i, 0)) + ",\"russian\":" + text::json(object.method_name(i, 1));
      out += std::string(",\"returns\":") + (object.has_return_value(i) ? "true" : "false") + ",\"defaults\":[";
      for (long p = 0; p < object.parameter_count(i); ++p) out += (p == 0 ? "" : ",") + object.default_value(i, p).json();
      out += "]}";
    }
    out += "],\"properties\":[";
    for (long i = 0; i < object.property_count(); ++i) {
      out += i == 0 ? "{" : ",{";
      out += "\"english\":" + text::json(object.property_name(i, 0)) + ",\"russian\":" + text::json(object.property_name(i, 1));
      out += std::string(",\"readable\":") + (object.is_readable(i) ? "true" : "false");
      out += std::string(",\"writable\":") + (object.is_writable(i) ? "true" : "false") + "}";
    }
    return out + "]}";
  }

  static std::string errors(Component& object) {
    std::string out = "{\"errors\":[";
    const char* comma = "";
    for (const auto& error : object.connection().take_errors()) {
      out += std::string(comma) + "{\"code\":" + std::to_string(error.code) + ",\"status\":" + std::to_string(error.status) +
             ",\"source\":" + text::json(error.source) + ",\"text\":" + text::json(error.text) + "}";
      comma = ",";
    }
    return out + "]}";
  }

  static std::string events(Component& object) {
    std::string out = "{\"events\":[";
    const char* comma = "";
    for (const auto& event : object.connection().take_events()) {
      bool own = event.thread == os::thread_number();
      out += std::string(comma) + "{\"source\":" + text::json(event.source) + ",\"message\":" + text::json(event.message) +
             ",\"data\":" + text::json(event.data) + ",\"same_thread\":" + (own ? "true" : "false") + "}";
      comma = ",";
    }
    return out + "],\"depth\":" + std::to_string(object.connection().depth()) +
           ",\"lost\":" + std::to_string(object.connection().lost_events()) + "}";
  }

  std::string library_;
  Memory memory_;
  std::unique_ptr<AddIn> add_in_;
  std::map<std::string, std::unique_ptr<Component>> objects_;
  std::map<std::string, Job> jobs_;
};

}  // namespace

int run_script(const std::string& library) {
  // C's streams take a system call that was interrupted for the end.
  std::ios::sync_with_stdio(false);
  Script script(library);
  bool understood = true;
  std::string line;
  while (std::getline(std::cin, line) && line != "quit" && line != "quit\r") {
    if (line == "exit" || line == "exit\r") std::exit(0);
    std::string answer = script.run(fields_of(line));
    understood = understood && answer.compare(0, 11, "{\"problem\":") != 0;
    std::cout << answer << std::endl;
  }
  return understood ? 0 : 1;
}
