// Loads and unloads again and again: with and without use, with a server left running, and with a thread that
// used the library and ends after it was unloaded.

#include <atomic>
#include <cstdio>

#include "parts.h"
#include "text.h"

namespace {

struct Standing {
  std::unique_ptr<Component> server;
  int port = 0;
};

// One message from a client to a server, both of this library.
void exchange(const AddIn& add_in, Memory& memory) {
  auto server = create(add_in, memory, u"Server");
  int port = start_server(*server);
  auto client = create(add_in, memory, u"Client");
  connect(*client, port);
  std::vector<Argument> arguments;
  arguments.push_back(Argument::text(u"Привет"));
  std::u16string sent = answer(client->call(u"SendTextMessage", std::move(arguments)));
  if (!is_success(sent)) broken("SendTextMessage answered " + text::json(sent));
  std::vector<Argument> wait;
  wait.push_back(Argument::i4(30000));
  std::u16string received = answer(server->call(u"GetNextConnectionData", std::move(wait)));
  if (!is_success(received)) broken("GetNextConnectionData answered " + text::json(received));
  client->done();
  destroy(*client, Ending::kExport);
  server->done();
  destroy(*server, Ending::kFirstTable);
}

}  // namespace

int run_loads(const std::string& library, const Settings& settings) {
  // What objects point to outlives them and the library.
  auto first = load(library);
  Memory memory, standing_memory;
  Standing standing;
  standing.server = create(*first, standing_memory, u"Server");
  standing.port = start_server(*standing.server);
  std::unique_ptr<AddIn> held = std::move(first);
  long before_files = 0, before_threads = 0, before_kib = 0, exchanges = 0;
  // Its handle is dropped in the second round: the server runs on in code that must stay.
  long rounds = settings["rounds"], warm = rounds / 5;
  double started = os::now();
  for (long round = 0; round < rounds; ++round) {
    if (round == 1) held->unload();
    if (round == warm) {
      before_files = os::open_files();
      before_threads = os::threads();
      before_kib = os::resident_kib();
    }
    auto add_in = load(library);
    if (add_in->class_names().empty()) broken("no class names");
    if (round % settings["busy"] == 0) {
      std::atomic<bool> used{false}, unloaded{false};
      os::Thread user([&] {
        exchange(*add_in, memory);
        used = true;
        while (!unloaded) os::pause_micros(50);
      });
      while (!used) os::pause_micros(50);
      add_in->unload();
      unloaded = true;
      user.join();
      ++exchanges;
    } else {
      auto client = create(*add_in, memory, u"Client");
      answer(client->call(u"Version", {}));
      destroy(*client, round % 2 == 0 ? Ending::kExport : Ending::kCpp);
    }
  }
  double seconds = (os::now() - started) / 1000;
  // A thread that was joined may be listed by the system for a moment more.
  for (int i = 0; i < 2000 && os::threads() > before_threads; ++i) os::pause_micros(1000);
  long files = os::open_files() - before_files, threads = os::threads() - before_threads, kib = os::resident_kib() - before_kib;
  check_balance(memory);
  // The server of the first load still serves.
  auto add_in = load(library);
  auto client = create(*add_in, memory, u"Client");
  connect(*client, standing.port);
  destroy(*client, Ending::kExport);
  standing.server->done();
  destroy(*standing.server, Ending::kExport);
  check_balance(memory);
  check_balance(standing_memory);
  std::printf("{\"loads\":%ld,\"exchanges\":%ld,\"more_files\":%ld,\"more_threads\":%ld,\"more_kib\":%ld,\"seconds\":%.1f}\n", rounds,
              exchanges, files, threads, kib, seconds);
  return 0;
}
