// Many threads make objects, call them and end them (L-8): as many as asked for, and nothing is left of them.

#include <atomic>
#include <cstdio>

#include "parts.h"

namespace {

// One object: made, called in three ways, ended.
void one(const AddIn& add_in, Memory& memory, long number) {
  auto object = create(add_in, memory, number % 2 == 0 ? u"Client" : u"Server");
  answer(object->call(u"Version", {}));
  answer(object->call(u"GetLog", {}));
  if (object->find_method(u"версия") < 0) broken("a name is not found");
  if (number % 3 == 0) object->done();
  destroy(*object, number % 4 == 0 ? Ending::kFirstTable : Ending::kExport);
}

}  // namespace

int run_churn(const std::string& library, const Settings& settings) {
  auto add_in = load(library);
  Memory memory;
  long objects = settings["objects"], threads = settings["threads"];
  std::atomic<long> made{0};
  auto round = [&](long until) {
    std::vector<std::unique_ptr<os::Thread>> crowd;
    for (long i = 0; i < threads; ++i) {
      crowd.emplace_back(new os::Thread([&] {
        for (long number = made++; number < until; number = made++) one(*add_in, memory, number);
      }));
    }
    crowd.clear();
    made = until;
  };
  // What threads and objects set aside for the next ones is there after a fifth.
  round(objects / 5);
  long before_kib = os::resident_kib(), before_files = os::open_files();
  double started = os::now();
  round(objects);
  double seconds = (os::now() - started) / 1000;
  long kib = os::resident_kib() - before_kib, files = os::open_files() - before_files;
  check_balance(memory);
  std::printf("{\"objects\":%ld,\"threads\":%ld,\"more_kib\":%ld,\"more_files\":%ld,\"seconds\":%.1f}\n", made.load(), threads, kib,
              files, seconds);
  return 0;
}
